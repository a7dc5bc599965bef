"""Every term that an imported notice holds, also those of which the platform's model knows nothing."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from itertools import islice

from pydantic_core import from_json

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.runtime import Runtime
from services.notices.domain.notice import Notice
from services.notices.eforms import terms as eforms
from services.notices.eforms import xml
from services.notices.eforms.apart import apart
from services.notices.eforms.terms import Term
from services.notices.legacy import boamp
from services.notices.legacy import terms as legacy
from services.notices.service import roles

__all__ = ["TermsPage", "terms_of"]


@dataclass(frozen=True, slots=True)
class TermsPage:
    """Some terms of a notice, in its order."""

    terms: list[Term]
    more: bool


async def terms_of(runtime: Runtime, notice: Notice, actor: Actor | None, start: int, limit: int) -> TermsPage:
    """Give terms of a notice from one on; contacts and persons for its buyer only. Raises NotFound where it was not imported."""
    if notice.source is None:
        raise NotFound(
            "Cet avis n'a pas été importé : il dit tout ce qu'il contient.",
            "This notice was not imported: it says all that it holds.",
        )
    async with runtime.read() as conn:
        own = await roles.may(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
    data = await runtime.storage.read(notice.source.key, notice.source.size)
    reading = _of_record if notice.source.media_type == "application/json" else _of_xml
    return await apart(reading, data, public=not own, start=start, limit=limit)


def _of_xml(data: bytes, *, public: bool, start: int, limit: int) -> TermsPage:
    places = eforms.places(xml.parse(data, {**xml.ROOTS, boamp.ROOT: "BOAMP"}), public=public)
    shown = places[start : start + limit]
    return TermsPage([eforms.term_at(place) for place in shown], more=len(places) > start + limit)


def _of_record(data: bytes, *, public: bool, start: int, limit: int) -> TermsPage:
    found = list(
        islice(legacy.terms(from_json(data.removeprefix(codecs.BOM_UTF8)), public=public), start, start + limit + 1)
    )
    return TermsPage(found[:limit], more=len(found) > limit)
