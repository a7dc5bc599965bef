"""Versions and conditional requests: ETag, If-Match, If-None-Match (RFC 9110, sections 8.8.3 and 13)."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from aiohttp import web

from libs.common.errors import FieldError, InvalidInput, VersionRequired

__all__ = ["IF_MATCH", "IfMatch", "IfMatchMarker", "etag", "is_unchanged", "known_tags", "read_if_match"]

_TAG = re.compile(r'(?:W/)?"(\d{1,9})(?:\.[0-9a-f]+)?"')


class IfMatchMarker:
    """Marks the parameter that receives the version of `If-Match`."""


IF_MATCH = IfMatchMarker()
IfMatch = Annotated[int, IF_MATCH]
"""The version the caller saw, from `If-Match`; 428 when absent. The service compares it (StaleVersion, 412)."""


def etag(content: bytes, version: int | None) -> str:
    """Give the tag of a representation: its version first, where it has one, then a digest of its bytes.

    The digest makes a 304 true even when what is shown changes without the aggregate (a deadline that passes).
    """
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return f'"{version}.{digest}"' if version is not None else f'"{digest}"'


def read_if_match(request: web.Request) -> int:
    """Give the version of `If-Match`: the tag as it was given, or the version alone between quotes.

    Raises VersionRequired when absent, InvalidInput when it is no tag of ours.
    """
    text = request.headers.get("If-Match")
    if text is None:
        raise VersionRequired(
            "Indiquez dans l'en-tête If-Match la version que vous modifiez (l'ETag reçu à la lecture).",
            "Say in the If-Match header which version you change (the ETag received when reading).",
        )
    match = _TAG.fullmatch(text.strip())
    if match is None:
        french = 'La version attendue est celle de l\'ETag, par exemple "3".'
        english = 'The version expected is that of the ETag, for example "3".'
        raise InvalidInput(french, english, errors=[FieldError("header/If-Match", french, english)])
    return int(match[1])


def known_tags(request: web.Request) -> list[str]:
    """Give the tags that the caller already has (If-None-Match), without what says that they are weak."""
    header = request.headers.get("If-None-Match")
    return [] if header is None else [part.strip().removeprefix("W/") for part in header.split(",")]


def is_unchanged(request: web.Request, tag: str) -> bool:
    """Say whether the caller already has this representation (If-None-Match, weak comparison)."""
    known = known_tags(request)
    return "*" in known or tag.removeprefix("W/") in known
