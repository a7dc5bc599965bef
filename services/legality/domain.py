"""An act: numbered, packed, transmitted, then acknowledged or rejected by the State."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.errors import IllegalTransition
from libs.common.messages.base import DocumentReference
from services.legality.actes.codes import CONTRACTS
from services.legality.actes.model import Authority
from services.legality.actes.names import ActName

__all__ = ["TRANSITIONS", "Act", "ActPiece", "Exemption", "Happening", "State", "authority_nature", "piece_kind"]

TRANSMISSION_PERIOD = timedelta(days=15)
"""From the signature (L2131-13 CGCT)."""


class State(StrEnum):
    """Where an act is."""

    PREPARED = "prepared"
    """Numbered; its archive is being made."""
    BLOCKED = "blocked"
    """Something is missing to make the archive; the reason says what."""
    PACKAGED = "packaged"
    TRANSMITTED = "transmitted"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    """The State answered with an anomaly."""


TRANSITIONS: dict[tuple[State, str], State] = {
    (State.PREPARED, "packaged"): State.PACKAGED,
    (State.PREPARED, "blocked"): State.BLOCKED,
    (State.BLOCKED, "resumed"): State.PREPARED,
    (State.PACKAGED, "transmitted"): State.TRANSMITTED,
    (State.TRANSMITTED, "acknowledged"): State.ACKNOWLEDGED,
    (State.TRANSMITTED, "rejected"): State.REJECTED,
    (State.REJECTED, "resumed"): State.PREPARED,
    (State.REJECTED, "acknowledged"): State.ACKNOWLEDGED,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an act's history."""

    at: datetime
    event: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ActPiece:
    """A document to transmit: its type of piece, and where it is."""

    kind: str
    document: DocumentReference


@dataclass(frozen=True, slots=True)
class Exemption:
    """A contract that the law does not ask to transmit."""

    exemption_id: UUID
    organisation: str
    procedure: UUID | None
    subject_id: UUID
    reason: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Act:
    """A contract under transmission."""

    act_id: UUID
    organisation: str
    procedure: UUID | None
    subject_id: UUID
    """The contract."""
    state: State
    version: int
    siren: str
    number: str
    object: str
    decided_on: date
    """Day of the signature, legal time."""
    signed_at: datetime
    buyer_name: str
    buyer_department: str | None
    grounds: str
    """Why the transmission is due."""
    pieces: tuple[ActPiece, ...]
    created_at: datetime
    nature: int = CONTRACTS
    matters: tuple[int, ...] = (1, 1)
    act_identifier: str | None = None
    envelope: str | None = None
    archive: DocumentReference | None = None
    validated_with: str | None = None
    transmitted_at: datetime | None = None
    received_on: date | None = None
    """Day on which the State received it, by its acknowledgement."""
    acknowledged_at: datetime | None = None
    """When its acknowledgement came to us."""
    reason: str | None = None
    news: tuple[Happening, ...] = field(default=(), compare=False)

    @property
    def transmit_before(self) -> datetime:
        """When the transmission is due at the latest."""
        return self.signed_at + TRANSMISSION_PERIOD

    def name(self, authority: Authority) -> ActName:
        """Give what identifies the act for the State."""
        return ActName(authority.department, authority.siren, self.decided_on, self.number, self.nature)

    def moved(self, event: str, at: datetime, detail: str | None = None) -> Act:
        """Follow an edge of the graph. Raises IllegalTransition."""
        state = TRANSITIONS.get((self.state, event))
        if state is None:
            raise IllegalTransition(
                f"Impossible dans l'état actuel de l'acte ({self.state}).",
                f"Not possible in the act's present state ({self.state}).",
            )
        return replace(
            self,
            state=state,
            version=self.version + 1,
            reason=detail if event in {"blocked", "rejected"} else None,
            news=(*self.news, Happening(at, event, detail)),
        )

    def noted(self, event: str, at: datetime, detail: str | None = None) -> Act:
        """Note something in the history that changes no state."""
        return replace(self, version=self.version + 1, news=(*self.news, Happening(at, event, detail)))


_NATURES_BY_SIREN = {"21": "31", "22": "21", "23": "11", "25": "41", "26": "33"}
_NATURES_BY_NAME = (
    (re.compile(r"communaut[ée] de communes", re.IGNORECASE), "44"),
    (re.compile(r"communaut[ée] d.agglom[ée]ration", re.IGNORECASE), "46"),
    (re.compile(r"communaut[ée] urbaine", re.IGNORECASE), "45"),
    (re.compile(r"syndicat mixte ouvert", re.IGNORECASE), "42"),
    (re.compile(r"\bsyndicat\b", re.IGNORECASE), "41"),
    (re.compile(r"\bsdis\b|incendie et de secours", re.IGNORECASE), "51"),
    (re.compile(r"\bspla?\b|soci[ée]t[ée] publique locale", re.IGNORECASE), "72"),
)
_PIECES_BY_NAME = (
    (re.compile(r"d[ée]lib[ée]ration", re.IGNORECASE), "10_DE"),
    (re.compile(r"\bc\W?c\W?a\W?p\b|clauses administratives", re.IGNORECASE), "11_AP"),
    (re.compile(r"\bc\W?c\W?t\W?p\b|clauses techniques", re.IGNORECASE), "11_TP"),
    (re.compile(r"r[èe]glement|\brc\b", re.IGNORECASE), "11_RC"),
    (re.compile(r"pr[ée]sentation", re.IGNORECASE), "11_RP"),
    (re.compile(r"proc[èe]s.verbal|\bpv\b", re.IGNORECASE), "11_PV"),
    (re.compile(r"\bavis\b|notice", re.IGNORECASE), "11_AC"),
)


def authority_nature(siren: str, name: str) -> str:
    """Give the kind of an authority for its envelope, from its SIREN's first digits or its name; 55 (other) else."""
    by_name = next((code for pattern, code in _NATURES_BY_NAME if pattern.search(name)), None)
    return _NATURES_BY_SIREN.get(siren[:2]) or by_name or "55"


def piece_kind(name: str) -> str:
    """Give the type of an annex from its file name (R2131-5 CGCT lists the pieces); 99_DC, contract document, else."""
    words = re.sub(r"[_\-.]", " ", name)
    return next((kind for pattern, kind in _PIECES_BY_NAME if pattern.search(words)), "99_DC")
