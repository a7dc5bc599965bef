"""The port of publication: one protocol for every channel. At least once, always under our own envelope name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from libs.common.messages.publication import RejectionReason
from services.notices.domain.publication import Published

__all__ = [
    "ChannelDownError",
    "Channels",
    "Listed",
    "Outlet",
    "Receipt",
    "RefusedError",
    "Status",
    "Submission",
    "UnknownChannelError",
]


class ChannelDownError(Exception):
    """The channel did not take or answer; trying again later, under the same name, is right."""


class UnknownChannelError(ChannelDownError):
    """The platform has no address or credential for this channel (any more): an operator sets them."""


class RefusedError(Exception):
    """The channel refuses the notice itself: trying again is useless."""

    def __init__(self, reasons: tuple[RejectionReason, ...]) -> None:
        super().__init__(f"{len(reasons)} reasons")
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Submission:
    """What a channel is given."""

    envelope: str
    """Ours: the channel knows a repetition by it."""
    content: bytes
    form: Literal["eforms", "national"]
    contact: str | None = None
    """The buyer's address for the channel's own messages."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a channel took a notice."""

    reference: str
    received_at: datetime | None = None
    """When it says it received it; None: it confirms later."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a channel says became of a notice."""

    state: Literal["sent", "received", "accepted", "rejected", "published"]
    received_at: datetime | None = None
    reasons: tuple[RejectionReason, ...] = ()
    published: Published | None = None


class Outlet(Protocol):
    """One channel."""

    async def submit(self, submission: Submission) -> Receipt:
        """Hand a notice over. Raises RefusedError, ChannelDownError."""
        ...

    async def status(self, reference: str) -> Status:
        """Ask what became of it. Raises ChannelDownError."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A channel as the platform knows it."""

    code: str
    name: str
    departments: tuple[str, ...] = ()
    """Where a paper appears; empty: everywhere."""
    outlet: Outlet | None = None
    """None: no address and credential are set, the channel is unavailable."""


class Channels:
    """Every channel of the platform, by code."""

    def __init__(self, listed: Mapping[str, Listed]) -> None:
        self.listed = listed

    def outlet(self, code: str) -> Outlet:
        """Give the way to a channel. Raises UnknownChannelError."""
        found = self.listed.get(code)
        if found is None or found.outlet is None:
            raise UnknownChannelError(f"{code}: no address and credential are set")
        return found.outlet

    def is_available(self, code: str) -> bool:
        """Say whether the platform can reach it."""
        found = self.listed.get(code)
        return found is not None and found.outlet is not None
