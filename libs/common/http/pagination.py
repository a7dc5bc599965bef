"""Keyset pagination: a page, and a cursor that callers can neither read nor forge.

Sort keys count what a caller may not know of: from two readable cursors of its own drafts, a company could tell how many
bids others prepared in between. So they are encrypted, and padded.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import pydantic_core
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field

from libs.common.errors import FieldError, InvalidInput

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["Cursor", "Page"]

T = TypeVar("T")
_NONCE = 12  # bytes
_BLOCK = 32  # bytes: the length of a cursor tells no number of digits


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Name the page of something `SomethingPage` in the API description."""
        return f"{getattr(params[0], '__name__', 'Item')}Page"

    items: list[T]
    next: str | None = Field(default=None, description="cursor of the next page; null on the last one")


class Cursor:
    """The place where the next page begins: the sort key of the last item seen, sealed for its service."""

    @staticmethod
    def encode(runtime: Runtime, position: Mapping[str, Any]) -> str:
        """Give the cursor of a position, always the same; values become JSON (times and identifiers as text)."""
        content = pydantic_core.to_json(dict(position))
        content = content.ljust(-(-len(content) // _BLOCK) * _BLOCK)
        key = _key(runtime)
        nonce = hmac.digest(key, content, hashlib.sha256)[:_NONCE]
        return base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, content, None)).rstrip(b"=").decode()

    @staticmethod
    def decode(runtime: Runtime, cursor: str) -> dict[str, Any]:
        """Give the position of a cursor that this service made. Raises InvalidInput on any other text.

        Reading a member that it has not raises InvalidInput too: it is the cursor of another list.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            content = AESGCM(_key(runtime)).decrypt(raw[:_NONCE], raw[_NONCE:], None)
        except (ValueError, InvalidTag):
            raise _refused() from None
        return _Position(json.loads(content))


class _Position(dict[str, Any]):
    def __missing__(self, _: str) -> NoReturn:
        raise _refused()


def _key(runtime: Runtime) -> bytes:
    secret = runtime.settings.secret.get_secret_value().encode()
    return hmac.digest(secret, f"cursor:{runtime.service.name}".encode(), hashlib.sha256)


def _refused() -> InvalidInput:
    french = "Ce curseur n'a pas été donné par cette liste : reprenez depuis la première page."
    english = "This cursor was not given by this list: start again from the first page."
    return InvalidInput(french, english, errors=[FieldError("query/cursor", french, english)])
