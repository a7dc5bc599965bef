"""Two small services over the real backbone: one commits changes of many aggregates, the other has effects of each kind.

`mark` is the name of a change, the same in the truth of the producer, in the event, and in every effect.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from libs.common.http import Routes
from libs.common.messages.base import Event
from libs.common.messages.legality import ActExemptedV1
from libs.common.messages.opendata import ContractDataPublishedV1
from libs.common.runtime import Runtime
from libs.common.service import Completion, Consumers, Job, Jobs, Service
from libs.common.settings import Settings
from libs.common.uow import Uow
from tests.fault.writer import write_command

HERE = Path(__file__).parent
DAWDLE = 0.03  # seconds between the receiver's answer and our mark: kills must fall there now and then

consumers = Consumers("alerts")
jobs = Jobs()


class ShopSettings(Settings):
    """Where the effects outside the database go."""

    sink_url: str = ""


def mark_of(event: Event) -> str:
    """Give the mark of an event of either type."""
    assert isinstance(event, ContractDataPublishedV1 | ActExemptedV1)
    return event.uid if isinstance(event, ContractDataPublishedV1) else event.reason


async def keep_effect(uow: Uow, event: Event) -> None:
    """Write an effect, in order; die of what is poison."""
    poison = await uow.conn.fetchval(
        "INSERT INTO effect (mark, key, place) VALUES ($1, $2, $3)"
        " RETURNING EXISTS (SELECT FROM poison WHERE poison.key = $2)",
        mark_of(event), event.aggregate_id, event.aggregate_version,
    )  # fmt: skip
    if poison:
        os._exit(9)


async def keep_view(uow: Uow, event: Event) -> None:
    """Keep the newest version of each aggregate, whatever the order of arrival."""
    await uow.conn.execute(
        "INSERT INTO view AS v (key, version, seen) VALUES ($1, $2, 1)"
        " ON CONFLICT (key) DO UPDATE SET version = greatest(v.version, excluded.version), seen = v.seen + 1",
        event.aggregate_id, event.aggregate_version,
    )  # fmt: skip


def is_sent(place: int) -> bool:
    """Tell whether the event of this place of its aggregate has an effect outside the database."""
    return place % 4 == 0


async def ask_to_send(uow: Uow, event: ContractDataPublishedV1) -> None:
    """Ask for an effect outside the database."""
    if is_sent(event.aggregate_version):
        assert uow.cause is not None
        uow.enqueue("send", key=str(uow.cause.id), payload={"mark": event.uid})


@jobs.on("send")
async def send(runtime: Runtime, job: Job) -> Completion | None:
    """Tell the receiver, under the job's key."""
    told = {"identity": job.key, "mark": job.payload["mark"], "pid": os.getpid()}
    async with runtime.http.post(runtime.port(ShopSettings).sink_url, json=told) as answer:
        answer.raise_for_status()
    await asyncio.sleep(DAWDLE)
    return None


for kind in (ContractDataPublishedV1, ActExemptedV1):
    consumers.on(kind, queue="effects")(keep_effect)
    consumers.on(kind, queue="view", projection=True)(keep_view)
consumers.on(ContractDataPublishedV1, queue="sends")(ask_to_send)

PRODUCER = Service(
    "opendata",
    ShopSettings,
    HERE / "migrations/opendata",
    Routes("opendata"),
    Consumers("opendata"),
    tools=(write_command,),
)
CONSUMER = Service("alerts", ShopSettings, HERE / "migrations/alerts", Routes("alerts"), consumers, jobs)
SERVICES = {service.name: service for service in (PRODUCER, CONSUMER)}
