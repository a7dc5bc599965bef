"""What callers send and receive of awards, letters and contracts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.messages.base import Money, Sha256
from services.bids.api.views import Short
from services.bids.domain.committees import Committee, Exemption
from services.bids.domain.next_steps import NEXT_STEPS
from services.bids.domain.submissions import Size
from services.bids.service.awards import Awarded, Won
from services.bids.service.deciding import Bidder, Choice
from services.bids.store.awards import Letter
from services.bids.store.contracts import ContractRow

__all__ = ["AwardInput", "AwardView", "ContractView", "EvaluationInput", "LetterSummary", "LetterView"]

Score = Annotated[str, Field(pattern=r"^\d{1,6}([.,]\d{1,4})?$", examples=["17,50"])]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class ScoreInput(_Input):
    """The score of a bid on a criterion."""

    name: Short
    score: Score
    out_of: Score | None = None


class EvaluationInput(_Input):
    """What the buyer judged of one bid; its bidder is told the reasons."""

    bid_id: UUID
    admissible: bool = True
    criteria: list[ScoreInput] = Field(default=[], max_length=50)
    total: Score | None = None
    rank: int | None = Field(default=None, ge=1)
    reasons: str = Field(default="", max_length=5000)


class PlaceInput(_Input):
    """The place of performance, when the notice does not tell it (DECP)."""

    code: Annotated[str, Field(min_length=1, max_length=10)]
    kind: Annotated[str, Field(pattern="^Code (postal|commune|arrondissement|canton|département|région|pays)$")]


class CommitteeInput(_Input):
    """The meeting of the tender committee that chose the winner (L1414-2 CGCT)."""

    met_at: AwareDatetime
    voting_members: int = Field(ge=1, le=50)
    present: list[Short] = Field(
        min_length=1, max_length=50, description="voting members present, by function, not by name"
    )
    second_call: bool = Field(default=False, description="called again after a meeting without quorum")
    in_favour: int = Field(ge=0, le=50)
    against: int = Field(default=0, ge=0, le=50)
    abstained: int = Field(default=0, ge=0, le=50)
    observations: str = Field(default="", max_length=5000)

    @property
    def told(self) -> Committee:
        """The meeting, as it is judged."""
        return Committee(**self.model_dump() | {"present": tuple(self.present)})


class BidderInput(_Input):
    """What the award notice asks of a company that bid, where it is known."""

    bid_id: UUID
    size: Size | None = Field(default=None, description="BT-165; counted (BT-760) once given for all")
    city: Short | None = None
    postal_code: Short | None = None

    @property
    def told(self) -> Bidder:
        """The company, as it is told."""
        return Bidder(self.bid_id, self.size, self.city, self.postal_code)


class HolderInput(_Input):
    """Another holder of a framework agreement, with its contract."""

    bid_id: UUID
    value: Money
    contract_number: str = Field(description="the buyer's own number, 1 to 16 characters")

    @property
    def told(self) -> Choice:
        """The holder, as it is chosen."""
        return Choice(self.bid_id, self.value, self.contract_number)


class AwardInput(_Input):
    """The decision on a lot. Where the lot was scored here, scores, reasons and rank come from the last scoring."""

    bid_id: UUID
    value: Money
    contract_number: str = Field(description="the buyer's own number, 1 to 16 characters")
    evaluations: list[EvaluationInput] = Field(
        default=[],
        max_length=1000,
        description="one for each opened bid of the lot; none where the lot was scored here",
    )
    proofs_held: str | None = Field(
        default=None,
        max_length=2000,
        description="how the buyer holds the winner's proofs already (R2143-13, R2143-14 CCP)",
    )
    choice_reason: str | None = Field(
        default=None, max_length=5000, description="why this one of bids that share the first rank"
    )
    committee: CommitteeInput | None = Field(
        default=None, description="needed in formal procedures of local buyers (L1414-2 CGCT)"
    )
    no_committee: Exemption | None = Field(default=None, description="why none met, where one would be needed")
    bidders: list[BidderInput] = Field(
        default=[],
        max_length=1000,
        description="what the Journal asks of the companies: sizes of all, the winner's place",
    )
    others: list[HolderInput] = Field(
        default=[],
        max_length=100,
        description="the other holders of a framework agreement, in the order of their ranks",
    )
    essential: dict[str, Any] = Field(description="members of messages.bids.EssentialData; what is missing is listed")
    duration_months: int | None = Field(default=None, ge=1, le=1200)
    place: PlaceInput | None = None


class LetterSummary(_View):
    """A letter in a list."""

    letter_id: UUID
    procedure: UUID
    lot_id: str
    kind: str
    subject: str
    addressee: str
    sent_at: datetime
    first_read_at: datetime | None

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """Present a letter without its content."""
        return cls(
            letter_id=letter.id, procedure=letter.procedure, lot_id=letter.lot, kind=letter.kind,
            subject=letter.subject, addressee=letter.addressee, sent_at=letter.sent_at,
            first_read_at=letter.first_read_at,
        )  # fmt: skip


class LetterView(LetterSummary):
    """A letter with its content; its PDF is at `/letters/{letter_id}/document`."""

    paragraphs: list[str]
    summary_en: str
    sha256: Sha256 = Field(description="of the PDF")

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """Present a letter."""
        summary = LetterSummary.of(letter).model_dump()
        content = letter.content
        return cls.model_validate(
            {**summary, "paragraphs": content["paragraphs"], "summary_en": content["summary_en"],
             "sha256": letter.sha256}
        )  # fmt: skip


class WonView(_View):
    """A holder of a framework agreement, and its contract."""

    award_id: UUID
    bid_id: UUID
    winner: str
    winner_name: str
    value: Money
    contract_id: UUID

    @classmethod
    def of(cls, won: Won) -> Self:
        """Present a holder."""
        return cls(
            award_id=won.award.id, bid_id=won.award.bid, winner=won.winner.depositor,
            winner_name=won.winner.depositor_name, value=won.contract.content.value, contract_id=won.contract.id,
        )  # fmt: skip


class AwardView(_View):
    """An award and what came with it."""

    award_id: UUID
    procedure: UUID
    lot_id: str
    bid_id: UUID
    winner: str
    winner_name: str
    value: Money
    decided_at: datetime
    standstill_until: datetime | None = Field(description="first instant at which the contract may be signed")
    standstill_reason: str
    contract_id: UUID
    others: list[WonView] = Field(default=[], description="the other holders of a framework agreement")
    letters: list[LetterSummary]

    @classmethod
    def of(cls, awarded: Awarded) -> Self:
        """Present an award."""
        first, *others = awarded.won
        award, contract = first.award, first.contract
        return cls(
            award_id=award.id,
            procedure=contract.procedure,
            lot_id=award.lot,
            bid_id=award.bid,
            winner=first.winner.depositor,
            winner_name=first.winner.depositor_name,
            value=contract.content.value,
            decided_at=award.decided_at,
            standstill_until=award.standstill_until,
            standstill_reason=award.standstill_reason,
            contract_id=contract.id,
            others=[WonView.of(each) for each in others],
            letters=[LetterSummary.of(each) for each in awarded.letters],
        )


class ContractView(_View):
    """A contract as its two parties see it."""

    contract_id: UUID
    procedure: UUID
    number: str
    title: str
    lot_id: str
    state: str
    buyer: str
    buyer_name: str
    winner: str
    winner_name: str
    value: Money
    standstill_until: datetime | None
    document_sha256: Sha256
    document_size: int
    clearance: str | None
    submitted_at: datetime | None
    signed_at: datetime | None
    notified_at: datetime | None = Field(description="when the notification was sent")
    acknowledged_at: datetime | None = Field(description="the date from which the contract binds")
    next_by: str = Field(description="who is to act: winner, buyer, state or nobody")
    next_step: str = Field(description="what for, in French")
    next_step_en: str
    version: int

    @classmethod
    def of(cls, row: ContractRow) -> Self:
        """Present a contract."""
        content, following = row.content, NEXT_STEPS[row.state]
        return cls(
            contract_id=row.id, procedure=row.procedure, number=row.number, title=content.title, lot_id=content.lot_id,
            state=row.state, buyer=row.buyer, buyer_name=content.buyer_name, winner=row.winner,
            winner_name=content.winners[0].name, value=content.value, standstill_until=row.standstill_until,
            document_sha256=row.document.sha256, document_size=row.document.size, clearance=row.clearance,
            submitted_at=row.submitted_at, signed_at=row.signed_at, notified_at=row.notified_at,
            acknowledged_at=row.acknowledged_at, next_by=following.by, next_step=following.french,
            next_step_en=following.english, version=row.version,
        )  # fmt: skip
