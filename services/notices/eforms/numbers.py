"""Dates, durations, amounts and weights, as eForms write them. Unreadable ones are None: the checker says why."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID, uuid5

from services.notices.eforms.model import Amount
from services.notices.eforms.nodes import Node, find, text

__all__ = ["amount", "duration_days", "duration_months", "identifier", "instant", "integer"]

_DATE: Final = re.compile(r"^(\d{4})-(\d{2})-(\d{2})(Z|[-+]\d{2}:\d{2})?$")
_TIME: Final = re.compile(r"^(\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[-+]\d{2}:\d{2})?$")
_UNITS: Final = {"MONTH": 1.0, "YEAR": 12.0, "WEEK": 12 / 52.1775, "DAY": 12 / 365.2425}
_DAYS: Final = {"DAY": 1.0, "WEEK": 7.0, "MONTH": 365.2425 / 12, "YEAR": 365.2425}
_FOREIGN: Final = UUID("6f2a8f0e-5b43-4e0e-9a55-0d4a6b3c7e21")
"""Namespace of the identifiers that we derive from those of national notices."""
_LARGEST: Final = Decimal(10) ** 15


def instant(day: str | None, hour: str | None = None, *, end_of_day: bool = False) -> datetime | None:
    """Give the instant of a date and an optional time, each with its own zone (the time's prevails; UTC without any).

    A deadline without a time ends with its day (`end_of_day`).
    """
    found = _DATE.match((day or "").strip())
    if not found:
        return None
    clock = _TIME.match((hour or "").strip())
    written = clock[1] if clock else ("23:59:59" if end_of_day else "00:00:00")
    zone = (clock[2] if clock else None) or found[4] or "Z"
    try:
        moment = datetime.combine(date(int(found[1]), int(found[2]), int(found[3])), time.fromisoformat(written))
        return datetime.fromisoformat(moment.isoformat() + zone.replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def amount(element: Node | None, path: str) -> Amount | None:
    """Give the amount at a path, None if absent, not a number, negative or beyond 10^15."""
    found = find(element, path)
    if found is None:
        return None
    try:
        value = Decimal((found.text or "").strip())
    except InvalidOperation:
        return None
    currency = found.get("currencyID") or "EUR"
    if not value.is_finite() or not 0 <= value < _LARGEST or not re.fullmatch("[A-Z]{3}", currency):
        return None
    return Amount(value.quantize(Decimal("0.01")), currency)


def duration_months(period: Node | None) -> int | None:
    """Give the length of a planned period in months, rounded up (BT-36, else BT-536 and BT-537); None if unknown."""
    measure = find(period, "cbc:DurationMeasure")
    if measure is not None:
        unit = _UNITS.get(measure.get("unitCode", ""))
        number = _decimal(measure.text)
        return max(1, math.ceil(float(number) * unit - 1e-6)) if unit and number and 0 < number < 10_000 else None
    start, end = instant(text(period, "cbc:StartDate")), instant(text(period, "cbc:EndDate"))
    return max(1, math.ceil((end - start).days / 30.44)) if start and end and end > start else None


def duration_days(period: Node | None) -> int | None:
    """Give the length of a period in days, rounded up (BT-98); None if unknown."""
    measure = find(period, "cbc:DurationMeasure")
    if measure is None:
        return None
    unit, number = _DAYS.get(measure.get("unitCode", "")), _decimal(measure.text)
    return math.ceil(float(number) * unit - 1e-6) if unit and number and 0 < number < 10_000 else None


def _decimal(raw: str | None) -> Decimal | None:
    try:
        number = Decimal((raw or "").strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def identifier(raw: str | None) -> UUID | None:
    """Give the UUID of a notice or a procedure, None if absent; one derived from the text where it is none (national notices)."""
    written = (raw or "").strip()
    if not written:
        return None
    try:
        return UUID(written)
    except ValueError:
        return uuid5(_FOREIGN, written)


def integer(raw: str | None) -> int | None:
    """Give a whole number from 0 to 10^9, None otherwise."""
    number = _decimal(raw)
    return int(number) if number is not None and 0 <= number <= 10**9 and number == int(number) else None
