"""RabbitMQ's management API, as far as partners' accounts need it. Same words in 3.10 and 4.x."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from yarl import URL

from libs.common.errors import Conflict, Unavailable

__all__ = ["Management", "hashed"]

_SECONDS = 30
_SALT_BYTES = 4


def hashed(password: str) -> dict[str, str]:
    """Give what a user of RabbitMQ is made of, so that the password itself goes nowhere: salted SHA-256, in its form."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.sha256(salt + password.encode()).digest()
    algorithm = "rabbit_password_hashing_sha256"
    return {"password_hash": base64.b64encode(salt + digest).decode(), "hashing_algorithm": algorithm}


class Management:
    """The API of one broker, as its operator."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        parts = urlsplit(address)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self._base = f"{parts.scheme}://{host}:{parts.port or (15671 if parts.scheme == 'https' else 15672)}/api/"
        login = aiohttp.encode_basic_auth(unquote(parts.username or ""), unquote(parts.password or ""))
        self._headers = {"Authorization": login}
        self._http = http

    async def get(self, *path: str) -> Any:  # noqa: ANN401  # JSON
        """Read what is there; None where there is nothing. Raises Conflict, Unavailable."""
        return await self._ask("GET", path)

    async def put(self, *path: str, body: object) -> None:
        """Make, or change. Raises Conflict, Unavailable."""
        await self._ask("PUT", path, body)

    async def post(self, *path: str, body: object) -> None:
        """Add. Raises Conflict, Unavailable."""
        await self._ask("POST", path, body)

    async def delete(self, *path: str) -> bool:
        """Remove; False when there was nothing. Raises Conflict, Unavailable."""
        return await self._ask("DELETE", path) is not None

    async def _ask(self, method: str, path: tuple[str, ...], body: object = None) -> Any:  # noqa: ANN401
        address = URL(self._base + "/".join(quote(part, safe="") for part in path), encoded=True)
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with self._http.request(
                method, address, json=body, headers=self._headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return await _read(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(
                f"L'API de gestion de RabbitMQ ne répond pas : {type(error).__name__}.",
                f"RabbitMQ's management API does not answer: {type(error).__name__}.",
            ) from error


async def _read(answer: aiohttp.ClientResponse) -> Any:  # noqa: ANN401
    """Give the content, True without one, None when there is nothing such. Never repeats what was sent."""
    if answer.status == 404:
        return None
    if not answer.ok:
        raise Conflict(
            f"RabbitMQ a refusé {answer.method} {answer.url.path} : {answer.status} {answer.reason}.",
            f"RabbitMQ refused {answer.method} {answer.url.path}: {answer.status} {answer.reason}.",
        )
    if answer.content_type != "application/json" or answer.status in {201, 204}:
        return True
    return await answer.json()
