"""From a parsed eForms notice to the platform's content: pure, total; what the notice does not say is derived or left out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final, Literal, cast
from uuid import UUID, uuid5

from libs.common.messages.base import Money
from libs.common.messages.notices import Buyer, Criterion, Lot, LotResult, Nature, NoticeKind, Place
from libs.common.reference import cpv, departments, nuts
from services.notices.content import NoticeContent
from services.notices.eforms.model import (
    Amount,
    ParsedLot,
    ParsedNotice,
    ParsedOrganisation,
    ParsedPlace,
    ParsedResult,
)
from services.notices.rules import Situation, buyer_kind, is_formal

__all__ = ["content_of", "department_of", "departments_of", "procedure_id_of", "situation"]

_NAMESPACE: Final = UUID("b0f4f0c2-6c55-4a0e-8f0c-6d9a4f7f2f11")
MAX_DESCRIPTION: Final = 20_000
"""Characters of a description that are kept (eForms allow 6,000); the raw XML keeps all."""
_NATURES: Final = {"works", "supplies", "services"}
_CRITERIA: Final = {"price", "cost", "quality"}


def procedure_id_of(notice: ParsedNotice) -> UUID:
    """Give the procedure of a notice (BT-04); a planning notice may have none: one is derived from its own identifier."""
    return notice.procedure_id or uuid5(_NAMESPACE, str(notice.notice_id))


def content_of(notice: ParsedNotice, buyer: ParsedOrganisation, on: date) -> NoticeContent:
    """Give the content of a notice that was accepted, seen from one of its buyers, under the rules of a day."""
    nature = _nature(notice.nature, (lot.nature for lot in notice.lots))
    places = [_place(place) for place in notice.places]
    codes = _known_codes(notice.cpv) or _known_codes(code for lot in notice.lots for code in lot.cpv)
    lots = [_lot(lot, notice, nature, codes) for lot in notice.lots] or [_only_lot(notice, nature, places)]
    every_place = places or [place for lot in lots for place in lot.places]
    drafted = NoticeContent(
        kind=cast("NoticeKind", notice.kind),
        subtype=notice.subtype or "national",
        language=notice.language or "FRA",
        title=_title(notice),
        description=(notice.description or "")[:MAX_DESCRIPTION],
        internal_reference=notice.internal_reference,
        buyer=_buyer(buyer),
        legal_basis=notice.legal_basis,
        procedure_type=notice.procedure_type or "unspecified",
        accelerated=notice.accelerated,
        formal=False,
        nature=nature,
        cpv=codes,
        places=every_place,
        departments=departments_of(every_place, buyer),
        value=_value(notice),
        deadline=notice.deadline,
        lots=lots,
        results=[_result(result) for result in notice.results if result.outcome != "pending"],
        documents_url=next((lot.documents_url for lot in notice.lots if lot.documents_url), None),
        electronic=any(lot.electronic_submission != "not-allowed" for lot in notice.lots) or not notice.lots,
        changes=notice.changes,
    )
    formal = is_formal(situation(drafted, on))
    return drafted.model_copy(update={"formal": formal, "procedure_type": _procedure_type(drafted, formal=formal)})


def situation(content: NoticeContent, on: date) -> Situation:
    """Give what the rules look at."""
    return Situation(
        on=on,
        buyer=buyer_kind(content.buyer.legal_type, content.legal_basis),
        nature=content.nature,
        subtype=content.subtype,
        kind=content.kind,
        value=content.value.amount if content.value else None,
        procedure_type=content.procedure_type,
        deadline=content.deadline.date() if content.deadline else None,
        electronic=content.electronic,
    )


def departments_of(places: Iterable[Place], buyer: ParsedOrganisation | Buyer) -> list[str]:
    """Give the departments of performance; the buyer's where no place tells one."""
    found = [place.department for place in places if place.department]
    if not found and (
        own := department_of(buyer.postal_code, getattr(buyer, "nuts", None), getattr(buyer, "country", "FRA"))
    ):
        found = [own]
    return list(dict.fromkeys(found))


