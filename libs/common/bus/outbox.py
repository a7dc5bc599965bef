"""The outbox: events written in the transaction they tell of, so that they leave if, and only if, it commits."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from libs.common.bus.sql import QUERIES
from libs.common.messages.envelope import CloudEvent

__all__ = ["MAX_BODY", "OversizedEventError", "write"]

MAX_BODY = 4 * 2**20
"""Bytes of one event; RabbitMQ 4 takes 16 MiB, and documents travel by reference."""


class OversizedEventError(ValueError):
    """An event is larger than MAX_BODY: its producer should pass a reference."""


async def write(conn: asyncpg.Connection, envelopes: Sequence[CloudEvent]) -> None:
    """Write events in this order, as the last thing before COMMIT, and wake the numberer at COMMIT.

    The aggregate must be locked already: so ids of one aggregate grow in the order of its commits.
    Raises OversizedEventError, and the transaction with it.
    """
    if not envelopes:
        return
    rows = [_row(envelope) for envelope in envelopes]
    await conn.execute(QUERIES["write"], *map(list, zip(*rows, strict=True)))
    await conn.execute(QUERIES["notify_outbox"])


def _row(event: CloudEvent) -> tuple[object, ...]:
    body = event.to_json()
    if len(body) > MAX_BODY:
        raise OversizedEventError(f"{event.type} {event.id}: {len(body)} bytes, {MAX_BODY} at most")
    return (
        event.id,
        event.type,
        event.subject,
        event.organisation,
        event.buyer,
        event.procedure,
        event.recordedtime,
        body.decode(),
    )
