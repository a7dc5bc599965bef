"""The steps of an evaluation: the method, what each bid is judged to be, marks of the evaluators, scorings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import FieldError, NotFound
from libs.common.grants import Permission
from libs.common.messages.notices import Lot
from libs.common.uow import Uow
from services.bids.domain.states import BidState
from services.bids.errors import AlreadyAwarded, NotOpened
from services.bids.evaluation import announce, store
from services.bids.evaluation.errors import EvaluationOrder, WrongEvaluation
from services.bids.evaluation.method import Method, weight_faults
from services.bids.evaluation.scoring import low_offers, missing, record_of, score
from services.bids.evaluation.store import EvaluatorMarks, Judgement, MethodRow, Request, Scoring
from services.bids.evaluation.verdicts import WORDS, RequestKind, Verdict
from services.bids.service import consultations
from services.bids.service.counting import received_for
from services.bids.service.openings import all_opened
from services.bids.store import consultations as consultation_store
from services.bids.store import openings
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation

__all__ = [
    "Case",
    "Figure",
    "Told",
    "case_of",
    "give_marks",
    "judge",
    "make_scoring",
    "set_method",
    "set_verdict",
    "tell",
    "wrong",
]

_IN_TIME = {BidState.DEPOSITED, BidState.OPENED}


@dataclass(frozen=True)
class Case:
    """A lot under evaluation."""

    consultation: Consultation
    lot: Lot
    bids: Mapping[UUID, Bid]
    """Those received in time that count for the lot, and can be read."""
    offers_open: bool

    @property
    def key(self) -> tuple[UUID, str]:
        """What its rows are found by."""
        return self.consultation.procedure, self.lot.lot_id

    @property
    def holders(self) -> int:
        """How many may be chosen: of a framework agreement as many as its notice says, or as bid; else one."""
        terms = self.lot.terms
        said = terms.framework_participants if terms else None
        return (said or len(self.bids)) if self.lot.framework else 1

    @property
    def opened(self) -> list[Bid]:
        """Those whose offer was opened."""
        return [each for each in self.bids.values() if each.state is BidState.OPENED]

    def bid(self, bid: UUID) -> Bid:
        """Give a bid of the lot. Raises WrongEvaluation."""
        if bid not in self.bids:
            raise wrong([FieldError("bid_id", "ce pli n'est pas à juger pour ce lot", "no bid to judge for this lot")])
        return self.bids[bid]

    def require_offers(self) -> None:
        """Let pass once the offers of the lot are opened. Raises NotOpened."""
        if not self.offers_open:
            raise NotOpened("Les offres ne sont pas encore ouvertes.", "The offers are not opened yet.")


@dataclass(frozen=True)
class Figure:
    """A figure read in an offer: a price, a delay."""

    bid: UUID
    criterion: str
    figure: Decimal


@dataclass(frozen=True)
class Told:
    """Where an evaluation stands."""

    case: Case
    method: MethodRow | None
    judged: Mapping[UUID, Judgement]
    evaluators: int
    scoring: int | None
    asked: Sequence[Request]


async def tell(conn: asyncpg.Connection, actor: Actor, lot: tuple[UUID, str], at: datetime) -> Told:
    """Say where the evaluation of a lot stands. Raises what `case_of` does."""
    case = await case_of(conn, actor, *lot, Permission.EVALUATE, at=at, lock=False)
    last = await store.scorings(conn, lot)
    return Told(
        case, await store.method(conn, lot), await store.judgements(conn, lot), len(await store.marks(conn, lot)),
        last[0].version if last else None, await store.requests(conn, lot),
    )  # fmt: skip


async def case_of(
    conn: asyncpg.Connection, actor: Actor, procedure: UUID, lot: str, permission: Permission, *, at: datetime, lock: bool
) -> Case:  # fmt: skip
    """Give a lot once something of it is opened; `lock`: to change it, which an award ends.

    Raises UnknownConsultation, Forbidden, RoleMissing, NotFound (lot), NotOpened, and, to change it, ProcedureSuspended, LotEnded,
    AlreadyAwarded.
    """
    found = await (consultation_store.lock if lock else consultation_store.find)(conn, procedure)
    if found is None:
        raise consultations.unknown()
    await consultations.require_buyer(conn, actor, found, permission, at)
    told = found.lot(lot)
    if told is None:
        names = ", ".join(each.lot_id for each in found.notice.lots)
        raise NotFound(f"Lot inconnu ; lots : {names}.", f"Unknown lot; lots: {names}.")
    if lock:
        consultations.require_going_on(found, [lot])
        if await store.decision(conn, (procedure, lot)) is not None:
            raise AlreadyAwarded("Ce lot est déjà attribué.", "This lot has been awarded.")
    return await _opened_case(conn, found, told)


async def _opened_case(conn: asyncpg.Connection, consultation: Consultation, lot: Lot) -> Case:
    done = [each for each in await openings.of_procedure(conn, consultation.procedure) if each.state == "completed"]
    if not any(lot.lot_id in each.statement.lots for each in done):
        raise NotOpened("Les plis ne sont pas encore ouverts.", "The bids are not opened yet.")
    received = await received_for(conn, consultation, lot.lot_id)
    opened = await all_opened(conn, consultation, [lot.lot_id])
    return Case(consultation, lot, {each.id: each for each in received if each.state in _IN_TIME}, opened)


async def set_method(uow: Uow, actor: Actor, lot: tuple[UUID, str], method: Method) -> None:
    """Set how the bids of a lot are scored; criteria and weights of the notice bind.

    Raises what `consultations.get` does, Forbidden, RoleMissing, NotFound (lot), AlreadyAwarded, WrongEvaluation.
    """
    consultation = await consultation_store.lock(uow.conn, lot[0])
    if consultation is None:
        raise consultations.unknown()
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.EVALUATE, uow.now())
    told = consultation.lot(lot[1])
    if told is None:
        raise NotFound("Lot inconnu dans cette consultation.", "Unknown lot in this procedure.")
    if await store.decision(uow.conn, lot) is not None:
        raise AlreadyAwarded("Ce lot est déjà attribué.", "This lot has been awarded.")
    if faults := weight_faults(method, told.criteria):
        raise wrong(faults)
    await store.add_method(uow.conn, lot, method, uow.now(), actor.subject)
    uow.audit("set_scoring_method", f"{lot[0]}/{lot[1]}")


async def judge(uow: Uow, actor: Actor, lot: tuple[UUID, str], bid: UUID, verdict: Verdict, reason: str) -> None:
    """Say what a bid is, with the reason its bidder will be told.

    An abnormally low offer is rejected only after its bidder was asked to explain it (L2152-6 CCP): EvaluationOrder.
    Raises what `case_of` does, WrongEvaluation.
    """
    case = await case_of(uow.conn, actor, *lot, Permission.EVALUATE, at=uow.now(), lock=True)
    case.bid(bid)
    if verdict is not Verdict.APPLICATION_REJECTED:
        case.require_offers()
    if verdict is not Verdict.ADMISSIBLE and not reason.strip():
        raise wrong([FieldError("body/reason", "motif à donner : le candidat le recevra", "the reason is needed")])
    if verdict is Verdict.ABNORMALLY_LOW and not await _explained(uow.conn, case, bid):
        raise EvaluationOrder(
            "Demandez d'abord au candidat de justifier le montant de son offre (art. L2152-6 CCP), et statuez sur sa réponse.",
            "First ask the bidder to explain its price, and settle the request.",
        )
    await set_verdict(uow, actor, case, bid, verdict, reason)


async def _explained(conn: asyncpg.Connection, case: Case, bid: UUID) -> bool:
    asked = [each for each in await store.requests(conn, case.key) if each.bid == bid]
    return any(each.kind is RequestKind.EXPLANATION and not each.pending for each in asked)


async def set_verdict(uow: Uow, actor: Actor, case: Case, bid: UUID, verdict: Verdict, reason: str) -> None:
    """Record what a bid is judged to be, and tell the buyer's people."""
    await store.add_judgement(uow.conn, case.key, bid, verdict, reason=reason.strip(), at=uow.now(), by=actor.subject)
    uow.audit("judge_bid", str(bid))
    uow.emit(announce.judged(case.consultation, case.lot.lot_id, bid, verdict, uow.now()))


