"""Answers of a search that others follow: an Atom feed and a calendar of deadlines (libs/common/feeds.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from libs.common import feeds
from libs.common.feeds import ATOM, CALENDAR
from services.notices.domain.notice import Notice

__all__ = ["ATOM", "CALENDAR", "atom", "calendar"]

_TITLE: Final = "Halles : avis de marchés publics"


def atom(notices: Sequence[Notice], *, address: str, public_url: str) -> bytes:
    """Give the feed of some notices, newest first; `address` is the feed's own, and its identifier."""
    return feeds.atom([_item(notice, public_url) for notice in notices], title=_TITLE, address=address)


def calendar(notices: Iterable[Notice], *, public_url: str) -> bytes:
    """Give the deadlines of some notices: of each procedure, the one its newest notice tells."""
    host = public_url.partition("://")[2].partition("/")[0]
    return feeds.calendar([_item(notice, public_url) for notice in notices], title=_TITLE, host=host)


def _item(notice: Notice, public_url: str) -> feeds.Item:
    content, territory = notice.content, notice.content.territory
    buyer = content.buyer.name or ""
    said = feeds.summary(buyer, content.deadline, content.description, zone=territory.zone, clock=territory.clock)
    return feeds.Item(
        identity=notice.notice_id,
        group=notice.procedure_id,
        title=content.title,
        author=buyer or content.buyer.organisation,
        published_at=notice.published_at or notice.created_at,
        deadline=content.deadline,
        address=f"{public_url}/notices/v1/notices/{notice.notice_id}/page",
        summary=said,
        codes=content.cpv,
        place=content.buyer.city,
    )
