"""Deciding the award of a lot: everything the law asks is there, the letters leave with the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from pydantic import ValidationError

from libs.common.actor import Actor
from libs.common.errors import FieldError, NotFound
from libs.common.grants import Permission
from libs.common.messages.base import Money
from libs.common.messages.bids import Contract, EssentialData, Party
from libs.common.messages.notices import Lot
from libs.common.uow import Uow
from services.bids import events
from services.bids.documents.contract import contract_pdf, money_text
from services.bids.documents.letters import AwardFacts, Paper, award_letter, elimination_letter, rejection_letter
from services.bids.domain.awards import (
    Committee,
    Evaluation,
    Standstill,
    committee_faults,
    contract_number_problem,
    evaluation_faults,
    needs_committee,
    place_of,
)
from services.bids.domain.essential import ITEMS, missing_items, wrong_values
from services.bids.domain.states import BidState, ContractState
from services.bids.domain.submissions import Size, country_of, submissions
from services.bids.errors import AlreadyAwarded, IncompleteAward, NotOpened
from services.bids.evaluation.decision import Basis, basis_of, choice_faults
from services.bids.evaluation.store import note_decider
from services.bids.rehearsal.service import refuse_rehearsal
from services.bids.service import consultations
from services.bids.service.counting import received_for
from services.bids.service.letters import send
from services.bids.service.openings import all_opened
from services.bids.store import awards as store
from services.bids.store import consultations as consultation_store
from services.bids.store import contracts as contract_store
from services.bids.store.awards import Award, Letter
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation
from services.bids.store.contracts import ContractRow

__all__ = ["Awarded", "Bidder", "Decision", "decide"]

_IN_TIME = {BidState.OPENED, BidState.UNREADABLE}
_REASONS = {
    BidState.SET_ASIDE: "Il a été reçu après la date limite (art. R2151-5 CCP) ; il est conservé sans être ouvert.",
    BidState.UNREADABLE: "Il n'a pu être lu lors de l'ouverture ; le constat est au procès-verbal.",
}


@dataclass(frozen=True)
class Bidder:
    """What the award notice asks of a company that bid, where it is known."""

    bid: UUID
    size: Size | None = None
    city: str | None = None
    postal_code: str | None = None


@dataclass(frozen=True)
class Decision:
    """What the buyer decided on a lot."""

    procedure: UUID
    lot: str
    bid: UUID
    value: Money
    contract_number: str
    evaluations: tuple[Evaluation, ...]
    inadmissible: frozenset[UUID]
    essential: Mapping[str, Any]
    duration_months: int | None = None
    place: tuple[str, str] | None = None
    committee: Committee | None = None
    proofs_held: str | None = None
    """How the buyer holds the winner's proofs already."""
    choice_reason: str | None = None
    """Why this one of bids that share the first rank."""
    bidders: tuple[Bidder, ...] = ()
    basis: Basis | None = None
    """The scoring made here, from which evaluations and inadmissible bids then come."""


@dataclass(frozen=True)
class Awarded:
    """An award with the letters and the contract that come with it."""

    award: Award
    winner: Bid
    letters: tuple[Letter, ...]
    contract: ContractRow


@dataclass(frozen=True)
class _Case:
    """A decision with what it is about."""

    decision: Decision
    consultation: Consultation
    lot: Lot
    received: tuple[Bid, ...]
    """Every bid of the lot that was received, whatever became of it."""
    now: datetime

    @property
    def opened(self) -> tuple[Bid, ...]:
        """Those to judge."""
        return tuple(each for each in self.received if each.state is BidState.OPENED)

    @property
    def in_time(self) -> tuple[Bid, ...]:
        """Those received in time, readable or not."""
        return tuple(each for each in self.received if each.state in _IN_TIME)

    @property
    def eliminated(self) -> tuple[Bid, ...]:
        """One for each bidder who has no bid to judge, because it came late or cannot be read."""
        told = {each.depositor for each in self.opened}
        out = [each for each in self.received if each.state in _REASONS and each.depositor not in told]
        return tuple({each.depositor: each for each in out}.values())

    @property
    def winner(self) -> Bid:
        """The chosen bid."""
        return next(each for each in self.opened if each.id == self.decision.bid)


