"""The events of an evaluation: for the buyer's people and the bidder concerned, for nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID, uuid4

from libs.common.messages.bids import BidJudgedV1, LotScoredV1, RequestAnsweredV1, RequestSentV1, RequestSettledV1
from services.bids.evaluation.store import Request
from services.bids.store.consultations import Consultation

__all__ = ["answered", "judged", "scored", "sent", "settled"]


def judged(consultation: Consultation, lot: str, bid: UUID, verdict: str, at: datetime) -> BidJudgedV1:
    """A bid was judged."""
    return BidJudgedV1(
        aggregate_id=uuid4(), aggregate_version=1, organisation=consultation.buyer, procedure=consultation.procedure,
        occurred_at=at, bid_id=bid, lot_id=lot, admissible=verdict == "admissible",
    )  # fmt: skip


def scored(
    consultation: Consultation, lot: str, identity: UUID, version: int, content: Mapping[str, Any], at: datetime
) -> LotScoredV1:
    """The bids of a lot were scored."""
    return LotScoredV1(
        aggregate_id=identity, aggregate_version=1, organisation=consultation.buyer, procedure=consultation.procedure,
        occurred_at=at, lot_id=lot, scoring_version=version, ranked=len(content["scores"]), set_aside=len(content["set_aside"]),
        flagged=len(content["low"]),
    )  # fmt: skip


def sent(request: Request, buyer: str) -> RequestSentV1:
    """A bidder was asked something; its letter waits."""
    return RequestSentV1(
        aggregate_id=request.id, aggregate_version=request.version, organisation=request.bidder, buyer=buyer,
        procedure=request.procedure, occurred_at=request.asked_at, request_id=request.id, lot_id=request.lot,
        kind=request.kind.value, due_at=request.due_at, letter_id=request.letter,
    )  # fmt: skip


def answered(request: Request, buyer: str, at: datetime) -> RequestAnsweredV1:
    """A bidder answered."""
    return RequestAnsweredV1(
        aggregate_id=request.id, aggregate_version=request.version, organisation=request.bidder, buyer=buyer,
        procedure=request.procedure, occurred_at=at, request_id=request.id, lot_id=request.lot,
        kind=request.kind.value, documents=len(request.documents),
    )  # fmt: skip


def settled(request: Request, buyer: str, at: datetime) -> RequestSettledV1:
    """The buyer said what came of a request."""
    return RequestSettledV1(
        aggregate_id=request.id, aggregate_version=request.version, organisation=request.bidder, buyer=buyer,
        procedure=request.procedure, occurred_at=at, request_id=request.id, lot_id=request.lot,
        kind=request.kind.value,
        outcome=cast("Literal['accepted', 'refused', 'missing']", request.state.value),
    )  # fmt: skip
