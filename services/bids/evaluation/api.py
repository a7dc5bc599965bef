"""The evaluation of a lot, for the buyer's evaluators; requests, for the bidders they are sent to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition, NotFound
from libs.common.grants import Permission
from libs.common.http import Cursor, Page, Routes, attachment, send_document
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.documents.award_papers import minutes_pdf, report_pdf
from services.bids.errors import AlreadyAwarded, LotEnded, NotOpened, ProcedureSuspended, UnknownConsultation
from services.bids.evaluation import papers, requests, service, store
from services.bids.evaluation.errors import EvaluationOrder, UnknownRequest, WrongEvaluation
from services.bids.evaluation.method import Method
from services.bids.evaluation.views import (
    AnswerInput,
    AskInput,
    EvaluationView,
    JudgementInput,
    MarksInput,
    RequestView,
    ScoringInput,
    ScoringQuery,
    ScoringView,
    SettlementInput,
)
from services.bids.retention.errors import Destroyed
from services.bids.retention.service import require_kept
from services.bids.service.papers import sealed

__all__ = ["routes"]

routes = Routes("bids")
_LOT = "/v1/consultations/{procedure}/lots/{lot}"
_READING = [UnknownConsultation, Forbidden, NotFound, NotOpened]
_CHANGING = [*_READING, ProcedureSuspended, LotEnded, AlreadyAwarded, WrongEvaluation]


@routes.get(f"{_LOT}/evaluation", errors=_READING, tag="evaluation")
async def get_evaluation(runtime: Runtime, actor: Actor, procedure: UUID, lot: str) -> EvaluationView:
    """Read where the evaluation of a lot stands: its method, what each bid is judged to be, requests."""
    async with runtime.read() as conn:
        return EvaluationView.of(await service.tell(conn, actor, (procedure, lot), runtime.clock.now()))


@routes.put(
    f"{_LOT}/scoring-method",
    errors=[UnknownConsultation, Forbidden, NotFound, AlreadyAwarded, WrongEvaluation],
    tag="evaluation",
)
async def put_scoring_method(uow: Uow, actor: Actor, procedure: UUID, lot: str, body: Method) -> Method:
    """Set how the bids of a lot are scored; may be done before the opening. Criteria and weights of the notice bind."""
    await service.set_method(uow, actor, (procedure, lot), body)
    return body


@routes.put(f"{_LOT}/bids/{{bid_id}}/judgement", errors=[*_CHANGING, EvaluationOrder], tag="evaluation")
async def put_judgement(
    uow: Uow, actor: Actor, procedure: UUID, lot: str, bid_id: UUID, body: JudgementInput
) -> EvaluationView:
    """Say whether a bid may be ranked; its bidder is told the reason with the award."""
    key = (procedure, lot)
    await service.judge(uow, actor, key, bid_id, body.verdict, body.reason)
    return EvaluationView.of(await service.tell(uow.conn, actor, key, uow.now()))


@routes.put(f"{_LOT}/marks", errors=[*_CHANGING, EvaluationOrder], tag="evaluation")
async def put_marks(uow: Uow, actor: Actor, procedure: UUID, lot: str, body: MarksInput) -> EvaluationView:
    """Give one's own marks for all bids of a lot; scores rest on the mean of all evaluators' marks."""
    key = (procedure, lot)
    await service.give_marks(uow, actor, key, body.kept)
    return EvaluationView.of(await service.tell(uow.conn, actor, key, uow.now()))


@routes.post(f"{_LOT}/scorings", status=201, errors=[*_CHANGING, EvaluationOrder], tag="evaluation")
async def score_lot(uow: Uow, actor: Actor, procedure: UUID, lot: str, body: ScoringInput) -> ScoringView:
    """Score and rank the admissible bids of a lot, as a new version that shows its arithmetic."""
    figures = [service.Figure(each.bid_id, each.criterion, each.figure) for each in body.figures]
    reasons = {each.bid_id: each.reasons for each in body.reasons}
    return ScoringView.of(await service.make_scoring(uow, actor, (procedure, lot), figures, reasons))


@routes.get(f"{_LOT}/scorings", errors=_READING, tag="evaluation")
async def list_scorings(
    runtime: Runtime, actor: Actor, procedure: UUID, lot: str, query: ScoringQuery
) -> Page[ScoringView]:
    """List the scorings of a lot, newest first."""
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before"])
    async with runtime.read() as conn:
        case = await service.case_of(
            conn, actor, procedure, lot, Permission.EVALUATE, at=runtime.clock.now(), lock=False
        )
        found = await store.scorings(conn, case.key, before=before, limit=query.limit + 1)
    shown = found[: query.limit]
    following = Cursor.encode(runtime, {"before": shown[-1].version}) if len(found) > query.limit else None
    return Page(items=[ScoringView.of(each) for each in shown], next=following)


@routes.post(f"{_LOT}/requests", status=201, errors=[*_CHANGING, EvaluationOrder], tag="evaluation")
async def ask_bidder(uow: Uow, actor: Actor, procedure: UUID, lot: str, body: AskInput) -> RequestView:
    """Ask a bidder to complete, clarify, regularise, explain its price, or prove; a letter tells it."""
    wanted = requests.Ask(body.bid_id, body.kind, body.text, body.due_at)
    return RequestView.of(await requests.ask(uow, actor, (procedure, lot), wanted))


@routes.get(
    "/v1/consultations/{procedure}/presentation-report",
    errors=[UnknownConsultation, Forbidden, NotOpened],
    tag="evaluation",
)
async def get_presentation_report(runtime: Runtime, actor: Actor, procedure: UUID) -> dict[str, Any]:
    """Read the presentation report (R2184-1 to R2184-6 CCP), from what is recorded, with what is left to complete."""
    async with runtime.read() as conn:
        return await papers.report_of(conn, actor, procedure, runtime.clock.now())


@routes.get(
    "/v1/consultations/{procedure}/presentation-report.pdf", errors=[UnknownConsultation, Forbidden, NotOpened],
    tag="evaluation", produces=["application/pdf"],
)  # fmt: skip
async def get_presentation_report_pdf(runtime: Runtime, actor: Actor, procedure: UUID) -> web.Response:
    """Download the presentation report as a paper under the platform's seal."""
    async with runtime.read() as conn:
        told = await papers.report_of(conn, actor, procedure, runtime.clock.now())
    return await _paper(runtime, report_pdf, told, f"rapport-de-presentation-{procedure}.pdf")