async def decide(uow: Uow, actor: Actor, decision: Decision) -> Awarded:
    """Decide the award of a lot.

    Raises UnknownConsultation, Forbidden, ProcedureSuspended, LotEnded, NotFound (lot), NotOpened, AlreadyAwarded, EvaluationOrder, and
    IncompleteAward that lists everything that is missing, by its French name.
    """
    consultation = await consultation_store.lock(uow.conn, decision.procedure)
    if consultation is None:
        raise consultations.unknown()
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.EVALUATE, uow.now())
    await refuse_rehearsal(uow.conn, consultation.procedure)
    consultations.require_going_on(consultation, [decision.lot])
    case = await _scored(uow.conn, await _case(uow, decision, consultation))
    decision = case.decision
    essential = await _check(uow.conn, case)
    standstill = Standstill.of(formal=consultation.notice.formal, sent_at=case.now, zone=consultation.zone)
    award = Award(uuid4(), decision.lot, decision.bid, case.now, standstill.until, standstill.reason)
    await store.add(uow.conn, decision.procedure, award, _record(decision))
    await note_decider(uow.conn, award.id, actor.subject)
    contract = await _prepare(uow, case, essential, award)
    uow.audit("decide_award", str(award.id))
    uow.emit(events.award_decided(award, consultation, case.winner.depositor, decision.value))
    letters = await _tell(uow, case, standstill)
    return Awarded(award, case.winner, tuple(letters), contract)


async def _case(uow: Uow, decision: Decision, consultation: Consultation) -> _Case:
    lot = consultation.lot(decision.lot)
    if lot is None:
        names = ", ".join(each.lot_id for each in consultation.notice.lots)
        raise NotFound(f"Lot inconnu ; lots : {names}.", f"Unknown lot; lots: {names}.")
    if not await all_opened(uow.conn, consultation, [decision.lot]):
        raise NotOpened("Les plis ne sont pas encore ouverts.", "The bids are not opened yet.")
    if any(each.lot == decision.lot for each in await store.of_procedure(uow.conn, decision.procedure)):
        raise AlreadyAwarded("Ce lot est déjà attribué.", "This lot has been awarded.")
    received = await received_for(uow.conn, consultation, decision.lot)
    return _Case(decision, consultation, lot, tuple(received), uow.now())


async def _scored(conn: asyncpg.Connection, case: _Case) -> _Case:
    """Take evaluations from the scoring of the lot where one was made here. Raises EvaluationOrder, IncompleteAward."""
    decision = case.decision
    basis = await basis_of(conn, (decision.procedure, decision.lot))
    if basis is None:
        return case
    if decision.evaluations:
        told = f"les notes viennent de la notation n° {basis.version} du lot : n'en donnez pas d'autres"
        raise _incomplete(
            [FieldError("body/evaluations", told, f"scores come from scoring {basis.version}: give none")]
        )
    scored = replace(decision, basis=basis, evaluations=basis.evaluations, inadmissible=basis.inadmissible)
    return replace(case, decision=scored)


