"""Dates and hours as French readers expect them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

__all__ = ["french_date", "french_day", "french_hour"]

_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
_DAYS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


def french_day(day: date) -> str:
    """Write a day with its weekday: jeudi 3 décembre 2026."""
    return f"{_DAYS[day.weekday()]} {_written(day)}"


def french_date(instant: datetime, zone: ZoneInfo) -> str:
    """Write a date as letters do: 3 décembre 2026."""
    return _written(instant.astimezone(zone).date())


def french_hour(instant: datetime, zone: ZoneInfo) -> str:
    """Write date, hour to the second and zone: 3 décembre 2026 à 12:00:00 (CET, UTC+01:00)."""
    local = instant.astimezone(zone)
    offset = local.strftime("%z")
    return f"{_written(local.date())} à {local:%H:%M:%S} ({local.tzname()}, UTC{offset[:3]}:{offset[3:]})"


def _written(day: date) -> str:
    return f"{'1er' if day.day == 1 else day.day} {_MONTHS[day.month - 1]} {day.year}"
