"""What mail servers reported of our mails."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts.store.mails import Closed, closed_of
from services.alerts.store.sql import MAILS

__all__ = ["address_of", "address_of_request", "bounce", "count_soft", "keep"]


async def address_of(conn: asyncpg.Connection, mail_id: UUID) -> str | None:
    """Give the address that a mail would go to now; None when it is gone."""
    address: str | None = await conn.fetchval(MAILS["address_of"], mail_id)
    return address


async def address_of_request(conn: asyncpg.Connection, request_id: UUID) -> str | None:
    """Give the address that was asked to confirm something and did not; None when it is gone, or did."""
    address: str | None = await conn.fetchval(MAILS["address_of_request"], request_id)
    return address


async def keep(
    conn: asyncpg.Connection, mail_id: UUID, kind: str, digest: bytes, status: str | None, at: datetime
) -> bool:
    """Keep a report; False when it is known, or its mail is gone."""
    return bool(await conn.execute(MAILS["keep_return"], mail_id, kind, digest, status, at) == "INSERT 0 1")


async def bounce(conn: asyncpg.Connection, mail_id: UUID, reason: str) -> Closed | None:
    """Mark a mail that was handed over as come back; None when it was not."""
    row = await conn.fetchrow(MAILS["bounce_mail"], mail_id, reason)
    return closed_of(row) if row else None


async def count_soft(conn: asyncpg.Connection, digest: bytes, since: datetime) -> int:
    """Count the mails to an address that bounced softly since an instant."""
    return int(await conn.fetchval(MAILS["count_soft"], digest, since))
