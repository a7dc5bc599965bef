"""Who may act for a company: the users that the bids service records, and what other services know of them by its events."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import asyncpg

from libs.common.actor import CompanyStanding
from libs.common.db import load_queries
from libs.common.messages.companies import CompanyUserChangedV1
from libs.common.runtime import Runtime
from libs.common.service import Consumers
from libs.common.uow import Uow

__all__ = ["QUEUE", "TABLES", "RecordedCompanyUsers", "follow_company_users", "standing"]

QUEUE: Final = "companyusers"
TABLES: Final = ("company_user",)
"""What a rebuild of the queue fills again."""
_SQL: Final = load_queries(Path(__file__).with_suffix(".sql"))


def follow_company_users(consumers: Consumers) -> None:
    """Have a service keep the users of companies it hears of."""
    consumers.on(CompanyUserChangedV1, queue=QUEUE, projection=True)(_keep)


async def _keep(uow: Uow, event: CompanyUserChangedV1) -> None:
    user = event.user
    values = (user.record_id, event.organisation, user.person, user.role, user.since, user.ended_at)
    await uow.conn.execute(_SQL["keep"], *values, event.aggregate_version)


async def standing(conn: asyncpg.Connection, subject: str, company: str) -> CompanyStanding:
    """Say what a person is for a company now."""
    row = await conn.fetchrow(_SQL["standing"], company, subject)
    if not row["ruled"]:
        return CompanyStanding.UNRECORDED
    return CompanyStanding(row["role"]) if row["role"] else CompanyStanding.STRANGER


class RecordedCompanyUsers:
    """Answers from the table `company_user` of the service's own database: the record itself in bids, a read model elsewhere."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def standing(self, subject: str, company: str) -> CompanyStanding:
        """Say what the person is for the company now: what is revoked is over at the next request."""
        async with self._runtime.read() as conn:
            return await standing(conn, subject, company)
