"""All that is kept of an address: taken away by its reader (article 20 GDPR), or erased (article 17 GDPR)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.common.uow import Uow
from services.alerts.people.domain import Subscriber
from services.alerts.people.store import QUERIES

__all__ = ["erase", "export"]

_LISTS: Final = {
    "searches": "searches_of_person",
    "feedback": "feedback_of_person",
    "followed": "follows_of_person",
    "muted": "muted_of_person",
    "requests": "requests_of_person",
    "mails": "mails_of_person",
}
_SETTINGS: Final = (
    "email", "language", "zone", "digest_hour", "working_days", "organisation", "account", "confirmed_at", "alerts",
    "paused_until", "created_at",
)  # fmt: skip


async def export(conn: asyncpg.Connection, person: Subscriber) -> dict[str, Any]:
    """Give all that is kept of an address, as JSON can say it."""
    lists = {name: await conn.fetch(QUERIES[query], person.subscriber_id) for name, query in _LISTS.items()}
    contacts = await conn.fetch(QUERIES["contacts_of_address"], person.email)
    return {
        "person": {name: getattr(person, name) for name in _SETTINGS},
        **{name: [dict(row) for row in rows] for name, rows in lists.items()},
        "address_of": [dict(row) for row in contacts],
    }


async def erase(uow: Uow, subscriber_id: UUID) -> None:
    """Erase a person: address, searches, and all that hangs on them; as the address of organisations too.

    What they searched for goes with them unless somebody else searches for the same. Mails on their way find nobody.
    """
    sought = await uow.conn.fetch(QUERIES["criteria_of_person"], subscriber_id)
    email = await uow.conn.fetchval(QUERIES["erase_person"], subscriber_id)
    if email is None:
        return
    await uow.conn.execute(QUERIES["erase_contacts"], email)
    await uow.conn.execute(QUERIES["erase_criteria"], [row["criteria_id"] for row in sought])
    uow.audit("alerts.person.erased", str(subscriber_id))
