"""What a decision rests on: the last scoring, nothing left open; and who may be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.errors import FieldError
from services.bids.domain.awards import CriterionScore, Evaluation
from services.bids.evaluation import store
from services.bids.evaluation.errors import EvaluationOrder
from services.bids.evaluation.requests import first_left
from services.bids.evaluation.scoring import french
from services.bids.evaluation.store import Request, Scoring
from services.bids.evaluation.verdicts import RequestKind

__all__ = ["Basis", "basis_of", "choice_faults"]


@dataclass(frozen=True)
class Basis:
    """The scoring that a decision follows, with what the bidders will be told."""

    version: int
    evaluations: tuple[Evaluation, ...]
    inadmissible: frozenset[UUID]
    first: tuple[UUID, ...]
    """Who may be chosen: several when they share the last rank taken."""
    passed_over: frozenset[UUID]
    proved: frozenset[UUID]
    """Whose proofs were accepted."""


async def basis_of(conn: asyncpg.Connection, lot: tuple[UUID, str], holders: int = 1) -> Basis | None:
    """Give what a decision on the lot rests on, for so many winners; None where no evaluation was made here.

    Raises EvaluationOrder: the scoring is older than what it rests on, a request is pending, a low offer was not explained.
    """
    found = await store.scorings(conn, lot)
    if not found:
        if await store.last_step(conn, lot):
            raise EvaluationOrder("Notez d'abord les offres de ce lot.", "First score the bids of this lot.")
        return None
    (scoring,), asked = found, await store.requests(conn, lot)
    _require_fresh(scoring, await store.last_step(conn, lot), asked)
    return _basis(scoring, asked, holders)


def _require_fresh(scoring: Scoring, last: int, asked: list[Request]) -> None:
    if scoring.step < last:
        raise EvaluationOrder(
            f"La méthode, une recevabilité ou une note a changé depuis la notation n° {scoring.version} : notez de nouveau.",
            f"The method, a judgement or a mark changed since scoring {scoring.version}: score again.",
        )
    if any(each.pending for each in asked):
        raise EvaluationOrder(
            "Une demande à un candidat attend sa réponse ou votre suite : réglez-la d'abord.",
            "A request to a bidder is pending: settle it first.",
        )
    explained = {each.bid for each in asked if each.kind is RequestKind.EXPLANATION}
    if left := [rule for bid, rule in scoring.content["low"].items() if UUID(bid) not in explained]:
        raise EvaluationOrder(
            f"Une offre paraît anormalement basse ({left[0]}) : demandez d'abord au candidat de la justifier (art. L2152-6 CCP).",
            "An offer seems abnormally low: first ask its bidder to explain it.",
        )


def _basis(scoring: Scoring, asked: list[Request], holders: int) -> Basis:
    proofs = [each for each in asked if each.kind is RequestKind.PROOFS]
    out = {each.bid: each.reason or "" for each in proofs if each.state in {"refused", "missing"}}
    aside = [_aside(UUID(each["bid"]), f"{each['words']}. {each['reason']}") for each in scoring.content["set_aside"]]
    ranked = [_ranked(each, scoring.content["reasons"], out) for each in scoring.content["scores"]]
    return Basis(
        scoring.version, (*ranked, *aside), frozenset(each.bid for each in aside), tuple(first_left(scoring, asked, holders)),
        frozenset(out), frozenset(each.bid for each in proofs if each.state == "accepted"),
    )  # fmt: skip


def _aside(bid: UUID, reasons: str) -> Evaluation:
    return Evaluation(bid, (), None, None, reasons)


def _ranked(scored: dict[str, Any], reasons: dict[str, str], out: dict[UUID, str]) -> Evaluation:
    bid = UUID(scored["bid"])
    criteria = tuple(
        CriterionScore(each["name"], french(Decimal(each["points"])), french(Decimal(each["out_of"])))
        for each in scored["criteria"]
    )
    told = [reasons[scored["bid"]], scored["tie"] or ""]
    if bid in out:
        told.append(f"Candidature écartée faute de justificatifs (art. R2144-7 CCP) : {out[bid]}")
    return Evaluation(
        bid, criteria, french(Decimal(scored["total"])), scored["rank"], " ".join(each for each in told if each)
    )


def choice_faults(basis: Basis, chosen: Sequence[UUID], *, held: str | None, choice: str | None) -> list[FieldError]:
    """Hold the choice to the ranking; `held`: how the buyer holds the proofs already, `choice`: why these of equals."""
    if not set(chosen) <= set(basis.first):
        names = ", ".join(str(each) for each in basis.first) or "aucune"
        return [
            FieldError(
                "body/bid_id",
                f"le marché va à la première offre du classement (art. L2152-7 CCP), celles écartées faute de justificatifs "
                f"mises à part : {names}",
                f"the first in rank wins: {names}",
            )
        ]  # fmt: skip
    faults = []
    if not set(chosen) <= basis.proved and not (held or "").strip():
        told = "justificatifs du candidat retenu à demander et accepter (art. R2144-4 CCP), ou à dire comment vous les détenez déjà"
        faults.append(
            FieldError("body/proofs_held", told, "the winner's proofs: ask for them, or say how you hold them")
        )
    if len(basis.first) > len(chosen) and not (choice or "").strip():
        told = "plusieurs offres partagent le premier rang : motivez votre choix"
        faults.append(FieldError("body/choice_reason", told, "several bids share the first rank: say why this one"))
    return faults
