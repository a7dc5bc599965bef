"""What the story knows as it goes: one scene for each notice that is played."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from deploy.local.capture import Captures
from deploy.local.pki import IssuedKey, TestAuthority
from deploy.local.story.cast import Company, Person
from deploy.local.story.client import Api
from deploy.local.story.report import Reporter
from services.bids.sealing import OfficerKey

__all__ = ["Officials", "Scene", "Script", "Stage"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """What all scenes share: the platform's address, the local authorities, the mail and webhook captures."""

    base: str
    session: aiohttp.ClientSession
    reporter: Reporter
    captures: Captures
    authority: TestAuthority
    anonymous: Api
    partner: Person
    webhook: Json
    signing_keys: dict[str, IssuedKey] = field(default_factory=dict)

    def key_of(self, person: Person) -> IssuedKey:
        """Give a person's signing key, from the local test authority: each person keeps one."""
        if person.subject not in self.signing_keys:
            self.signing_keys[person.subject] = self.authority.issue(person.name, person.organisation)
        return self.signing_keys[person.subject]

    async def now(self) -> datetime:
        """Give the platform's domain time."""
        told = await self.anonymous.get("/sandbox/clock")
        return datetime.fromisoformat(told["now"]).astimezone(UTC)

    async def jump(self, by: timedelta, why: str) -> datetime:
        """Move the sandbox's clock forward, and say so."""
        before = await self.now()
        await self.anonymous.post("/sandbox/clock", {"advance_seconds": by.total_seconds()}, expect=200)
        after = await self.now()
        self.reporter.say(
            f"  >>  the sandbox clock jumps from {before:%Y-%m-%d %H:%M} to {after:%Y-%m-%d %H:%M} UTC: {why}"
        )
        return after

    async def jump_to(self, instant: datetime, why: str) -> datetime:
        """Move the sandbox's clock to an instant, if it is ahead."""
        return await self.jump(max(instant - await self.now(), timedelta()), why)


@dataclass(frozen=True, slots=True)
class Script:
    """One notice to play, and how."""

    name: str
    xml: bytes
    days_to_answer: int = 35
    officers: tuple[str, ...] = ("presidente", "directeur", "juriste")
    threshold: int = 2
    functions: tuple[str, str] = ("Directrice générale des services", "Président")
    """Of who gives the visa and of who signs."""


@dataclass(frozen=True, slots=True)
class Officials:
    """The people of the buyer."""

    secretary: Person
    reviewer: Person
    signatory: Person
    foreigner: Person
    """Somebody of another buyer, who must get nothing."""


@dataclass
class Scene:
    """One procedure on its way through the platform."""

    stage: Stage
    script: Script
    officials: Officials
    bidders: tuple[Company, ...]
    late_bidder: Company
    people: dict[str, Person]
    """Of the companies, by organisation."""
    notice: Json = field(default_factory=dict)
    keys: dict[str, OfficerKey] = field(default_factory=dict)
    search: Json = field(default_factory=dict)
    receipts: dict[str, Json] = field(default_factory=dict)
    """By organisation: the receipt that counts."""
    bids: dict[str, str] = field(default_factory=dict)
    """By bid: the organisation, of the bids that will be opened."""
    opening: Json = field(default_factory=dict)
    awards: list[Json] = field(default_factory=list)
    contracts: list[Json] = field(default_factory=list)
    trace: str = field(default_factory=lambda: secrets.token_hex(16))
    """Of the winner's portal, when it acknowledges the notification."""

    @property
    def procedure(self) -> str:
        """The procedure's identifier."""
        return str(self.notice["procedure_id"])

    @property
    def formal(self) -> bool:
        """Whether the law asks for a formal procedure."""
        return bool(self.notice["formal"])

    @property
    def lots(self) -> list[str]:
        """The identifiers of the lots."""
        return [lot["lot_id"] for lot in self.notice["lots"]]

    def company(self, organisation: str) -> Person:
        """Give the person who acts for a company."""
        return self.people[organisation]
