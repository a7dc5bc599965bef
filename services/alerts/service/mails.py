"""Mails: queued with what causes them, their fate recorded; whoever asked for one that did not arrive is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from libs.common.messages.alerts import AlertSentV1, MailUndeliveredV1
from libs.common.messages.bids import IncidentDeclaredV1, LetterSentV1, RequestSentV1
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.rounds import MessageSentV1
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.domain import MailState
from services.alerts.mails import compose
from services.alerts.mails.metrics import KINDS, MAILS
from services.alerts.mails.topics import TOPICS
from services.alerts.store import mails as store
from services.alerts.store.mails import Closed, Draft, Ending

__all__ = [
    "close", "incident_near", "letter_waits", "message_waits", "queue", "request_waits", "service_mail", "tell_undelivered",
    "told_cause", "withdraw",
]  # fmt: skip

_SENDER_KNOWS = frozenset({"award", "rejection", "notification"})
"""Letters that the buyer itself wrote. Of a deposit receipt it may know nothing before the opening (R2132-9 CCP)."""


async def letter_waits(uow: Uow, event: LetterSentV1) -> None:
    """Tell the addressee that a letter waits; without an address, say so to the operator and to the sender."""
    await _letter_of(uow, event, event.buyer if event.kind in _SENDER_KNOWS else None)


async def request_waits(uow: Uow, event: RequestSentV1) -> None:
    """Tell a bidder that a request of the buyer waits; without an address, say so to the operator and to the buyer."""
    await _letter_of(uow, event, event.buyer)


async def message_waits(uow: Uow, event: MessageSentV1) -> None:
    """Tell the addressee that a message waits; of one that nobody read, by the same mail again."""
    if event.reminder:
        await store.requeue_letter(uow.conn, event.letter_id)
    else:
        await _letter_of(uow, event, event.buyer)


async def _letter_of(uow: Uow, event: LetterSentV1 | RequestSentV1 | MessageSentV1, sender: str | None) -> None:
    await queue(
        uow, Draft(event.organisation, "letter", event.letter_id, event.procedure, sender, compose.LETTER_SUBJECT)
    )


async def incident_near(uow: Uow, event: IncidentDeclaredV1) -> None:
    """Tell a buyer that a letter about an incident of the platform waits."""
    await queue(
        uow,
        Draft(event.organisation, "letter", event.aggregate_id, event.procedure, None, compose.INCIDENT_SUBJECT),
    )


async def queue(uow: Uow, draft: Draft) -> None:
    """Queue a transactional mail, ahead of all alerts; none twice. Without an address it waits for one."""
    unreachable = await store.queue(uow.conn, draft, told_cause(uow), uow.now())
    if unreachable is not None:
        await tell_undelivered(uow, draft.organisation, unreachable)


def told_cause(uow: Uow) -> dict[str, Any] | None:
    """Give the event that a transaction follows from, as a mail keeps it: what comes of the mail names it."""
    return uow.cause.model_dump(mode="json", exclude={"data"}, exclude_none=True) if uow.cause else None


async def close(runtime: Runtime, endings: Sequence[Ending], lease: UUID) -> None:
    """Record what became of mails in our hands; tell the platform of those that were handed over, or never will be."""
    now = runtime.clock.now()
    async with runtime.batch() as batch:
        closed = await store.close(batch.conn, endings, lease, now)
        for each in closed:
            MAILS.labels(KINDS[each.priority], each.state).inc()
        for ending in endings:
            if ending.bad_address is not None:
                await store.suppress(batch.conn, ending.bad_address, "hard", ending.reason, now)
        async with batch.uow(cause=None) as uow:
            for each in closed:
                if each.cause is None:
                    await _tell(uow, each)
        for each in closed:
            if each.cause is not None:
                async with batch.uow(cause=CloudEvent.model_validate(each.cause | {"data": {}})) as uow:
                    await _tell(uow, each)


async def _tell(uow: Uow, closed: Closed) -> None:
    if closed.organisation is None:
        return
    if closed.state is MailState.SENT:
        uow.emit(
            AlertSentV1(
                aggregate_id=closed.mail_id,
                aggregate_version=1,
                organisation=closed.organisation,
                procedure=closed.procedure,
                occurred_at=uow.now(),
                mail_id=closed.mail_id,
                kind=closed.kind,
                letter_id=closed.subject_id if closed.kind == "letter" else None,
            )
        )
    else:
        await tell_undelivered(uow, closed.organisation, closed)


async def tell_undelivered(uow: Uow, organisation: str | None, closed: Closed) -> None:
    """Say that a transactional mail did not arrive: to the services, and by mail to its sender, where it may know of it."""
    if closed.priority != 0 or organisation is None:
        return
    uow.emit(
        MailUndeliveredV1(
            aggregate_id=closed.mail_id,
            aggregate_version=2,
            organisation=organisation,
            procedure=closed.procedure,
            occurred_at=uow.now(),
            mail_id=closed.mail_id,
            kind=closed.kind,
            state=closed.state,
            reason=closed.reason,
            letter_id=closed.subject_id if closed.kind == "letter" else None,
        )
    )
    if closed.sender is not None:
        await queue(
            uow, service_mail("undelivered", closed.sender, f"{closed.mail_id}:{closed.state}", closed.procedure)
        )


def service_mail(
    topic: str, organisation: str, about: str, procedure: UUID | None, *, due_at: datetime | None = None
) -> Draft:
    """Give a mail that tells an organisation that something happened, and where it is read; one for each `about`."""
    identity = uuid5(NAMESPACE_URL, f"urn:halles:mail:{topic}:{about}")
    return Draft(organisation, "service", identity, procedure, None, TOPICS[topic].subject, topic, due_at)


async def withdraw(uow: Uow, draft: Draft) -> None:
    """Have a service mail not leave, if it did not yet: what it tells is no longer so."""
    await store.withdraw(uow.conn, draft, uow.now())
