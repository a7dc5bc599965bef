"""Signatures of webhooks (Standard Webhooks 1.0): HMAC-SHA256 under a shared secret (`v1`) or Ed25519 (`v1a`).

Secrets are derived from the platform's: nothing is stored, and each generation of each endpoint has its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.alerts.webhooks.endpoints import Signature

__all__ = ["Signer", "headers", "public_text", "secret_of", "secret_text"]

Signer = tuple[Signature, bytes]
"""A kind of signature, and its 32 secret bytes."""
_FIXED = {"Content-Type": "application/cloudevents+json; charset=utf-8", "User-Agent": "Halles-Webhooks/1"}


def secret_of(secret: str, webhook_id: UUID, generation: int = 1) -> bytes:
    """Give an endpoint's secret, 32 bytes, derived from the platform's: nothing in the database to steal."""
    about = b"webhook:" + webhook_id.bytes + (b":%d" % generation if generation > 1 else b"")
    return hmac.digest(secret.encode(), about, hashlib.sha256)


def secret_text(secret: bytes) -> str:
    """Give a shared secret as partners keep it: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secret).decode()


def public_text(secret: bytes) -> str:
    """Give the public key of a secret as partners keep it: `whpk_` and base64."""
    return "whpk_" + base64.b64encode(_key(secret).public_key().public_bytes_raw()).decode()


def headers(event_id: str, body: bytes, signers: Sequence[Signer], at: int) -> dict[str, str]:
    """Give the headers of a call: one signature of `id.timestamp.body` for each signer. `at` in Unix seconds."""
    signed = b"%s.%d.%s" % (event_id.encode(), at, body)
    signatures = " ".join(_signature(kind, secret, signed) for kind, secret in signers)
    return {"webhook-id": event_id, "webhook-timestamp": str(at), "webhook-signature": signatures, **_FIXED}


def _signature(kind: Signature, secret: bytes, signed: bytes) -> str:
    made = hmac.digest(secret, signed, hashlib.sha256) if kind == "v1" else _key(secret).sign(signed)
    return f"{kind},{base64.b64encode(made).decode()}"


@lru_cache(maxsize=1_000)
def _key(secret: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret)
