"""The selection of applications: each candidate judged, with reasons, and told (R2144-1 to R2144-5, R2142-15 to R2142-18 CCP)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import FieldError, IllegalTransition
from libs.common.grants import Permission
from libs.common.messages.rounds import ApplicationsSelectedV1
from libs.common.uow import Uow
from services.bids.correspondence.writing import Outgoing, write
from services.bids.rounds import store
from services.bids.rounds.admission import takes_applications
from services.bids.rounds.errors import RoundNotOpened, WrongSelection
from services.bids.rounds.states import Phase, beginning, next_phase
from services.bids.rounds.store import Company, Selection
from services.bids.service import consultations, openings
from services.bids.store import consultations as consultation_store
from services.bids.store.consultations import Consultation

__all__ = ["Choice", "Judgement", "decide", "held", "phase_of", "require_opened"]


@dataclass(frozen=True)
class Judgement:
    """What the buyer decided of one candidate, for one lot."""

    organisation: str
    lot: str
    selected: bool
    reasons: str = ""
    """What the candidate is told; needed where it is refused (art. R2181-1 CCP)."""


@dataclass(frozen=True)
class Choice:
    """A selection: by which criteria, how many at most for each lot (None: all that are fit), each candidate."""

    criteria: str
    at_most: int | None
    judgements: tuple[Judgement, ...]


async def held(uow: Uow, actor: Actor, procedure: UUID) -> Consultation:
    """Give a procedure that the caller may evaluate, held until the end of the transaction.

    Raises UnknownConsultation (also for the identifier of a round), Forbidden, RoleMissing, ProcedureSuspended, LotEnded.
    """
    consultation = await consultation_store.lock(uow.conn, procedure)
    if consultation is None or consultation.principal is not None:
        raise consultations.unknown()
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.EVALUATE, uow.now())
    openings.require_openable(consultation)
    return consultation


async def phase_of(conn: asyncpg.Connection, consultation: Consultation) -> Phase:
    """Give where a procedure is."""
    known = await store.phase(conn, consultation.procedure)
    return known or beginning(consultation.notice.procedure_type)


async def require_opened(conn: asyncpg.Connection, consultation: Consultation) -> None:
    """Let pass once all that counts is opened. Raises RoundNotOpened."""
    if not await openings.all_opened(conn, consultation):
        raise RoundNotOpened(
            "Les plis de l'étape précédente ne sont pas tous ouverts : ouvrez-les d'abord.",
            "What was deposited before is not all opened: open it first.",
        )


async def decide(uow: Uow, actor: Actor, procedure: UUID, choice: Choice, window: UUID | None = None) -> Selection:
    """Record who is selected, and tell those refused why; those selected learn of it by their invitation.

    `window`: of a dynamic purchasing system, the applications that are judged; those admitted are told at once (R2162-46 CCP).
    Raises what `held` does, UnknownConsultation (window), IllegalTransition, RoundNotOpened, WrongSelection (every fault).
    """
    consultation = await held(uow, actor, procedure)
    reached = next_phase(await phase_of(uow.conn, consultation), "select" if window is None else "admit")
    applied = consultation if window is None else await _window(uow.conn, consultation, window)
    await require_opened(uow.conn, applied)
    candidates = await store.opened_bids(uow.conn, applied.procedure, "application")
    if faults := list(_faults(choice, candidates)) + list(_system_faults(consultation, choice)):
        raise WrongSelection("La sélection comporte des erreurs.", "The selection has faults.", errors=faults)
    record = asdict(choice) | {"window": None if window is None else str(window)}
    made = Selection(uuid4(), uow.now(), actor.subject, record)
    known = {each.organisation: each for each in candidates}
    judged = [(known[each.organisation], each.lot, each.selected) for each in choice.judgements]
    await store.add_selection(uow.conn, procedure, made, judged)
    await store.set_phase(uow.conn, procedure, reached)
    for company in candidates:
        await _tell_refused(uow, consultation, company, choice)
        if _is_system(consultation):
            await _tell_admitted(uow, consultation, company, choice)
    uow.emit(_event(consultation, choice, made.id, made.decided_at))
    uow.audit("select_applications", str(procedure))
    return made


async def _window(conn: asyncpg.Connection, principal: Consultation, window: UUID) -> Consultation:
    """Give a window of applications of the system that was not judged yet. Raises UnknownConsultation, IllegalTransition."""
    found = await consultations.get(conn, window)
    if found.principal != principal.procedure or not await takes_applications(conn, found):
        raise consultations.unknown()
    if await store.is_judged(conn, principal.procedure, window):
        raise IllegalTransition(
            "Les candidatures de ce tour sont déjà jugées.", "The applications of this window are judged already."
        )
    return found


def _is_system(consultation: Consultation) -> bool:
    return "dynamic-purchasing" in consultation.notice.techniques


def _system_faults(consultation: Consultation, choice: Choice) -> Iterator[FieldError]:
    if _is_system(consultation) and choice.at_most is not None:
        french = "tous ceux qui satisfont aux critères sont admis, sans limite de nombre (art. L2125-1 CCP, directive 2014/24/UE art. 34)"
        yield FieldError("body/at_most", french, "all who meet the criteria are admitted")


def _faults(choice: Choice, candidates: Sequence[Company]) -> Iterator[FieldError]:
    expected = {(each.organisation, lot): each.name for each in candidates for lot in each.lots}
    seen: set[tuple[str, str]] = set()
    kept: dict[str, int] = {}
    for index, each in enumerate(choice.judgements):
        where, place = f"body/candidates/{index}", (each.organisation, each.lot)
        if place not in expected or place in seen:
            yield FieldError(where, "aucune candidature ouverte, ou jugée deux fois", "no application, or judged twice")
        if not each.selected and not each.reasons.strip():
            yield FieldError(f"{where}/reasons", "un refus se motive (art. R2181-1 CCP)", "say why it is refused")
        seen.add(place)
        kept[each.lot] = kept.get(each.lot, 0) + each.selected
    for (organisation, lot), name in expected.items():
        if (organisation, lot) not in seen:
            yield FieldError("body/candidates", f"à juger : {name} ({organisation}), {lot}", "a candidate is missing")
    for lot, number in kept.items():
        if choice.at_most is not None and number > choice.at_most:
            french = f"{lot} : {number} candidats retenus, {choice.at_most} au plus"
            yield FieldError("body/at_most", french, "more are selected than said")


async def _tell_refused(uow: Uow, consultation: Consultation, company: Company, choice: Choice) -> None:
    own = [each for each in choice.judgements if each.organisation == company.organisation]
    refused = [each for each in own if not each.selected]
    if not refused:
        return
    lines = [f"Votre candidature n'est pas retenue pour {each.lot}. Motifs : {each.reasons}" for each in refused]
    text = "\n".join(
        [*lines, f"Critères de sélection : {choice.criteria}",
         "Vous pouvez contester cette décision par un référé précontractuel (art. L551-1 du code de justice administrative)."]
    )  # fmt: skip
    names = {company.organisation: company.name, consultation.buyer: consultation.notice.buyer.name}
    lot = ", ".join(each.lot for each in refused)
    subject = "Votre candidature n'est pas retenue"
    await write(uow, consultation, Outgoing("selection", subject, text, lot, company.organisation, names))


async def _tell_admitted(uow: Uow, consultation: Consultation, company: Company, choice: Choice) -> None:
    own = [each.lot for each in choice.judgements if each.organisation == company.organisation and each.selected]
    if not own:
        return
    text = (
        f"Votre candidature au système d'acquisition dynamique est admise pour : {', '.join(own)}.\n"
        "Vous serez invité par écrit à présenter une offre pour chaque marché spécifique, jusqu'à la fin du système."
    )
    names = {company.organisation: company.name, consultation.buyer: consultation.notice.buyer.name}
    subject = "Votre candidature est admise"
    out = Outgoing("selection", subject, text, ", ".join(own), company.organisation, names)
    await write(uow, consultation, out)


def _event(consultation: Consultation, choice: Choice, decision: UUID, at: datetime) -> ApplicationsSelectedV1:
    selected = {each.organisation for each in choice.judgements if each.selected}
    everybody = {each.organisation for each in choice.judgements}
    return ApplicationsSelectedV1(
        aggregate_id=decision,
        aggregate_version=1,
        organisation=consultation.buyer,
        procedure=consultation.procedure,
        occurred_at=at,
        lots=sorted({each.lot for each in choice.judgements}),
        selected=len(selected),
        refused=len(everybody - selected),
    )
