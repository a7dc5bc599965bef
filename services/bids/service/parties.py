"""The two parties of letters and contracts: a company, and a buyer for whom persons read by their roles."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.grants.known import readable
from services.bids.store.listed import Listed

__all__ = ["listed"]


async def listed(conn: asyncpg.Connection, actor: Actor, at: datetime) -> Listed:
    """Give whose letters and contracts the caller lists; nobody's for who is no party. Raises RoleMissing."""
    if actor.kind is OrganisationKind.COMPANY:
        return Listed(company=actor.organisation)
    if actor.kind is not OrganisationKind.BUYER:
        return Listed()
    scope = await readable(conn, actor, at)
    return Listed(None, scope.organisation, scope.procedures, scope.shared)
