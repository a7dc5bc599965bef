"""What the service does when other services tell it something."""

from __future__ import annotations

from libs.common.grants.known import follow_roles
from libs.common.messages.alerts import AlertSentV1, MailUndeliveredV1
from libs.common.messages.legality import ActAcknowledgedV1, ActExemptedV1
from libs.common.messages.notices import (
    AnswerPublishedV1,
    LotAbandonedV1,
    LotUnsuccessfulV1,
    NoticePublishedV1,
    ProcedureResumedV1,
    ProcedureSuspendedV1,
)
from libs.common.messages.signature import DocumentSignedV1, SignatureRefusedV1
from libs.common.service import Consumers
from libs.common.uow import Uow
from services.bids.correspondence.delivery import mail_lost, mail_taken
from services.bids.rounds import moving
from services.bids.service import consultations, contracts, depositors
from services.bids.service.endings import Ending, end_lot

__all__ = ["consumers"]

consumers = Consumers("bids")
follow_roles(consumers)


@consumers.on(NoticePublishedV1, queue="notices")
async def open_consultation(uow: Uow, event: NoticePublishedV1) -> None:
    """Open the consultation of a published contract notice, or follow its change."""
    if event.procedure is not None:
        await consultations.follow_notice(uow, event.notice, event.procedure)


@consumers.on(ProcedureSuspendedV1, queue="notices")
async def procedure_suspended(uow: Uow, event: ProcedureSuspendedV1) -> None:
    """Receive, open and award nothing more."""
    version = event.aggregate_version
    await consultations.follow_suspension(uow, event.aggregate_id, version=version, since=event.occurred_at)


@consumers.on(ProcedureResumedV1, queue="notices")
async def procedure_resumed(uow: Uow, event: ProcedureResumedV1) -> None:
    """Go on, with the deadlines put off: that of the notice, and those of the rounds that were open."""
    version = event.aggregate_version
    since = await consultations.follow_suspension(
        uow, event.aggregate_id, version=version, since=None, deadline=event.deadline
    )
    if since is not None:
        await moving.make_up(uow, event.aggregate_id, since=since, until=event.occurred_at)


@consumers.on(LotAbandonedV1, queue="notices")
async def lot_abandoned(uow: Uow, event: LotAbandonedV1) -> None:
    """Receive and award nothing more for a lot given up; its bidders are told why."""
    ending = Ending(event.aggregate_id, event.lot_id, abandoned=True, explanation=event.explanation)
    await end_lot(uow, ending)


@consumers.on(LotUnsuccessfulV1, queue="notices")
async def lot_unsuccessful(uow: Uow, event: LotUnsuccessfulV1) -> None:
    """Award nothing more for a lot without acceptable bid; its bidders are told why."""
    reason = event.explanation or "aucune offre n'est régulière, acceptable et appropriée (art. L2152-1 CCP)."
    await end_lot(uow, Ending(event.aggregate_id, event.lot_id, abandoned=False, explanation=reason))


@consumers.on(NoticePublishedV1, queue="depositors")
async def notice_changed(uow: Uow, event: NoticePublishedV1) -> None:
    """Have those who deposited told of a change."""
    changed = event.notice.kind == "change" and event.notice.modification is None
    if event.procedure is not None and changed:
        await depositors.inform(uow, event.procedure, "change", event.notice.notice_id, 1)


async def standing_changed(uow: Uow, event: ProcedureSuspendedV1 | ProcedureResumedV1) -> None:
    """Have those who deposited told that the procedure is suspended, or goes on."""
    await depositors.inform(uow, event.aggregate_id, "change", event.aggregate_id, event.aggregate_version)


consumers.on(ProcedureSuspendedV1, queue="depositors")(standing_changed)
consumers.on(ProcedureResumedV1, queue="depositors")(standing_changed)


@consumers.on(AnswerPublishedV1, queue="depositors")
async def answer_published(uow: Uow, event: AnswerPublishedV1) -> None:
    """Have those who deposited told of an answer."""
    if event.procedure is not None:
        await depositors.inform(uow, event.procedure, "answer", event.aggregate_id, event.aggregate_version)


@consumers.on(AlertSentV1, queue="mails")
async def mail_sent(uow: Uow, event: AlertSentV1) -> None:
    """Note that the mail which tells of a letter was delivered."""
    if event.letter_id is not None:
        await mail_taken(uow, event.letter_id, event.occurred_at)


@consumers.on(MailUndeliveredV1, queue="mails")
async def mail_undelivered(uow: Uow, event: MailUndeliveredV1) -> None:
    """Note that the mail which tells of a letter did not arrive."""
    await mail_lost(uow, event)


@consumers.on(DocumentSignedV1, queue="signatures")
async def contract_signed(uow: Uow, event: DocumentSignedV1) -> None:
    """Mark a contract as signed by both parties."""
    await contracts.buyer_signed(uow, event)


@consumers.on(SignatureRefusedV1, queue="signatures")
async def signature_refused(uow: Uow, event: SignatureRefusedV1) -> None:
    """Let a contract that somebody refused to sign be submitted again."""
    await contracts.refused(uow, event.subject_id)


@consumers.on(ActAcknowledgedV1, queue="legality")
async def act_acknowledged(uow: Uow, event: ActAcknowledgedV1) -> None:
    """Let a transmitted contract be notified."""
    await contracts.clear(uow, event.subject_id, f"acknowledged {event.act_identifier}")


@consumers.on(ActExemptedV1, queue="legality")
async def act_exempted(uow: Uow, event: ActExemptedV1) -> None:
    """Let a contract that is not to be transmitted be notified."""
    await contracts.clear(uow, event.subject_id, f"exempted {event.reason}")
