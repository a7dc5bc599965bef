"""One HTTP call to a partner, signed (Standard Webhooks): bounded in time and size, no redirect, no proxy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import aiohttp

from services.alerts.webhooks.addresses import ForbiddenAddressError, GuardedResolver, Lookup, SystemLookup, check_url

__all__ = ["Answer", "Call", "Caller", "headers", "secret_text"]

TIMEOUT_SECONDS = 15.0
CONNECT_SECONDS = 5.0
ANSWER_BYTES = 16 * 1024
"""What is read of an answer; the connection is closed behind it, whatever is left."""


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at one delivery."""

    url: str
    event_id: str
    body: bytes
    secret: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint said: a status, or why there is none."""

    status: int | None
    error: str | None
    seconds: float
    retry_after: float | None = None
    """Seconds, as the endpoint asked (RFC 9110, delay form)."""

    @property
    def accepted(self) -> bool:
        """Any 2xx; a redirect is a failure, never followed."""
        return self.status is not None and 200 <= self.status < 300


def headers(call: Call, at: int) -> dict[str, str]:
    """Give the Standard Webhooks headers: HMAC-SHA256 of `id.timestamp.body`, scheme v1. `at` in Unix seconds."""
    signed = b".".join((call.event_id.encode(), str(at).encode(), call.body))
    signature = base64.b64encode(hmac.digest(call.secret, signed, hashlib.sha256)).decode()
    return {
        "webhook-id": call.event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "Halles-Webhooks/1",
    }


def secret_text(secret: bytes) -> str:
    """Give a secret as partners keep it: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secret).decode()


class Caller:
    """Calls endpoints. One a process; it keeps no connection open, so that each call is checked anew."""

    def __init__(
        self, *, allow: Collection[str] = (), lookup: Lookup | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self._allow = frozenset(allow)
        self._lookup = lookup or SystemLookup()
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT_SECONDS, timeout))

    async def vet(self, url: str) -> None:
        """Let an address pass if it may be called at this moment. Raises ForbiddenAddressError, or OSError without address."""
        parsed = check_url(url, self._allow)
        host, port = parsed.raw_host or "", parsed.port or 0
        async with asyncio.timeout(CONNECT_SECONDS):
            await GuardedResolver(self._lookup, self._allow).resolve(host, port)

    async def post(self, call: Call) -> Answer:
        """Make the call; whatever happens is an answer, nothing is raised but cancellation."""
        begun = time.monotonic()
        try:
            url = check_url(call.url, self._allow)
            async with (
                self._session() as session,
                session.post(
                    url, data=call.body, headers=headers(call, int(time.time())), allow_redirects=False
                ) as response,
            ):
                await _drain(response)
                asked = _retry_after(response.headers)
                return Answer(response.status, None, time.monotonic() - begun, asked)
        except ForbiddenAddressError as error:
            return Answer(None, f"forbidden address: {error}", time.monotonic() - begun)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Answer(None, _reason(error), time.monotonic() - begun)

    def _session(self) -> aiohttp.ClientSession:
        resolver = GuardedResolver(self._lookup, self._allow)
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True)
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read a little of the answer, to be polite to endpoints that write one; never more."""
    left = ANSWER_BYTES
    while left > 0:
        chunk = await response.content.read(left)
        if not chunk:
            return
        left -= len(chunk)
    response.close()


def _retry_after(given: Mapping[str, str]) -> float | None:
    text = given.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ForbiddenAddressError):
            return f"forbidden address: {cause}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, TimeoutError):
        return "timeout"
    return type(error).__name__
