"""What callers send and receive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.messages.base import Money, Sha256
from libs.common.messages.notices import OpeningKeySet
from services.bids.domain.awards import Committee
from services.bids.domain.bids import lot_standings, overall
from services.bids.domain.states import BidState
from services.bids.domain.submissions import Size
from services.bids.domain.time import legal_time
from services.bids.sealing import Envelope, to_text
from services.bids.sealing.manifest import MAX_FILES, EnvelopeKind
from services.bids.service.awards import Awarded, Bidder
from services.bids.store.awards import Letter
from services.bids.store.bids import Announced, Attempt, Bid, BidFile, EnvelopeRow, SealedBy
from services.bids.store.consultations import Consultation, KeySetVersion
from services.bids.store.contracts import ContractRow

__all__ = [
    "AttemptView", "AwardInput", "AwardView", "BidInput", "BidPapers", "BidView", "ConsultationView", "ContractView",
    "DepositInput", "EnvelopeView", "FileView", "LetterSummary", "LetterView", "PageQuery", "bid_view",
]  # fmt: skip

Short = Annotated[str, Field(min_length=1, max_length=200)]
Score = Annotated[str, Field(pattern=r"^\d{1,6}([.,]\d{1,4})?$", examples=["17,50"])]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class FileInput(_Input):
    """A file to come."""

    name: Short
    size: int = Field(ge=0, description="bytes to upload, exactly: of ciphertext when the bidder seals")


class EnvelopeInput(_Input):
    """An envelope to come: the unit of sealing and of opening."""

    kind: EnvelopeKind
    lots: list[Short] = Field(min_length=1, max_length=200)
    files: list[FileInput] = Field(min_length=1, max_length=MAX_FILES)


class BidInput(_Input):
    """A bid to prepare; its files are numbered from 1, one envelope after the other."""

    envelopes: list[EnvelopeInput] = Field(min_length=1, max_length=MAX_FILES)
    depositor_name: Short | None = Field(default=None, description="the company's name, for the receipt and letters")
    sealed_by: SealedBy = Field(
        default="bidder",
        description="platform: what is uploaded is sealed while it arrives, which trusts the running code",
    )

    @property
    def announced(self) -> tuple[Announced, ...]:
        """The envelopes, as they are kept."""
        return tuple(
            Announced(each.kind, tuple(each.lots), tuple((file.name, file.size) for file in each.files))
            for each in self.envelopes
        )


class DepositInput(_Input):
    """The public papers of all envelopes of a bid, in order: they complete the deposit."""

    envelopes: list[Envelope] = Field(
        default=[], max_length=MAX_FILES, description="none when the platform seals: it makes them"
    )


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
        default=None, description="needed in formal procedures of local authorities (L1414-2 CGCT)"
    )
    bidders: list[BidderInput] = Field(
        default=[], max_length=1000, description="what the Journal asks of the companies: sizes of all, the winner's place"
    )
    essential: dict[str, Any] = Field(description="members of messages.bids.EssentialData; what is missing is listed")
    duration_months: int | None = Field(default=None, ge=1, le=1200)
    place: PlaceInput | None = None


class LimitsView(_View):
    """What is announced before the first byte."""

    max_bid_bytes: int
    max_files: int = 200


class KeyVersionView(_View):
    """A key set that was published, with the time stamp of its fingerprint (RFC 3161, over those 32 bytes)."""

    version: int
    fingerprint: Sha256
    published_at: datetime
    stamped_at: datetime | None
    token: str | None = Field(description="base64url; none yet while the authorities are away")
    opening: OpeningKeySet

    @classmethod
    def of(cls, each: KeySetVersion) -> Self:
        """Present a version."""
        token = None if each.token is None else to_text(each.token)
        return cls(
            version=each.version, fingerprint=each.fingerprint, published_at=each.published_at,
            stamped_at=each.stamped_at, token=token, opening=each.keys,
        )  # fmt: skip


class ConsultationView(_View):
    """A consultation as anybody may see it. How many deposited, or who, is nobody's business before the opening."""

    procedure: UUID
    title: str
    buyer: str
    buyer_name: str
    deadline: datetime = Field(description="legal time of the buyer's place")
    time_zone: str
    state: str = Field(description="open, suspended, closed or opened")
    lots: list[dict[str, str]]
    ended_lots: list[str] = Field(description="given up: no contract will follow, no bid is taken for them alone")
    opening: OpeningKeySet
    key_versions: list[KeyVersionView] = Field(description="every key set that was published; the last is in force")
    limits: LimitsView
    version: int

    @classmethod
    def of(cls, found: Consultation, keys: list[KeySetVersion], *, state: str, max_bid_bytes: int) -> Self:
        """Present a consultation."""
        notice = found.notice
        return cls(
            procedure=found.procedure,
            title=notice.title,
            buyer=found.buyer,
            buyer_name=notice.buyer.name,
            deadline=legal_time(found.deadline, found.zone),
            time_zone=found.zone.key,
            state=state,
            lots=[{"lot_id": each.lot_id, "title": each.title} for each in notice.lots],
            ended_lots=sorted(found.abandoned),
            opening=found.keys,
            key_versions=[KeyVersionView.of(each) for each in keys],
            limits=LimitsView(max_bid_bytes=max_bid_bytes),
            version=found.version,
        )