async def give_marks(uow: Uow, actor: Actor, lot: tuple[UUID, str], given: Sequence[Mapping[str, str]]) -> None:
    """Keep the marks of one evaluator for a lot; they replace those he gave before.

    Raises what `case_of` does, EvaluationOrder (the method comes first), WrongEvaluation.
    """
    case = await case_of(uow.conn, actor, *lot, Permission.EVALUATE, at=uow.now(), lock=True)
    case.require_offers()
    method = await _method(uow.conn, case)
    if faults := list(_mark_faults(case, method, given)):
        raise wrong(faults)
    await store.add_marks(uow.conn, case.key, actor.subject, [dict(each) for each in given], uow.now())
    uow.audit("give_marks", f"{lot[0]}/{lot[1]}")


def _mark_faults(case: Case, method: Method, given: Sequence[Mapping[str, str]]) -> Iterable[FieldError]:
    marked = {each.name: each for each in method.leaves if not each.counted}
    seen: set[tuple[str, str]] = set()
    for number, each in enumerate(given):
        where, criterion = f"body/marks/{number}", marked.get(each["criterion"])
        if UUID(each["bid"]) not in {bid.id for bid in case.opened}:
            yield FieldError(where, "ce pli n'est pas à noter pour ce lot", "no opened bid of this lot")
        if criterion is None:
            names = ", ".join(marked) or "aucun"
            yield FieldError(where, f"critère sans note ; à noter : {names}", f"not a criterion to mark: {names}")
        elif Decimal(each["mark"]) > criterion.out_of:
            yield FieldError(where, f"note supérieure à {criterion.out_of:f}", f"mark above {criterion.out_of:f}")
        if (each["bid"], each["criterion"]) in seen:
            yield FieldError(where, "noté deux fois", "marked twice")
        seen.add((each["bid"], each["criterion"]))


