"""Awards for the buyer, letters for their addressees."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import Forbidden, NotFound
from libs.common.http import Cursor, Page, Routes, send_document
from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.api.views import PageQuery
from services.bids.api.views_awards import AwardInput, AwardView, EvaluationInput, LetterSummary, LetterView
from services.bids.domain.awards import CriterionScore, Evaluation
from services.bids.errors import (
    AlreadyAwarded,
    IncompleteAward,
    LotEnded,
    NotOpened,
    ProcedureSuspended,
    UnknownConsultation,
    UnknownLetter,
)
from services.bids.evaluation.errors import EvaluationOrder
from services.bids.service import awards, letters, parties
from services.bids.service.deciding import Decision
from services.bids.store import awards as store

__all__ = ["routes"]

routes = Routes("bids")


@routes.post(
    "/v1/consultations/{procedure}/lots/{lot}/award",
    status=201,
    errors=[
        UnknownConsultation,
        Forbidden,
        NotFound,
        NotOpened,
        AlreadyAwarded,
        IncompleteAward,
        EvaluationOrder,
        ProcedureSuspended,
        LotEnded,
    ],
    tag="awards",
)
async def award_lot(uow: Uow, actor: Actor, procedure: UUID, lot: str, body: AwardInput) -> AwardView:
    """Decide the award of a lot; the letters to the winner and to the losers leave at once."""
    decision = Decision(
        procedure=procedure,
        lot=lot,
        bid=body.bid_id,
        value=body.value,
        contract_number=body.contract_number,
        evaluations=tuple(_evaluation(each) for each in body.evaluations),
        inadmissible=frozenset(each.bid_id for each in body.evaluations if not each.admissible),
        essential=body.essential,
        duration_months=body.duration_months,
        place=None if body.place is None else (body.place.code, body.place.kind),
        committee=None if body.committee is None else body.committee.told,
        no_committee=body.no_committee,
        proofs_held=body.proofs_held,
        choice_reason=body.choice_reason,
        bidders=tuple(each.told for each in body.bidders),
        others=tuple(each.told for each in body.others),
    )
    return AwardView.of(await awards.decide(uow, actor, decision))


def _evaluation(given: EvaluationInput) -> Evaluation:
    criteria = tuple(CriterionScore(each.name, each.score, each.out_of) for each in given.criteria)
    return Evaluation(given.bid_id, criteria, given.total, given.rank, given.reasons)


@routes.get("/v1/letters", tag="letters")
async def list_letters(runtime: Runtime, actor: Actor, query: PageQuery) -> Page[LetterSummary]:
    """List the letters to a company, or those that one may read for the buyer who sent them, newest first."""
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before"])
    async with runtime.read() as conn:
        whose = await parties.listed(conn, actor, runtime.clock.now())
        found = await store.letters_of(conn, whose, procedure=query.procedure, before=before, limit=query.limit + 1)
    shown = found[: query.limit]
    following = Cursor.encode(runtime, {"before": shown[-1].sequence}) if len(found) > query.limit else None
    return Page(items=[LetterSummary.of(each) for each in shown], next=following)


@routes.get("/v1/letters/{letter_id}", errors=[UnknownLetter], tag="letters")
async def read_letter(uow: Uow, actor: Actor, letter_id: UUID) -> LetterView:
    """Read a letter; the addressee's first reading is recorded."""
    return LetterView.of(await letters.read(uow, actor, letter_id))


@routes.get("/v1/letters/{letter_id}/document", errors=[UnknownLetter], tag="letters", produces=["application/pdf"])
async def get_letter_document(
    runtime: Runtime, actor: Actor, letter_id: UUID, request: web.Request
) -> web.StreamResponse:
    """Download a letter as PDF; the addressee's first reading is recorded."""
    async with runtime.uow(actor=actor) as uow:
        letter = await letters.read(uow, actor, letter_id)
    document = DocumentReference(
        key=letter.storage_key,
        name=f"courrier-{letter.id}.pdf",
        media_type="application/pdf",
        size=letter.content["size"],
        sha256=letter.sha256,
    )
    return await send_document(request, runtime, document)
