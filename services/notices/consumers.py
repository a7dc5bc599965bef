"""What the notices service does with the events of the platform: its timeline, the states of procedures, award notices."""

from __future__ import annotations

from libs.common.grants.companies import follow_company_users
from libs.common.messages.alerts import MailUndeliveredV1
from libs.common.messages.base import Audience, Event
from libs.common.messages.bids import AwardDecidedV1, ContractNotifiedV1, ContractSignedV1
from libs.common.messages.notices import (
    AnswerPublishedV1,
    NoticePublishedV1,
    ProcedureResumedV1,
    ProcedureSuspendedV1,
)
from libs.common.messages.registry import all_types
from libs.common.service import Consumers
from libs.common.uow import Uow
from services.notices.service import awarding, telling
from services.notices.service import procedures as service
from services.notices.store import timeline as store
from services.notices.timeline import summary

__all__ = ["CONSUMERS"]

CONSUMERS = Consumers("notices")
follow_company_users(CONSUMERS)


async def record(uow: Uow, event: Event) -> None:
    """Add an event to the timeline of its procedure; events of no procedure, or of no reader, are left out."""
    if event.procedure is None or uow.cause is None:
        return
    french, english = summary(event)
    entry = store.TimelineEntry(
        event_id=uow.cause.id,
        procedure_id=event.procedure,
        type=event.type,
        occurred_at=event.occurred_at,
        audience=Audience.PUBLIC if event.audience is Audience.PUBLIC else Audience.ORGANISATION,
        organisation=event.organisation,
        buyer=event.buyer,
        buyer_after=event.buyer_after,
        summary=french,
        summary_en=english,
        reference=event.aggregate_id,
    )
    await store.add_timeline(uow.conn, entry)


for _model in all_types().values():
    if _model.audience is not Audience.INTERNAL:
        CONSUMERS.on(_model, queue="timeline", projection=True)(record)


@CONSUMERS.on(MailUndeliveredV1, queue="timeline", projection=True)
async def mail_undelivered(uow: Uow, event: MailUndeliveredV1) -> None:
    """Show to its addressee alone that a mail did not arrive; the bids service tells both parties of a letter's."""
    if event.letter_id is None:
        await record(uow, event)


@CONSUMERS.on(AwardDecidedV1, queue="procedures")
async def award_decided(uow: Uow, event: AwardDecidedV1) -> None:
    """Move the procedure on when a lot is awarded."""
    if event.procedure is not None:
        await service.award_decided(uow, event.procedure, event.lot_id)


@CONSUMERS.on(ContractSignedV1, queue="procedures")
async def contract_signed(uow: Uow, event: ContractSignedV1) -> None:
    """Move the lot on when both parties signed its contract."""
    if event.procedure is not None:
        await service.contract_signed(uow, event.procedure, event.contract.lot_id)


@CONSUMERS.on(ContractNotifiedV1, queue="procedures")
async def contract_notified(uow: Uow, event: ContractNotifiedV1) -> None:
    """Make and publish the award notice once the winner acknowledged the notification."""
    if event.procedure is not None:
        await awarding.contract_notified(uow, event.procedure, event.contract)


@CONSUMERS.on(NoticePublishedV1, queue="followers")
async def notice_published(uow: Uow, event: NoticePublishedV1) -> None:
    """Tell of a change those who took the documents and asked to be told."""
    await telling.tell_of_change(uow, event)


@CONSUMERS.on(AnswerPublishedV1, queue="followers")
async def answer_published(uow: Uow, event: AnswerPublishedV1) -> None:
    """Tell of an answer those who took the documents and asked to be told."""
    await telling.tell_of_answer(uow, event)


async def standing_changed(uow: Uow, event: ProcedureSuspendedV1 | ProcedureResumedV1) -> None:
    """Tell that a procedure is suspended, or goes on, to those who took its documents and asked to be told."""
    await telling.tell_of_standing(uow, event)


CONSUMERS.on(ProcedureSuspendedV1, queue="followers")(standing_changed)
CONSUMERS.on(ProcedureResumedV1, queue="followers")(standing_changed)
