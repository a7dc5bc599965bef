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
    "CriterionScore", "Evaluation", "Standstill", "contract_number_problem", "evaluation_faults", "place_of",
]  # fmt: skip

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
class Standstill:
    """Whether signing must wait, until when, and why."""

    until: datetime | None
    reason: str

    @classmethod
    def of(cls, *, formal: bool, sent_at: datetime, zone: ZoneInfo, called: str | None = None) -> Standstill:
        """Judge the standstill of an award told at this instant (R2182-1 CCP); `called`: the kind of its round, if any."""
        if formal and called in {"subsequent", "specific"}:
            return cls(
                None,
                "Marché subséquent d'un accord-cadre, ou marché spécifique d'un système d'acquisition dynamique : le délai de "
                "suspension n'est pas exigé (art. R2182-2 du code de la commande publique).",
            )
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
