"""The service under measurement: it publishes events and writes one row for each one it gets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from libs.common.bus.topology import Topology
from libs.common.http import Routes
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.legality import ActExemptedV1
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.uow import Uow

__all__ = ["QUEUE", "SERVICE", "TOPOLOGY", "body_template", "event_of"]

consumers = Consumers("bids")
_NIL = UUID(int=0)


@consumers.on_many(ActExemptedV1, queue="bench")
async def write_rows(uow: Uow, events: Sequence[ActExemptedV1]) -> None:
    """Write one row for each event."""
    await uow.conn.execute(
        "INSERT INTO effect (key, place) SELECT * FROM unnest($1::uuid[], $2::bigint[])",
        [event.aggregate_id for event in events],
        [event.aggregate_version for event in events],
    )


SERVICE = Service("bids", Settings, Path(__file__).with_name("migrations"), Routes("bids"), consumers)
TOPOLOGY = Topology.of([SERVICE])
QUEUE = "bids.bench"


def event_of(key: UUID, place: int, padding: int = 0) -> ActExemptedV1:
    """Give an event of an aggregate."""
    return ActExemptedV1(
        aggregate_id=key,
        aggregate_version=place,
        organisation="SIRET:21210231500018",
        occurred_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        subject_id=key,
        reason="x" * (padding + 1),
    )


def body_template(size: int = 1024) -> str:
    """Give a body of so many bytes, where `@id@`, `@key@` and `@place@` stand for what changes."""
    bare = len(CloudEvent.wrap(event_of(_NIL, 100_000)).to_json())
    envelope = CloudEvent.wrap(event_of(_NIL, 100_000, max(0, size - bare)))
    text = envelope.to_json().decode().replace(str(envelope.id), "@id@").replace(str(_NIL), "@key@")
    return text.replace("100000", "@place@")
