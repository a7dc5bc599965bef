"""The story's HTTP client: what a portal would be. Every call says what it expects, and fails with the platform's own words."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

__all__ = ["Answer", "Api", "StoryError", "eventually", "require"]

T = TypeVar("T")
Json = Any
"""Whatever the platform answers in JSON: read member by member by the steps."""


class StoryError(Exception):
    """A step did not prove what it had to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform answered."""

    status: int
    headers: dict[str, str]
    body: bytes
    json: Any


def require(condition: bool, what: str) -> None:
    """Fail the step unless the condition holds. Raises StoryError."""
    if not condition:
        raise StoryError(what)


class Api:
    """Calls of one person (or of nobody), all below the platform's address."""

    def __init__(self, session: aiohttp.ClientSession, base: str, token: str | None = None) -> None:
        self.base = base
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def acting_with(self, token: str | None) -> Api:
        """Give the same client for somebody else."""
        return Api(self._session, self.base, token)

    async def attempt(
        self,
        method: str,
        path: str,
        *,
        json: Json = None,
        data: bytes | None = None,
        content_type: str | None = None,
        version: int | None = None,
        params: dict[str, str] | None = None,
        trace: str | None = None,
        more: dict[str, str] | None = None,
    ) -> Answer:
        """Call, and give whatever comes; `trace` is the identifier of the caller's own trace (W3C Trace Context).

        `more` are further headers.
        """
        headers = self._headers | (more or {})
        if trace:
            headers["traceparent"] = f"00-{trace}-{secrets.token_hex(8)}-01"
        if content_type:
            headers["Content-Type"] = content_type
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        url = self.base + path
        async with self._session.request(method, url, json=json, data=data, headers=headers, params=params) as response:
            body = await response.read()
            read = await response.json(content_type=None) if "json" in response.content_type and body else None
            return Answer(response.status, dict(response.headers), body, read)

    async def call(self, method: str, path: str, *, expect: int, **sent: Json) -> Answer:
        """Call as `attempt` does. Raises StoryError unless the status is the expected one."""
        answer = await self.attempt(method, path, **sent)
        if answer.status != expect:
            raise StoryError(f"{method} {path}: expected {expect}, got {answer.status}: {_words(answer)}")
        return answer

    async def get(self, path: str, params: dict[str, str] | None = None) -> Json:
        """GET, and give the JSON."""
        return (await self.call("GET", path, expect=200, params=params)).json

    async def post(self, path: str, json: Json = None, *, expect: int = 201, version: int | None = None) -> Json:
        """POST JSON, and give the JSON."""
        return (await self.call("POST", path, expect=expect, json=json, version=version)).json

    async def refused(self, path: str, json: Json = None, *, status: int = 409) -> str:
        """POST what must be refused, and give the reason the platform tells."""
        return _words(await self.call("POST", path, expect=status, json=json))


def _words(answer: Answer) -> str:
    if isinstance(answer.json, dict) and "title" in answer.json:
        problem = answer.json
        faults = "; ".join(f"{fault['where']}: {fault['message']}" for fault in problem.get("errors", []))
        return " ".join(part for part in (problem.get("detail") or problem["title"], faults) if part)
    return answer.body[:300].decode(errors="replace")


async def eventually(
    look: Callable[[], Awaitable[T | None]], what: str, *, seconds: float = 60.0, pause: float = 0.05
) -> T:
    """Look again and again until something is there: services answer each other by events. Raises StoryError in the end."""
    end = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > end:
            raise StoryError(f"waited {seconds:.0f} s in vain for: {what}")
        await asyncio.sleep(pause)
