"""Notices that others follow: an Atom feed (RFC 4287) and a calendar of deadlines (RFC 5545)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring
from zoneinfo import ZoneInfo

__all__ = ["ATOM", "CALENDAR", "Item", "atom", "calendar", "summary"]

ATOM: Final = "application/atom+xml"
CALENDAR: Final = "text/calendar"
_NAMESPACE: Final = "http://www.w3.org/2005/Atom"
_CPV: Final = "http://data.europa.eu/cpv/cpv"
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PARIS: Final = ZoneInfo("Europe/Paris")
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SUMMARY: Final = 1000
"""characters"""
_FOLDED: Final = 75
"""bytes of a line of a calendar (RFC 5545, 3.1)"""
register_namespace("", _NAMESPACE)


@dataclass(frozen=True, slots=True)
class Item:
    """A notice, as feeds tell it."""

    identity: UUID
    group: UUID
    """Its procedure: a calendar tells one deadline of each."""
    title: str
    author: str
    published_at: datetime
    deadline: datetime | None
    address: str
    """Of its page."""
    summary: str
    codes: Sequence[str] = ()
    """CPV."""
    place: str | None = None


def atom(items: Sequence[Item], *, title: str, address: str) -> bytes:
    """Give the feed of some notices, newest first; `address` is the feed's own, and its identifier."""
    feed = Element(f"{{{_NAMESPACE}}}feed")
    _text(feed, "id", address)
    _text(feed, "title", title)
    _text(feed, "updated", _instant(max((item.published_at for item in items), default=_NEVER)))
    SubElement(feed, f"{{{_NAMESPACE}}}link", {"rel": "self", "type": ATOM, "href": address})
    _text(SubElement(feed, f"{{{_NAMESPACE}}}author"), "name", "Halles")
    for item in items:
        _entry(feed, item)
    content: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return content


def calendar(items: Iterable[Item], *, title: str, host: str) -> bytes:
    """Give the deadlines of some notices: of each procedure, the one its newest notice tells."""
    newest = {item.group: item for item in sorted(items, key=lambda each: each.published_at)}
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Halles//Avis de marches publics//FR",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(title)}",
    ]
    for item in sorted(newest.values(), key=lambda each: (each.deadline or _NEVER, each.identity)):
        lines += _event(item, host)
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line)).encode()


def summary(
    buyer: str, deadline: datetime | None, description: str = "", *, zone: ZoneInfo = _PARIS, clock: str = "Paris"
) -> str:
    """Give what a feed says of a notice below its title: buyer, deadline by the clock of a place, description."""
    parts = [buyer]
    if deadline is not None:
        parts.append(f"Date limite : {deadline.astimezone(zone):%d/%m/%Y à %H h %M} (heure de {clock})")
    return "\n".join(part for part in [*parts, description[:_SUMMARY]] if part)


def _entry(feed: Element, item: Item) -> None:
    entry = SubElement(feed, f"{{{_NAMESPACE}}}entry")
    _text(entry, "id", f"urn:uuid:{item.identity}")
    _text(entry, "title", item.title)
    _text(entry, "updated", _instant(item.published_at))
    _text(entry, "published", _instant(item.published_at))
    SubElement(entry, f"{{{_NAMESPACE}}}link", {"rel": "alternate", "type": "text/html", "href": item.address})
    _text(SubElement(entry, f"{{{_NAMESPACE}}}author"), "name", item.author)
    for code in item.codes:
        SubElement(entry, f"{{{_NAMESPACE}}}category", {"term": code, "scheme": _CPV})
    _text(entry, "summary", item.summary)


def _event(item: Item, host: str) -> Iterator[str]:
    if item.deadline is None:
        return
    yield "BEGIN:VEVENT"
    yield f"UID:{item.group}@{host}"
    yield f"DTSTAMP:{_utc(item.published_at)}"
    yield f"DTSTART:{_utc(item.deadline)}"
    yield f"SUMMARY:{_escaped(f'Date limite : {item.title}')}"
    yield f"DESCRIPTION:{_escaped(item.summary)}"
    if item.place:
        yield f"LOCATION:{_escaped(item.place)}"
    yield f"URL:{item.address}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, f"{{{_NAMESPACE}}}{name}").text = _NOT_IN_XML.sub("", text)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """Write a text value (RFC 5545, 3.3.11)."""
    plain = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Part a line into pieces of 75 bytes, no character cut; each but the first begins with a blank."""
    room, piece = _FOLDED, ""
    for letter in line:
        size = len(letter.encode())
        if size > room:
            yield piece
            piece, room = " ", _FOLDED - 1
        piece += letter
        room -= size
    yield piece
