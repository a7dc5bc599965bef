"""What leaves with a transaction leaves if, and only if, it commits."""

from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from libs.common.actor import Actor, OrganisationKind
from libs.common.jobs import drain
from libs.common.messages.envelope import CloudEvent
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job, Jobs
from libs.common.tracing import current_traceparent
from libs.common.uow import Uow
from tests.store.common.conftest import BUYER, RuntimeFactory, event

ACTOR = Actor("person-1", "Camille Martin", BUYER, OrganisationKind.BUYER)


async def _counts(runtime: Runtime) -> tuple[int, ...]:
    async with runtime.read() as conn:
        row = await conn.fetchrow(
            "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM job), (SELECT count(*) FROM journal_pending)"
        )
    return tuple(row)


async def test_a_commit_leaves_its_event_its_job_and_its_journal(runtime: Runtime) -> None:
    async with runtime.uow(actor=ACTOR) as uow:
        uow.emit(event(uuid4()))
        uow.enqueue("mail", key="1", payload={})
        uow.audit("letter.read", "letter-1")
        assert await _counts(runtime) == (0, 0, 0)
    assert await _counts(runtime) == (1, 1, 2)


async def test_a_failure_leaves_nothing(runtime: Runtime) -> None:
    async def fail() -> None:
        async with runtime.uow() as uow:
            uow.emit(event(uuid4()))
            uow.enqueue("mail", key="1", payload={})
            uow.audit("letter.read", "letter-1")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await _counts(runtime) == (0, 0, 0)


async def test_a_failure_at_commit_leaves_nothing(runtime: Runtime) -> None:
    async with runtime.read() as conn:
        await conn.execute("CREATE TABLE late (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")

    async def fail() -> None:
        async with runtime.uow() as uow:
            await uow.conn.execute("INSERT INTO late VALUES (1), (1)")
            uow.emit(event(uuid4()))

    with pytest.raises(asyncpg.UniqueViolationError):
        await fail()
    assert await _counts(runtime) == (0, 0, 0)


async def test_the_journal_names_ids_and_no_person(runtime: Runtime) -> None:
    aggregate = uuid4()
    async with runtime.uow(actor=ACTOR) as uow:
        uow.emit(event(aggregate))
    async with runtime.read() as conn:
        entry = await conn.fetchrow("SELECT * FROM journal_pending")
    assert (entry["actor"], entry["organisation"]) == ("person-1", BUYER)
    assert (entry["action"], entry["subject"]) == ("alerts.webhook.delivered.v1", str(aggregate))
    assert "Camille" not in str(dict(entry))


async def test_events_of_one_transaction_share_a_correlation_and_name_their_cause(runtime: Runtime) -> None:
    cause = CloudEvent.wrap(event(uuid4()))
    async with runtime.uow(cause=cause) as uow:
        uow.emit(event(uuid4()))
        uow.enqueue("mail", key="1", payload={})
    async with runtime.uow() as uow:
        uow.emit(event(uuid4()))
        uow.emit(event(uuid4()))
    async with runtime.read() as conn:
        bodies = [row["body"] for row in await conn.fetch("SELECT body FROM outbox ORDER BY id")]
        kept = await conn.fetchval("SELECT cause ->> 'id' FROM job")
    caused, first, second = (CloudEvent.from_json(body.encode()) for body in bodies)
    assert (caused.correlationid, caused.causationid) == (cause.correlationid, cause.id)
    assert first.correlationid == second.correlationid == first.id
    assert kept == str(cause.id)


async def test_a_job_continues_the_trace_and_the_correlation_of_what_asked_for_it(runtimes: RuntimeFactory) -> None:
    traces, wanted, jobs = [], SpanContext(0xA1, 0xB2, is_remote=False, trace_flags=TraceFlags(1)), Jobs()

    @jobs.on("mail")
    async def send(_: Runtime, _job: Job) -> Completion:
        traces.append(current_traceparent())

        async def complete(uow: Uow) -> None:
            uow.emit(event(uuid4(), 2))

        return complete

    runtime = await runtimes(jobs)
    with trace.use_span(NonRecordingSpan(wanted)):
        async with runtime.uow() as uow:
            uow.emit(event(uuid4()))
            uow.enqueue("mail", key="1", payload={})
    await drain(runtime)
    async with runtime.read() as conn:
        bodies = [row["body"] for row in await conn.fetch("SELECT body FROM outbox ORDER BY id")]
        assert await conn.fetchval("SELECT cause ? 'data' FROM job") is False
    asked, sent = (CloudEvent.from_json(body.encode()) for body in bodies)
    assert (sent.correlationid, sent.causationid) == (asked.correlationid, asked.id)
    assert all(f"{0xA1:032x}" in str(told) for told in (*traces, asked.traceparent, sent.traceparent))


async def test_settings_and_adapters_are_found_by_their_type(runtime: Runtime) -> None:
    assert runtime.port(type(runtime.settings)) is runtime.settings
    with pytest.raises(LookupError, match="wiring"):
        runtime.port(dict)
    runtime.give_ports({dict: {"a": 1}})
    assert runtime.port(dict) == {"a": 1}


async def test_json_columns_hold_python_objects(runtime: Runtime) -> None:
    async with runtime.read() as conn:
        given = await conn.fetchval("SELECT $1::jsonb", {"amount": "12.50", "lots": [1, 2], "é": None})
        assert given == {"amount": "12.50", "lots": [1, 2], "é": None}
        assert await conn.fetchval("SHOW timezone") == "UTC"


async def test_a_step_is_done_once_for_the_whole_transaction_before_it_commits(runtime: Runtime) -> None:
    done: list[list[int]] = []

    async def step(items: Sequence[int]) -> None:
        done.append([*items, (await _counts(runtime))[0]])

    async with runtime.uow() as uow:
        uow.before_commit(step, 1)
        uow.before_commit(step, 2)
        uow.emit(event(uuid4()))
        assert done == []
    assert done == [[1, 2, 0]], "with no event committed yet"
    assert (await _counts(runtime))[0] == 1
    done.clear()
    async with runtime.batch() as batch:
        for number in range(3):
            async with batch.uow(cause=None) as uow:
                uow.before_commit(step, number)
    assert done == [[0, 1, 2, 1]]


@pytest.mark.parametrize("together", [False, True])
async def test_a_step_that_fails_undoes_the_transaction(runtime: Runtime, together: bool) -> None:
    async def step(items: Sequence[int]) -> None:
        raise LookupError(items)

    async def fail() -> None:
        if together:
            async with runtime.batch() as batch, batch.uow(cause=None) as uow:
                uow.before_commit(step, 1)
                uow.emit(event(uuid4()))
        else:
            async with runtime.uow() as uow:
                uow.before_commit(step, 1)
                uow.emit(event(uuid4()))

    with pytest.raises(LookupError):
        await fail()
    assert await _counts(runtime) == (0, 0, 0)


async def test_adapters_that_keep_something_open_are_closed_with_the_runtime(runtime: Runtime) -> None:
    closed: list[str] = []

    class Adapter:
        async def aclose(self) -> None:
            closed.append("adapter")

    adapter = Adapter()
    runtime.give_ports({Adapter: adapter, object: adapter})
    await runtime.close_ports()
    assert closed == ["adapter"], "once, under however many ports"
