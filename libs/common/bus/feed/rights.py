"""What one caller may be told, asked again while they wait: what is taken back in the middle of a stream is over in it too."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from libs.common.actor import Actor, CompanyStanding, OrganisationKind
from libs.common.bus.audience import Told, told_to
from libs.common.http.endpoint import company_users_of, memberships_of

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["FRESH", "Rights"]

FRESH = 0.5
"""seconds an answer holds: thousands who are woken together do not each ask at every event"""


class Rights:
    """What a caller may be told of a service's events, of these types."""

    def __init__(self, runtime: Runtime, actor: Actor | None, types: Collection[str]) -> None:
        self._runtime = runtime
        self._actor = actor
        self._types = types
        self._told: Told | None = None
        self._asked = 0.0

    async def told(self) -> Told:
        """Give what the caller may be told now, by what was recorded half a second ago or later."""
        if self._told is None or (self._may_change and time.monotonic() - self._asked > FRESH):
            self._asked = time.monotonic()
            reads_all = await self._reads_all()
            actor = None if await self._is_gone() else self._actor
            self._told = told_to(actor, self._runtime.service.name, self._types, reads_all=reads_all)
        return self._told

    @property
    def _may_change(self) -> bool:
        return self._actor is not None and self._actor.kind in {OrganisationKind.BUYER, OrganisationKind.COMPANY}

    async def _is_gone(self) -> bool:
        """Say whether the caller is no more a user of the company they act for."""
        users = company_users_of(self._runtime)
        if self._actor is None or self._actor.kind is not OrganisationKind.COMPANY or users is None:
            return False
        standing = await users.standing(self._actor.subject, self._actor.organisation)
        return standing is CompanyStanding.STRANGER or (self._actor.recorded and standing is CompanyStanding.UNRECORDED)

    async def _reads_all(self) -> bool:
        """Say whether the caller reads all that is of a buyer; in a service that knows of no roles, by the token."""
        if self._actor is None or self._actor.kind is not OrganisationKind.BUYER:
            return False
        known = memberships_of(self._runtime)
        return not self._actor.recorded if known is None else await known.reads_all(self._actor)
