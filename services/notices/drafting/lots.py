"""The lots of a notice, the techniques they use, and their results."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal, cast

from libs.common.messages.base import Money
from libs.common.messages.notices import (
    ConcessionRevenue,
    Criterion,
    DesignContest,
    Lot,
    LotResult,
    LotTerms,
    Modification,
    Nature,
    Place,
    Technique,
    Winner,
)
from libs.common.reference import cpv
from services.notices.content import UncodedLot
from services.notices.drafting.places import place_of
from services.notices.eforms.model import (
    Amount,
    ParsedCriterion,
    ParsedLot,
    ParsedModification,
    ParsedNotice,
    ParsedOrganisation,
    ParsedResult,
    ParsedRevenue,
)

__all__ = [
    "MAX_DESCRIPTION",
    "contest_of",
    "known_codes",
    "lots_of",
    "modification_of",
    "money",
    "nature_of",
    "results_of",
    "techniques_of",
    "title_of",
    "value_of",
]

MAX_DESCRIPTION: Final = 20_000
"""Characters of a description that are kept (eForms allow 6,000); the raw XML keeps all."""
_NATURES: Final = {"works", "supplies", "services"}
_CRITERIA: Final = {"price", "cost", "quality"}
_OFFERED: Final = {"required", "allowed"}


def lots_of(notice: ParsedNotice, nature: Nature, codes: list[str], places: list[Place]) -> list[Lot]:
    """Give the lots; the single one of a notice that describes none (a planning notice on a buyer profile)."""
    return [_lot(lot, notice, nature, codes) for lot in notice.lots] or [_only_lot(notice, nature, places)]


def _lot(lot: ParsedLot, notice: ParsedNotice, nature: Nature, codes: list[str]) -> Lot:
    known = known_codes(lot.cpv) or codes
    return (Lot if known else UncodedLot)(
        lot_id=lot.lot_id,
        title=lot.title or title_of(notice),
        description=(lot.description or "")[:MAX_DESCRIPTION],
        nature=nature_of(lot.nature, [nature]),
        cpv=known,
        places=[place_of(place) for place in lot.places],
        value=money(lot.value or lot.framework_maximum),
        duration_months=lot.duration_months,
        criteria=[_criterion(each) for each in lot.criteria],
        framework=lot.framework not in {None, "none"},
        deadline=lot.deadline,
        terms=lot.terms if lot.terms != LotTerms() else None,
    )


def _only_lot(notice: ParsedNotice, nature: Nature, places: list[Place]) -> Lot:
    known = known_codes(notice.cpv)
    return (Lot if known else UncodedLot)(
        lot_id="LOT-0000",
        title=title_of(notice),
        description=(notice.description or "")[:MAX_DESCRIPTION],
        nature=nature,
        cpv=known,
        places=places,
        value=money(notice.value),
    )


def _criterion(told: ParsedCriterion) -> Criterion:
    kind = told.kind if told.kind in _CRITERIA else "quality"
    return Criterion(
        kind=cast("Literal['price', 'cost', 'quality']", kind),
        name=told.name,
        description=told.description,
        weight=told.weight,
    )


def title_of(notice: ParsedNotice) -> str:
    """Give the title of the procedure (BT-21), else that of its first lot."""
    registered = f"Immatriculation européenne : {notice.business.name}" if notice.business else None
    titles = (notice.title, *(lot.title for lot in notice.lots), registered)
    return next((title for title in titles if title), "Sans titre")[:1000]


def nature_of(declared: str | None, others: Iterable[str | None]) -> Nature:
    """Give the main nature (BT-23), else the first of the others."""
    known = next((nature for nature in (declared, *others) if nature in _NATURES), "services")
    return cast("Nature", known)


def known_codes(codes: Iterable[str]) -> list[str]:
    """Give the CPV codes that exist, each once, in their order."""
    return list(dict.fromkeys(code for code in codes if cpv.exists(code)))


def money(amount: Amount | None) -> Money | None:
    """Give an amount; zero is none."""
    return Money(amount=amount.value, currency=amount.currency) if amount and amount.value > 0 else None


def value_of(notice: ParsedNotice) -> Money | None:
    """Give the value of the whole procedure: as told, else the sum of the lots when each tells its own."""
    told = notice.value or notice.framework_maximum
    if told:
        return money(told)
    amounts = [lot.value or lot.framework_maximum for lot in notice.lots]
    known = [amount for amount in amounts if amount]
    if not known or len(known) < len(amounts) or len({amount.currency for amount in known}) > 1:
        return None
    return money(Amount(sum((amount.value for amount in known), Decimal(0)), known[0].currency))


def techniques_of(notice: ParsedNotice) -> list[Technique]:
    """Give the techniques of purchase (L2125-1 CCP) that the notice or one of its lots tells of."""
    terms = [lot.terms for lot in notice.lots if lot.terms]
    found: dict[Technique, bool] = {
        "framework": any(each.framework not in {None, "none"} for each in terms),
        "dynamic-purchasing": any(each.dynamic_purchasing not in {None, "none"} for each in terms),
        "design-contest": (notice.notice_type or "").endswith("-desg"),
        "qualification-system": notice.notice_type == "qu-sy",
        "electronic-catalogue": any(each.electronic_catalogue in _OFFERED for each in terms),
        "electronic-auction": any(each.electronic_auction for each in terms),
    }
    return [technique for technique, used in found.items() if used]


def results_of(notice: ParsedNotice) -> list[LotResult]:
    """Give the results that were decided; one that is pending is none."""
    return [_result(result) for result in notice.results if result.outcome != "pending"]


def _result(result: ParsedResult) -> LotResult:
    winners = [_winner(each) for each in result.winners]
    return LotResult(
        lot_id=result.lot_id,
        outcome=cast("Literal['awarded', 'unsuccessful', 'abandoned']", result.outcome),
        winner=winners[0].organisation if winners else None,
        winner_name=winners[0].name if winners else None,
        value=money(result.value),
        tenders_received=result.tenders_received,
        signed_at=result.signed_at,
        winners=winners,
        reason=result.reason,
        contract_number=result.contract_reference,
        submissions=result.submissions,
        revenue=_revenue(result.revenue) if result.revenue else None,
    )


def _winner(winner: ParsedOrganisation) -> Winner:
    return Winner(
        organisation=winner.organisation,
        name=winner.name,
        city=winner.city,
        postal_code=winner.postal_code,
        country=winner.country or "FRA",
        nuts=winner.nuts,
        size=winner.size,
    )


def _revenue(told: ParsedRevenue) -> ConcessionRevenue:
    buyer, users = (Money(amount=each.value, currency=each.currency) for each in (told.buyer, told.users))
    return ConcessionRevenue(users=users, buyer=buyer, description=told.description)


def contest_of(notice: ParsedNotice) -> DesignContest | None:
    """Give how a design contest is judged; the jury's names are persons', and stay in the terms of the notice."""
    told = next((lot.contest for lot in notice.lots if lot.contest), None)
    return DesignContest(jury="", binding=told.binding, prizes=list(told.prizes)) if told else None


def modification_of(notice: ParsedNotice, told: ParsedModification) -> Modification:
    """Give a contract's modification, with the lot, the value and the length of that contract as the notice states them."""
    result = next((each for each in notice.results if told.contract in each.contracts), None)
    result = result or next(iter(notice.results), None)
    lot = next((each for each in notice.lots if result and each.lot_id == result.lot_id), None)
    return Modification(
        lot_id=result.lot_id if result else None,
        contract_number=result.contract_reference if result else None,
        reason=told.reason,
        description="\n".join(dict.fromkeys(part for part in (told.explanation, told.description) if part)) or None,
        value=money(result.value) if result else None,
        duration_months=lot.duration_months if lot else None,
    )