class FileView(_View):
    """A file of a bid."""

    number: int
    envelope: int
    name: str
    size: int
    sha256: Sha256 | None = Field(description="of the ciphertext received; none before")
    uploaded_at: datetime | None

    @classmethod
    def of(cls, file: BidFile) -> Self:
        """Present a file."""
        return cls(
            number=file.number, envelope=file.envelope, name=file.name, size=file.size, sha256=file.sha256,
            uploaded_at=file.uploaded_at,
        )  # fmt: skip


class EnvelopeView(_View):
    """An envelope of a bid."""

    number: int
    kind: str
    lots: list[str]
    state: str = Field(description="announced, sealed, opened or unreadable")
    sha256: Sha256 | None = Field(description="of its public paper; none before the deposit")

    @classmethod
    def of(cls, each: EnvelopeRow) -> Self:
        """Present an envelope."""
        return cls(number=each.number, kind=each.kind, lots=list(each.lots), state=each.state, sha256=each.sha256)


@dataclass(frozen=True)
class BidPapers:
    """What belongs to a bid."""

    envelopes: list[EnvelopeRow]
    files: list[BidFile]


class BidView(_View):
    """A bid as its depositor sees it."""

    bid_id: UUID
    procedure: UUID
    lots: list[str]
    state: str
    standing: str | None = Field(description="on the present deadline: counts, superseded, late, withdrawn")
    lot_standings: dict[str, str] = Field(description="the same, for each lot; empty for a draft")
    key_fingerprint: Sha256 = Field(description="of the key set to seal to: the one in force when it was prepared")
    depositor_name: str
    created_at: datetime
    received_at: datetime | None
    envelopes: list[EnvelopeView]
    files: list[FileView]
    version: int


def bid_view(bid: Bid, papers: BidPapers, own: list[Bid], consultation: Consultation) -> BidView:
    """Present a bid; `own` are the depositor's bids of the same consultation."""
    received = [each.deposited for each in own if each.received_at is not None]
    judged = lot_standings(received, consultation.deadline, add_up=consultation.adds_up).get(bid.id, {})
    drafted = bid.state is BidState.DRAFT or not judged
    return BidView(
        bid_id=bid.id,
        procedure=bid.procedure,
        lots=list(bid.lots),
        state=bid.state,
        standing=None if drafted else overall(judged),
        lot_standings={} if drafted else {lot: judged[lot] for lot in sorted(judged)},
        key_fingerprint=bid.key_fingerprint,
        depositor_name=bid.depositor_name,
        created_at=bid.created_at,
        received_at=None if bid.received_at is None else legal_time(bid.received_at, consultation.zone),
        envelopes=[EnvelopeView.of(each) for each in papers.envelopes],
        files=[FileView.of(each) for each in papers.files],
        version=bid.version,
    )


class AttemptView(_View):
    """One attempt, as evidence."""

    attempt_id: UUID
    bid_id: UUID | None = None
    depositor: str | None = None
    kind: str
    file: int | None
    started_at: datetime
    last_byte_at: datetime | None
    bytes: int
    outcome: str
    reason: str | None

    @classmethod
    def of(cls, each: Attempt) -> Self:
        """Present an attempt."""
        return cls(
            attempt_id=each.id, bid_id=each.bid, depositor=each.depositor, kind=each.kind, file=each.file,
            started_at=each.started_at, last_byte_at=each.ended_at, bytes=each.bytes, outcome=each.outcome,
            reason=each.reason,
        )  # fmt: skip


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
    letters: list[LetterSummary]

    @classmethod
    def of(cls, awarded: Awarded) -> Self:
        """Present an award."""
        award, contract = awarded.award, awarded.contract
        return cls(
            award_id=award.id,
            procedure=contract.procedure,
            lot_id=award.lot,
            bid_id=award.bid,
            winner=awarded.winner.depositor,
            winner_name=awarded.winner.depositor_name,
            value=contract.content.value,
            decided_at=award.decided_at,
            standstill_until=award.standstill_until,
            standstill_reason=award.standstill_reason,
            contract_id=contract.id,
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
    version: int

    @classmethod
    def of(cls, row: ContractRow) -> Self:
        """Present a contract."""
        content = row.content
        return cls(
            contract_id=row.id, procedure=row.procedure, number=row.number, title=content.title, lot_id=content.lot_id,
            state=row.state, buyer=row.buyer, buyer_name=content.buyer_name, winner=row.winner,
            winner_name=content.winners[0].name, value=content.value, standstill_until=row.standstill_until,
            document_sha256=row.document.sha256, document_size=row.document.size, clearance=row.clearance,
            submitted_at=row.submitted_at, signed_at=row.signed_at, notified_at=row.notified_at,
            acknowledged_at=row.acknowledged_at, version=row.version,
        )  # fmt: skip


class PageQuery(_Input):
    """A page of a list."""

    procedure: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None
