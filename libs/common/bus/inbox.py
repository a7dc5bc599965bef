"""The inbox: each consumer handles a message exactly once, because that it did is written in the handler's transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import ValidationError

from libs.common.bus.sql import QUERIES
from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.upcasting import UpcastError
from libs.common.service import Consumer, Consumers

if TYPE_CHECKING:
    from libs.common.runtime import Batch, Runtime

__all__ = [
    "FORGED",
    "Around",
    "BrokenMessageError",
    "Claim",
    "Message",
    "Taken",
    "handle",
    "handle_batch",
    "handle_once",
    "read",
    "take",
]

FORGED = "forged"
"""Reason of a message whose body says another type than its sender may publish: it is never handled."""
MAX_BODY = 8 * 2**20
"""Bytes; what is larger is parked unread."""
_AHEAD = timedelta(minutes=10)
"""How far the clock of a producer may be ahead of ours."""
_LONGEST = 200  # characters of a type or subject: what is much longer fits no index
_DETAIL = 1000  # characters


class BrokenMessageError(Exception):
    """A body that is no event for this queue. `reason` is its class, `envelope` what could be read of it."""

    def __init__(self, reason: str, detail: str, envelope: CloudEvent | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail.replace("\0", "")[:_DETAIL]  # no text column holds a NUL
        self.envelope = envelope


class Claim(StrEnum):
    """What became of a message in the inbox."""

    DONE = "done"
    """Handled now."""
    RELEASED = "released"
    """Handled now, after failures: those held behind it may go."""
    DUPLICATE = "duplicate"
    """Handled before; nothing was done."""
    HELD = "held"
    """It waits: an earlier message of its key is in trouble, or it is not due yet."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that can be handled."""

    consumer: Consumer
    envelope: CloudEvent
    event: Event
    body: bytes


