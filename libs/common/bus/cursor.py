"""The cursor of the feed: encrypted, so that it tells nothing of the events a reader may not know of.

Positions count all events of a service, hidden ones too: from two readable cursors a competitor could tell how many
bids were deposited in between (order of 22 March 2019: not before the opening). A fresh nonce each time: two polls
do not even tell that something happened.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import struct
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.errors import FieldError, InvalidInput

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["decode", "encode"]

_NONCE = 12  # bytes
_PLACE = struct.Struct(">qq")
_AHEAD = b"feed.1"
Place = tuple[int, int]


def encode(runtime: Runtime, place: Place) -> str:
    """Give the cursor of a place: where it is told, and the event's own position."""
    nonce = os.urandom(_NONCE)
    sealed = _cipher(runtime).encrypt(nonce, _PLACE.pack(*place), _AHEAD)
    return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def decode(runtime: Runtime, cursor: str, *, where: str = "query/after") -> Place:
    """Give the place of a cursor this service gave. Raises InvalidInput on any other text."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place: Place = _PLACE.unpack(_cipher(runtime).decrypt(raw[:_NONCE], raw[_NONCE:], _AHEAD))
    except (ValueError, struct.error, InvalidTag):
        french = "Ce curseur n'a pas été donné par ce flux : reprenez sans « after », ou avec le dernier « next » reçu."
        english = (
            "This feed never gave this cursor: start again without 'after', or with the last 'next' you were given."
        )
        raise InvalidInput(french, english, errors=[FieldError(where, french, english)]) from None
    return place


def _cipher(runtime: Runtime) -> AESGCM:
    secret = runtime.settings.secret.get_secret_value().encode()
    return AESGCM(hmac.digest(secret, f"feed:{runtime.service.name}".encode(), hashlib.sha256))
