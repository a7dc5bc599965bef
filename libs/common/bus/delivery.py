"""One queue's messages, from body to verdict: handled, held behind another, tried again later, or parked.

The same code serves every bus: a bus only brings bodies, acknowledges them once `receive_all` returned, and keeps timers.
What a failing message needs to be tried again is in SQL; a bus that loses its timers loses nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import structlog
from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from libs.common.bus import inbox, metrics
from libs.common.bus.inbox import BrokenMessageError, Claim, Message, Taken
from libs.common.bus.retry import DELAYS, Action, action_for
from libs.common.bus.sql import QUERIES
from libs.common.messages.envelope import CloudEvent
from libs.common.service import Consumer, Consumers

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["Failure", "QueueDelivery", "Timer", "queues_of"]

P = ParamSpec("P")
T = TypeVar("T")

_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds between two looks at a dependency that is down
_HANDLER_SECONDS = 120.0  # a handler that hangs fails, rather than hold its lane for ever
_RACES = 5  # times a message that lost a race is tried at once

Timer = Callable[[bytes, int], Awaitable[None]]
"""Brings a body back to its queue after the n-th delay."""

_log = structlog.get_logger(__name__)
_tracer = trace.get_tracer(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message failed: a class for metrics and lists, and words for the operator, without personal data."""

    reason: str
    detail: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Give the failure of a handler: where it was raised, never its values."""
        step = error.__traceback__
        while step is not None and step.tb_next is not None:
            step = step.tb_next
        place = f" ({step.tb_frame.f_globals.get('__name__')}:{step.tb_lineno})" if step else ""
        return cls(f"handler:{type(error).__name__}", type(error).__name__ + place)


def _unsuspected(items: Sequence[Taken]) -> list[Message]:
    """Give the messages that may share a transaction: none when one of them was in hand as a consumer died.

    A key that has a broken message is left out: its later messages must find that one parked.
    """
    if any(item.redelivered for item in items):
        return []
    broken = {item.key for item in items if isinstance(item.content, BrokenMessageError)}
    return [item.content for item in items if isinstance(item.content, Message) and item.key not in broken]


def queues_of(consumers: Consumers) -> dict[str, list[Consumer]]:
    """Give the consumers of a service by queue."""
    queues: dict[str, list[Consumer]] = {}
    for consumer in consumers.items:
        queues.setdefault(consumer.queue, []).append(consumer)
    return queues


class QueueDelivery:
    """Handles the messages of one queue of one service."""

    def __init__(
        self, runtime: Runtime, queue: str, consumers: Sequence[Consumer], *, delays: Sequence[float] = DELAYS
    ) -> None:
        self.queue = queue
        self._runtime = runtime
        self._consumers = {consumer.event.type: consumer for consumer in consumers}
        self._delays = list(delays)
        self._passed = asyncio.Event()
        self._passed.set()
        self._paused_at = 0.0
        self._stopping = False
        self._labels = (runtime.service.name, queue)
        self._commit_to_effect = metrics.COMMIT_TO_EFFECT.labels(*self._labels)
        self.lanes = max(consumer.lanes for consumer in consumers)
        self.batch = min(consumer.batch for consumer in consumers)
        metrics.PAUSED.labels(*self._labels).set(0)

    def take(self, body: bytes, *, redelivered: bool = False, sent_as: str | None = None) -> Taken:
        """Read what came from the queue, whatever it is; see inbox.take."""
        return inbox.take(body, self._consumers, redelivered=redelivered, sent_as=sent_as)

    async def receive_all(self, items: Sequence[Taken], timer: Timer) -> list[Taken]:
        """Bring messages to their verdicts, in order; give those that the bus may not forget but must bring again.

        In one transaction where that goes well; else one by one, so that what fails waits or parks alone.
        """
        left = await self._together(items)
        for place, item in enumerate(left):
            try:
                await self.receive(item, timer)
            except Exception:  # noqa: BLE001  # the consumer's loop: not even the verdict could be written
                _log.exception("delivery_failed", queue=self.queue)
                return left[place:]  # the later ones must not pass it
        return []

    async def receive(self, item: Taken, timer: Timer) -> None:
        """Bring a message to its verdict: when it returns, the message may be forgotten by the bus.

        Waits while a dependency is down. Raises when it is still down once `stop` was called: the message is not to be
        forgotten then.
        """
        claim = await self._surely(self._settle, item, timer)
        while claim is Claim.RELEASED:
            following = await self._surely(self._next_held, item.key)
            if following is None:
                return
            item = self.take(following)
            claim = await self._surely(self._settle, item, timer)

    async def park(self, body: bytes, failure: Failure) -> None:
        """Park a message unread: the broker gave it up."""
        try:
            envelope = CloudEvent.from_json(body)
        except ValueError:
            envelope = None
        await self._surely(self._park, body, failure, envelope)

    def stop(self) -> None:
        """Wait for no dependency any more: what cannot be handled now is given back by an error."""
        self._stopping = True
        self._passed.set()

    @property
    def paused_for(self) -> float:
        """Seconds since a dependency is down; 0 when none is."""
        return 0.0 if self._passed.is_set() else time.monotonic() - self._paused_at

    async def _surely(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a step; as long as a dependency is down, wait and do it again, and let no other message begin.

        A step fails for no other reason than that: what a handler raises has its verdict, and where that cannot be
        written the database is out of use, whatever it says (no route, another password, a full disk).
        """
        await self._passed.wait()
        tries = 0
        while True:
            try:
                result = await step(*args, **kwargs)
            except Exception as error:
                if self._stopping:
                    raise
                self._pause(error, tries)
                await asyncio.sleep(_BACKOFF[min(tries, len(_BACKOFF) - 1)])
                tries += 1
            else:
                self._resume(tries)
                return result

    def _pause(self, error: Exception, tries: int) -> None:
        if not self._stopping:
            if self._passed.is_set():
                self._paused_at = time.monotonic()
            self._passed.clear()
        metrics.PAUSED.labels(*self._labels).set(1)
        if tries == 0:
            known = action_for(error) is Action.PAUSE
            _log.warning(
                "consumer_paused", queue=self.queue, error=type(error).__name__, exc_info=None if known else error
            )

    def _resume(self, tries: int) -> None:
        if tries:
            self._passed.set()
            metrics.PAUSED.labels(*self._labels).set(0)
            _log.info("consumer_resumed", queue=self.queue)

    async def _together(self, items: Sequence[Taken]) -> list[Taken]:
        """Handle what can be handled in one transaction, and give the rest: all, when anything went wrong."""
        messages = _unsuspected(items)
        if len(messages) < 2:
            return list(items)
        await self._passed.wait()
        try:
            async with asyncio.timeout(_HANDLER_SECONDS):
                claims = await inbox.handle_batch(self._runtime, messages, self._span)
        except Exception as error:  # noqa: BLE001  # the consumer's loop: each message gets its own verdict, alone
            _log.info("batch_split", queue=self.queue, messages=len(messages), error=type(error).__name__)
            return list(items)
        for message in messages:
            claim = claims.get(message.envelope.id)
            if claim:
                self._handled(message, claim)
                claims[message.envelope.id] = Claim.DUPLICATE  # should it be here twice
        return [
            item for item in items if not isinstance(item.content, Message) or item.content.envelope.id not in claims
        ]

    async def _settle(self, item: Taken, timer: Timer) -> Claim | None:
        message = item.content
        if isinstance(message, BrokenMessageError):
            await self._park(item.body, Failure(message.reason, message.detail), message.envelope)
            return None
        with self._span(message) as span:
            try:
                return await self._handle(message)
            except Exception as error:  # noqa: BLE001  # the consumer's loop: what a handler raises gets its verdict
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                return await self._failed(message, error, timer)

    def _span(self, message: Message) -> AbstractContextManager[Span]:
        """Go on with the trace of a message."""
        parent = propagate.extract({"traceparent": message.envelope.traceparent or ""})
        attributes = {
            "messaging.system": "halles",
            "messaging.destination.name": self.queue,
            "messaging.message.id": str(message.envelope.id),
            "cloudevents.event_type": message.envelope.type,
        }
        return _tracer.start_as_current_span(
            f"{self.queue} process", parent, kind=SpanKind.CONSUMER, attributes=attributes
        )

    async def _handle(self, message: Message) -> Claim:
        for again in range(_RACES):
            try:
                async with asyncio.timeout(_HANDLER_SECONDS):
                    claim = await inbox.handle_once(self._runtime, message)
                break
            except Exception as error:
                if action_for(error) is not Action.AGAIN or again == _RACES - 1:
                    raise
        self._handled(message, claim)
        return claim

    def _handled(self, message: Message, claim: Claim) -> None:
        self._count(claim.value)
        if claim is Claim.DUPLICATE:
            metrics.DUPLICATES.labels(*self._labels).inc()
        elif claim is not Claim.HELD:
            age = datetime.now(UTC) - message.envelope.recordedtime
            self._commit_to_effect.observe(max(0.0, age.total_seconds()))

    async def _failed(self, message: Message, error: Exception, timer: Timer) -> Claim | None:
        action = action_for(error)
        if action is Action.PAUSE:
            raise error
        failure = Failure.of(error)
        envelope = message.envelope
        _log.warning("message_failed", queue=self.queue, type=envelope.type, id=str(envelope.id), error=failure.detail)
        metrics.RETRIES.labels(*self._labels, failure.reason).inc()
        if action is Action.PARK:
            await self._park(message.body, failure, envelope)
            return None
        async with self._runtime.database.acquire() as conn, conn.transaction():
            row = await conn.fetchrow(
                QUERIES["fail"], *self._row(message.body, envelope), failure.reason, failure.detail, self._delays
            )
            if row["state"] == "parked":
                await conn.execute(QUERIES["park_followers"], self.queue, envelope.subject)
        if row["state"] == "parked":
            self._count("parked")
            return None
        self._count("retry")
        await timer(message.body, row["attempts"] - 1)
        return None

    async def _park(self, body: bytes, failure: Failure, envelope: CloudEvent | None) -> None:
        _log.error("message_parked", queue=self.queue, reason=failure.reason, id=str(envelope.id) if envelope else None)
        async with self._runtime.database.acquire() as conn, conn.transaction():
            await conn.fetchrow(QUERIES["park"], *self._row(body, envelope), failure.reason, failure.detail)
            if envelope:
                await conn.execute(QUERIES["park_followers"], self.queue, envelope.subject)
        self._count("parked")

    async def _next_held(self, key: str) -> bytes | None:
        async with self._runtime.read() as conn:
            body: bytes | None = await conn.fetchval(QUERIES["next_held"], self.queue, key)
        return body

    def _row(self, body: bytes, envelope: CloudEvent | None) -> tuple[object, ...]:
        if envelope is None:
            return self.queue, None, None, None, body
        return self.queue, envelope.subject, envelope.id, envelope.type, body

    def _count(self, outcome: str) -> None:
        metrics.DELIVERIES.labels(*self._labels, outcome).inc()
