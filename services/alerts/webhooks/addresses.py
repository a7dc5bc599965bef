"""Which addresses a partner's endpoint may have: public ones, whatever way they are written or resolved.

Server-side request forgery is stopped where the connection is made: the resolver of the HTTP client refuses a host when
any of its addresses is not public, and the client then connects to those very addresses, resolved once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

__all__ = ["ForbiddenAddressError", "GuardedResolver", "Lookup", "SystemLookup", "check_url", "forbidden"]

_NOT_PARTNERS = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
            "192.88.99.0/24",  # 6to4 relays, RFC 7526 (retired)
            "::/96",  # IPv4-compatible, RFC 4291 (retired)
            "::ffff:0:0/96",  # IPv4-mapped, RFC 4291
            "::ffff:0:0:0/96",  # IPv4-translated, RFC 2765
            "64:ff9b::/96",  # NAT64, RFC 6052
            "64:ff9b:1::/48",  # NAT64 of a site, RFC 8215
            "2001::/23",  # IETF protocol assignments, RFC 2928: Teredo, ORCHID, benchmarking
            "2002::/16",  # 6to4, RFC 3056
            "3fff::/20",  # documentation, RFC 9637
            "5f00::/16",  # segment routing, RFC 9602
        ),
    )
)
"""What `ipaddress` of some Python versions calls global, and the networks that carry an IPv4 address in an IPv6 one: never the
way to a partner, and a way around the check."""


_HTTPS = 443
_UNPRIVILEGED = 1024
_LOOKUPS = 32
"""Names resolved at once: a name server that does not answer holds up a thread for a long time."""


class ForbiddenAddressError(OSError):
    """The host is, or resolves to, an address that no partner may have."""


class Lookup(Protocol):
    """Gives the addresses of a host name, as text."""

    async def __call__(self, host: str, port: int) -> list[str]:
        """Resolve. Raises OSError when the name has no address."""
        ...


class SystemLookup:
    """The machine's own resolver (getaddrinfo, which also reads 0177.0.0.1 and 2130706433 as addresses)."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="webhook names")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Resolve. Raises OSError when the name has no address."""
        look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        except UnicodeError as error:  # a label that is too long, for one
            raise OSError("no such name") from error
        return [str(address[0]) for *_, address in found]


def forbidden(address: str) -> bool:
    """Tell whether an address is anything but a public unicast one; what cannot be read is forbidden too."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return True
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return True
    return not _public(parsed) or any(parsed in network for network in _NOT_PARTNERS)


def check_url(url: str, allow: Collection[str] = ()) -> URL:
    """Give the address of an endpoint, parsed. Raises ForbiddenAddressError when it can be refused without resolving.

    Only https, on its own port or on one that needs no privilege: 22, 25 and the like serve something else. `allow` names
    `host:port` pairs that the operator lets through whatever they are, for a demo on one machine.
    """
    if not url.isprintable() or " " in url:
        raise ForbiddenAddressError("unreadable address")
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except ValueError as error:
        raise ForbiddenAddressError("unreadable address") from error
    if parsed.scheme not in {"http", "https"} or not host or port is None:
        raise ForbiddenAddressError("only https addresses with a host")
    if parsed.user is not None or parsed.password is not None:
        raise ForbiddenAddressError("no user or password in the address")
    if f"{host}:{port}" not in allow:
        _check_public(parsed.scheme, host, port)
    return parsed


class GuardedResolver(AbstractResolver):
    """The resolver of the webhook client: all addresses of a host are public, or the host is refused."""

    def __init__(self, lookup: Lookup, allow: Collection[str] = ()) -> None:
        self._lookup = lookup
        self._allow = frozenset(allow)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give the addresses to connect to. Raises ForbiddenAddressError, or OSError when there is none."""
        addresses = await self._lookup(host, port)
        if f"{host}:{port}" not in self._allow and any(map(forbidden, addresses)):
            raise ForbiddenAddressError(f"{host} has an address that is not public")
        return [_result(host, port, address) for address in dict.fromkeys(addresses)]

    async def close(self) -> None:
        """Nothing is held."""


def _check_public(scheme: str, host: str, port: int) -> None:
    if scheme != "https":
        raise ForbiddenAddressError("only https addresses")
    if port != _HTTPS and port < _UNPRIVILEGED:
        raise ForbiddenAddressError("only port 443, or one from 1024")
    if _numeric(host) and forbidden(host):
        raise ForbiddenAddressError("not a public address")


def _public(address: IPv4Address | IPv6Address) -> bool:
    odd = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not odd and not address.is_link_local and not address.is_private


def _numeric(host: str) -> bool:
    """Tell whether the HTTP client takes a host for an address, and so never asks the resolver: 0177.0.0.1 too."""
    return ":" in host or host.replace(".", "").isdigit()


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
