"""What the alerts service does when others tell it something."""

from __future__ import annotations

from libs.common.grants.companies import follow_company_users
from libs.common.messages.base import Event
from libs.common.messages.bids import (
    ContractNotifiedV1,
    DepositorInformedV1,
    IncidentDeclaredV1,
    LetterSentV1,
    RequestSentV1,
)
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.notices import (
    AnswerPublishedV1,
    LotAbandonedV1,
    NoticePublishedV1,
    ProcedureResumedV1,
    ProcedureSuspendedV1,
)
from libs.common.messages.opendata import ContractDataPublishedV1
from libs.common.messages.rounds import MessageSentV1
from libs.common.service import Consumers
from libs.common.uow import Uow
from services.alerts.service import buyers, deliveries, mails, matching, news, partners
from services.alerts.service.webhooks import public_types

__all__ = ["CONSUMERS"]

CONSUMERS = Consumers("alerts")
follow_company_users(CONSUMERS)


@CONSUMERS.on(NoticePublishedV1, queue="matching")
async def notice_published(uow: Uow, event: NoticePublishedV1) -> None:
    """Keep a notice, and have it held against the saved searches."""
    await matching.keep_notice(uow, event)


@CONSUMERS.on(AnswerPublishedV1, queue="matching")
async def answer_found(uow: Uow, event: AnswerPublishedV1) -> None:
    """Have an answer held against the searches that ask for answers."""
    await matching.keep_answer(uow, event)


@CONSUMERS.on(LetterSentV1, queue="letters")
async def letter_sent(uow: Uow, event: LetterSentV1) -> None:
    """Tell the addressee that a letter waits."""
    await mails.letter_waits(uow, event)


@CONSUMERS.on(MessageSentV1, queue="letters")
async def message_sent(uow: Uow, event: MessageSentV1) -> None:
    """Tell the addressee that a message waits, or still does; the mail holds nothing of it."""
    await mails.message_waits(uow, event)


@CONSUMERS.on(RequestSentV1, queue="letters")
async def request_sent(uow: Uow, event: RequestSentV1) -> None:
    """Tell a bidder that a request of the buyer waits for its answer."""
    await mails.request_waits(uow, event)


@CONSUMERS.on(IncidentDeclaredV1, queue="letters")
async def incident_declared(uow: Uow, event: IncidentDeclaredV1) -> None:
    """Tell a buyer of an incident near its deadline."""
    await mails.incident_near(uow, event)


@CONSUMERS.on(NoticePublishedV1, queue="news")
async def notice_changed(uow: Uow, event: NoticePublishedV1) -> None:
    """Tell those who follow a procedure of its change, or its result."""
    await news.tell_of_change(uow, event)
    await news.tell_of_result(uow, event)


@CONSUMERS.on(LotAbandonedV1, queue="news")
async def lot_abandoned(uow: Uow, event: LotAbandonedV1) -> None:
    """Tell those who follow a procedure that lots of it are given up."""
    await news.tell_of_abandonment(uow, event)


async def standing_changed(uow: Uow, event: ProcedureSuspendedV1 | ProcedureResumedV1) -> None:
    """Tell those who follow a procedure that it is suspended, or goes on."""
    await news.tell_of_standing(uow, event)


CONSUMERS.on(ProcedureSuspendedV1, queue="news")(standing_changed)
CONSUMERS.on(ProcedureResumedV1, queue="news")(standing_changed)


@CONSUMERS.on(AnswerPublishedV1, queue="news")
async def answer_published(uow: Uow, event: AnswerPublishedV1) -> None:
    """Tell those who follow a procedure of an answer."""
    await news.tell_of_answer(uow, event)


@CONSUMERS.on(DepositorInformedV1, queue="letters")
async def depositor_informed(uow: Uow, event: DepositorInformedV1) -> None:
    """Tell a company that deposited of a change or an answer."""
    await news.tell_depositor(uow, event)


async def buyer_told(uow: Uow, event: Event) -> None:
    """Tell a buyer by mail that something waits for it."""
    await buyers.tell(uow, event)


for _told in buyers.TOLD:
    CONSUMERS.on(_told, queue="letters")(buyer_told)


@CONSUMERS.on(ContractNotifiedV1, queue="letters")
async def contract_notified(uow: Uow, event: ContractNotifiedV1) -> None:
    """Remind a buyer of the essential data of a contract, unless they are public soon."""
    await buyers.essential_data_due(uow, event)


@CONSUMERS.on(ContractDataPublishedV1, queue="letters")
async def data_published(uow: Uow, event: ContractDataPublishedV1) -> None:
    """Remind of essential data no more."""
    await buyers.data_published(uow, event)


async def public_event(uow: Uow, event: Event) -> None:
    """Put it on its way to partners' webhooks."""
    await deliveries.fan_out(uow, event, _envelope(uow))


async def partners_event(uow: Uow, event: Event) -> None:
    """Tell the partners that follow by AMQP."""
    await partners.tell(uow, event, _envelope(uow))


def _envelope(uow: Uow) -> CloudEvent:
    if uow.cause is None:
        raise ValueError("an event is handled with its envelope")
    return uow.cause


for _public in public_types():
    CONSUMERS.on(_public, queue="webhooks")(public_event)
    # one lane: one transaction at a time waits for the partners' broker, and a batch waits once
    CONSUMERS.on(_public, queue="partners", lanes=1, batch=100)(partners_event)
