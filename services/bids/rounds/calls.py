"""Opening a round: who is invited follows from what came before, all are told the same, at once (R2144-8, R2144-9 CCP)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.calendar import french_hour
from libs.common.errors import FieldError
from libs.common.messages.notices import OpeningKeySet
from libs.common.messages.rounds import RoundOpenedV1
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.correspondence.papers import MessageKind
from services.bids.correspondence.writing import Outgoing, write
from services.bids.evidence import Fact, FactKind
from services.bids.rounds import store
from services.bids.rounds.errors import WrongRound
from services.bids.rounds.periods import period_of
from services.bids.rounds.selection import held, phase_of, require_opened
from services.bids.rounds.states import NEGOTIABLE, RoundKind, next_phase
from services.bids.rounds.store import Company
from services.bids.rounds.systems import window_faults
from services.bids.sealing import EnvelopeError, check_key_set
from services.bids.service import consultations
from services.bids.service.key_sets import ask_stamp
from services.bids.store import consultations as consultation_store
from services.bids.store.consultations import Consultation

__all__ = ["NAMES", "Call", "make_round", "open_round", "tell_opened", "write_to"]

NAMES = {
    "tender": "Invitation à présenter une offre", "negotiation": "Négociation : nouvelle offre demandée",
    "final": "Invitation à présenter l'offre finale", "subsequent": "Consultation pour un marché subséquent",
    "specific": "Invitation pour un marché spécifique", "application": "Candidatures au système d'acquisition dynamique",
}  # fmt: skip
"""What each kind of round is called, as its letters are."""


@dataclass(frozen=True)
class Call:
    """A round to open. `dropped`: those of a negotiation not called again, each with the reasons it is told."""

    kind: RoundKind
    deadline: datetime
    terms: str
    lots: tuple[str, ...] | None = None
    keys: OpeningKeySet | None = None
    dropped: dict[str, str] | None = None
    shortened: str | None = None
    """Why the period is shorter than the usual one of the law."""
    until: datetime | None = None
    """Of applications to a dynamic purchasing system: when it ends."""


async def open_round(uow: Uow, actor: Actor, procedure: UUID, call: Call) -> UUID:
    """Open a round for those it is for, with its own deadline and keys; give its identifier.

    Raises what `held` does, IllegalTransition, RoundNotOpened, WrongRound (every fault).
    """
    principal = await held(uow, actor, procedure)
    reached = next_phase(await phase_of(uow.conn, principal), call.kind)
    concerned = await _concerned(uow.conn, principal, call)
    if faults := list(_faults(principal, call, concerned, uow.now())):
        raise WrongRound("Le tour demandé comporte des erreurs.", "The round has faults.", errors=faults)
    dropped = call.dropped or {}
    invited = [each for each in concerned if each.organisation not in dropped]
    lots = sorted({lot for each in invited for lot in each.lots}) or _wanted(principal, call)
    identity = await make_round(uow, principal, call, actor.subject, lots)
    await store.set_phase(uow.conn, procedure, reached)
    for each in invited:
        letter = await write_to(uow, principal, each, (NAMES[call.kind], _invitation(principal, call, identity, each)))
        await store.invite(uow.conn, identity, each, letter)
    for each in concerned:
        if each.organisation in dropped:
            told = (
                "Suite de la négociation",
                f"Votre offre n'est pas retenue pour la suite. {dropped[each.organisation]}",
            )
            await write_to(uow, principal, each, told, "selection")
    await tell_opened(uow, principal, call, identity, len(invited))
    return identity


async def _concerned(conn: asyncpg.Connection, principal: Consultation, call: Call) -> list[Company]:
    """Give who the law has called: the selected, the holders of the framework, those whose offers are negotiated."""
    if call.kind == "application":
        return []
    if call.kind in {"tender", "specific"}:
        found = await store.selected(conn, principal.procedure)
    elif call.kind == "subsequent":
        found = await store.holders(conn, principal.procedure)
    else:
        before = await store.previous(conn, principal.procedure) or principal.procedure
        await require_opened(conn, await consultations.get(conn, before))
        found = await store.opened_bids(conn, before, "offer")
    going_on = set(_wanted(principal, call))
    kept = [Company(each.organisation, each.name, tuple(lot for lot in each.lots if lot in going_on)) for each in found]
    return [each for each in kept if each.lots]


def _wanted(principal: Consultation, call: Call) -> list[str]:
    """Give the lots of a round that go on."""
    wanted = set(call.lots) if call.lots else {lot.lot_id for lot in principal.notice.lots}
    return sorted(wanted - principal.abandoned - principal.failed)


def _faults(principal: Consultation, call: Call, concerned: Sequence[Company], now: datetime) -> Iterator[FieldError]:
    yield from _date_faults(principal, call, now)
    known = {each.organisation for each in concerned}
    dropped = call.dropped or {}
    if call.kind != "application" and not known - set(dropped):
        yield FieldError("body/kind", "personne n'est à inviter à ce tour", "nobody is to be invited")
    if dropped and call.kind not in {"negotiation", "final"}:
        yield FieldError("body/dropped", "tous sont invités (art. R2144-8 et R2162-10 CCP)", "all are invited")
    for organisation, reasons in dropped.items():
        if organisation not in known or not reasons.strip():
            yield FieldError(
                "body/dropped", f"{organisation} : inconnu à ce tour, ou sans motifs", "unknown, or no reasons"
            )
    yield from _kind_faults(principal, call)


def _kind_faults(principal: Consultation, call: Call) -> Iterator[FieldError]:
    if call.kind in {"negotiation", "final"} and principal.notice.procedure_type not in NEGOTIABLE:
        yield FieldError(
            "body/kind", "les offres d'un appel d'offres ne se négocient pas (art. L2124-2 CCP)", "no negotiation"
        )
    if call.kind in {"specific", "application"} and "dynamic-purchasing" not in principal.notice.techniques:
        yield FieldError("body/kind", "il n'y a pas de système d'acquisition dynamique", "no dynamic purchasing system")
    for lot in call.lots or ():
        if principal.lot(lot) is None:
            yield FieldError("body/lots", f"lot inconnu : {lot}", "unknown lot")
    if call.keys is not None:
        try:
            check_key_set(call.keys)
        except EnvelopeError as error:
            yield FieldError("body/keys", f"jeu de clés incorrect : {error}", str(error))


def _date_faults(principal: Consultation, call: Call, now: datetime) -> Iterator[FieldError]:
    if call.kind == "application":
        yield from window_faults(call.deadline, call.until, now)
        return
    on = now.astimezone(principal.zone).date()
    period = period_of(call.kind, principal.notice, on, shortened=call.shortened is not None)
    days, source = (period.days, f", {period.source}") if period else (0, "")
    least = now + timedelta(days=days)
    if call.deadline <= least:
        hour = french_hour(least, principal.zone)
        french = f"la date limite est au plus tôt après : {hour} ({days} jours{source})"
        yield FieldError("body/deadline", french, f"later than {least.isoformat()} ({days} days)")


async def make_round(uow: Uow, principal: Consultation, call: Call, by: str, lots: Sequence[str]) -> UUID:
    """Make the consultation of the round: the notice with its deadline and lots, its key set, the phase noted."""
    identity, now = uuid4(), uow.now()
    keys = call.keys or principal.keys
    rules = principal.rules.model_copy(update={"application": "optional", "order": "applications-first"})
    told = keys.model_copy(update={"rules": rules})
    kept = [lot for lot in principal.notice.lots if lot.lot_id in lots]
    changes = {"deadline": call.deadline, "lots": kept, "opening": told, "published_at": now}
    notice = principal.notice.model_copy(update=changes)
    await store.add_consultation(uow.conn, identity, notice, told, principal=principal.procedure, at=now)
    await consultation_store.publish_keys(uow.conn, identity, told, now)
    ask_stamp(uow, identity, told)
    await store.add_round(uow.conn, identity, principal.procedure, call.kind, by, (now, call.terms, call.until))
    content = {"deadline": call.deadline.astimezone(UTC).isoformat(), "round_of": str(principal.procedure)}
    await evidence.record(uow.conn, Fact(identity, None, FactKind.DEADLINE_SET, now, content))
    uow.audit("open_round", str(identity))
    return identity


def _invitation(principal: Consultation, call: Call, identity: UUID, company: Company) -> str:
    """Write what R2144-9 CCP asks of an invitation; but for its lots, the same to everybody."""
    notice = principal.notice
    lines = [
        f"{notice.buyer.name} vous invite pour : {', '.join(company.lots)}.",
        f"Procédure : {notice.title} (avis {notice.notice_id}).",
        f"Date et heure limites de réception : {french_hour(call.deadline, principal.zone)}.",
        (
            f"Déposez votre offre, en français, sur la plateforme, dans le tour {identity} : vous seul et les autres entreprises "
            "invitées le pouvez. Les documents de la consultation y sont, gratuits et complets."
        ),
        call.terms,
    ]
    return "\n".join(lines)


async def write_to(
    uow: Uow, principal: Consultation, company: Company, told: tuple[str, str], kind: MessageKind = "invitation"
) -> UUID:
    """Write a letter to a company of a round: `told` is its subject and its text; give its identifier."""
    names = {company.organisation: company.name, principal.buyer: principal.notice.buyer.name}
    subject, text = told
    out = Outgoing(
        kind, subject, text, ", ".join(company.lots),
        company.organisation, names,
    )  # fmt: skip
    return (await write(uow, principal, out)).id


async def tell_opened(uow: Uow, principal: Consultation, call: Call, identity: UUID, invited: int) -> None:
    """Tell that a round was opened: how many are invited, never who."""
    (opened,) = await store.rounds(uow.conn, principal.procedure, None, before=None, limit=1)
    uow.emit(
        RoundOpenedV1(
            aggregate_id=identity,
            aggregate_version=1,
            organisation=principal.buyer,
            procedure=principal.procedure,
            occurred_at=uow.now(),
            round_id=identity,
            number=opened.number,
            kind=call.kind,
            lots=list(opened.lots),
            deadline=call.deadline,
            invited=invited,
            key_fingerprint=opened.fingerprint,
        )
    )
