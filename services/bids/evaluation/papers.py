"""What the minutes and the presentation report say: only what is recorded, and what of the law's list is not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg

from libs.common.actor import Actor
from libs.common.calendar import french_date
from libs.common.errors import NotFound
from libs.common.grants import Permission
from libs.common.messages.notices import Lot
from services.bids.documents.contract import money_text
from services.bids.domain.committees import EXEMPTIONS, Exemption
from services.bids.domain.states import BidState
from services.bids.errors import NotOpened
from services.bids.evaluation import store
from services.bids.evaluation.method import Method
from services.bids.evaluation.scoring import french
from services.bids.evaluation.store import DecisionRow, Judgement, Request
from services.bids.evaluation.verdicts import ASKS, WORDS, Verdict
from services.bids.service import consultations
from services.bids.service.counting import received_for
from services.bids.store import openings
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation

__all__ = ["minutes_of", "report_of"]

_FATES: Final[Mapping[BidState, str]] = {
    BidState.SET_ASIDE: "Hors délai, non ouvert (art. R2151-5 CCP)",
    BidState.SUPERSEDED: "Remplacé par un pli ultérieur, non ouvert (art. R2151-6 CCP)",
    BidState.WITHDRAWN: "Retiré par son déposant",
    BidState.UNREADABLE: "Illisible à l'ouverture",
    BidState.DEPOSITED: "Offre non ouverte",
}
_OUTCOMES: Final = {
    "sent": "réponse attendue", "answered": "réponse reçue, à examiner", "accepted": "réponse acceptée",
    "refused": "réponse refusée", "missing": "sans réponse",
}  # fmt: skip


async def report_of(conn: asyncpg.Connection, actor: Actor, procedure: UUID, at: datetime) -> dict[str, Any]:
    """Give the presentation report of a procedure, as data.

    It holds rivals' prices: for evaluators, once bids are opened. Raises UnknownConsultation, Forbidden, RoleMissing, NotOpened.
    """
    consultation = await consultations.get(conn, procedure)
    await consultations.require_buyer(conn, actor, consultation, Permission.EVALUATE, at)
    if not any(each.state == "completed" for each in await openings.of_procedure(conn, procedure)):
        raise NotOpened("Les plis ne sont pas encore ouverts.", "The bids are not opened yet.")
    notice = consultation.notice
    lots = [await _lot(conn, consultation, each) for each in notice.lots]
    return {
        "procedure": str(procedure), "title": notice.title, "buyer": consultation.buyer, "buyer_name": notice.buyer.name,
        "procedure_type": notice.procedure_type, "formal": notice.formal, "time_zone": consultation.zone.key,
        "estimated": money_text(notice.value.amount, notice.value.currency) if notice.value else None,
        "deadline": consultation.deadline.isoformat(), "made_at": at.isoformat(), "lots": lots, "gaps": _gaps(consultation, lots),
    }  # fmt: skip


def _gaps(consultation: Consultation, lots: list[dict[str, Any]]) -> list[str]:
    """Name what R2184-2 and R2184-3 ask and nothing recorded tells."""
    gaps = [
        "le cas échéant : part du marché que le titulaire entend sous-traiter et ses sous-traitants (R2184-3, 1°)",
        "le cas échéant : conflits d'intérêts décelés et mesures prises (R2184-3, 4°)",
    ]
    if consultation.notice.procedure_type not in {"open", "restricted", "adapted"}:
        gaps.insert(0, "circonstances qui justifient le recours à cette procédure (R2184-2)")
    if any(lot["decision"] is None and not lot["ended"] for lot in lots):
        gaps.insert(0, "décision sur les lots qui n'en ont pas")
    return gaps


async def _lot(conn: asyncpg.Connection, consultation: Consultation, lot: Lot) -> dict[str, Any]:
    key = (consultation.procedure, lot.lot_id)
    received = {each.id: each for each in await received_for(conn, consultation, lot.lot_id)}
    names = {bid: each.depositor_name for bid, each in received.items()}
    judged, asked = await store.judgements(conn, key), await store.requests(conn, key)
    decision = await store.decision(conn, key)
    return {
        "lot_id": lot.lot_id, "title": lot.title, "ended": _ended(consultation, lot.lot_id),
        "bids": [_bid(each, judged.get(each.id)) for each in received.values()],
        "requests": [_request(each, names) for each in asked],
        "scoring": await _scoring(conn, key, names, decision),
        "decision": None if decision is None else _decision(consultation, decision, names, asked),
    }  # fmt: skip


def _ended(consultation: Consultation, lot: str) -> str | None:
    if lot in consultation.abandoned:
        return "Lot déclaré sans suite (art. R2185-1 CCP)."
    return "Lot déclaré infructueux." if lot in consultation.failed else None


def _bid(bid: Bid, judged: Judgement | None) -> dict[str, str]:
    fate = _FATES.get(bid.state) or "Admis, non encore jugé"
    if judged is not None:
        fate = WORDS[judged.verdict] + (f" : {judged.reason}" if judged.verdict is not Verdict.ADMISSIBLE else "")
    assert bid.received_at is not None  # noqa: S101  # received ones only
    return {
        "bidder": bid.depositor,
        "name": bid.depositor_name,
        "received_at": bid.received_at.isoformat(),
        "fate": fate,
    }


def _request(asked: Request, names: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "what": ASKS[asked.kind], "name": names.get(asked.bid, asked.bidder), "asked_at": asked.asked_at.isoformat(),
        "outcome": _OUTCOMES[asked.state], "reason": asked.reason,
    }  # fmt: skip


async def _scoring(
    conn: asyncpg.Connection, key: tuple[UUID, str], names: Mapping[UUID, str], decision: DecisionRow | None
) -> dict[str, Any] | None:
    """Give the scoring that the decision followed, else the last one; none where scores were given with the decision."""
    chosen = decision.decision.get("scoring") if decision else None
    if decision and chosen is None:
        return None
    found = await store.scorings(conn, key, before=None if chosen is None else chosen + 1)
    if not found:
        return None
    told, method = found[0].content, Method.model_validate(found[0].content["method"])
    return {
        "version": found[0].version, "decimals": method.decimals, "tie": method.decisive.name,
        "scores": [_scored(each, names, told["reasons"]) for each in told["scores"]],
        "low": [f"{names[UUID(bid)]} : {rule}" for bid, rule in told["low"].items()],
    }  # fmt: skip


def _scored(scored: Mapping[str, Any], names: Mapping[UUID, str], reasons: Mapping[str, str]) -> dict[str, Any]:
    parts = [
        {"name": each["name"], "points": f"{_written(each['points'])} / {_written(each['out_of'])}", "arithmetic": each["arithmetic"]}
        for each in scored["parts"]
    ]  # fmt: skip
    return {
        "name": names[UUID(scored["bid"])], "rank": scored["rank"], "total": _written(scored["total"]), "parts": parts,
        "note": f". {scored['tie']}" if scored["tie"] else "", "reasons": reasons[scored["bid"]],
    }  # fmt: skip


def _written(number: str) -> str:
    return french(Decimal(number))


def _decision(
    consultation: Consultation, row: DecisionRow, names: Mapping[UUID, str], asked: list[Request]
) -> dict[str, Any]:
    kept = row.decision
    own = next(each for each in kept["evaluations"] if each["bid"] == str(row.bid))
    proved = any(each.kind == "proofs" and each.state == "accepted" and each.bid == row.bid for each in asked)
    until = row.standstill_until
    return {
        "winner": names[row.bid], "value": _money(kept["value"]),
        "others": " ; ".join(f"{names[UUID(each['bid'])]} ({_money(each['value'])})" for each in kept.get("others", [])),
        "decided_at": row.decided_at.isoformat(), "reasons": own["reasons"], "choice_reason": kept.get("choice_reason"),
        "committee": _committee(kept), "proofs": kept.get("proofs_held") or ("reçus et acceptés" if proved else None),
        "standstill": french_date(until, consultation.zone) if until else row.standstill_reason,
    }  # fmt: skip


def _money(value: Mapping[str, str]) -> str:
    return money_text(Decimal(value["amount"]), value["currency"])


def _committee(kept: Mapping[str, Any]) -> str | None:
    meeting, exemption = kept.get("committee"), kept.get("no_committee")
    if meeting is None:
        return None if exemption is None else f"sans réunion : {EXEMPTIONS[Exemption(exemption)]}"
    votes = f"{meeting['in_favour']} pour, {meeting['against']} contre, {meeting['abstained']} abstentions"
    return f"{len(meeting['present'])} présents sur {meeting['voting_members']} ; {votes}"


async def minutes_of(conn: asyncpg.Connection, actor: Actor, lot: tuple[UUID, str], at: datetime) -> dict[str, Any]:
    """Give the minutes of the committee that chose the winner of a lot, as data.

    Raises UnknownConsultation, Forbidden, RoleMissing, NotFound when the lot has no decision of a committee.
    """
    consultation = await consultations.get(conn, lot[0])
    await consultations.require_buyer(conn, actor, consultation, Permission.READ, at)
    row, told = await store.decision(conn, lot), consultation.lot(lot[1])
    if row is None or told is None or row.decision.get("committee") is None:
        raise NotFound("Aucune décision de commission pour ce lot.", "No decision of a committee for this lot.")
    names = {str(each.id): each.depositor_name for each in await received_for(conn, consultation, lot[1])}
    kept, meeting = row.decision, row.decision["committee"]
    ranked = sorted((each for each in kept["evaluations"] if each["rank"]), key=lambda each: int(each["rank"]))
    return {
        "title": consultation.notice.title, "buyer": consultation.buyer, "buyer_name": consultation.notice.buyer.name,
        "lot_id": told.lot_id, "lot_title": told.title, "time_zone": consultation.zone.key, "committee": meeting,
        "quorum": meeting["voting_members"] // 2 + 1, "winner": ", ".join(names[each] for each in (str(row.bid), *(one["bid"] for one in kept.get("others", [])))),
        "value": _money(kept["value"]),
        "ranking": [
            {"rank": str(each["rank"]), "name": names[each["bid"]], "total": each["total"] or ""} for each in ranked
        ],
    }  # fmt: skip
