"""What the reader of an address does with the link of a mail: no account, the signed link is enough."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from libs.common.errors import Conflict, InvalidInput, NotFound
from libs.common.mail.returns import digest_of
from libs.common.runtime import Runtime
from libs.common.settings import Settings
from libs.common.uow import Uow
from services.alerts.domain import Holder
from services.alerts.people import links, store
from services.alerts.people.domain import Subscriber
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store
from services.alerts.store import searches as search_store

__all__ = ["holder", "known_link", "mute", "of_link", "set_settings", "unmute", "unsubscribe"]

MAX_MUTED = 1_000
"""Notices and buyers that one holder may mute."""


async def of_link(conn: asyncpg.Connection, settings: Settings, token: str) -> Subscriber:
    """Give whose link this is. Raises NotFound when it is none of ours, or no longer good."""
    known = links.read(settings, token, links.MANAGE)
    person = await store.subscriber(conn, known[0]) if known else None
    if known is None or person is None or person.generation != known[1]:
        raise NotFound(
            "Ce lien est inconnu ou n'a plus cours : demandez-en un nouveau (POST /alerts/v1/subscriptions/link).",
            "This link is unknown or no longer good: ask for a new one (POST /alerts/v1/subscriptions/link).",
        )
    return person


def holder(person: Subscriber) -> Holder:
    """Give whose searches a person sees by a link: their own."""
    return Holder(None, person.subscriber_id)


async def set_settings(uow: Uow, person: Subscriber, *, alerts: bool | None) -> Subscriber:
    """Keep when and how a person wants alerts, and whether."""
    if alerts and not person.alerts:
        await store.confirm(uow.conn, person.subscriber_id, uow.now())
    if alerts:
        await mail_store.lift(uow.conn, digest_of(uow.runtime.port(AlertsSettings), person.email))
    if alerts is False:
        await store.unsubscribe(uow.conn, person.subscriber_id, person.generation, uow.now())
    return await store.change(uow.conn, person)


def known_link(runtime: Runtime, token: str) -> tuple[str, UUID, int]:
    """Give what an unsubscription link stops. Raises NotFound when it is none of ours."""
    for purpose in (links.CONTACT, links.PERSON, links.SEARCH):
        if known := links.read(runtime.settings, token, purpose):
            return purpose, *known
    raise NotFound("Ce lien de désinscription est inconnu.", "This unsubscription link is unknown.")


async def unsubscribe(uow: Uow, token: str) -> bool:
    """Stop what a link stops; False when it is older than the present wish, and nothing changes. Raises NotFound."""
    purpose, identity, generation = known_link(uow.runtime, token)
    if purpose == links.CONTACT:
        done = await search_store.unsubscribe(uow.conn, identity, generation, uow.now())
    elif purpose == links.PERSON:
        done = await store.unsubscribe(uow.conn, identity, generation, uow.now())
    else:
        done = await search_store.stop_search(uow.conn, identity, generation)
    if done:
        uow.audit("alerts.unsubscribed", str(identity))
    return done


async def mute(uow: Uow, who: Holder, kind: str, subject: str) -> None:
    """Have a holder told nothing more of a notice, or of what a buyer publishes. Raises NotFound, Conflict."""
    silent = await _silent(uow.conn, kind, subject)
    if silent is None:
        raise NotFound("Cet avis ou cet acheteur est inconnu.", "This notice or buyer is unknown.")
    if await store.count_muted(uow.conn, who) >= MAX_MUTED:
        raise Conflict(
            f"On écarte au plus {MAX_MUTED} avis et acheteurs : reprenez-en un.",
            f"One mutes at most {MAX_MUTED} notices and buyers: take one back.",
        )
    await store.set_muted(uow.conn, who, kind, silent, uow.now())


async def unmute(uow: Uow, who: Holder, kind: str, subject: str) -> None:
    """Tell a holder again. Raises NotFound."""
    if not await store.delete_muted(uow.conn, who, kind, await _silent(uow.conn, kind, subject) or subject):
        raise NotFound("Ceci n'est pas écarté.", "This is not muted.")


async def _silent(conn: asyncpg.Connection, kind: str, subject: str) -> str | None:
    if kind == "buyer":
        return subject if await store.known_buyer(conn, subject) else None
    try:
        notice_id = UUID(subject)
    except ValueError:
        raise InvalidInput("Un avis se désigne par son numéro (UUID).", "A notice is named by its UUID.") from None
    return await store.silence_of(conn, notice_id)
