"""One HTTP call to a partner: to a checked address only, bounded in time and size, no redirect, no proxy.

One session a process keeps connections open for a while. Each connection is made to an address that was checked when
it was made, so that a later answer of a name server changes nothing for it.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import aiohttp

from services.alerts.webhooks.addresses import ForbiddenAddressError, GuardedResolver, Lookup, SystemLookup, check_url
from services.alerts.webhooks.answers import Answer, kept, retry_after

__all__ = ["ANSWER_BYTES", "Call", "Caller"]

TIMEOUT_SECONDS = 15.0
CONNECT_SECONDS = 5.0
KEEP_SECONDS = 10.0
"""That a connection without a call stays open."""
ANSWER_BYTES = 16 * 1024
"""What is read of an answer; the connection is closed behind it, whatever is left."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at one delivery, signed."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Caller:
    """Calls endpoints. One a process."""

    def __init__(
        self,
        *,
        allow: Collection[str] = (),
        lookup: Lookup | None = None,
        timeout: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = frozenset(allow)
        self._lookup = lookup or SystemLookup()
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT_SECONDS, timeout))
        self._tls = tls
        self._kept: aiohttp.ClientSession | None = None

    async def vet(self, url: str) -> None:
        """Let an address pass if it may be called at this moment. Raises ForbiddenAddressError, or OSError without address."""
        parsed = check_url(url, self._allow)
        host, port = parsed.raw_host or "", parsed.port or 0
        async with asyncio.timeout(CONNECT_SECONDS):
            await GuardedResolver(self._lookup, self._allow).resolve(host, port)

    async def post(self, call: Call) -> Answer:
        """Make the call; whatever happens is an answer, nothing is raised but cancellation.

        A connection that was kept and that the endpoint closed meanwhile is no failure: the call is made on a new one.
        """
        begun = time.monotonic()
        trace = SimpleNamespace(reused=False)
        try:
            try:
                return await self._asked(call, trace, begun)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not trace.reused:
                    raise
                return await self._asked(call, trace, begun, fresh=True)
        except ForbiddenAddressError as error:
            return Answer(None, f"forbidden address: {error}", time.monotonic() - begun)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Answer(None, _reason(error), time.monotonic() - begun)

    async def aclose(self) -> None:
        """Close what is kept open."""
        if self._kept is not None:
            await self._kept.close()
            self._kept = None

    async def _asked(self, call: Call, trace: SimpleNamespace, begun: float, *, fresh: bool = False) -> Answer:
        url = check_url(call.url, self._allow)
        session = self._session(keep=False) if fresh else self._shared()
        try:
            async with session.post(
                url, data=call.body, headers=call.headers, allow_redirects=False, trace_request_ctx=trace
            ) as response:
                text = kept(await _read(response))
                asked = retry_after(response.headers, datetime.now(UTC))
                return Answer(response.status, None, time.monotonic() - begun, asked, text)
        finally:
            if fresh:
                await session.close()

    def _shared(self) -> aiohttp.ClientSession:
        if self._kept is None:
            self._kept = self._session(keep=True)
        return self._kept

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._lookup, self._allow),
            use_dns_cache=False,
            limit=0,  # the lanes of endpoints are the limit
            ssl=self._tls or True,
            keepalive_timeout=KEEP_SECONDS if keep else None,
            force_close=not keep,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_TRACE],
        )


async def _reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True


_TRACE = aiohttp.TraceConfig()
_TRACE.on_connection_reuseconn.append(_reused)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read a little of the answer, never more; a connection with something left on it is closed."""
    read = b""
    while len(read) < ANSWER_BYTES:
        chunk = await response.content.read(ANSWER_BYTES - len(read))
        if not chunk:
            return read
        read += chunk
    response.close()
    return read


def _reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ForbiddenAddressError):
            return f"forbidden address: {cause}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, TimeoutError):
        return "timeout"
    return type(error).__name__
