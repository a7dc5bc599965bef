"""How eForms write instants, amounts and identifiers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

__all__ = ["amount", "clock", "day", "version"]

_PARIS: Final = ZoneInfo("Europe/Paris")


def day(moment: datetime | None) -> str | None:
    """Give the date of an instant in Paris, with its offset: 2026-12-15+01:00."""
    return None if moment is None else f"{_local(moment):%Y-%m-%d}{_offset(moment)}"


def clock(moment: datetime | None) -> str | None:
    """Give the time of an instant in Paris, with its offset: 12:00:00+01:00."""
    return None if moment is None else f"{_local(moment):%H:%M:%S}{_offset(moment)}"


def amount(value: Decimal) -> str:
    """Give an amount without useless zeros and without exponent."""
    whole = f"{value:.2f}"
    return whole.removesuffix(".00")


def version(number: int) -> str:
    """Give a version on two digits (BT-757). Raises ValueError beyond 99."""
    if not 1 <= number <= 99:
        raise ValueError(f"a notice version goes from 1 to 99, not {number}")
    return f"{number:02d}"


def _local(moment: datetime) -> datetime:
    return moment.astimezone(_PARIS)


def _offset(moment: datetime) -> str:
    written = f"{_local(moment):%z}"
    return f"{written[:3]}:{written[3:]}"