@routes.get(
    f"{_LOT}/award/minutes.pdf",
    errors=[UnknownConsultation, Forbidden, NotFound],
    tag="evaluation",
    produces=["application/pdf"],
)
async def get_minutes(runtime: Runtime, actor: Actor, procedure: UUID, lot: str) -> web.Response:
    """Download the minutes of the tender committee that chose the winner of a lot, to be signed."""
    async with runtime.read() as conn:
        told = await papers.minutes_of(conn, actor, (procedure, lot), runtime.clock.now())
    return await _paper(runtime, minutes_pdf, told, f"pv-cao-{procedure}-{lot}.pdf")


async def _paper(
    runtime: Runtime, draw: Callable[[Mapping[str, Any]], bytes], told: Mapping[str, Any], name: str
) -> web.Response:
    pdf = await sealed(runtime, await asyncio.to_thread(draw, told), name.removesuffix(".pdf"))
    headers = {"Content-Disposition": attachment(name), "Cache-Control": "no-store"}
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)


@routes.get("/v1/requests/{request_id}", errors=[UnknownRequest], tag="evaluation")
async def get_request(uow: Uow, actor: Actor, request_id: UUID) -> RequestView:
    """Read a request, as an evaluator, or as the bidder it was sent to: the first reading of its letter."""
    return RequestView.of(await requests.read(uow, actor, request_id))


@routes.post(
    "/v1/requests/{request_id}/documents", status=201, tag="evaluation", accepts=["application/pdf"],
    errors=[UnknownRequest, Forbidden, IllegalTransition, EvaluationOrder, WrongEvaluation], limit=requests.MAX_DOCUMENT,
)  # fmt: skip
async def add_request_document(runtime: Runtime, actor: Actor, request_id: UUID, body: bytes) -> RequestView:
    """Add a PDF to the answer, as the bidder."""
    return RequestView.of(await requests.add_document(runtime, actor, request_id, body))


@routes.get(
    "/v1/requests/{request_id}/documents/{number}", errors=[UnknownRequest, NotFound, Destroyed], tag="evaluation", produces=["*/*"]
)  # fmt: skip
async def get_request_document(
    runtime: Runtime, actor: Actor, request_id: UUID, number: int, request: web.Request
) -> web.StreamResponse:
    """Download a document of an answer."""
    async with runtime.read() as conn:
        found = await requests.of_party(conn, actor, request_id, runtime.clock.now())
    if not 1 <= number <= len(found.documents):
        raise NotFound("Aucun document de ce numéro.", "No document of that number.")
    await require_kept(runtime, found.documents[number - 1])
    return await send_document(request, runtime, found.documents[number - 1])


@routes.post(
    "/v1/requests/{request_id}/answer", errors=[UnknownRequest, Forbidden, IllegalTransition, EvaluationOrder], tag="evaluation"
)  # fmt: skip
async def answer_request(uow: Uow, actor: Actor, request_id: UUID, body: AnswerInput) -> RequestView:
    """Answer a request in words, as the bidder, until the date given."""
    return RequestView.of(await requests.answer(uow, actor, request_id, body.text))


@routes.post(
    "/v1/requests/{request_id}/settlement", errors=[UnknownRequest, IllegalTransition, *_CHANGING, EvaluationOrder], tag="evaluation"
)  # fmt: skip
async def settle_request(uow: Uow, actor: Actor, request_id: UUID, body: SettlementInput) -> RequestView:
    """Say what came of a request: accepted, refused, or missing once its date has passed."""
    return RequestView.of(await requests.settle(uow, actor, request_id, body.outcome, body.reason))
