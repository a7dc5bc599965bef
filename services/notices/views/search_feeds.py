"""Answers of a search that others follow: an Atom feed (RFC 4287) and a calendar of deadlines (RFC 5545)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from services.notices.domain.notice import Notice

__all__ = ["ATOM", "CALENDAR", "atom", "calendar"]

ATOM: Final = "application/atom+xml"
CALENDAR: Final = "text/calendar"
_NAMESPACE: Final = "http://www.w3.org/2005/Atom"
_CPV: Final = "http://data.europa.eu/cpv/cpv"
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SUMMARY: Final = 1000
"""characters"""
_FOLDED: Final = 75
"""bytes of a line of a calendar (RFC 5545, 3.1)"""
_TITLE: Final = "Halles : avis de marchés publics"
register_namespace("", _NAMESPACE)


def atom(notices: Sequence[Notice], *, address: str, public_url: str) -> bytes:
    """Give the feed of some notices, newest first; `address` is the feed's own, and its identifier."""
    feed = Element(f"{{{_NAMESPACE}}}feed")
    _text(feed, "id", address)
    _text(feed, "title", _TITLE)
    _text(feed, "updated", _instant(max((_published(notice) for notice in notices), default=_NEVER)))
    SubElement(feed, f"{{{_NAMESPACE}}}link", {"rel": "self", "type": ATOM, "href": address})
    _text(SubElement(feed, f"{{{_NAMESPACE}}}author"), "name", "Halles")
    for notice in notices:
        _entry(feed, notice, public_url)
    content: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return content


def calendar(notices: Iterable[Notice], *, public_url: str) -> bytes:
    """Give the deadlines of some notices: of each procedure, the one its newest notice tells."""
    newest: dict[object, Notice] = {}
    for notice in sorted(notices, key=_published):
        newest[notice.procedure_id] = notice
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Halles//Avis de marches publics//FR",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(_TITLE)}",
    ]
    for notice in sorted(newest.values(), key=lambda each: (each.content.deadline or _NEVER, each.notice_id)):
        lines += _event(notice, public_url)
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line)).encode()


def _entry(feed: Element, notice: Notice, public_url: str) -> None:
    content, entry = notice.content, SubElement(feed, f"{{{_NAMESPACE}}}entry")
    _text(entry, "id", f"urn:uuid:{notice.notice_id}")
    _text(entry, "title", content.title)
    _text(entry, "updated", _instant(_published(notice)))
    _text(entry, "published", _instant(_published(notice)))
    address = _address(notice, public_url)
    SubElement(entry, f"{{{_NAMESPACE}}}link", {"rel": "alternate", "type": "text/html", "href": address})
    _text(SubElement(entry, f"{{{_NAMESPACE}}}author"), "name", content.buyer.name or content.buyer.organisation)
    for code in content.cpv:
        SubElement(entry, f"{{{_NAMESPACE}}}category", {"term": code, "scheme": _CPV})
    _text(entry, "summary", _summary(notice))


def _event(notice: Notice, public_url: str) -> Iterator[str]:
    content = notice.content
    if content.deadline is None:
        return
    host = public_url.partition("://")[2].partition("/")[0]
    yield "BEGIN:VEVENT"
    yield f"UID:{notice.procedure_id}@{host}"
    yield f"DTSTAMP:{_utc(_published(notice))}"
    yield f"DTSTART:{_utc(content.deadline)}"
    yield f"SUMMARY:{_escaped(f'Date limite : {content.title}')}"
    yield f"DESCRIPTION:{_escaped(_summary(notice))}"
    if content.buyer.city:
        yield f"LOCATION:{_escaped(content.buyer.city)}"
    yield f"URL:{_address(notice, public_url)}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _summary(notice: Notice) -> str:
    content = notice.content
    parts = [content.buyer.name]
    if content.deadline is not None:
        local = content.deadline.astimezone(content.territory.zone)
        parts.append(f"Date limite : {local:%d/%m/%Y à %H h %M} (heure de {content.territory.clock})")
    parts.append(content.description[:_SUMMARY])
    return "\n".join(part for part in parts if part)


def _address(notice: Notice, public_url: str) -> str:
    return f"{public_url}/notices/v1/notices/{notice.notice_id}/page"


def _published(notice: Notice) -> datetime:
    return notice.published_at or notice.created_at


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
