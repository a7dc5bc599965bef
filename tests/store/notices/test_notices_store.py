"""Notices in a real PostgreSQL: French full text, indexes in use, exactly one of each."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import TooLarge
from libs.common.search.clauses import clauses_of
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.content import NoticeContent
from services.notices.domain.notice import Notice, NoticeState
from services.notices.errors import DuplicateNotice
from services.notices.search.criteria import Criteria
from services.notices.search.tsquery import tsquery_of
from services.notices.service import notices as service
from services.notices.service import procedures
from services.notices.store import notices as notice_store
from services.notices.store import procedures as procedure_store
from services.notices.store import search as store
from services.notices.wiring import SERVICE
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY, content

BUYER = Actor("person", "Camille Martin", INTERCOMMUNALITY, OrganisationKind.BUYER)


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


def notice(said: NoticeContent, number: int = 1, **changes: object) -> Notice:
    values: dict[str, object] = {
        "notice_id": UUID(int=number),
        "procedure_id": UUID(int=number),
        "organisation": INTERCOMMUNALITY,
        "state": NoticeState.PUBLISHED,
        "version": 1,
        "content": said,
        "created_at": BEFORE,
        "published_at": BEFORE + timedelta(seconds=number),
    }
    return Notice(**(values | changes))  # type: ignore[arg-type]  # the fields of Notice


async def keep(conn: asyncpg.Connection, *notices: Notice) -> None:
    for each in notices:
        await procedure_store.ensure_procedure(
            conn, each.procedure_id, organisation=each.organisation, title=each.content.title, at=BEFORE
        )
        assert await notice_store.add_notice(conn, each)


async def found(conn: asyncpg.Connection, query: str) -> bool:
    return bool(await store.search(conn, Criteria(words=clauses_of(query)), None, 1))


SAME = [
    ("Procédure adaptée de rénovation des écoles", ["adapté", "adaptée", "adaptee", "adapte", "ADAPTÉES", "rénovation",
     "renovation", "rénovations", "renover", "école", "ecole", "écoles", "ECOLES", "procedure"]),
    ("RENOVATION DE L'ECOLE MATERNELLE", ["rénovation", "renovations", "école", "écoles", "maternelle", "l'école"]),
    ("Travaux d’assainissement de la Nièvre", ["assainissement", "nievre", "Nièvre", "d'assainissement", "travaux"]),
    ("Maîtrise d'œuvre", ["maitrise", "maîtrise", "oeuvre", "œuvre"]),
    ("Réseau de chaleur à Saint-Étienne", ["réseaux", "reseau chaleur"]),
]  # fmt: skip


async def test_french_words_are_found_with_and_without_accents_in_any_form(h: Harness) -> None:
    for number, (title, queries) in enumerate(SAME, 1):
        async with h.runtime.read() as conn:
            await conn.execute("DELETE FROM notice_version")
            await conn.execute("DELETE FROM notice")
            await keep(conn, notice(content(title, description="", lots=[]), number))
            for query in queries:
                assert await found(conn, query), (title, query)
            assert not await found(conn, "hélicoptère")


async def test_negative_terms_leave_out_and_exact_words_are_refused(h: Harness) -> None:
    async with h.runtime.read() as conn:
        await keep(conn, notice(content("Architecte pour une école", description="", lots=[])))
        assert await found(conn, "architecte -data")
        assert not await found(conn, "architecte -école")
        assert not await found(conn, "architecte -ecoles")
        for exact in ('-"architecte pour une école"', '"école architecte"', "BTP"):  # of the index alone
            with pytest.raises(ValueError, match="no exact words"):
                await found(conn, exact)
        assert tsquery_of(clauses_of("de la et")) is None


async def test_search_plans_use_the_indexes(h: Harness) -> None:
    common, rare = (
        content("Travaux de voirie"),
        content("Fourniture de telescopes", cpv=["38635000"], departments=["58"]),
    )
    rare = rare.model_copy(
        update={"lots": [rare.lots[0].model_copy(update={"cpv": ["38635000"], "title": "Telescopes"})]}
    )
    async with h.runtime.read() as conn:
        await keep(conn, notice(common), notice(rare, 2))
        await conn.execute(
            """
            INSERT INTO notice
            SELECT gen_random_uuid(), procedure_id, organisation, state, version, kind, content, warnings, source, created_at,
                   published_at - make_interval(secs => n), procedure_type, deadline, cpv, departments, document
              FROM notice, generate_series(1, 4000) AS n
             WHERE notice_id = $1
            """,
            UUID(int=1),
        )
        await conn.execute("ANALYZE notice")
        words = tsquery_of(clauses_of("télescope"))
        assert await plan(conn, query=words) == {"notice_document"}
        assert await plan(conn, branches=["386"]) == {"notice_cpv"}
        assert await plan(conn, departments=["58"]) == {"notice_departments"}
        assert await plan(conn) == {"notice_newest"}
        assert await store.search(conn, Criteria(words=clauses_of("télescope")), None, 20) == [UUID(int=2)]


async def plan(
    conn: asyncpg.Connection,
    *,
    query: str | None = None,
    branches: list[str] | None = None,
    departments: list[str] | None = None,
) -> set[str]:
    """Give the indexes that the search's own statement uses for these criteria."""
    async with conn.transaction():
        await conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        rows = await conn.fetch(
            "EXPLAIN (FORMAT JSON) " + store._SQL["search_selective" if query or branches or departments else "search"],
            query, branches, departments, None, None, None, None, None, None, None, None, 20,
        )  # fmt: skip
    text = str(rows[0][0])
    names = ("notice_document", "notice_cpv", "notice_departments", "notice_newest", "notice_deadline", "notice_buyer")
    return {name for name in names if name in text}


