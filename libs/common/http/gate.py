"""The gate of every route: who calls, and whether they may call again so soon."""

from __future__ import annotations

from ipaddress import ip_address

from aiohttp import web

from libs.common.actor import Actor, Person
from libs.common.auth import ORGANISATION_HEADER, Authenticator, CompanyUsers, Memberships
from libs.common.errors import Forbidden, InvalidInput, Unauthenticated
from libs.common.http.limits import Limiter

__all__ = ["Gate", "address", "is_near"]


def address(request: web.Request, proxies: int) -> str:
    """Give the caller's address: what the proxies of ours saw, never what a caller says of itself."""
    return f"address {_seen(request, proxies)}"


def is_near(request: web.Request, proxies: int) -> bool:
    """Tell whether the caller has a loopback or private address (RFC 1918, RFC 4193), as our Prometheus has."""
    try:
        seen = ip_address(_seen(request, proxies).partition("%")[0])
    except ValueError:
        return False
    return (getattr(seen, "ipv4_mapped", None) or seen).is_private


def _seen(request: web.Request, proxies: int) -> str:
    hops = [hop.strip() for hop in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
    if proxies and len(hops) >= proxies and hops[-proxies]:
        return hops[-proxies][:64]
    return str(request.remote)


class Gate:
    """Authenticates and limits. Refused tokens are counted on the caller's address."""

    def __init__(self, authenticator: Authenticator, limiter: Limiter, *, proxies: int = 0) -> None:
        self._authenticator = authenticator
        self._limiter = limiter
        self._proxies = proxies

    async def admit(
        self,
        request: web.Request,
        *,
        required: bool,
        memberships: Memberships | None = None,
        users: CompanyUsers | None = None,
    ) -> Actor | None:
        """Give who calls. Raises Unauthenticated, Forbidden, RateLimited."""
        authorization = request.headers.get("Authorization")
        wanted = request.headers.get(ORGANISATION_HEADER)
        try:
            actor = await self._authenticator.authenticate(authorization, wanted, memberships, users)
        except (Unauthenticated, Forbidden, InvalidInput):
            self._limiter.take(address(request, self._proxies))
            raise
        self._limiter.take(f"person {actor.subject}" if actor else address(request, self._proxies))
        if actor is None and required:
            raise _token_needed()
        return actor

    async def identify(self, request: web.Request) -> Person:
        """Give who calls, whatever organisation they act for. Raises Unauthenticated, RateLimited."""
        try:
            person = await self._authenticator.identify(request.headers.get("Authorization"))
        except Unauthenticated:
            self._limiter.take(address(request, self._proxies))
            raise
        self._limiter.take(f"person {person.subject}" if person else address(request, self._proxies))
        if person is None:
            raise _token_needed()
        return person


def _token_needed() -> Unauthenticated:
    return Unauthenticated(
        "Cette opération demande un jeton d'accès (en-tête Authorization: Bearer ...).",
        "This operation needs an access token (header Authorization: Bearer ...).",
    )