Around = Callable[[Message], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What came from a queue, read once: a message, or why it is none."""

    body: bytes
    key: str
    """Ordering key, without trust; empty when it cannot be read."""
    content: Message | BrokenMessageError
    redelivered: bool = False
    """Whether it was brought before: it may be what killed its consumer."""


def take(
    body: bytes, consumers: Mapping[str, Consumer], *, redelivered: bool = False, sent_as: str | None = None
) -> Taken:
    """Read what came from a queue, whatever it is; `sent_as`: the type under which the bus let it in."""
    try:
        message = read(body, consumers, sent_as)
    except BrokenMessageError as broken:
        return Taken(body, broken.envelope.subject if broken.envelope else "", broken, redelivered)
    return Taken(body, message.envelope.subject, message, redelivered)


def read(body: bytes, consumers: Mapping[str, Consumer], sent_as: str | None = None) -> Message:
    """Read a message of a queue whose consumers are given by event type. Raises BrokenMessageError.

    The broker lets each service publish under its own types only: a body that says another may be another's work.
    """
    if len(body) > MAX_BODY:
        raise BrokenMessageError("too-large", f"{len(body)} bytes, {MAX_BODY} at most")
    try:
        envelope = CloudEvent.from_json(body)
    except ValidationError as error:
        reason = "not-json" if error.errors()[0]["type"] == "json_invalid" else "not-cloudevent"
        raise BrokenMessageError(reason, _faults(error)) from error
    _check(envelope, sent_as)
    try:
        envelope = registry.upcast(envelope, consumers)
        event = registry.parse(envelope)
    except registry.UnknownEventTypeError as error:
        raise BrokenMessageError("unknown-type", envelope.type, envelope) from error
    except ValidationError as error:
        raise BrokenMessageError("wrong-schema", _faults(error), envelope) from error
    except UpcastError as error:
        raise BrokenMessageError("not-upcast", str(error), envelope) from error
    if envelope.type not in consumers:
        raise BrokenMessageError("not-consumed", envelope.type, envelope)
    if str(event.aggregate_id) != envelope.subject:
        raise BrokenMessageError("wrong-subject", "subject is not the aggregate of the data", envelope)
    return Message(consumers[envelope.type], envelope, event, body)


async def handle_once(runtime: Runtime, message: Message) -> Claim:
    """Run the handler in one transaction with the row that says so. Raises what the handler raises."""
    envelope, queue = message.envelope, message.consumer.queue
    async with runtime.uow(cause=envelope) as uow:
        row = await uow.conn.fetchrow(QUERIES["claim"], queue, envelope.id, envelope.subject)
        if row["first"]:
            await message.consumer.handler(uow, message.event)
        elif row["blocked"] and not row["done"]:
            await uow.conn.execute(QUERIES["hold"], queue, envelope.subject, envelope.id, envelope.type, message.body)
            return Claim.HELD
        if row["mine"]:
            await uow.conn.execute(QUERIES["forget"], queue, envelope.id)
            return Claim.RELEASED
    return Claim.DONE if row["first"] else Claim.DUPLICATE


async def handle_batch(runtime: Runtime, messages: Sequence[Message], around: Around) -> dict[UUID, Claim]:
    """Run the handlers of one queue's messages in one transaction, and give what became of each, by id.

    Keys with a message in trouble are left out: their messages are for `handle_once`, in order. Ids and keys are
    sorted, so that two batches wait for each other rather than for ever. Raises what a handler raises: nothing is
    changed then. `around` is entered around each handler.
    """
    queue = messages[0].consumer.queue
    known = {message.envelope.id: message for message in messages}
    keys = [message.envelope.subject for message in known.values()]
    async with runtime.batch() as batch:
        row = await batch.conn.fetchrow(QUERIES["claim_batch"], queue, list(known), keys)
        first, troubled = set(row["first"]), set(row["troubled"])
        claims = {
            identity: Claim.DONE if identity in first else Claim.DUPLICATE
            for identity, message in known.items()
            if message.envelope.subject not in troubled
        }
        new = [message for message in known.values() if message.envelope.id in first]
        new.sort(key=lambda message: message.envelope.subject)
        for consumer, run in groupby(new, key=lambda message: message.consumer):
            await _handle_run(batch, consumer, list(run), around)
    return claims


async def _handle_run(batch: Batch, consumer: Consumer, run: Sequence[Message], around: Around) -> None:
    """Handle messages of one consumer that follow each other."""
    if consumer.many:
        with around(run[0]):
            async with batch.uow(cause=run[0].envelope if len(run) == 1 else None) as uow:
                await consumer.many(uow, [message.event for message in run])
        return
    for message in run:
        with around(message):
            async with batch.uow(cause=message.envelope) as uow:
                await consumer.handler(uow, message.event)


async def handle(runtime: Runtime, consumers: Consumers, envelope: CloudEvent) -> Sequence[Claim]:
    """Handle an event with every consumer of its type, one transaction each, without the retries of a bus.

    Raises BrokenMessageError, or what a handler raises: then its transaction changed nothing.
    """
    body = envelope.to_json()
    kind = envelope.type
    concerned = [each for each in consumers.items if kind in registry.readable_as(each.event.type)]
    messages = [read(body, {consumer.event.type: consumer}) for consumer in concerned]
    return [await handle_once(runtime, message) for message in messages]


def _check(envelope: CloudEvent, sent_as: str | None) -> None:
    """See that an envelope may be believed. Raises BrokenMessageError."""
    if not all(_is_storable(text) for text in (envelope.type, envelope.subject)):
        raise BrokenMessageError("not-cloudevent", f"type or subject with a NUL, or over {_LONGEST} characters")
    if sent_as is not None and envelope.type != sent_as:
        # without its envelope: it must not hold back the events of the aggregate it names
        raise BrokenMessageError(FORGED, f"{envelope.type} was published as {sent_as}")
    if envelope.recordedtime > datetime.now(UTC) + _AHEAD:
        raise BrokenMessageError("from-the-future", envelope.recordedtime.isoformat(), envelope)


def _is_storable(text: str) -> bool:
    return len(text) <= _LONGEST and "\0" not in text


def _faults(error: ValidationError) -> str:
    """Say where and what, without the values: they may be personal data."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:10])
