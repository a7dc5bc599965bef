"""`Idempotency-Key` on POST: an operation asked again with its key is done once, and answered with the same bytes.

The row is written in the transaction of the effect: no effect without its row, no row without its effect. The answer is
encrypted in it: some hold what is told only once (a webhook's secret), and a copy of the database must not.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.actor import Actor
from libs.common.db import load_queries
from libs.common.errors import Conflict, FieldError, InvalidInput

__all__ = ["KEPT", "Asked", "asked", "begin", "forget_old", "keep"]

KEPT = timedelta(hours=48)
"""How long an answer is kept for replay (real time)."""

_QUERIES = load_queries(Path(__file__).with_name("queries.sql"))
_NONCE = 12  # bytes
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,128})"?')
_KEPT_HEADERS = ("ETag", "Location", "Content-Disposition", "Cache-Control", "Link")


class KeyReused(InvalidInput):
    """The key was used for another request."""

    slug = "idempotency-key-reused"
    title, title_en = "Idempotency-Key déjà utilisée", "Idempotency-Key already used"


class InFlight(Conflict):
    """The same request is being processed."""

    slug = "idempotency-in-flight"
    title, title_en = "Requête déjà en cours", "Request already in progress"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that must be done once."""

    principal: str
    key: str
    fingerprint: bytes
    secret: bytes
    """The platform's, which the answer is encrypted with."""

    @property
    def lock(self) -> int:
        """The number of the advisory lock held while it is in progress."""
        digest = hashlib.blake2b(f"idempotency\0{self.principal}\0{self.key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, signed=True)

    def seal(self, body: bytes) -> bytes:
        """Encrypt an answer for this request alone."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher().encrypt(nonce, body, self.fingerprint)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt an answer. Raises InvalidTag when it was kept under another secret."""
        return self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], self.fingerprint)

    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.digest(self.secret, f"idempotency\0{self.principal}\0{self.key}".encode(), hashlib.sha256))


def asked(request: web.Request, actor: Actor | None, content: bytes | None, *, secret: bytes) -> Asked | None:
    """Give what the header asks; None without it. `content` None: a stream, which cannot be compared.

    Raises InvalidInput when the key cannot be kept.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    match = _KEY.fullmatch(key.strip())
    if match is None:
        raise _unusable("1 à 128 caractères ASCII imprimables", "1 to 128 printable ASCII characters")
    if content is None:
        raise _unusable("cette opération reçoit un flux", "this operation receives a stream")
    principal = f"{actor.subject} {actor.organisation} {actor.kind}" if actor else f"address {request.remote}"
    return Asked(principal, match[1], _fingerprint(request, content), secret)


async def begin(conn: asyncpg.Connection, once: Asked) -> web.Response | None:
    """Take the key for this transaction; the answer kept before, if there is one. Raises KeyReused, InFlight."""
    if not await conn.fetchval(_QUERIES["lock_key"], once.lock):
        raise InFlight(
            "La même requête (Idempotency-Key) est en cours : attendez sa réponse.",
            "The same request (Idempotency-Key) is in progress: wait for its answer.",
        )
    row = await conn.fetchrow(_QUERIES["find_answer"], once.principal, once.key)
    if row is None:
        return None
    if row["fingerprint"] != once.fingerprint:
        raise _reused()
    try:
        body = once.open(row["body"])
    except InvalidTag:  # the platform's secret changed since
        raise _reused() from None
    headers = {**row["headers"], "Idempotency-Replayed": "true"}
    return web.Response(body=body, status=row["status"], headers=headers)


async def keep(conn: asyncpg.Connection, once: Asked, response: web.Response) -> None:
    """Keep the answer with the effect."""
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    if response.body is not None:
        headers["Content-Type"] = response.content_type
    body = response.body if isinstance(response.body, bytes) else b""
    await conn.execute(
        _QUERIES["keep_answer"], once.principal, once.key, once.fingerprint, response.status, headers, once.seal(body)
    )


async def forget_old(conn: asyncpg.Connection) -> int:
    """Remove the answers kept long enough; gives how many."""
    return len(await conn.fetch(_QUERIES["forget_old"], KEPT))


def _fingerprint(request: web.Request, content: bytes) -> bytes:
    digest = hashlib.sha256(content)
    for part in (
        request.method,
        request.rel_url.raw_path_qs,
        request.headers.get("If-Match", ""),
        request.content_type,
    ):
        digest.update(b"\0" + part.encode())
    return digest.digest()


def _reused() -> KeyReused:
    return KeyReused(
        "Cette Idempotency-Key a servi à une autre requête : prenez-en une nouvelle.",
        "This Idempotency-Key was used for another request: take a new one.",
    )


def _unusable(french: str, english: str) -> InvalidInput:
    return InvalidInput(
        f"Idempotency-Key non acceptée : {french}.",
        f"Idempotency-Key not accepted: {english}.",
        errors=[FieldError("header/Idempotency-Key", french, english)],
    )
