"""What a reader of the feed asks for, and what a page is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from libs.common.errors import FieldError, InvalidInput
from libs.common.messages import registry
from libs.common.messages.envelope import CloudEvent

__all__ = ["MAX_WAIT", "FeedPage", "FeedQuery", "check_types"]

MAX_WAIT = 50
"""seconds of a long poll: proxies commonly give up after 60"""


def _split(value: object) -> object:
    if isinstance(value, list):
        return [part.strip() for text in value for part in str(text).split(",") if part.strip()]
    return value


class FeedQuery(BaseModel):
    """Which part of the feed, and how long to wait for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: str | None = Field(
        default=None,
        max_length=200,
        description="`next` of the page before; none: the oldest event still here (older ones: the archive)",
    )
    limit: int = Field(default=100, ge=1, le=500, description="events at most; in a stream: read at a time")
    types: Annotated[list[str], BeforeValidator(_split)] = Field(
        default=[], max_length=50, description="event types, separated by commas or repeated; none: all"
    )
    wait: int = Field(
        default=0,
        ge=0,
        le=MAX_WAIT,
        description="seconds to wait for an event when there is none yet; not for streams, which always wait",
    )


class FeedPage(BaseModel):
    """A page of events, and where to go on from: `next` moves even when nothing here was for the caller."""

    model_config = ConfigDict(frozen=True)

    events: list[CloudEvent]
    next: str = Field(
        description="opaque; pass it as `after`. The end is reached when `events` is empty: ask again later"
    )


def check_types(service: str, types: Sequence[str]) -> None:
    """Let only types of this service's events pass. Raises InvalidInput."""
    known = [name for name in registry.all_types() if name.startswith(f"{service}.")]
    unknown = sorted(set(types) - set(known))
    if unknown:
        french = f"Types inconnus dans ce flux : {', '.join(unknown)}. Types possibles : {', '.join(known)}."
        english = f"Types unknown in this feed: {', '.join(unknown)}. Possible types: {', '.join(known)}."
        raise InvalidInput(french, english, errors=[FieldError("query/types", french, english)])
