"""Every term that a notice holds, also those of which the platform's model knows nothing, as its reader may have them."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from pydantic_core import from_json

from libs.common.actor import Actor
from libs.common.runtime import Runtime
from services.notices.content_terms import content_terms
from services.notices.domain.notice import Notice
from services.notices.eforms import terms as eforms
from services.notices.eforms import xml
from services.notices.eforms.apart import apart
from services.notices.eforms.terms import Term
from services.notices.errors import MissingTermsError
from services.notices.legacy import boamp
from services.notices.legacy import terms as legacy
from services.notices.service.disclosure import readable_file
from services.notices.service.eforms import written

__all__ = ["TermsPage", "terms_of"]


@dataclass(frozen=True, slots=True)
class TermsPage:
    """Some terms of a notice, in its order."""

    terms: list[Term]
    more: bool


async def terms_of(runtime: Runtime, notice: Notice, actor: Actor | None, start: int, limit: int) -> TermsPage:
    """Give terms of a notice from one on.

    Of an imported notice those of its file, of one written here those of its eForms; where these are not complete yet, or
    the notice is none that we write as eForms, those of its content.
    """
    data = await readable_file(runtime, notice, actor)
    if data is not None and notice.source is not None and notice.source.media_type == "application/json":
        return await apart(_of_record, data, start=start, limit=limit)
    try:
        return await apart(_of_xml, data or await written(runtime, notice, actor), start=start, limit=limit)
    except MissingTermsError:
        return _page(islice(content_terms(notice.content), start, start + limit + 1), limit)


def _of_xml(data: bytes, *, start: int, limit: int) -> TermsPage:
    places = eforms.places(xml.parse(data, {**xml.ROOTS, boamp.ROOT: "BOAMP"}))
    return _page([eforms.term_at(place) for place in places[start : start + limit + 1]], limit)


def _of_record(data: bytes, *, start: int, limit: int) -> TermsPage:
    return _page(islice(legacy.terms(from_json(data.removeprefix(codecs.BOM_UTF8))), start, start + limit + 1), limit)


def _page(terms: Iterable[Term], limit: int) -> TermsPage:
    found = list(terms)
    return TermsPage(found[:limit], more=len(found) > limit)
