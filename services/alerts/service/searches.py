"""Contacts and saved searches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.mail.returns import digest_of
from libs.common.uow import Uow
from services.alerts.domain import MAX_SEARCHES, Contact, Frequency, Holder, Search
from services.alerts.errors import NoAddress, TooManySearches, UnselectiveSearch
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.summary import summary, summary_en
from services.alerts.people import store as people
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store
from services.alerts.store import searches as store

__all__ = [
    "Change",
    "Draft",
    "change_search",
    "check_selective",
    "create_search",
    "delete_search",
    "forget_contact",
    "holder_of",
    "judge",
    "read_search",
    "search_owner",
    "set_contact",
]


@dataclass(frozen=True, slots=True)
class Draft:
    """A search to save."""

    name: str
    criteria: Criteria
    frequency: Frequency
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes other in a search."""

    name: str | None = None
    criteria: Criteria | None = None
    frequency: Frequency | None = None
    paused: bool | None = None
    team: bool | None = None


async def set_contact(uow: Uow, actor: Actor, *, email: str, language: str) -> Contact:
    """Say where the organisation's mails go; letters that waited for an address leave at once."""
    contact = await store.set_contact(uow.conn, actor.organisation, email=email, language=language, at=uow.now())
    await people.adopt(uow.conn, email, language, uow.now())
    await mail_store.lift(uow.conn, digest_of(uow.runtime.port(AlertsSettings), email))
    await mail_store.requeue_letters(uow.conn, actor.organisation)
    uow.audit("alerts.contact.set", str(contact.contact_id))
    return contact


async def forget_contact(uow: Uow, actor: Actor) -> None:
    """Erase the address of the organisation (article 17 GDPR). Raises NotFound."""
    contact = await store.contact(uow.conn, actor.organisation)
    if contact is None:
        raise NotFound("Aucune adresse n'est donnée.", "No address was given.")
    await store.forget_contact(uow.conn, actor.organisation)
    await people.forget_adopted(uow.conn, contact.email)
    uow.audit("alerts.contact.forgotten", str(contact.contact_id))


async def holder_of(conn: asyncpg.Connection, actor: Actor) -> Holder:
    """Give whose searches an identified person sees: their organisation's, and their own if they confirmed an address."""
    person = await people.of_account(conn, actor.subject, actor.organisation)
    return Holder(actor.organisation, person.subscriber_id if person else None)


async def create_search(uow: Uow, holder: Holder, draft: Draft) -> Search:
    """Save a search of a holder. Raises UnselectiveSearch, TooManySearches."""
    check_selective(draft.criteria)
    if await store.count_searches(uow.conn, holder) >= MAX_SEARCHES:
        raise TooManySearches(
            f"On garde au plus {MAX_SEARCHES} recherches : supprimez-en une.",
            f"One keeps at most {MAX_SEARCHES} searches: delete one.",
        )
    now = uow.now()
    criteria_id = await store.keep_criteria(uow.conn, draft.criteria, now)
    said = (summary(draft.criteria), summary_en(draft.criteria))
    kept = Search(uuid4(), holder.organisation, draft.name, draft.criteria, *said, now, holder.subscriber_id)
    search = replace(kept, frequency=draft.frequency, paused=draft.paused)
    await store.add_search(uow.conn, search, criteria_id)
    uow.audit("alerts.search.created", str(search.search_id))
    return search


async def change_search(uow: Uow, holder: Holder, search_id: UUID, change: Change) -> Search:
    """Change a search that the holder sees; what a change leaves out stays. Raises NotFound, UnselectiveSearch, NoAddress."""
    search = await read_search(uow.conn, holder, search_id)
    criteria_id = None
    if change.criteria is not None:
        check_selective(change.criteria)
        criteria_id = await store.keep_criteria(uow.conn, change.criteria, uow.now())
    shared = search.organisation is not None if change.team is None else change.team
    owner = search_owner(holder, team=shared)
    await store.change_search(
        uow.conn,
        replace(
            search,
            name=change.name or search.name,
            frequency=change.frequency or search.frequency,
            paused=search.paused if change.paused is None else change.paused,
            organisation=owner.organisation,
            subscriber_id=owner.subscriber_id,
        ),
        criteria_id,
    )
    uow.audit("alerts.search.changed", str(search_id))
    return await read_search(uow.conn, holder, search_id)


def search_owner(holder: Holder, *, team: bool) -> Holder:
    """Give who owns a search: the organisation that shares it, or the person alone. Raises NoAddress."""
    if team:
        return Holder(holder.organisation)
    if holder.subscriber_id is None:
        raise NoAddress
    return Holder(None, holder.subscriber_id)


async def delete_search(uow: Uow, holder: Holder, search_id: UUID) -> None:
    """Forget a search that the holder sees. Raises NotFound."""
    await read_search(uow.conn, holder, search_id)
    await store.delete_search(uow.conn, search_id)
    uow.audit("alerts.search.deleted", str(search_id))


async def judge(uow: Uow, holder: Holder, search_id: UUID, notice_id: UUID, *, relevant: bool | None) -> None:
    """Keep whether the holder wants more or less like a notice that a search found; None: no opinion. Raises NotFound."""
    await read_search(uow.conn, holder, search_id)
    if relevant is None:
        await store.take_feedback_back(uow.conn, search_id, notice_id)
    elif not await store.give_feedback(uow.conn, search_id, notice_id, relevant=relevant, at=uow.now()):
        raise NotFound("Cette recherche n'a pas trouvé cet avis.", "This search did not find this notice.")


async def read_search(conn: asyncpg.Connection, holder: Holder, search_id: UUID) -> Search:
    """Give a search that the holder sees; others do not learn that it exists. Raises NotFound."""
    search = await store.search(conn, search_id)
    shared = search is not None and search.organisation is not None and search.organisation == holder.organisation
    personal = search is not None and search.subscriber_id is not None and search.subscriber_id == holder.subscriber_id
    if search is None or not (shared or personal):
        raise NotFound("Aucune recherche enregistrée sous ce numéro.", "No saved search with this identifier.")
    return search


def check_selective(criteria: Criteria) -> None:
    """Refuse a search that would match everything. Raises UnselectiveSearch."""
    if not criteria.selective:
        raise UnselectiveSearch(
            "Cette recherche répondrait à tous les avis : ajoutez un mot, un code CPV, un lieu ou un montant.",
            "This search would match every notice: add a word, a CPV code, a place or a value.",
        )
