"""What is asked in the name of an address: done once its reader confirmed it by the link of a mail (double opt-in).

Whoever asks is answered the same, whether the address is known, refused, or had mails enough: nobody learns here who
has alerts, and nobody fills somebody else's mailbox.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.mail.returns import digest_of
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.domain import Frequency, Holder
from services.alerts.errors import RequestExpired
from services.alerts.matching.criteria import Criteria
from services.alerts.people import erasure, links, store
from services.alerts.people.domain import Purpose, Request, Subscriber
from services.alerts.service import news
from services.alerts.service.searches import Draft, create_search
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store

__all__ = [
    "JOB",
    "ask",
    "ask_account",
    "ask_erasure",
    "ask_link",
    "confirm",
    "follow_wish",
    "forget_old",
    "read",
    "search_wish",
]

JOB: Final = "request"
VALID: Final = timedelta(days=2)
"""How long a link of a mail may be used."""
AN_HOUR: Final = 3
A_DAY: Final = 10
"""Mails that others may cause at one address."""
QUIET: Final = {"hard": timedelta(days=1), "soft": timedelta(days=1), "complaint": timedelta(days=7)}
"""How long nothing is mailed to an address that mails came back from; then one a day asks, until its reader confirms."""


def search_wish(draft: Draft) -> dict[str, Any]:
    """Give the wish to save a search."""
    return {"name": draft.name, "criteria": draft.criteria.canonical(), "frequency": draft.frequency}


def follow_wish(procedure: UUID) -> dict[str, Any]:
    """Give the wish to follow a procedure."""
    return {"procedure": str(procedure)}


async def ask(uow: Uow, email: str, language: str, purpose: Purpose, wish: dict[str, Any]) -> None:
    """Send an address the link that does what is asked in its name; nothing, when it had enough of them lately."""
    person = await store.adopt(uow.conn, email, language, uow.now())
    now = uow.now()
    if not await _may_be_mailed(uow, person):
        return
    asked = Request(uuid4(), person.subscriber_id, purpose, wish, language, now + VALID, None)
    await store.add_request(uow.conn, asked, now)
    uow.enqueue(JOB, key=str(asked.request_id), payload={"request_id": str(asked.request_id)})


async def _may_be_mailed(uow: Uow, person: Subscriber) -> bool:
    """Tell whether one mail more may go to an address: fewer where they came back, as a mailbox may be mended meanwhile."""
    now = uow.now()
    hour, day = await store.count_requests(
        uow.conn, person.subscriber_id, hour=now - timedelta(hours=1), day=now - timedelta(days=1)
    )
    held = await mail_store.held(uow.conn, digest_of(uow.runtime.port(AlertsSettings), person.email))
    if held is None:
        return hour < AN_HOUR and day < A_DAY
    return day == 0 and held.since + QUIET[held.reason] <= now


async def ask_link(uow: Uow, email: str) -> None:
    """Send an address the link to all its alerts, if it has any."""
    await ask(uow, email, "fr", Purpose.LINK, {})


async def ask_account(uow: Uow, actor: Actor, email: str, language: str) -> None:
    """Make an address that of an identified person, once its reader confirms it."""
    wish = {"account": actor.subject, "organisation": actor.organisation}
    await ask(uow, email, language, Purpose.ACCOUNT, wish)


async def ask_erasure(uow: Uow, person: Subscriber) -> None:
    """Erase all that is known of an address, once its reader confirms it."""
    await ask(uow, person.email, person.language, Purpose.ERASE, {})


async def read(runtime: Runtime, token: str) -> Request:
    """Give what a link confirms. Raises NotFound for a token that is none of ours, RequestExpired."""
    known = links.read(runtime.settings, token, links.CONFIRM)
    if known is None:
        raise NotFound("Ce lien de confirmation est inconnu.", "This confirmation link is unknown.")
    async with runtime.read() as conn:
        asked = await store.request(conn, known[0])
    if asked is None or asked.expires_at <= runtime.clock.now():
        raise RequestExpired
    return asked


async def confirm(uow: Uow, token: str) -> tuple[Purpose, Subscriber | None]:
    """Do what a link confirms: what it was, and for whom; nobody when it was done before, or the person is erased.

    Raises NotFound, RequestExpired, TooManySearches, TooManyFollows.
    """
    asked = await read(uow.runtime, token)
    if not await store.use(uow.conn, asked.request_id, uow.now()):
        return asked.purpose, None
    if asked.purpose is Purpose.ERASE:
        await erasure.erase(uow, asked.subscriber_id)
        return asked.purpose, None
    person = await store.confirm(uow.conn, asked.subscriber_id, uow.now())
    await mail_store.lift(uow.conn, digest_of(uow.runtime.port(AlertsSettings), person.email))
    await _fulfil(uow, person, asked)
    uow.audit("alerts.request.confirmed", str(asked.request_id))
    return asked.purpose, person


async def _fulfil(uow: Uow, person: Subscriber, asked: Request) -> None:
    wish, holder = asked.wish, Holder(None, person.subscriber_id)
    match asked.purpose:
        case Purpose.SUBSCRIBE:
            criteria = Criteria.model_validate(wish["criteria"])
            await create_search(uow, holder, Draft(wish["name"], criteria, Frequency(wish["frequency"])))
        case Purpose.FOLLOW:
            await news.follow(uow, holder, UUID(wish["procedure"]))
        case Purpose.ACCOUNT:
            await store.bind(uow.conn, person.subscriber_id, wish["account"], wish["organisation"])
        case Purpose.LINK | Purpose.ERASE:
            pass


async def forget_old(runtime: Runtime) -> None:
    """Forget requests that no longer act, and addresses that nobody confirmed."""
    async with runtime.uow() as uow:
        await store.forget_requests(uow.conn, uow.now())
        await store.forget_unconfirmed(uow.conn, uow.now() - VALID)
        await store.adopt_contacts(uow.conn)
