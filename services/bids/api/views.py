"""What callers send and receive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.messages.base import Sha256
from libs.common.messages.notices import OpeningKeySet
from services.bids.domain.bids import lot_standings, overall
from services.bids.domain.states import BidState
from services.bids.domain.time import legal_time
from services.bids.sealing import Envelope, to_text
from services.bids.sealing.manifest import MAX_FILES, EnvelopeKind
from services.bids.store.bids import Announced, Attempt, Bid, BidFile, EnvelopeRow, SealedBy
from services.bids.store.consultations import Consultation, KeySetVersion

__all__ = [
    "AttemptView", "BidInput", "BidPapers", "BidView", "ConsultationView",
    "DepositInput", "EnvelopeView", "FileView", "PageQuery", "bid_view",
]  # fmt: skip

Short = Annotated[str, Field(min_length=1, max_length=200)]


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
    apply_at: UUID | None = Field(
        default=None, description="of a dynamic purchasing system: the consultation to which one applies now"
    )
    version: int

    @classmethod
    def of(
        cls,
        found: Consultation,
        keys: list[KeySetVersion],
        *,
        state: str,
        max_bid_bytes: int,
        apply_at: UUID | None = None,
    ) -> Self:
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
            apply_at=apply_at,
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


class PageQuery(_Input):
    """A page of a list."""

    procedure: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None
