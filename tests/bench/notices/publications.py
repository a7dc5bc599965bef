"""Publishing 50 notices a second over HTTP: from the request to its answer, and to the event in a consumer's queue.

The api, the worker and the relay of the service are real processes, on a private PostgreSQL (fsync on) and a private RabbitMQ.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import aio_pika
import click
from aio_pika.abc import AbstractIncomingMessage
from aiohttp import ClientSession, TCPConnector

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus.topology import EVENTS
from libs.common.messages.notices import Lot
from libs.common.migrate import migrate, provision
from libs.common.runtime import Runtime, open_runtime
from libs.common.settings import Settings
from libs.common.testing.issuer import TestIssuer
from services.notices.content import NoticeContent
from services.notices.domain.notice import PUBLISHED
from services.notices.inputs.opening import NewOpening
from services.notices.service import notices as service
from services.notices.settings import NoticesSettings
from services.notices.wiring import SERVICE
from tests.bench.backbone.place import Servers, servers
from tests.bench.notices.reads import service_process, told_port
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, KEYS, content

__all__ = ["run"]

_RATE = 50  # publications a second
_WARM = 4  # seconds
_TARGET = 60.0  # milliseconds
_LOTS = 5
_DEADLINE = datetime(2035, 1, 15, 11, tzinfo=UTC)


@dataclass
class _Told:
    """When each publication was asked, answered and told, on one clock."""

    asked: dict[UUID, float] = field(default_factory=dict)
    answered: dict[UUID, float] = field(default_factory=dict)
    told: dict[UUID, float] = field(default_factory=dict)

    async def hear(self, message: AbstractIncomingMessage) -> None:
        """Note an event that arrived."""
        self.told.setdefault(UUID(json.loads(message.body)["subject"]), time.perf_counter())

    def delays(self, notices: Sequence[UUID], ends: dict[UUID, float]) -> list[float]:
        """Give the milliseconds from the request of each to an end."""
        return [(ends[each] - self.asked[each]) * 1000 for each in notices]


async def run(*, short: bool) -> None:
    """Measure, on private servers."""
    count = _RATE * (3 if short else 30)
    async with servers() as private:
        settings = _settings(private)
        await provision(settings, SERVICE.name)
        await migrate(settings, SERVICE)
        async with open_runtime(SERVICE, settings) as runtime:
            drafts = await _drafts(runtime, count + _WARM * _RATE)
        told = _Told()
        async with _running(private, settings, told) as (url, token):
            await _publish(told, url, token, drafts[count:])
            await _publish(told, url, token, drafts[:count])
            await _all_told(told, drafts)
    for name, ends in (("to the answer", told.answered), ("event in a queue", told.told)):
        _print(name, told.delays(drafts[:count], ends))


def _settings(private: Servers) -> NoticesSettings:
    return NoticesSettings(
        environment="test", database_url=private.postgres, database_urls={}, database_prefix="halles_bench_publish",
        amqp_url=private.amqp, data_dir=private.folder,
    )  # fmt: skip


def _content(number: int) -> NoticeContent:
    """Give a notice as buyers write them: some lots, a page of description."""
    opening = NewOpening.model_validate(KEYS).key_set()
    lots = [
        Lot(
            lot_id=f"LOT-{lot:04}",
            title=f"Lot {lot}",
            description="Terrassement et pose. " * 20,
            nature="works",
            cpv=["45233140"],
        )
        for lot in range(1, _LOTS + 1)
    ]
    words = "Réfection des chaussées, des trottoirs et de l'assainissement de la commune. " * 40
    said = {"description": words, "opening": opening, "lots": lots, "documents_url": "https://marches.example/dce"}
    return content(f"Travaux de voirie {number}", deadline=_DEADLINE, **said)


async def _drafts(runtime: Runtime, count: int) -> list[UUID]:
    """Write drafts, each of a procedure of its own."""
    actor = Actor(subject="bench", name="Banc", organisation=INTERCOMMUNALITY, kind=OrganisationKind.BUYER)
    made = []
    for number in range(count):
        async with runtime.uow(actor=actor) as uow:
            command = service.DraftNotice(uuid4(), uuid4(), _content(number))
            made.append((await service.draft(uow, command, actor)).notice_id)
    return made


@asynccontextmanager
async def _running(private: Servers, settings: Settings, told: _Told) -> AsyncIterator[tuple[str, str]]:
    """Run the processes of the service, and a consumer of what it publishes."""
    issuer = TestIssuer()
    variables = {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_DATABASE_URL": settings.database_url,
        "HALLES_DATABASE_PREFIX": settings.database_prefix,
        "HALLES_AMQP_URL": private.amqp,
        "HALLES_DATA_DIR": str(private.folder),
        "HALLES_ISSUER": issuer.issuer,
        "HALLES_JWKS_URL": issuer.write_jwks(private.folder),
        "HALLES_RATE_PER_MINUTE": "1000000000",
        "HALLES_PORT": "0",
    }
    with contextlib.ExitStack() as stack:
        for role in ("worker", "relay", "api"):
            words = ["-m", "services.notices", role, *(["--port", "0"] if role == "api" else [])]
            stack.enter_context(service_process(words, variables, private.folder / f"{role}.log"))
        port = await told_port(private.folder / "api.log")
        async with await aio_pika.connect(private.amqp) as connection, connection.channel() as channel:
            queue = await channel.declare_queue(exclusive=True)
            exchange = await channel.declare_exchange(EVENTS, "topic", durable=True)
            await queue.bind(exchange, PUBLISHED)
            await queue.consume(told.hear, no_ack=True)
            yield f"http://127.0.0.1:{port}/notices/v1/notices", issuer.token(organisation=INTERCOMMUNALITY)


async def _publish(told: _Told, url: str, token: str, drafts: Sequence[UUID]) -> None:
    """Publish drafts at the rate, at random instants, none waiting for another."""
    headers = {"Authorization": f"Bearer {token}", "If-Match": '"1"'}
    began = time.perf_counter()
    async with ClientSession(headers=headers, connector=TCPConnector(limit=0)) as client, asyncio.TaskGroup() as group:
        for turn, notice in enumerate(drafts):
            await asyncio.sleep(max(0.0, began + turn / _RATE + random.uniform(0, 1 / _RATE) - time.perf_counter()))
            group.create_task(_one(told, client, f"{url}/{notice}/publication", notice))


async def _one(told: _Told, client: ClientSession, url: str, notice: UUID) -> None:
    told.asked[notice] = time.perf_counter()
    async with client.post(url) as answer:
        if answer.status != 201:
            raise RuntimeError(await answer.text())
        await answer.read()
    told.answered[notice] = time.perf_counter()


async def _all_told(told: _Told, drafts: Sequence[UUID]) -> None:
    async with asyncio.timeout(60):
        while len(told.told) < len(drafts):  # noqa: ASYNC110  # other processes do it
            await asyncio.sleep(0.05)


def _print(name: str, delays: Sequence[float]) -> None:
    """Print the median, and the 99th percentile held to its target."""
    high = statistics.quantiles(delays, n=100)[98]
    for measure, value, target in (("p50", statistics.median(delays), None), ("p99", high, _TARGET)):
        line = {
            "name": f"publish at {_RATE}/s, {name}, {measure}",
            "unit": "ms",
            "ours": round(value, 1),
            "baseline": None,
            "ratio": None,
            "target": target,
            "met": None if target is None else value <= target,
        }
        click.echo(json.dumps(line, ensure_ascii=False))