def department_of(postal_code: str | None, region: str | None, country: str | None) -> str | None:
    """Give a French department from a NUTS code of level 3, else from a postal code."""
    if region and (found := nuts.department(region)):
        return found
    if country not in {None, "FRA"} or not postal_code:
        return None
    return departments.of_postal_code("".join(postal_code.split()))


def _procedure_type(content: NoticeContent, *, formal: bool) -> str:
    """Give BT-105, or `adapted` for a French competition that is not formal (R2123-1)."""
    french = content.buyer.organisation.startswith("SIRET:")
    return "adapted" if french and not formal and content.kind != "planning" else content.procedure_type


def _title(notice: ParsedNotice) -> str:
    titles = (notice.title, *(lot.title for lot in notice.lots))
    return next((title for title in titles if title), "Sans titre")[:1000]


def _nature(declared: str | None, others: Iterable[str | None]) -> Nature:
    known = next((nature for nature in (declared, *others) if nature in _NATURES), "services")
    return cast("Nature", known)


def _buyer(buyer: ParsedOrganisation) -> Buyer:
    return Buyer(
        organisation=buyer.organisation,
        name=buyer.name,
        city=buyer.city,
        postal_code=buyer.postal_code,
        department=department_of(buyer.postal_code, buyer.nuts, buyer.country),
        legal_type=buyer.legal_type,
    )


def _place(place: ParsedPlace) -> Place:
    country = place.country or "FRA"
    return Place(
        country=country,
        nuts=place.nuts,
        department=department_of(place.postal_code, place.nuts, country),
        city=place.city,
        postal_code=place.postal_code,
    )


def _lot(lot: ParsedLot, notice: ParsedNotice, nature: Nature, codes: list[str]) -> Lot:
    return Lot(
        lot_id=lot.lot_id,
        title=lot.title or _title(notice),
        description=(lot.description or "")[:MAX_DESCRIPTION],
        nature=_nature(lot.nature, [nature]),
        cpv=_known_codes(lot.cpv) or codes,
        places=[_place(place) for place in lot.places],
        value=_money(lot.value or lot.framework_maximum),
        duration_months=lot.duration_months,
        criteria=[_criterion(item.kind, item.name, item.description, item.weight) for item in lot.criteria],
        framework=lot.framework not in {None, "none"},
    )


def _only_lot(notice: ParsedNotice, nature: Nature, places: list[Place]) -> Lot:
    """Give the single lot of a notice that describes none (a planning notice on a buyer profile)."""
    return Lot(
        lot_id="LOT-0000",
        title=_title(notice),
        description=(notice.description or "")[:MAX_DESCRIPTION],
        nature=nature,
        cpv=_known_codes(notice.cpv),
        places=places,
        value=_money(notice.value),
    )


def _criterion(kind: str, name: str, description: str | None, weight: float | None) -> Criterion:
    known = kind if kind in _CRITERIA else "quality"
    return Criterion(
        kind=cast("Literal['price', 'cost', 'quality']", known), name=name, description=description, weight=weight
    )


def _known_codes(codes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(code for code in codes if cpv.exists(code)))


def _value(notice: ParsedNotice) -> Money | None:
    """Give the value of the whole procedure: as told, else the sum of the lots when each tells its own."""
    told = notice.value or notice.framework_maximum
    if told:
        return _money(told)
    amounts = [lot.value or lot.framework_maximum for lot in notice.lots]
    known = [amount for amount in amounts if amount]
    if not known or len(known) < len(amounts) or len({amount.currency for amount in known}) > 1:
        return None
    return _money(Amount(sum((amount.value for amount in known), Decimal(0)), known[0].currency))


def _money(amount: Amount | None) -> Money | None:
    return Money(amount=amount.value, currency=amount.currency) if amount and amount.value > 0 else None


def _result(result: ParsedResult) -> LotResult:
    winner = result.winners[0] if result.winners else None
    return LotResult(
        lot_id=result.lot_id,
        outcome=cast("Literal['awarded', 'unsuccessful', 'abandoned']", result.outcome),
        winner=winner.organisation if winner else None,
        winner_name=winner.name if winner else None,
        value=_money(result.value),
        tenders_received=result.tenders_received,
        signed_at=result.signed_at,
    )
