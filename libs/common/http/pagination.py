"""Keyset pagination: a page, and a cursor that callers can neither read into nor forge."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pydantic_core
from pydantic import BaseModel, ConfigDict, Field

from libs.common.errors import FieldError, InvalidInput

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["Cursor", "Page"]

T = TypeVar("T")
_MAC = 16  # bytes


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
    """The place where the next page begins: the sort key of the last item seen, signed for its service."""

    @staticmethod
    def encode(runtime: Runtime, position: Mapping[str, Any]) -> str:
        """Give the cursor of a position; values become JSON (times and identifiers as text)."""
        content = pydantic_core.to_json(dict(position))
        return base64.urlsafe_b64encode(_sign(runtime, content) + content).rstrip(b"=").decode()

    @staticmethod
    def decode(runtime: Runtime, cursor: str) -> dict[str, Any]:
        """Give the position of a cursor that this service made. Raises InvalidInput on any other text."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise _refused() from None
        content = raw[_MAC:]
        if not hmac.compare_digest(raw[:_MAC], _sign(runtime, content)):
            raise _refused()
        position: dict[str, Any] = json.loads(content)
        return position


def _sign(runtime: Runtime, content: bytes) -> bytes:
    secret = runtime.settings.secret.get_secret_value().encode()
    return hmac.digest(secret, f"cursor:{runtime.service.name}:".encode() + content, hashlib.sha256)[:_MAC]


def _refused() -> InvalidInput:
    french = "Ce curseur n'a pas été donné par ce service : reprenez depuis la première page."
    english = "This cursor was not given by this service: start again from the first page."
    return InvalidInput(french, english, errors=[FieldError("query/cursor", french, english)])
