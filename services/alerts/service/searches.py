"""Contacts and saved searches."""

from __future__ import annotations

from uuid import UUID, uuid4

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.mail.tokens import read_token
from libs.common.uow import Uow
from services.alerts.domain import MAX_SEARCHES, Contact, Search
from services.alerts.errors import TooManySearches, UnselectiveSearch
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.summary import summary, summary_en
from services.alerts.service.mails import enqueue
from services.alerts.store import mails as mail_store
from services.alerts.store import searches as store

__all__ = ["create_search", "delete_search", "forget_contact", "own_search", "set_contact", "unsubscribe"]


async def set_contact(uow: Uow, actor: Actor, *, email: str, language: str) -> Contact:
    """Say where the organisation's mails go; letters that waited for an address leave at once."""
    contact = await store.set_contact(uow.conn, actor.organisation, email=email, language=language, at=uow.now())
    for mail_id, times in await mail_store.requeue_letters(uow.conn, actor.organisation):
        enqueue(uow, mail_id, kind="letter", times=times)
    uow.audit("alerts.contact.set", str(contact.contact_id))
    return contact


async def forget_contact(uow: Uow, actor: Actor) -> None:
    """Erase the address of the organisation (article 17 GDPR). Raises NotFound."""
    contact_id = await store.forget_contact(uow.conn, actor.organisation)
    if contact_id is None:
        raise NotFound("Aucune adresse n'est donnée.", "No address was given.")
    uow.audit("alerts.contact.forgotten", str(contact_id))


async def unsubscribe(uow: Uow, secret: str, token: str) -> bool:
    """Stop the alerts of a contact; False when its link is older than its present wish, and nothing changes.

    Raises NotFound for a token that is none of ours.
    """
    wish = read_token(secret, token)
    if wish is None:
        raise NotFound("Ce lien de désinscription est inconnu.", "This unsubscription link is unknown.")
    done = await store.unsubscribe(uow.conn, *wish, uow.now())
    if done:
        uow.audit("alerts.contact.unsubscribed", str(wish[0]))
    return done


async def create_search(uow: Uow, actor: Actor, name: str, criteria: Criteria) -> Search:
    """Save a search. Raises UnselectiveSearch, TooManySearches."""
    if not criteria.selective:
        raise UnselectiveSearch(
            "Cette recherche répondrait à tous les avis : ajoutez un mot, un code CPV, un lieu ou un montant.",
            "This search would match every notice: add a word, a CPV code, a place or a value.",
        )
    if await store.count_searches(uow.conn, actor.organisation) >= MAX_SEARCHES:
        raise TooManySearches(
            f"Une organisation garde au plus {MAX_SEARCHES} recherches : supprimez-en une.",
            f"An organisation keeps at most {MAX_SEARCHES} searches: delete one.",
        )
    now = uow.now()
    criteria_id = await store.keep_criteria(uow.conn, criteria, now)
    said = (summary(criteria), summary_en(criteria))
    search = Search(uuid4(), actor.organisation, name, criteria, *said, now)
    await store.add_search(uow.conn, search, criteria_id)
    uow.audit("alerts.search.created", str(search.search_id))
    return search


async def delete_search(uow: Uow, actor: Actor, search_id: UUID) -> None:
    """Forget a search of the actor's organisation. Raises NotFound."""
    if not await store.delete_search(uow.conn, search_id, actor.organisation):
        raise _unknown()
    uow.audit("alerts.search.deleted", str(search_id))


def own_search(search: Search | None, actor: Actor) -> Search:
    """Let only the owner see a search; others do not learn that it exists. Raises NotFound."""
    if search is None or search.organisation != actor.organisation:
        raise _unknown()
    return search


def _unknown() -> NotFound:
    return NotFound("Aucune recherche enregistrée sous ce numéro.", "No saved search with this identifier.")
