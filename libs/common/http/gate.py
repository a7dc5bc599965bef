"""The gate of every route: who calls, and whether they may call again so soon."""

from __future__ import annotations

from aiohttp import web

from libs.common.actor import Actor
from libs.common.auth import ORGANISATION_HEADER, Authenticator
from libs.common.errors import Unauthenticated
from libs.common.http.limits import Limiter

__all__ = ["Gate"]


class Gate:
    """Authenticates and limits. Bad tokens are counted on the caller's address."""

    def __init__(self, authenticator: Authenticator, limiter: Limiter) -> None:
        self._authenticator = authenticator
        self._limiter = limiter

    async def admit(self, request: web.Request, *, required: bool) -> Actor | None:
        """Give who calls. Raises Unauthenticated, Forbidden, RateLimited."""
        authorization = request.headers.get("Authorization")
        try:
            actor = await self._authenticator.authenticate(authorization, request.headers.get(ORGANISATION_HEADER))
        except Unauthenticated:
            self._limiter.take(f"address {request.remote}")
            raise
        self._limiter.take(f"person {actor.subject}" if actor else f"address {request.remote}")
        if actor is None and required:
            raise Unauthenticated(
                "Cette opération demande un jeton d'accès (en-tête Authorization: Bearer ...).",
                "This operation needs an access token (header Authorization: Bearer ...).",
            )
        return actor
