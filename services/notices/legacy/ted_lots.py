"""Lots, award criteria, results and values of a flattened TED notice."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from services.notices.eforms import numbers
from services.notices.eforms.lots import percents
from services.notices.eforms.model import (
    Amount,
    ParsedContact,
    ParsedCriterion,
    ParsedLot,
    ParsedOrganisation,
    ParsedPlace,
    ParsedResult,
)
from services.notices.eforms.organisations import identify
from services.notices.legacy.countries import country, present_region
from services.notices.legacy.ted_record import TedAward, TedLot, TedParty, TedRecord, TedValue

__all__ = ["amount_of", "lots_of", "organisation_of", "places_of", "results_of", "value_of"]

_KINDS: Final = {"AC_PRICE": ("price", "Prix"), "AC_COST": ("cost", "Coût"), "AC_QUALITY": ("quality", "Qualité")}
_PERCENT: Final = re.compile(r"^(\d{1,5}(?:[.,]\d+)?)\s*%?$")
_MONTHS: Final = {"MONTH": Decimal(1), "DAY": Decimal(12) / Decimal("365.2425"), "YEAR": Decimal(12)}
_SYMBOLIC: Final = Decimal(1)
"""Buyers wrote 1 or 0.01 where the form asked for a value that they would not tell."""
_NATIONAL: Final = re.compile(r"(?<!\d)(?:\d{14}|\d{9})(?!\d)")


def lots_of(record: TedRecord, codes: tuple[str, ...], deadline: datetime | None) -> tuple[ParsedLot, ...]:
    """Give the lots in their order, each with an identifier of its own; those of a notice without lots are none."""
    names = _identifiers([lot.no for lot in record.lots])
    return tuple(
        ParsedLot(
            lot_id=name,
            title=lot.title,
            description=lot.description,
            cpv=tuple(lot.cpv) or codes,
            places=places_of(lot.nuts, record.country),
            value=amount_of(lot.value, lot.currency),
            duration_months=_months(lot),
            criteria=_criteria(lot.criteria),
            deadline=deadline,
            documents_url=record.url_document,
            submission_url=record.url_participation,
        )
        for name, lot in zip(names, record.lots, strict=True)
    )


def _identifiers(numbers_told: list[str | None]) -> list[str]:
    """Give LOT-0012 for number 12, LOT-0000 for the single lot; by place where numbers are words or repeated."""
    if len(numbers_told) == 1:
        return ["LOT-0000"]
    plain = [_number(told) for told in numbers_told]
    if None in plain or len(set(plain)) < len(plain):
        return [f"LOT-{place:04}" for place in range(1, len(plain) + 1)]
    return [f"LOT-{number:04}" for number in plain]


def _number(told: str | None) -> int | None:
    return int(told) if told and told.isascii() and told.isdigit() and len(told) <= 4 else None


def places_of(regions: list[str], code: str | None) -> tuple[ParsedPlace, ...]:
    """Give places by their NUTS codes, in the codes of today; `00` (no place) is none."""
    land = country(code)
    return tuple(
        ParsedPlace(country=_country_of(region, land.alpha3 if land else None), nuts=present_region(region))
        for region in dict.fromkeys(regions)
        if region.strip("0") and region.isascii() and region.isalnum() and len(region) <= 5
    )


def _country_of(region: str, default: str | None) -> str | None:
    found = country(region[:2])
    return found.alpha3 if found else default


def amount_of(written: str | None, currency: str | None) -> Amount | None:
    """Give an amount written with blanks or a decimal comma; a symbolic one (1, 0.01) is none."""
    compact = "".join((written or "").split()).replace(",", ".")
    try:
        value = Decimal(compact).quantize(Decimal("0.01"))
    except InvalidOperation:
        return None
    known = re.fullmatch("[A-Z]{3}", currency or "EUR")
    return Amount(value, known[0]) if known and value.is_finite() and _SYMBOLIC < value < Decimal(10) ** 15 else None


def value_of(values: list[TedValue], *, awarded: bool) -> Amount | None:
    """Give the value of the whole: of the contracts for a result, else the estimate; the other where there is but one."""
    wanted = "PROCUREMENT_TOTAL" if awarded else "ESTIMATED_TOTAL"
    ordered = sorted(values, key=lambda value: value.type != wanted)
    return next((found for value in ordered if (found := amount_of(value.amount, value.currency))), None)


def _months(lot: TedLot) -> int | None:
    unit = _MONTHS.get(lot.duration_type or "")
    number = numbers.integer(lot.duration)
    if unit is None or not number or number > 10_000:
        return None
    return max(1, int((number * unit).to_integral_value(rounding="ROUND_CEILING")))


def _criteria(told: list[list[str | None]]) -> tuple[ParsedCriterion, ...]:
    rows = [(*row, None, None, None)[:3] for row in told]
    weights = [_weight(weight) for _, _, weight in rows]
    whole = sum(number for number in weights if number is not None)
    scale = "per-exa" if abs(whole - 100) < 0.01 else "poi-exa"  # percents add up to 100
    shares = percents([None if number is None else (scale, number) for number in weights])
    found = []
    for (code, name, _), share in zip(rows, shares, strict=True):
        kind, label = _KINDS.get(code or "", ("quality", "Critère"))
        found.append(ParsedCriterion(kind, (name or label)[:200], name if len(name or "") > 200 else None, share))
    return tuple(found)


def _weight(written: str | None) -> float | None:
    found = _PERCENT.match(written or "")
    return float(found[1].replace(",", ".")) if found else None


def results_of(record: TedRecord, lots: tuple[ParsedLot, ...]) -> tuple[ParsedResult, ...]:
    """Give one result for each contract awarded and each lot without winner; for each lot where an award names several."""
    names = {lot.no: parsed.lot_id for lot, parsed in zip(record.lots, lots, strict=False) if lot.no}
    return tuple(_result(award, name) for award in record.awards for name in _lots_named(award.lot, names, lots))


def _lots_named(told: str | None, names: dict[str, str], lots: tuple[ParsedLot, ...]) -> list[str]:
    if told in names:
        return [names[told]]
    if len(lots) == 1:
        return [lots[0].lot_id]
    parts = [part.strip() for part in (told or "").split(",")]
    if all(part in names for part in parts):
        return [names[part] for part in parts]
    return [told[:60] if told else "LOT-0000"]


def _result(award: TedAward, lot_id: str) -> ParsedResult:
    return ParsedResult(
        lot_id=lot_id,
        outcome="awarded" if award.winners or not award.no_award else "unsuccessful",
        winners=tuple(organisation_of(winner) for winner in award.winners),
        value=amount_of(award.value, award.currency),
        tenders_received=numbers.integer(award.nb_tenders),
        signed_at=numbers.instant(award.date),
        contract_reference=award.contract_no,
    )


def organisation_of(
    party: TedParty, *, name: str = "", legal_type: str | None = None, activity: str | None = None
) -> ParsedOrganisation:
    """Give a buyer or a winner; `name` where the notice names none."""
    land = country(party.country)
    known = party.name or name or "Organisme non nommé"
    number = _identifier(party)
    return ParsedOrganisation(
        reference="",
        organisation=identify(number, land.alpha3 if land else None, known),
        name=known,
        identifier=number,
        country=land.alpha3 if land else None,
        city=party.town,
        postal_code=party.postal_code,
        nuts=next((present_region(code) for code in party.nuts), None),
        legal_type=legal_type,
        activity=activity,
        contact=ParsedContact(url=party.url),  # nobody writes to a buyer of long ago: its e-mail may be a person's
    )


def _identifier(party: TedParty) -> str | None:
    """Give the number of an organisation; of a French one its SIRET or SIREN, whatever is written around."""
    written = party.id or ""
    if party.country == "FR" and (found := _NATIONAL.search("".join(written.split()).replace(".", ""))):
        return found[0]
    return written if any(letter.isdigit() for letter in written) else None
