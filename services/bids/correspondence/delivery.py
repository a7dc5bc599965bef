"""What became of letters: the mail that tells of one was taken, or did not arrive; nobody read it, and is reminded once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from libs.common.messages.alerts import MailUndeliveredV1
from libs.common.messages.rounds import LetterUndeliveredV1, MessageSentV1
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.correspondence import store
from services.bids.settings import BidsSettings

__all__ = ["mail_lost", "mail_taken", "remind"]


async def mail_taken(uow: Uow, letter: UUID, at: datetime) -> None:
    """Note a proof of delivery: the addressee's mail server took the mail that says a letter waits."""
    await store.mail_taken(uow.conn, letter, at)


async def mail_lost(uow: Uow, event: MailUndeliveredV1) -> None:
    """Note that a letter's mail did not arrive, and tell its two parties: the buyer of a bid's receipt after the opening alone."""
    if event.letter_id is None:
        return
    letter = await store.mail_lost(uow.conn, event.letter_id, event.occurred_at, event.state)
    if letter is None:
        return
    uow.audit("letter_undelivered", str(letter.id))
    uow.emit(
        LetterUndeliveredV1(
            aggregate_id=uuid4(),  # of this loss: the same letter may be mailed again, and lost again
            aggregate_version=1,
            organisation=letter.addressee,
            buyer=letter.buyer,
            procedure=letter.procedure,
            occurred_at=event.occurred_at,
            letter_id=letter.id,
            kind=letter.kind,
            state=event.state,
        )
    )


async def remind(runtime: Runtime) -> int:
    """Have companies that read nothing for `reminder_after`, or half the time to answer, told again, once each letter.

    Gives how many were.
    """
    before = runtime.clock.now() - runtime.port(BidsSettings).reminder_after
    async with runtime.uow() as uow:
        found = await store.unread(uow.conn, before, uow.now())
        await store.reminded(uow.conn, [each.id for each in found], uow.now())
        for each in found:
            uow.emit(_again(each, uow.now()))
    return len(found)


def _again(letter: store.Unread, at: datetime) -> MessageSentV1:
    return MessageSentV1(
        aggregate_id=uuid4(),  # of the reminder
        aggregate_version=1,
        organisation=letter.addressee,
        buyer=letter.buyer,
        procedure=letter.procedure,
        occurred_at=at,
        letter_id=letter.id,
        kind=letter.kind,
        sha256=letter.sha256,
        reminder=True,
    )
