"""From a parsed eForms notice to the platform's content: pure, total; what the notice does not say is derived or left out."""

from __future__ import annotations

from datetime import date
from typing import Final, cast
from uuid import UUID, uuid5

from libs.common.messages.notices import Change, ContractKind, NoticeKind
from services.notices.content import Justification, NoticeContent
from services.notices.drafting.lots import (
    MAX_DESCRIPTION,
    contest_of,
    known_codes,
    lots_of,
    modification_of,
    nature_of,
    results_of,
    techniques_of,
    title_of,
    value_of,
)
from services.notices.drafting.places import buyer_of, contact_of, department_of, departments_of, place_of, review_of
from services.notices.eforms.model import ParsedNotice, ParsedOrganisation, base_subtype
from services.notices.rules import Situation, buyer_kind, is_formal

__all__ = ["content_of", "department_of", "departments_of", "noticed_id", "procedure_id_of", "situation"]

_NAMESPACE: Final = UUID("b0f4f0c2-6c55-4a0e-8f0c-6d9a4f7f2f11")
_CONCESSIONS: Final = {"14", "19", "28", "32", "35", "40"}
"""Subtypes of directive 2014/23/EU."""


def procedure_id_of(notice: ParsedNotice) -> UUID:
    """Give the procedure of a notice (BT-04).

    A planning notice may have none: one is derived from its own identifier, for its correction from that of the notice
    corrected, so that both have the same.
    """
    return notice.procedure_id or uuid5(_NAMESPACE, str(noticed_id(notice.changes) or notice.notice_id))


def content_of(notice: ParsedNotice, buyer: ParsedOrganisation, on: date) -> NoticeContent:
    """Give the content of a notice that was accepted, seen from one of its buyers, under the rules of a day."""
    nature = nature_of(notice.nature, (lot.nature for lot in notice.lots))
    places = [place_of(place) for place in notice.places]
    codes = known_codes(notice.cpv) or known_codes(code for lot in notice.lots for code in lot.cpv)
    lots = lots_of(notice, nature, codes, places)
    every_place = places or [place for lot in lots for place in lot.places]
    drafted = NoticeContent(
        kind=_kind(notice),
        subtype=notice.subtype or "national",
        language=notice.language or "FRA",
        title=title_of(notice),
        description=(notice.description or "")[:MAX_DESCRIPTION],
        internal_reference=notice.internal_reference,
        buyer=buyer_of(buyer),
        legal_basis=notice.legal_basis,
        procedure_type=notice.procedure_type or "unspecified",
        accelerated=notice.accelerated,
        formal=False,
        nature=nature,
        cpv=codes,
        places=every_place,
        departments=departments_of(every_place, buyer),
        value=value_of(notice),
        deadline=notice.deadline,
        lots=lots,
        results=results_of(notice),
        documents_url=next((lot.documents_url for lot in notice.lots if lot.documents_url), None),
        electronic=any(lot.electronic_submission != "not-allowed" for lot in notice.lots) or not notice.lots,
        changes=notice.changes,
        notice_type=notice.notice_type,
        contract_kind=_contract_kind(notice),
        techniques=techniques_of(notice),
        change=_change(notice),
        modification=modification_of(notice, notice.modification) if notice.modification else None,
        contact=contact_of(buyer),
        review=next((review_of(notice.organisations[key]) for key in _review_bodies(notice)), None),
        justification=_justification(notice),
        features=notice.features,
        planned_on=notice.planned_on,
        contest=contest_of(notice),
        framework_notice=notice.framework_notice,
        previous=list(dict.fromkeys(each for lot in notice.lots for each in lot.previous)),
    )
    formal = is_formal(situation(drafted, on))
    return drafted.model_copy(update={"formal": formal, "procedure_type": _procedure_type(drafted, formal=formal)})


def situation(content: NoticeContent, on: date) -> Situation:
    """Give what the rules look at."""
    return Situation(
        on=on,
        buyer=buyer_kind(content.buyer.legal_type, content.legal_basis),
        nature=content.nature,
        subtype=base_subtype(content.subtype) or content.subtype,
        kind=content.kind,
        value=content.value.amount if content.value else None,
        procedure_type=content.procedure_type,
        deadline=content.deadline,
        electronic=content.electronic,
        contract_kind=content.contract_kind,
        urgent=content.accelerated,
        department=content.buyer.department,
    )


def _kind(notice: ParsedNotice) -> NoticeKind:
    """Give the kind of a notice; a registration (X01, X02), which opens nothing, stands among what comes before procedures."""
    return "planning" if notice.kind == "registration" else cast("NoticeKind", notice.kind)


def noticed_id(reference: str | None) -> UUID | None:
    """Give the notice that a reference with a version names (`<uuid>-01`, BT-758); None for another kind of reference."""
    try:
        return UUID((reference or "").strip()[:36])
    except ValueError:
        return None


def _procedure_type(content: NoticeContent, *, formal: bool) -> str:
    """Give BT-105, or `adapted` for a French competition that is not formal (R2123-1); a direct award stays one."""
    french = content.buyer.organisation.startswith("SIRET:")
    adapted = french and not formal and content.kind != "planning" and content.procedure_type != "neg-wo-call"
    return "adapted" if adapted else content.procedure_type


def _contract_kind(notice: ParsedNotice) -> ContractKind:
    concession = notice.legal_basis == "32014L0023" or base_subtype(notice.subtype) in _CONCESSIONS
    return "concession" if concession else "marche"


def _change(notice: ParsedNotice) -> Change | None:
    if not notice.changes:
        return None
    return Change(
        notice_id=noticed_id(notice.changes), reason=notice.change_reason, description=notice.change_description
    )


def _review_bodies(notice: ParsedNotice) -> list[str]:
    return [lot.review for lot in notice.lots if lot.review and lot.review in notice.organisations]


def _justification(notice: ParsedNotice) -> Justification | None:
    """Give why there is no call for competition, else why the procedure is accelerated."""
    if notice.direct_award_code or notice.direct_award_reason:
        return Justification(code=notice.direct_award_code, text=notice.direct_award_reason)
    return Justification(text=notice.acceleration_reason) if notice.acceleration_reason else None