async def _method(conn: asyncpg.Connection, case: Case) -> Method:
    row = await store.method(conn, case.key)
    if row is None:
        raise EvaluationOrder(
            "Fixez d'abord la méthode de notation de ce lot (critères, poids, formules).",
            "First set the scoring method.",
        )
    return row.method


async def make_scoring(
    uow: Uow, actor: Actor, lot: tuple[UUID, str], figures: Sequence[Figure], reasons: Mapping[UUID, str]
) -> Scoring:
    """Score the admissible bids of a lot, as a new version, with all the arithmetic.

    Raises what `case_of` does, EvaluationOrder (the method, then a judgement of each bid, come first), WrongEvaluation that
    names each figure, mark and reason that is missing.
    """
    case = await case_of(uow.conn, actor, *lot, Permission.EVALUATE, at=uow.now(), lock=True)
    case.require_offers()
    method = await _method(uow.conn, case)
    judged = await store.judgements(uow.conn, case.key)
    _require_judged(case, judged)
    admitted = [each.id for each in case.opened if judged[each.id].verdict is Verdict.ADMISSIBLE]
    marks = await store.marks(uow.conn, case.key)
    content = _content(case, method, admitted, (figures, marks, reasons))
    content["set_aside"] = [_set_aside(each) for each in judged.values() if each.verdict is not Verdict.ADMISSIBLE]
    identity = uuid4()
    version = await store.add_scoring(uow.conn, case.key, identity, content, uow.now(), actor.subject)
    uow.audit("score_lot", str(identity))
    uow.emit(announce.scored(case.consultation, case.lot.lot_id, identity, version, content, uow.now()))
    (kept,) = await store.scorings(uow.conn, case.key)
    return kept


