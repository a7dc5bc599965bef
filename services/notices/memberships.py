"""The recorded members of buyers, for who asks whether a caller may act for an organisation that the token does not name."""

from __future__ import annotations

from libs.common.actor import Actor
from libs.common.runtime import Runtime
from services.notices.service import roles
from services.notices.store import roles as store

__all__ = ["RecordedMemberships"]


class RecordedMemberships:
    """Reads the roles of the service's own database: what is revoked or past is over at the next request."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def is_member(self, subject: str, organisation: str) -> bool:
        """Say whether the person holds a role for the buyer now."""
        async with self._runtime.read() as conn:
            return await store.is_member(conn, subject, organisation, self._runtime.clock.now())

    async def reads_all(self, actor: Actor) -> bool:
        """Say whether the caller may read all that is of the buyer now, not of some consultations only."""
        async with self._runtime.read() as conn:
            return await roles.may(conn, actor, actor.organisation, None, self._runtime.clock.now())