async def _check(conn: asyncpg.Connection, case: _Case) -> EssentialData:
    decision = case.decision
    names = {each.id: each.depositor_name for each in case.opened}
    faults = [] if decision.basis else evaluation_faults(names, decision.evaluations)
    faults += _choice_faults(case, names) + _committee_faults(case)
    faults += _essential_faults(decision.essential)
    if decision.duration_months is None and case.lot.duration_months is None:
        faults.append(_missing("duration_months", "durée du marché en mois"))
    if decision.place is None and place_of(case.lot, case.consultation.notice) is None:
        faults.append(_missing("place", "lieu d'exécution (code et type de code)"))
    if problem := contract_number_problem(decision.contract_number):
        faults.append(FieldError("body/contract_number", problem, "contract number of 1 to 16 characters"))
    elif await contract_store.number_taken(conn, case.consultation.buyer, decision.contract_number):
        faults.append(
            FieldError("body/contract_number", "ce numéro de marché est déjà pris", "this number is already taken")
        )
    if decision.value.amount <= 0:
        faults.append(FieldError("body/value", "le montant doit être positif", "the amount must be positive"))
    if faults:
        raise _incomplete(faults)
    try:
        return EssentialData.model_validate(decision.essential)
    except ValidationError as error:
        raise _incomplete([_invalid(each["loc"][0]) for each in error.errors()]) from error


def _choice_faults(case: _Case, names: Mapping[UUID, str]) -> list[FieldError]:
    if case.decision.bid not in names:
        return [FieldError("body/bid_id", "ce pli n'est pas un pli ouvert de ce lot", "no opened bid of this lot")]
    if case.decision.bid in case.decision.inadmissible:
        return [FieldError("body/bid_id", "un pli irrecevable ne peut être retenu", "an inadmissible bid cannot win")]
    decision = case.decision
    if decision.basis is None:
        return []
    return choice_faults(decision.basis, decision.bid, held=decision.proofs_held, choice=decision.choice_reason)


def _committee_faults(case: _Case) -> list[FieldError]:
    committee = case.decision.committee
    if committee is not None:
        return committee_faults(committee, case.now)
    if needs_committee(case.consultation.notice):
        return [_missing("committee", "réunion de la commission d'appel d'offres (art. L1414-2 CGCT)")]
    return []


def _essential_faults(given: Mapping[str, Any]) -> list[FieldError]:
    faults = [_missing(f"essential/{name}", ITEMS[name].name) for name in missing_items(given)]
    for name, value in wrong_values(given):
        values = ", ".join(ITEMS[name].values)
        faults.append(
            FieldError(
                f"body/essential/{name}",
                f"{ITEMS[name].name} : « {value} » n'est pas une valeur officielle ({values})",
                f"{value!r} is not an official value",
            )
        )
    return faults


def _missing(where: str, name: str) -> FieldError:
    return FieldError(f"body/{where}", f"{name} : à renseigner", "missing")


def _invalid(member: object) -> FieldError:
    name = ITEMS[str(member)].name if str(member) in ITEMS else str(member)
    return FieldError(f"body/essential/{member}", f"{name} : valeur incorrecte", "invalid value")


def _incomplete(faults: Sequence[FieldError]) -> IncompleteAward:
    return IncompleteAward(
        "L'attribution est incomplète : complétez les éléments listés. Rien n'a été enregistré ni envoyé.",
        "The award is incomplete: complete what is listed. Nothing was recorded or sent.",
        errors=faults,
    )


async def _prepare(uow: Uow, case: _Case, essential: EssentialData, award: Award) -> ContractRow:
    """Draw up the contract and keep it; the document is stored before the row that names it."""
    content = _content(case, essential)
    pdf = contract_pdf(content, case.consultation.zone)
    key = f"bids/contracts/{content.contract_id}/prepared.pdf"
    name = f"acte-engagement-{content.contract_id}.pdf"
    document = await uow.runtime.storage.put(key, pdf, media_type="application/pdf", name=name)
    row = ContractRow(
        content.contract_id, 1, case.consultation.announced, award.id, case.consultation.buyer, case.winner.depositor,
        content.number, ContractState.PREPARED, content, award.standstill_until, document,
    )  # fmt: skip
    await contract_store.add(uow.conn, row)
    return row


