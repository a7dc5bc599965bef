"""What carries events between services: one port, two adapters (RabbitMQ, in-process), one shared test suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from libs.common.messages.envelope import CloudEvent

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["Bus", "BusUnavailableError", "Publishing", "RefusedEventsError"]


class BusUnavailableError(Exception):
    """The bus is away, or did not confirm in time: what was being published has an unknown fate, publish it again."""


class RefusedEventsError(Exception):
    """The bus answered, and refused some of the events; all the others are confirmed."""

    def __init__(self, reasons: Mapping[UUID, str]) -> None:
        super().__init__(f"{len(reasons)} events refused")
        self.reasons = dict(reasons)
        """Why, by event id."""


class Publishing(Protocol):
    """The half a publisher needs."""

    async def publish(self, messages: Sequence[CloudEvent]) -> None:
        """Publish in this order and return once all are safe; events that no service consumes are skipped.

        Raises RefusedEventsError (the others are safe) or BusUnavailableError (nothing is sure).
        """
        ...


class Bus(Publishing, Protocol):
    """Carries events to every queue bound to their type, at least once."""

    def consume(self, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        """Run all the consumers of the runtime's service until the block ends; then finish what is in hand."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
