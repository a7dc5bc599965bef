"""What mails in hand say, to the address of this moment: read for many at once, composed one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.mail.message import Envelope, Posting, build
from libs.common.mail.returns import digest_of, return_path
from libs.common.runtime import Runtime
from services.alerts.domain import Claimed, Contact, Found, Mail, MailState, News
from services.alerts.mails import compose
from services.alerts.mails.sections import sorted_out
from services.alerts.people import links
from services.alerts.settings import AlertsSettings
from services.alerts.store import digests as digest_store
from services.alerts.store import mails as store
from services.alerts.store import news as news_store
from services.alerts.store.digests import Item
from services.alerts.store.mails import Ending

__all__ = ["NotYet", "Write", "prepare"]

_SOFT_FOR = timedelta(days=30)
"""What bounced softly too often is tried again after so long."""


class NotYet:
    """The services tell of a news in any order: what a mail says has not come yet. It is tried again."""


Write = Callable[[], Posting]
"""Composes a mail: done when its turn comes, so that a batch does not hold up the process."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read for a batch of mails."""

    settings: AlertsSettings
    suppressed: Mapping[bytes, str]
    found: Mapping[UUID, list[Found]]
    news: Mapping[UUID, News]
    digests: Mapping[UUID, list[Item]]
    now: datetime


async def prepare(runtime: Runtime, claimed: Sequence[Claimed]) -> list[Write | Ending | NotYet]:
    """Read what mails say: how to compose each, or why it does not leave."""
    settings = runtime.port(AlertsSettings)
    digests = [digest_of(settings, each.mail.contact.email) for each in claimed if each.mail.contact]
    async with runtime.read() as conn:
        facts = _Facts(
            settings,
            await store.suppressed(conn, digests, soft_since=runtime.clock.now() - _SOFT_FOR),
            await store.why(conn, _of_kind(claimed, "alert")),
            await news_store.of_mails(conn, _of_kind(claimed, "news")),
            await digest_store.items(conn, _of_kind(claimed, "digest")),
            runtime.clock.now(),
        )
    return [_prepared(facts, each) for each in claimed]


def _of_kind(claimed: Sequence[Claimed], kind: str) -> list[UUID]:
    return [each.mail.mail_id for each in claimed if each.mail.kind == kind]


def _prepared(facts: _Facts, claimed: Claimed) -> Write | Ending | NotYet:
    mail, contact = claimed.mail, claimed.mail.contact
    if contact is None:
        return Ending(mail.mail_id, MailState.UNDELIVERABLE, "no contact")
    reason = facts.suppressed.get(digest_of(facts.settings, contact.email))
    if reason is not None and not (reason == "complaint" and claimed.transactional):
        return Ending(mail.mail_id, MailState.SUPPRESSED, f"address suppressed: {reason}")
    if mail.kind == "news" and mail.mail_id not in facts.news:
        return NotYet()
    if not _wanted(facts, claimed, contact):
        return Ending(mail.mail_id, MailState.SUPPRESSED, "no longer wanted")
    return lambda: _WRITERS[mail.kind](facts, claimed, contact)


def _wanted(facts: _Facts, claimed: Claimed, contact: Contact) -> bool:
    """Tell whether its addressee still wants a mail; a digest with no search left, or nothing in time, is none."""
    mail_id, kind = claimed.mail.mail_id, claimed.mail.kind
    if kind == "digest":
        return bool(sorted_out(_by_notice(facts.digests.get(mail_id, ())), facts.now))
    if kind == "alert":
        return contact.alerts and mail_id in facts.found
    return claimed.transactional or contact.alerts


def _by_notice(items: Sequence[Item]) -> list[list[Found]]:
    notices: dict[UUID, list[Found]] = {}
    for item in items:
        notices.setdefault(item.found.notice_id, []).append(item.found)
    return list(notices.values())


def _digest(facts: _Facts, claimed: Claimed, contact: Contact) -> Posting:
    settings, items = facts.settings, facts.digests[claimed.mail.mail_id]
    unsubscribe = _unsubscribe(settings, claimed.mail, contact)
    own = claimed.mail.organisation is None
    manage = links.manage(settings, contact.contact_id, contact.generation) if own else None
    told = compose.DigestLinks(settings.public_url, unsubscribe, manage)
    content = compose.digest(_by_notice(items), language=contact.language, now=facts.now, links=told)
    return build(_envelope(settings, claimed, contact, unsubscribe), content)


def _alert(facts: _Facts, claimed: Claimed, contact: Contact) -> Posting:
    settings, mail = facts.settings, claimed.mail
    unsubscribe = _unsubscribe(settings, mail, contact)
    content = compose.alert(
        mail.subject,
        facts.found[mail.mail_id],
        language=contact.language,
        notice_url=f"{settings.public_url}/notices/v1/notices/{facts.found[mail.mail_id][0].shown}",
        unsubscribe_url=unsubscribe,
    )
    return build(_envelope(settings, claimed, contact, unsubscribe), content)


def _letter(facts: _Facts, claimed: Claimed, contact: Contact) -> Posting:
    settings, mail = facts.settings, claimed.mail
    content = compose.letter(
        mail.subject,
        mail.subject_id,
        language=contact.language,
        letter_url=f"{settings.public_url}/bids/v1/letters/{mail.subject_id}",
        procedure=mail.procedure,
    )
    return build(_envelope(settings, claimed, contact, None), content)


def _news(facts: _Facts, claimed: Claimed, contact: Contact) -> Posting:
    settings, found = facts.settings, facts.news[claimed.mail.mail_id]
    unsubscribe = None if found.needed else _unsubscribe(settings, claimed.mail, contact)
    page = f"{settings.public_url}/notices/v1/procedures/{found.procedure}"
    content = compose.news(found, language=contact.language, page_url=page, unsubscribe_url=unsubscribe)
    return build(_envelope(settings, claimed, contact, unsubscribe), content)


def _service(facts: _Facts, claimed: Claimed, contact: Contact) -> Posting:
    settings, mail = facts.settings, claimed.mail
    content = compose.service(mail, language=contact.language, public_url=settings.public_url)
    return build(_envelope(settings, claimed, contact, None), content)


_WRITERS: dict[str, Callable[[_Facts, Claimed, Contact], Posting]] = {
    "alert": _alert,
    "digest": _digest,
    "letter": _letter,
    "news": _news,
    "service": _service,
}


def _unsubscribe(settings: AlertsSettings, mail: Mail, contact: Contact) -> str:
    """Give the link that stops, in one click, the alerts of the contact or of the person that a mail goes to."""
    link = links.leave if mail.organisation is not None else links.unsubscribe
    return link(settings, contact.contact_id, contact.generation)


def _envelope(settings: AlertsSettings, claimed: Claimed, contact: Contact, unsubscribe: str | None) -> Envelope:
    """Say how a mail travels: `List-*` headers (RFC 2369, 2919, 8058) only where it was subscribed to."""
    return Envelope(
        claimed.mail.mail_id,
        settings.mail_from,
        contact.email,
        settings.mail_domain,
        unsubscribe,
        return_path(settings, claimed.mail.mail_id, contact.email),
        f"{'suivis' if claimed.mail.kind == 'news' else 'alertes'}.{settings.mail_domain}" if unsubscribe else None,
    )
