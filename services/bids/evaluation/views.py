"""What callers of the evaluation send and receive."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.bids.domain.states import BidState
from services.bids.evaluation.method import Method
from services.bids.evaluation.requests import Outcome
from services.bids.evaluation.service import Told
from services.bids.evaluation.store import Judgement, Request, Scoring
from services.bids.evaluation.verdicts import RequestKind, Verdict
from services.bids.store.bids import Bid

__all__ = [
    "AnswerInput", "AskInput", "EvaluationView", "FigureInput", "JudgementInput", "MarkInput", "MarksInput", "ReasonsInput",
    "RequestView", "ScoringInput", "ScoringQuery", "ScoringView", "SettlementInput",
]  # fmt: skip

Name = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(max_length=5000)]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class JudgementInput(_Input):
    """What a bid is judged to be."""

    verdict: Verdict
    reason: Words = Field(default="", description="told to the bidder; needed unless the bid is admissible")


class MarkInput(_Input):
    """A mark of one evaluator for one bid."""

    bid_id: UUID
    criterion: Name
    mark: Decimal = Field(ge=0, le=1000, max_digits=7, decimal_places=2)
    comment: Words = ""


class MarksInput(_Input):
    """All the marks of the caller for a lot; they replace those given before."""

    marks: list[MarkInput] = Field(min_length=1, max_length=20_000)

    @property
    def kept(self) -> list[dict[str, str]]:
        """The marks, as they are kept."""
        return [
            {"bid": str(each.bid_id), "criterion": each.criterion, "mark": f"{each.mark:f}", "comment": each.comment}
            for each in self.marks
        ]


class FigureInput(_Input):
    """A figure read in an offer: a price, a delay; the lower the better."""

    bid_id: UUID
    criterion: Name
    figure: Decimal = Field(gt=0, max_digits=18, decimal_places=4)


class ReasonsInput(_Input):
    """The characteristics and advantages of an offer, told to bidders with the award (R2181-1 to R2181-4 CCP)."""

    bid_id: UUID
    reasons: Annotated[str, Field(min_length=1, max_length=5000)]


class ScoringInput(_Input):
    """What a scoring rests on, beside the method and the evaluators' marks."""

    figures: list[FigureInput] = Field(default=[], max_length=20_000)
    reasons: list[ReasonsInput] = Field(default=[], max_length=1000)


class ScoringQuery(_Input):
    """A page of the scorings of a lot."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = None


class ScoringView(_View):
    """A version of the scores of a lot, with the arithmetic of each point."""

    scoring_id: UUID
    lot_id: str
    version: int
    scored_at: datetime
    method: dict[str, Any]
    figures: list[dict[str, Any]]
    marks: list[dict[str, Any]]
    scores: list[dict[str, Any]] = Field(description="by rank: total, criteria and parts with their arithmetic")
    abnormally_low: dict[str, str] = Field(description="bid: the rule in figures; a flag asks for an explanation")
    reasons: dict[str, str]
    set_aside: list[dict[str, Any]]

    @classmethod
    def of(cls, each: Scoring) -> Self:
        """Present a scoring."""
        told = each.content
        return cls(
            scoring_id=each.id, lot_id=each.lot, version=each.version, scored_at=each.scored_at, method=told["method"],
            figures=told["figures"], marks=told["marks"], scores=told["scores"], abnormally_low=told["low"],
            reasons=told["reasons"], set_aside=told["set_aside"],
        )  # fmt: skip


class AskInput(_Input):
    """Something to ask a bidder."""

    bid_id: UUID
    kind: RequestKind
    text: Annotated[str, Field(min_length=1, max_length=5000, description="what is asked, as the bidder reads it")]
    due_at: AwareDatetime = Field(description="a day from now at least")


class AnswerInput(_Input):
    """A bidder's answer in words; its documents are added one by one before."""

    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class SettlementInput(_Input):
    """What came of a request."""

    outcome: Outcome
    reason: Words = ""


class RequestView(_View):
    """A request to a bidder, for both."""

    request_id: UUID
    procedure: UUID
    lot_id: str
    bid_id: UUID
    kind: RequestKind
    text: str
    asked_at: datetime
    due_at: datetime
    letter_id: UUID
    state: str
    answer: str | None
    documents: list[dict[str, Any]] = Field(description="name, size and SHA-256, numbered from 1")
    answered_at: datetime | None
    reason: str | None
    settled_at: datetime | None
    version: int

    @classmethod
    def of(cls, each: Request) -> Self:
        """Present a request."""
        documents = [
            {"number": number, "name": one.name, "size": one.size, "sha256": one.sha256}
            for number, one in enumerate(each.documents, 1)
        ]
        return cls(
            request_id=each.id, procedure=each.procedure, lot_id=each.lot, bid_id=each.bid, kind=each.kind, text=each.text,
            asked_at=each.asked_at, due_at=each.due_at, letter_id=each.letter, state=each.state, answer=each.answer,
            documents=documents, answered_at=each.answered_at, reason=each.reason, settled_at=each.settled_at,
            version=each.version,
        )  # fmt: skip


class JudgementView(_View):
    """What a bid is judged to be, once it is."""

    bid_id: UUID
    bidder: str
    bidder_name: str
    offer_opened: bool
    verdict: Verdict | None
    reason: str | None
    judged_at: datetime | None


class EvaluationView(_View):
    """Where the evaluation of a lot stands."""

    procedure: UUID
    lot_id: str
    offers_opened: bool
    method: Method | None
    bids: list[JudgementView] = Field(description="those received in time that count for the lot")
    evaluators: int = Field(description="how many gave marks")
    scoring_version: int | None = Field(description="of the last scoring")
    requests: list[RequestView]

    @classmethod
    def of(cls, told: Told) -> Self:
        """Present an evaluation."""
        bids = [_judged(each, told.judged.get(each.id)) for each in told.case.bids.values()]
        return cls(
            procedure=told.case.key[0], lot_id=told.case.key[1], offers_opened=told.case.offers_open,
            method=None if told.method is None else told.method.method, bids=bids, evaluators=told.evaluators,
            scoring_version=told.scoring, requests=[RequestView.of(each) for each in told.asked],
        )  # fmt: skip


def _judged(bid: Bid, judged: Judgement | None) -> JudgementView:
    return JudgementView(
        bid_id=bid.id, bidder=bid.depositor, bidder_name=bid.depositor_name, offer_opened=bid.state is BidState.OPENED,
        verdict=judged.verdict if judged else None, reason=judged.reason if judged else None,
        judged_at=judged.judged_at if judged else None,
    )  # fmt: skip
