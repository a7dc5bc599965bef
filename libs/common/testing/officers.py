"""Opening officers for tests: real keys, always the same, with the proof that they are held."""

from __future__ import annotations

import base64
from hashlib import sha256

from libs.common.possession import exchange_key, prove

__all__ = ["officer"]


def officer(name: str, *, recovery: bool = False) -> dict[str, object]:
    """Give an officer as a buyer gives it to the notices service."""
    seed = sha256(f"officer {name}".encode()).digest()
    public = exchange_key(seed).public_key().public_bytes_raw()
    text = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"officer": name, "public_key": text, "proof": prove(seed, name), "recovery": recovery}