def _content(case: _Case, essential: EssentialData) -> Contract:
    notice, lot, decision = case.consultation.notice, case.lot, case.decision
    place = decision.place or place_of(lot, notice)
    assert place is not None  # noqa: S101  # checked with the rest
    return Contract(
        contract_id=uuid4(),
        number=decision.contract_number,
        title=notice.title if len(notice.lots) == 1 else f"{notice.title} : {lot.title}",
        lot_id=lot.lot_id,
        notice_id=notice.notice_id,
        buyer_name=notice.buyer.name,
        buyer_department=notice.buyer.department,
        buyer_legal_type=notice.buyer.legal_type,
        winners=[_winner(case)],
        value=decision.value,
        procedure_total=decision.value,
        nature=lot.nature,
        cpv=lot.cpv[0],
        procedure_type=notice.procedure_type,
        formal=notice.formal,
        framework=lot.framework,
        duration_months=decision.duration_months or lot.duration_months or 1,
        place_code=place[0],
        place_code_kind=place[1],
        tenders_received=len(case.in_time),
        submissions=_submissions(case),
        awarded_at=case.now,
        essential=essential,
    )


def _winner(case: _Case) -> Party:
    bid = case.winner
    told = next((each for each in case.decision.bidders if each.bid == bid.id), Bidder(bid.id))
    return Party(
        organisation=bid.depositor,
        name=bid.depositor_name,
        city=told.city,
        postal_code=told.postal_code,
        country=country_of(bid.depositor),
        size=told.size,
    )


def _submissions(case: _Case) -> dict[str, int]:
    sizes = {each.bid: each.size for each in case.decision.bidders}
    by_company = {bid.depositor: size for bid in case.in_time if (size := sizes.get(bid.id))}
    return submissions([each.depositor for each in case.in_time], by_company)


async def _tell(uow: Uow, case: _Case, standstill: Standstill) -> list[Letter]:
    """Tell the winner and the losers at once, in the transaction of the decision."""
    notice, decision = case.consultation.notice, case.decision
    facts = AwardFacts(
        notice.buyer.name, notice.title, case.lot.lot_id, case.lot.title, notice.formal, case.winner.depositor_name,
        money_text(decision.value.amount, decision.value.currency), case.now, case.consultation.zone, standstill,
    )  # fmt: skip
    judged = {each.bid: each for each in decision.evaluations}
    letters: list[Letter] = []
    for bid in case.opened:
        paper = _paper(facts, judged, bid.id, decision.bid)
        letters.append(await send(uow, case.consultation, (decision.lot, bid.depositor), paper))
    for bid in case.eliminated:
        paper = elimination_letter(facts, _REASONS[bid.state])
        letters.append(await send(uow, case.consultation, (decision.lot, bid.depositor), paper))
    return letters


def _paper(facts: AwardFacts, judged: Mapping[UUID, Evaluation], bid: UUID, winner: UUID) -> Paper:
    if bid == winner:
        return award_letter(facts, judged[bid])
    return rejection_letter(facts, judged[bid], judged[winner])


def _record(decision: Decision) -> dict[str, Any]:
    """Give the decision as it is kept."""
    return {
        "bid": str(decision.bid),
        "value": decision.value.model_dump(mode="json"),
        "contract_number": decision.contract_number,
        "inadmissible": sorted(str(each) for each in decision.inadmissible),
        "scoring": decision.basis.version if decision.basis else None,
        "committee": _committee(decision.committee),
        "proofs_held": decision.proofs_held,
        "choice_reason": decision.choice_reason,
        "evaluations": [
            {
                "bid": str(each.bid),
                "criteria": [{"name": one.name, "score": one.score, "out_of": one.out_of} for one in each.criteria],
                "total": each.total,
                "rank": each.rank,
                "reasons": each.reasons,
            }
            for each in decision.evaluations
        ],
    }


def _committee(committee: Committee | None) -> dict[str, Any] | None:
    return None if committee is None else asdict(committee) | {"met_at": committee.met_at.isoformat()}
