"""The unit of work: one connection, one transaction, the events and jobs that leave with it or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from libs.common.actor import Actor
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent

if TYPE_CHECKING:
    import asyncpg

    from libs.common.runtime import Runtime

__all__ = ["Steps", "Uow"]

T = TypeVar("T")
Steps = dict[Callable[[Sequence[Any]], Awaitable[None]], list[Any]]
"""What is done just before COMMIT, with what."""


class Uow:
    """A transaction of one service. Opened by `Runtime.uow()`; handlers only use it.

    Lock the aggregate first (`SELECT ... FOR UPDATE`), change it, `emit` its event: outbox rows are inserted last, just
    before COMMIT, so that events of one aggregate keep their order.
    """

    def __init__(
        self, runtime: Runtime, conn: asyncpg.Connection, *, actor: Actor | None = None, cause: CloudEvent | None = None
    ) -> None:
        self.runtime = runtime
        self.conn = conn
        self.actor = actor
        self.cause = cause
        self.events: list[Event] = []
        self.superseded: dict[int, int] = {}
        """Place of an event in `events` -> place of the newer major that tells the same change."""
        self.jobs: list[tuple[str, str, dict[str, Any], datetime | None]] = []
        self.journal: list[tuple[str, str]] = []
        self.steps: Steps = {}

    def now(self) -> datetime:
        """Give the domain time, in UTC."""
        return self.runtime.clock.now()

    def emit(self, event: Event, *older: Event) -> None:
        """Publish an event if, and only if, this transaction commits.

        `older`: the same change in older majors, sent beside it until every consumer moved.
        """
        newest = len(self.events)
        self.events.append(event)
        for each in older:
            self.superseded[len(self.events)] = newest
            self.events.append(each)

    def enqueue(self, kind: str, *, key: str, payload: dict[str, Any], due_at: datetime | None = None) -> None:
        """Ask for an effect outside the database once this commits; a second job with the same key is ignored."""
        self.jobs.append((kind, key, payload, due_at))

    def audit(self, action: str, subject: str) -> None:
        """Write who did what to which object in the service's journal; ids only, no personal data."""
        self.journal.append((action, subject))

    def before_commit(self, step: Callable[[Sequence[T]], Awaitable[None]], item: T) -> None:
        """Have `step` called once, just before COMMIT, with the items of all units of work of the transaction, in order.

        For an effect outside that may be repeated under the same identity, and costs less together: COMMIT may fail
        after it. What it raises undoes the transaction; it must not take longer than a transaction may.
        """
        self.steps.setdefault(step, []).append(item)