async def test_two_imports_of_one_notice_at_once_leave_one(h: Harness) -> None:
    command = service.DraftNotice(uuid4(), uuid4(), content())

    async def draft() -> bool:
        try:
            async with h.runtime.uow(actor=BUYER) as uow:
                await service.draft(uow, command, BUYER)
        except DuplicateNotice:
            return False
        return True

    outcomes = await asyncio.gather(*(draft() for _ in range(4)))
    assert sorted(outcomes) == [False, False, False, True]
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM notice") == 1
        assert await conn.fetchval("SELECT count(*) FROM notice_version") == 1


async def test_several_workers_close_each_procedure_once(h: Harness) -> None:
    async with h.runtime.read() as conn:
        for number in range(1, 121):
            each = notice(content(), number)
            await keep(conn, each)
            procedure = await procedure_store.get_procedure(conn, each.procedure_id)
            assert procedure is not None
            await procedure_store.save_procedure(conn, procedure.with_notice(each), BEFORE)
    h.clock.set(datetime(2027, 1, 11, 11, tzinfo=UTC))
    await asyncio.gather(*(procedures.close_due(h.runtime) for _ in range(3)))
    await h.settle()
    closed = [event.procedure for event in h.events("notices.procedure.closed.v1")]
    assert len(closed) == len(set(closed)) == 120


async def test_a_notice_comes_back_from_the_database_as_it_went(h: Harness) -> None:
    before = notice(content(), 3, state=NoticeState.DRAFT, published_at=None)
    async with h.runtime.read() as conn:
        await keep(conn, before)
        assert await notice_store.get_notice(conn, UUID(int=3)) == before
        assert await notice_store.get_notice(conn, uuid4()) is None
        rows = await notice_store.versions(conn, UUID(int=3), drafts_too=True, until=BEFORE, first=1, limit=20)
        assert [(row.version, row.content) for row in rows] == [(1, before.content)]
        assert await notice_store.versions(conn, UUID(int=3), drafts_too=False, until=BEFORE, first=1, limit=20) == []


async def test_a_notice_too_large_for_its_event_is_refused(h: Harness) -> None:
    lots = [
        content().lots[0].model_copy(update={"lot_id": f"LOT-{number:04}", "description": "x" * 20_000})
        for number in range(250)
    ]
    command = service.DraftNotice(uuid4(), uuid4(), content(lots=lots))
    with pytest.raises(TooLarge):
        async with h.runtime.uow(actor=BUYER) as uow:
            await service.draft(uow, command, BUYER)


async def test_a_procedure_written_before_lots_had_states_is_read_as_it_was(h: Harness) -> None:
    async with h.runtime.read() as conn:
        await keep(conn, notice(content()))
        for state, public in (("open", "open"), ("awarded", "closed"), ("notified", "notified")):
            await conn.execute("UPDATE procedure SET state = $1, lots = '{LOT-0001}', lot_states = NULL", state)
            found = await procedure_store.get_procedure(conn, UUID(int=1))
            assert found is not None
            assert (found.state.value, found.public_state.value) == (state, public)
