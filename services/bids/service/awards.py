"""Deciding the award of a lot: everything the law asks is there, the letters leave with the decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from pydantic import ValidationError

from libs.common.actor import Actor
from libs.common.errors import FieldError, NotFound
from libs.common.grants import Permission
from libs.common.messages.bids import Contract, EssentialData
from libs.common.uow import Uow
from services.bids import events
from services.bids.applications.winners import known_bidders, winners_of
from services.bids.documents.contract import money_text
from services.bids.documents.letters import AwardFacts, award_letter, elimination_letter, rejection_letter
from services.bids.domain.awards import (
    Standstill,
    contract_number_problem,
    evaluation_faults,
    place_of,
)
from services.bids.domain.committees import Committee, committee_faults, missing_committee
from services.bids.domain.essential import ITEMS, missing_items, wrong_values
from services.bids.domain.submissions import submissions
from services.bids.errors import AlreadyAwarded, IncompleteAward, NotOpened
from services.bids.evaluation.decision import basis_of, choice_faults
from services.bids.evaluation.store import note_decider
from services.bids.rehearsal.service import refuse_rehearsal
from services.bids.rounds import store as rounds
from services.bids.service import consultations
from services.bids.service.contracts import framework_number, prepare
from services.bids.service.counting import received_for
from services.bids.service.deciding import REASONS, Bidder, Case, Choice, Decision
from services.bids.service.letters import send
from services.bids.service.openings import all_opened
from services.bids.store import awards as store
from services.bids.store import consultations as consultation_store
from services.bids.store import contracts as contract_store
from services.bids.store.awards import Award, Letter
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation
from services.bids.store.contracts import ContractRow

__all__ = ["Awarded", "Won", "decide"]


@dataclass(frozen=True)
class Won:
    """A bid that won, and its contract."""

    award: Award
    winner: Bid
    contract: ContractRow


@dataclass(frozen=True)
class Awarded:
    """An award with the letters and the contracts that come with it: one, several of a framework agreement."""

    won: tuple[Won, ...]
    letters: tuple[Letter, ...]


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
    standstill = Standstill.of(
        formal=consultation.notice.formal, sent_at=case.now, zone=consultation.zone, called=case.called
    )
    won = [await _record_choice(uow, actor, (case, each), essential, standstill) for each in decision.choices]
    letters = await _tell(uow, case, standstill)
    return Awarded(tuple(won), tuple(letters))


async def _record_choice(
    uow: Uow, actor: Actor, chosen: tuple[Case, Choice], essential: EssentialData, standstill: Standstill
) -> Won:
    case, choice = chosen
    award = Award(uuid4(), case.lot.lot_id, choice.bid, case.now, standstill.until, standstill.reason)
    await store.add(uow.conn, case.consultation.procedure, award, _record(case.decision))
    await note_decider(uow.conn, award.id, actor.subject)
    bid = case.chosen(choice)
    content = await _content(uow.conn, case, essential, choice)
    contract = await prepare(uow, case.consultation, award, content, holder=bid.depositor)
    uow.audit("decide_award", str(award.id))
    uow.emit(events.award_decided(award, case.consultation, bid.depositor, choice.value))
    return Won(award, bid, contract)


async def _content(conn: asyncpg.Connection, case: Case, essential: EssentialData, choice: Choice) -> Contract:
    notice, lot, decision, bid = case.consultation.notice, case.lot, case.decision, case.chosen(choice)
    place = decision.place or place_of(lot, notice)
    assert place is not None  # noqa: S101  # checked with the rest
    bidders = {each.bid: each for each in await known_bidders(conn, case.in_time, decision.bidders)}
    under = await framework_number(conn, case.consultation, lot.lot_id, bid.depositor) if case.called else None
    return Contract(
        contract_id=uuid4(),
        number=choice.contract_number,
        title=notice.title if len(notice.lots) == 1 else f"{notice.title} : {lot.title}",
        lot_id=lot.lot_id,
        notice_id=notice.notice_id,
        buyer_name=notice.buyer.name,
        buyer_department=notice.buyer.department,
        buyer_legal_type=notice.buyer.legal_type,
        winners=await winners_of(conn, bid, lot.lot_id, bidders[bid.id]),
        value=choice.value,
        procedure_total=choice.value,
        nature=lot.nature,
        cpv=lot.cpv[0],
        procedure_type=notice.procedure_type,
        formal=notice.formal,
        framework=lot.framework and case.called != "subsequent",
        holders=len(decision.choices),
        framework_number=under,
        duration_months=decision.duration_months or lot.duration_months or 1,
        place_code=place[0],
        place_code_kind=place[1],
        tenders_received=len(case.in_time),
        submissions=_submissions(case, bidders.values()),
        awarded_at=case.now,
        essential=essential,
    )


def _submissions(case: Case, bidders: Iterable[Bidder]) -> dict[str, int]:
    sizes = {each.bid: each.size for each in bidders}
    by_company = {bid.depositor: size for bid in case.in_time if (size := sizes.get(bid.id))}
    return submissions([each.depositor for each in case.in_time], by_company)


async def _case(uow: Uow, decision: Decision, consultation: Consultation) -> Case:
    lot = consultation.lot(decision.lot)
    if lot is None:
        names = ", ".join(each.lot_id for each in consultation.notice.lots)
        raise NotFound(f"Lot inconnu ; lots : {names}.", f"Unknown lot; lots: {names}.")
    if not await all_opened(uow.conn, consultation, [decision.lot]):
        raise NotOpened("Les plis ne sont pas encore ouverts.", "The bids are not opened yet.")
    if any(each.lot == decision.lot for each in await store.of_procedure(uow.conn, decision.procedure)):
        raise AlreadyAwarded("Ce lot est déjà attribué.", "This lot has been awarded.")
    received = await received_for(uow.conn, consultation, decision.lot)
    called = await rounds.kind_of(uow.conn, consultation.procedure)
    return Case(decision, consultation, lot, tuple(received), uow.now(), called)


async def _scored(conn: asyncpg.Connection, case: Case) -> Case:
    """Take evaluations from the scoring of the lot where one was made here. Raises EvaluationOrder, IncompleteAward."""
    decision = case.decision
    basis = await basis_of(conn, (decision.procedure, decision.lot), len(decision.choices))
    if basis is None:
        return case
    if decision.evaluations:
        told = f"les notes viennent de la notation n° {basis.version} du lot : n'en donnez pas d'autres"
        raise _incomplete(
            [FieldError("body/evaluations", told, f"scores come from scoring {basis.version}: give none")]
        )
    scored = replace(decision, basis=basis, evaluations=basis.evaluations, inadmissible=basis.inadmissible)
    return replace(case, decision=scored)


async def _check(conn: asyncpg.Connection, case: Case) -> EssentialData:
    decision = case.decision
    names = {each.id: each.depositor_name for each in case.opened}
    faults = [] if decision.basis else evaluation_faults(names, decision.evaluations)
    faults += _choice_faults(case, names) + _committee_faults(case)
    faults += _essential_faults(decision.essential)
    if decision.duration_months is None and case.lot.duration_months is None:
        faults.append(_missing("duration_months", "durée du marché en mois"))
    if decision.place is None and place_of(case.lot, case.consultation.notice) is None:
        faults.append(_missing("place", "lieu d'exécution (code et type de code)"))
    for place, choice in enumerate(decision.choices):
        faults += await _contract_faults(conn, case, choice, "body" if place == 0 else f"body/others/{place - 1}")
    if faults:
        raise _incomplete(faults)
    try:
        return EssentialData.model_validate(decision.essential)
    except ValidationError as error:
        raise _incomplete([_invalid(each["loc"][0]) for each in error.errors()]) from error


async def _contract_faults(conn: asyncpg.Connection, case: Case, choice: Choice, where: str) -> list[FieldError]:
    faults, number = [], choice.contract_number
    twice = sum(each.contract_number == number for each in case.decision.choices) > 1
    if problem := contract_number_problem(number):
        faults.append(FieldError(f"{where}/contract_number", problem, "contract number of 1 to 16 characters"))
    elif twice or await contract_store.number_taken(conn, case.consultation.buyer, number):
        faults.append(
            FieldError(f"{where}/contract_number", "ce numéro de marché est déjà pris", "this number is already taken")
        )
    if choice.value.amount <= 0:
        faults.append(FieldError(f"{where}/value", "le montant doit être positif", "the amount must be positive"))
    return faults


def _holder_faults(case: Case) -> list[FieldError]:
    """Hold several winners to a framework agreement, and to how many its notice announces (L2125-1, R2162-1 ff. CCP)."""
    chosen = [each.bid for each in case.decision.choices]
    if len(chosen) == 1:
        return []
    told = case.lot.terms.framework_participants if case.lot.terms else None
    faults = []
    if not case.lot.framework or case.called == "subsequent":
        french = "plusieurs titulaires : pour un accord-cadre seulement (art. L2125-1 CCP)"
        faults.append(FieldError("body/others", french, "several winners: of a framework agreement only"))
    if told is not None and len(chosen) > told:
        faults.append(FieldError("body/others", f"l'avis annonce {told} titulaires au plus", f"{told} holders at most"))
    if len({case.chosen(each).depositor for each in case.decision.choices}) < len(chosen):
        faults.append(FieldError("body/others", "une entreprise est retenue deux fois", "a company is chosen twice"))
    return faults


def _choice_faults(case: Case, names: Mapping[UUID, str]) -> list[FieldError]:
    decision = case.decision
    chosen = [each.bid for each in decision.choices]
    if not set(chosen) <= set(names):
        return [FieldError("body/bid_id", "ce pli n'est pas un pli ouvert de ce lot", "no opened bid of this lot")]
    if set(chosen) & decision.inadmissible:
        return [FieldError("body/bid_id", "un pli irrecevable ne peut être retenu", "an inadmissible bid cannot win")]
    faults = _holder_faults(case)
    if decision.basis is None or faults:
        return faults
    return choice_faults(decision.basis, chosen, held=decision.proofs_held, choice=decision.choice_reason)


def _committee_faults(case: Case) -> list[FieldError]:
    committee = case.decision.committee
    if committee is not None:
        return committee_faults(committee, case.now)
    missing = missing_committee(case.consultation.notice, case.decision.no_committee)
    return [] if missing is None else [missing]


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


async def _tell(uow: Uow, case: Case, standstill: Standstill) -> list[Letter]:
    """Tell the winner and the losers at once, in the transaction of the decision."""
    decision = case.decision
    told = [_facts(case, standstill, each) for each in decision.choices]
    everybody = replace(told[0], others=tuple((each.winner_name, each.amount) for each in told[1:]))
    own = dict(zip((each.bid for each in decision.choices), told, strict=True))
    judged = {each.bid: each for each in decision.evaluations}
    letters: list[Letter] = []
    for bid in case.opened:
        paper = (
            award_letter(own[bid.id], judged[bid.id])
            if bid.id in own
            else rejection_letter(everybody, judged[bid.id], *(judged[each] for each in own))
        )
        letters.append(await send(uow, case.consultation, (decision.lot, bid.depositor), paper))
    for bid in case.eliminated:
        paper = elimination_letter(everybody, REASONS[bid.state])
        letters.append(await send(uow, case.consultation, (decision.lot, bid.depositor), paper))
    return letters


def _facts(case: Case, standstill: Standstill, choice: Choice) -> AwardFacts:
    notice = case.consultation.notice
    return AwardFacts(
        notice.buyer.name, notice.title, case.lot.lot_id, case.lot.title, notice.formal,
        case.chosen(choice).depositor_name, money_text(choice.value.amount, choice.value.currency), case.now,
        case.consultation.zone, standstill, number=choice.contract_number,
    )  # fmt: skip


def _record(decision: Decision) -> dict[str, Any]:
    """Give the decision as it is kept."""
    return {
        "bid": str(decision.bid),
        "value": decision.value.model_dump(mode="json"),
        "contract_number": decision.contract_number,
        "others": [{"bid": str(each.bid), "value": each.value.model_dump(mode="json")} for each in decision.others],
        "inadmissible": sorted(str(each) for each in decision.inadmissible),
        "scoring": decision.basis.version if decision.basis else None,
        "committee": _committee(decision.committee),
        "no_committee": decision.no_committee,
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