def _require_judged(case: Case, judged: Mapping[UUID, Judgement]) -> None:
    left = [each.depositor_name for each in case.opened if each.id not in judged]
    if left:
        raise EvaluationOrder(
            f"Dites d'abord si chaque offre est recevable ; il reste : {', '.join(left)}.",
            f"First judge whether each bid is admissible; left: {', '.join(left)}.",
        )
    if not case.opened:
        raise EvaluationOrder(
            "Aucune offre à noter : déclarez le lot infructueux.", "No bid to score: declare the lot unsuccessful."
        )


Given = tuple[Sequence[Figure], Sequence[EvaluatorMarks], Mapping[UUID, str]]


def _content(case: Case, method: Method, admitted: Sequence[UUID], given: Given) -> dict[str, Any]:
    figures, everybody, reasons = given
    counted = {(each.bid, each.criterion): each.figure for each in figures}
    marks = _by_criterion(everybody)
    faults = [_missing(case, bid, name) for bid, name in missing(method, admitted, counted, marks)]
    faults += _uneven(case, admitted, everybody)
    faults += [
        _missing(case, bid, "motifs (caractéristiques et avantages)")
        for bid in admitted
        if not reasons.get(bid, "").strip()
    ]
    if faults:
        raise wrong(faults)
    return {
        "method": method.model_dump(mode="json"),
        "figures": [{"bid": str(bid), "criterion": name, "figure": f"{each:f}"} for (bid, name), each in counted.items() if bid in admitted],
        "marks": [
            {"evaluator": f"évaluateur {number}", **mark}
            for number, each in enumerate(everybody, 1) for mark in each.marks if UUID(mark["bid"]) in admitted
        ],
        "scores": record_of(score(method, admitted, counted, marks)),
        "low": {str(bid): rule for bid, rule in low_offers(method, admitted, counted).items()},
        "reasons": {str(bid): reasons[bid].strip() for bid in admitted},
    }  # fmt: skip


def _by_criterion(everybody: Sequence[EvaluatorMarks]) -> dict[tuple[UUID, str], list[Decimal]]:
    found: dict[tuple[UUID, str], list[Decimal]] = {}
    for each in everybody:
        for mark in each.marks:
            found.setdefault((UUID(mark["bid"]), mark["criterion"]), []).append(Decimal(mark["mark"]))
    return found


def _uneven(case: Case, admitted: Sequence[UUID], everybody: Sequence[EvaluatorMarks]) -> list[FieldError]:
    """Name the bids that an evaluator left out of a criterion: means would compare other people's eyes."""
    faults = []
    for number, each in enumerate(everybody, 1):
        marked: dict[str, set[UUID]] = {}
        for mark in each.marks:
            marked.setdefault(mark["criterion"], set()).add(UUID(mark["bid"]))
        for name, bids in marked.items():
            faults += [_missing(case, bid, f"{name}, par l'évaluateur {number}") for bid in admitted if bid not in bids]
    return faults


def _missing(case: Case, bid: UUID, what: str) -> FieldError:
    name = case.bids[bid].depositor_name
    return FieldError(f"body/bids/{bid}", f"{name} : {what} : à renseigner", f"{name}: {what} is missing")


def _set_aside(judged: Judgement) -> dict[str, str]:
    return {"bid": str(judged.bid), "verdict": judged.verdict, "words": WORDS[judged.verdict], "reason": judged.reason}


def wrong(faults: Sequence[FieldError]) -> WrongEvaluation:
    """Give the refusal of faults."""
    return WrongEvaluation(
        "Corrigez ou complétez les éléments listés. Rien n'a été enregistré.",
        "Correct or complete what is listed. Nothing was recorded.",
        errors=faults,
    )
