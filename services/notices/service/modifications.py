"""The modification of a contract held to what the law allows, by the notices that are public at that moment."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from libs.common.errors import FieldError
from services.notices import modifications
from services.notices.content import NoticeContent
from services.notices.modifications import Told
from services.notices.store import procedures as store

__all__ = ["measured"]


async def measured(
    conn: asyncpg.Connection,
    procedure_id: UUID,
    notice_id: UUID,
    content: NoticeContent,
    at: datetime,
    updated: Decimal | None = None,
) -> tuple[NoticeContent, list[FieldError]]:
    """Give a modification with what it is measured by, and what the law forbids of it; any other notice as it is.

    An initial amount that its award withholds measures it too, and is told to nobody.
    """
    modification = content.modification
    if modification is None or modification.lot_id is None:
        return content, []
    found = await store.contract_notices(conn, procedure_id, modification.lot_id, notice_id)
    told = [Told(each, text) for each, text, _ in found]
    kept = content.basis.updated.amount if content.basis and content.basis.updated else None
    basis = modifications.basis_of(content, told, updated or kept)
    known = modifications.on_basis(content, basis)
    faults = modifications.faults(known, content.legal_day(at))
    return (known if all(public for _, _, public in found) else modifications.on_basis(content, None)), faults
