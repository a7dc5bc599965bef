"""The cursor of the feed: encrypted, so that it tells nothing of the events a reader may not know of.

Positions count all events of a service, hidden ones too: from two readable cursors a competitor could tell how many
bids were deposited in between (order of 22 March 2019: not before the opening). A fresh nonce each time: two polls
do not even tell that something happened. A change of the secret ends no cursor as long as the earlier one is still
known (`Settings.old_secrets`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import struct
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.errors import FieldError, InvalidInput

if TYPE_CHECKING:
    from pydantic import SecretStr

    from libs.common.runtime import Runtime

__all__ = ["decode", "encode"]

_NONCE = 12  # bytes
_PLACE = struct.Struct(">qq")
_AHEAD = b"feed.1"
Place = tuple[int, int]


def encode(runtime: Runtime, place: Place) -> str:
    """Give the cursor of a place: where it is told, and the event's own position."""
    nonce = os.urandom(_NONCE)
    sealed = _cipher(runtime.service.name, runtime.settings.secret).encrypt(nonce, _PLACE.pack(*place), _AHEAD)
    return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def decode(runtime: Runtime, cursor: str, *, where: str = "query/after") -> Place:
    """Give the place of a cursor this service gave. Raises InvalidInput on any other text."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place: Place = _PLACE.unpack(_opened(runtime, raw[:_NONCE], raw[_NONCE:]))
    except (ValueError, struct.error, InvalidTag):
        french = "Ce curseur n'a pas été donné par ce flux : reprenez sans « after », ou avec le dernier « next » reçu."
        english = (
            "This feed never gave this cursor: start again without 'after', or with the last 'next' you were given."
        )
        raise InvalidInput(french, english, errors=[FieldError(where, french, english)]) from None
    return place


def _opened(runtime: Runtime, nonce: bytes, sealed: bytes) -> bytes:
    """Open what was sealed with the secret of now or an earlier one. Raises InvalidTag."""
    for secret in (runtime.settings.secret, *runtime.settings.old_secrets):
        with suppress(InvalidTag):
            return _cipher(runtime.service.name, secret).decrypt(nonce, sealed, _AHEAD)
    raise InvalidTag


@lru_cache(maxsize=64)
def _cipher(service: str, secret: SecretStr) -> AESGCM:
    return AESGCM(hmac.digest(secret.get_secret_value().encode(), f"feed:{service}".encode(), hashlib.sha256))
