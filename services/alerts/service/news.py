"""Procedures that organisations follow, and the news of them: changes and public answers.

The same news is one mail to an organisation, whether it follows the procedure, answered it, or both.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from libs.common.errors import NotFound
from libs.common.mail.words import french_time
from libs.common.messages.bids import DepositorInformedV1
from libs.common.messages.notices import (
    AnswerPublishedV1,
    LotAbandonedV1,
    LotResult,
    NoticePublishedV1,
    ProcedureResumedV1,
    ProcedureSuspendedV1,
)
from libs.common.uow import Uow
from services.alerts.domain import MAX_FOLLOWS, Holder
from services.alerts.errors import TooManyFollows
from services.alerts.mails import compose
from services.alerts.service.mails import tell_undelivered, told_cause
from services.alerts.store import news as store
from services.alerts.store.mails import Draft

__all__ = [
    "follow",
    "tell_depositor",
    "tell_of_abandonment",
    "tell_of_answer",
    "tell_of_change",
    "tell_of_result",
    "tell_of_standing",
    "unfollow",
]


_WITHOUT = {"unsuccessful": "infructueux", "abandoned": "déclaré sans suite"}
_GATHERING = timedelta(minutes=1)


async def follow(uow: Uow, holder: Holder, procedure: UUID) -> None:
    """Have an organisation or a person told of what becomes of a procedure. Raises NotFound, TooManyFollows."""
    if not await store.known_procedure(uow.conn, procedure):
        raise NotFound("Aucun avis de cette consultation n'est publié.", "No notice of this procedure is published.")
    if await store.count_follows(uow.conn, holder, procedure) >= MAX_FOLLOWS:
        raise TooManyFollows
    await store.set_follow(uow.conn, holder, procedure, uow.now())


async def unfollow(uow: Uow, holder: Holder, procedure: UUID) -> None:
    """Tell them nothing more of a procedure. Raises NotFound."""
    if not await store.delete_follow(uow.conn, holder, procedure):
        raise NotFound("Vous ne suivez pas cette consultation.", "You do not follow this procedure.")


async def tell_of_change(uow: Uow, event: NoticePublishedV1) -> None:
    """Keep what a change notice says, and tell those who follow."""
    notice = event.notice
    if notice.kind != "change" or notice.modification is not None or event.procedure is None:
        return
    said = notice.change.description if notice.change else None
    told = "\n".join([said or "", *(f"- {document.name}" for document in notice.documents)]).strip()
    await _tell(uow, event.procedure, "change", (notice.notice_id, 1), None, told)


async def tell_of_result(uow: Uow, event: NoticePublishedV1) -> None:
    """Keep what an award notice says of each lot, and tell those who follow."""
    notice = event.notice
    if notice.kind != "award" or event.procedure is None:
        return
    told = "\n".join(_outcome(result) for result in notice.results)
    await _tell(uow, event.procedure, "award", (notice.notice_id, 1), None, told)


async def tell_of_abandonment(uow: Uow, event: LotAbandonedV1) -> None:
    """Keep that a lot is given up, and tell those who follow: lots given up together are one news.

    Its mails wait a moment for the last of them.
    """
    procedure = event.procedure or event.aggregate_id
    news_id = uuid5(NAMESPACE_URL, f"urn:halles:news:abandonment:{procedure}:{event.occurred_at.isoformat()}")
    await store.keep_abandonment(uow.conn, news_id, procedure, event.explanation, event.lot_id, uow.now())
    subject = compose.NEWS_SUBJECTS["abandonment"]
    await store.queue_followers(uow.conn, news_id, procedure, subject=subject, at=uow.now())
    await store.put_off(uow.conn, news_id, uow.now() + _GATHERING)


async def tell_of_standing(uow: Uow, event: ProcedureSuspendedV1 | ProcedureResumedV1) -> None:
    """Keep that a procedure is suspended, or goes on, and tell those who follow."""
    if isinstance(event, ProcedureSuspendedV1):
        told = f"La consultation est suspendue. {event.explanation or ''}".strip()
    elif event.deadline is not None:
        told = f"La consultation reprend. Date limite : {french_time(event.deadline)}."
    else:
        told = "La consultation reprend."
    await _tell(uow, event.aggregate_id, "change", (event.aggregate_id, event.aggregate_version), None, told)


async def tell_of_answer(uow: Uow, event: AnswerPublishedV1) -> None:
    """Keep an answer, and tell those who follow."""
    if event.procedure is not None:
        version = (event.aggregate_id, event.aggregate_version)
        await _tell(uow, event.procedure, "answer", version, event.question, event.answer)


async def _tell(uow: Uow, procedure: UUID, kind: str, about: tuple[UUID, int], question: str | None, told: str) -> None:
    news_id = _identity(kind, *about)
    await store.keep(uow.conn, news_id, procedure, kind, question, told, uow.now())
    subject = compose.NEWS_SUBJECTS[kind]
    await store.queue_followers(uow.conn, news_id, procedure, subject=subject, at=uow.now())


async def tell_depositor(uow: Uow, event: DepositorInformedV1) -> None:
    """Queue the mail of a company that deposited; without an address, the operator sees it."""
    news_id = _identity(event.subject, event.reference, event.reference_version)
    draft = Draft(event.organisation, "news", news_id, event.procedure, None, compose.NEWS_SUBJECTS[event.subject])
    unreachable = await store.queue_depositor(uow.conn, draft, told_cause(uow), uow.now())
    if unreachable is not None:
        await tell_undelivered(uow, event.organisation, unreachable)


def _outcome(result: LotResult) -> str:
    if result.outcome == "awarded":
        return f"Lot {result.lot_id} : attribué à {result.winner_name or 'plusieurs titulaires'}."
    return f"Lot {result.lot_id} : {_WITHOUT[result.outcome]}."


def _identity(kind: str, reference: UUID, version: int) -> UUID:
    """Give the identity of a news: the same whoever tells of it first."""
    return uuid5(NAMESPACE_URL, f"urn:halles:news:{kind}:{reference}:{version}")
