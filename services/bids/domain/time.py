"""Legal time: hours to the second in the buyer's zone, and the standstill counted date to date."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["STANDSTILL_DAYS", "is_late", "legal_time", "standstill_end", "to_second"]

STANDSTILL_DAYS = 11
"""Days between telling the losers electronically and signing (art. R2182-1 CCP)."""


def to_second(instant: datetime) -> datetime:
    """Give the instant to the second, in UTC: an upload that ends during the second 12:00:00 ended at 12:00:00."""
    return instant.astimezone(UTC).replace(microsecond=0)


def is_late(received_at: datetime, deadline: datetime) -> bool:
    """Say whether an upload that ended then is late: at the instant of the deadline it is in time."""
    return to_second(received_at) > to_second(deadline)


def legal_time(instant: datetime, zone: ZoneInfo) -> datetime:
    """Give the instant in the legal time of a zone."""
    return instant.astimezone(zone)


def standstill_end(sent_at: datetime, zone: ZoneInfo) -> datetime:
    """Give the first instant at which the contract may be signed, in UTC.

    Eleven days counted date to date from the day the letters were sent (CE 2 August 2011, 347526): told on the 1st,
    the period ends with the 12th; signature from the 13th, 0:00 legal time.
    """
    first = sent_at.astimezone(zone).date() + timedelta(days=STANDSTILL_DAYS + 1)
    return datetime.combine(first, time(), zone).astimezone(UTC)
