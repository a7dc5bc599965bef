"""The award of a lot: what it needs, who is told what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.common.errors import FieldError
from libs.common.messages.notices import Lot, Notice
from services.bids.domain.time import standstill_end

__all__ = [
    "Committee", "CriterionScore", "Evaluation", "Standstill", "committee_faults", "contract_number_problem", "evaluation_faults",
    "needs_committee", "place_of",
]  # fmt: skip

_LOCAL = frozenset({"la", "ra"})
"""buyer-legal-type of local and regional authorities (BT-11)."""

_NUMBER = re.compile(r"[0-9A-Za-zÀ-ÿ._/ -]{1,16}")


@dataclass(frozen=True, slots=True)
class CriterionScore:
    """The score of a bid on one criterion."""

    name: str
    score: str
    out_of: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the buyer judged of one bid: scores and the reasons its bidder will be told."""

    bid: UUID
    criteria: tuple[CriterionScore, ...]
    total: str | None
    rank: int | None
    reasons: str


@dataclass(frozen=True, slots=True)
class Committee:
    """The meeting of the tender committee (commission d'appel d'offres) that chose the winner (L1411-5, L1414-2 CGCT)."""

    met_at: datetime
    voting_members: int
    present: tuple[str, ...]
    """The voting members present, by their functions: no names."""
    second_call: bool
    """Called again after a meeting without quorum: it then meets validly whatever the number."""
    in_favour: int
    against: int
    abstained: int
    observations: str = ""

    @property
    def quorum(self) -> int:
        """How many voting members must be present: more than half of them (L1411-5 CGCT)."""
        return self.voting_members // 2 + 1


def needs_committee(notice: Notice) -> bool:
    """Say whether the tender committee chooses: formal procedures of local and regional authorities (L1414-2 CGCT)."""
    return notice.formal and notice.buyer.legal_type in _LOCAL


def committee_faults(committee: Committee, now: datetime) -> list[FieldError]:
    """Check that the committee could decide, and did."""
    where, faults = "body/committee", []
    present = len(committee.present)
    if committee.met_at > now:
        faults.append(
            FieldError(f"{where}/met_at", "la réunion n'a pas encore eu lieu", "the meeting is still to come")
        )
    if present > committee.voting_members:
        faults.append(FieldError(f"{where}/present", "plus de présents que de membres", "more present than members"))
    if present < committee.quorum and not committee.second_call:
        told = f"quorum non atteint : {present} présents, il en faut {committee.quorum} (art. L1411-5 CGCT) ; convoquez de nouveau"
        faults.append(FieldError(f"{where}/present", told, f"no quorum: {present} of {committee.quorum}; call again"))
    if committee.in_favour + committee.against + committee.abstained != present:
        faults.append(
            FieldError(f"{where}/in_favour", "les voix ne font pas le nombre des présents", "votes do not add up")
        )
    if committee.in_favour <= committee.against:
        faults.append(
            FieldError(f"{where}/in_favour", "la commission n'a pas approuvé ce choix", "the choice was not approved")
        )
    return faults


@dataclass(frozen=True, slots=True)
class Standstill:
    """Whether signing must wait, until when, and why."""

    until: datetime | None
    reason: str

    @classmethod
    def of(cls, *, formal: bool, sent_at: datetime, zone: ZoneInfo) -> Standstill:
        """Judge the standstill of an award told at this instant (art. R2182-1 CCP)."""
        if formal:
            return cls(
                standstill_end(sent_at, zone),
                "Procédure formalisée : un délai de onze jours sépare l'envoi des lettres de la signature "
                "(art. R2182-1 du code de la commande publique).",
            )
        return cls(
            None,
            "Procédure adaptée : aucun délai de suspension n'est imposé entre l'information des candidats et la "
            "signature (l’art. R2182-1 du code de la commande publique ne vise que les procédures "
            "formalisées).",
        )


def contract_number_problem(number: str) -> str | None:
    """Say in French what is wrong with the buyer's contract number; None when it is fit (DECP: 1 to 16)."""
    if not _NUMBER.fullmatch(number) or number.strip() != number:
        return "numéro de marché de 1 à 16 caractères (lettres, chiffres, . _ / -)"
    return None


def evaluation_faults(opened: Mapping[UUID, str], evaluations: Sequence[Evaluation]) -> list[FieldError]:
    """Check that each opened bid of the lot has scores and reasons (art. R2181-1 to R2181-4 CCP).

    `opened` gives the bidder's name of each admissible bid.
    """
    faults: list[FieldError] = []
    given = {each.bid: each for each in evaluations}
    for bid, name in opened.items():
        evaluation = given.get(bid)
        if evaluation is None or not evaluation.criteria or not evaluation.reasons.strip():
            faults.append(
                FieldError(
                    f"body/evaluations/{bid}",
                    f"notes et motifs à donner pour le pli de {name}",
                    f"scores and reasons are needed for the bid of {name}",
                )
            )
    faults += [
        FieldError(f"body/evaluations/{bid}", "ce pli n'est pas à juger pour ce lot", "no admissible bid of this lot")
        for bid in given
        if bid not in opened
    ]
    if len(given) != len(evaluations):
        faults.append(FieldError("body/evaluations", "un pli est jugé deux fois", "a bid is judged twice"))
    return faults


def place_of(lot: Lot, notice: Notice) -> tuple[str, str] | None:
    """Give (code, DECP kind of code) of the place of performance that the notice tells; None when it tells none."""
    places = [*lot.places, *notice.places]
    for place in places:
        if place.postal_code:
            return place.postal_code, "Code postal"
    for place in places:
        if place.department:
            return place.department, "Code département"
    if notice.departments:
        return notice.departments[0], "Code département"
    return None
