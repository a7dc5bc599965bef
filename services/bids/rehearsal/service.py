"""Rehearsals: a consultation to try everything out; officers' keys tried before the deadline, and reminders of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import structlog

from libs.common.actor import Actor
from libs.common.calendar import french_hour
from libs.common.errors import FieldError, InvalidInput
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.messages.notices import Buyer, Lot, Notice, OpeningKeySet
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.documents.letters import Paper
from services.bids.documents.pdf import Heading, Text, render
from services.bids.evidence import Fact, FactKind
from services.bids.rehearsal import store
from services.bids.rehearsal.errors import RehearsalOnly
from services.bids.rehearsal.store import is_rehearsal
from services.bids.sealing import EnvelopeError, SealingError, check_key_set
from services.bids.sealing.rehearsal import Rehearsal, check_rehearsal
from services.bids.service import consultations, letters
from services.bids.service.key_sets import ask_stamp
from services.bids.store import consultations as consultation_store
from services.bids.store.consultations import Consultation

__all__ = ["REMINDERS", "Wish", "is_rehearsal", "officers", "record", "refuse_rehearsal", "remind", "start"]

REMINDERS = (7, 2)
"""Days before the deadline at which a buyer is reminded of the officers who have not rehearsed."""
_TITLE = "Répétition : rien n'est publié, aucun marché ne sera conclu"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Wish:
    """What a buyer wants to rehearse: with which officers, for how long, under which name and place."""

    buyer_name: str
    department: str
    keys: OpeningKeySet
    minutes: int


async def start(uow: Uow, actor: Actor, wish: Wish) -> Consultation:
    """Open a consultation that only those know to whom the buyer gives its identifier. Raises Forbidden, RoleMissing, InvalidInput."""
    procedure, now = uuid4(), uow.now()
    await require(uow.conn, actor, actor.organisation, procedure, Permission.OPEN, now)
    try:
        check_key_set(wish.keys)
    except EnvelopeError as error:
        fault = FieldError("body/opening", "jeu de clés inutilisable", str(error))
        raise InvalidInput("Ce jeu de clés ne peut pas servir.", "This key set cannot work.", errors=[fault]) from error
    notice = _notice(wish, actor.organisation, now)
    await consultation_store.add(uow.conn, notice, procedure, wish.keys, now)
    await store.add(uow.conn, procedure, now)
    ask_stamp(uow, procedure, wish.keys)
    uow.audit("start_rehearsal", str(procedure))
    return await consultations.get(uow.conn, procedure)


def _notice(wish: Wish, buyer: str, now: datetime) -> Notice:
    """Give the notice that a rehearsal would have; it goes nowhere."""
    lot = Lot(lot_id="LOT-0001", title="Lot d'essai", nature="services", cpv=["80500000"])
    return Notice(
        notice_id=uuid4(), version=1, kind="contract", subtype="", title=_TITLE, description="Essai du dépôt et de l'ouverture",
        buyer=Buyer(organisation=buyer, name=wish.buyer_name, department=wish.department), procedure_type="open",
        formal=False, nature="services", cpv=["80500000"], published_at=now,
        deadline=now + timedelta(minutes=wish.minutes), lots=[lot], opening=wish.keys,
    )  # fmt: skip


async def refuse_rehearsal(conn: asyncpg.Connection, procedure: UUID) -> None:
    """Let pass what is no rehearsal. Raises RehearsalOnly."""
    if await is_rehearsal(conn, procedure):
        raise RehearsalOnly(
            "C'est une répétition : elle s'arrête après l'ouverture, aucun marché ne peut y être attribué.",
            "This is a rehearsal: it ends with the opening, nothing is awarded.",
        )


async def record(uow: Uow, actor: Actor, procedure: UUID, told: Rehearsal) -> None:
    """Record that an officer's key opened a challenge, as his tool signed it.

    Raises UnknownConsultation, Forbidden, RoleMissing, InvalidInput when it is not of an officer of the key set in force.
    """
    found = await consultations.get(uow.conn, procedure)
    await consultations.require_buyer(uow.conn, actor, found, Permission.OPEN, uow.now())
    try:
        check_rehearsal(told, procedure, found.keys)
    except SealingError as error:
        fault = FieldError("body", "déclaration d'un autre officier, jeu de clés ou consultation", str(error))
        raise InvalidInput(
            "Cette répétition n'est pas d'un officier du jeu de clés en vigueur : relancez l'outil `rehearse`.",
            "Not the rehearsal of an officer of the key set in force.", errors=[fault],
        ) from error  # fmt: skip
    await store.add_officer(uow.conn, told, uow.now())
    content = {"step": "key rehearsed", "officer": told.officer, "fingerprint": told.fingerprint}
    await evidence.record(uow.conn, Fact(procedure, None, FactKind.OPENING_STEP, uow.now(), content))
    uow.audit("record_officer_rehearsal", f"{procedure}/{told.officer}")


async def officers(conn: asyncpg.Connection, consultation: Consultation) -> dict[str, datetime | None]:
    """Give the officers of the key set in force, with the hour at which each rehearsed; None: not yet."""
    done = await store.rehearsed(conn, consultation.procedure, consultation.keys.fingerprint)
    return {each.officer: done.get(each.officer) for each in consultation.keys.officers}


async def remind(runtime: Runtime) -> None:
    """Remind buyers whose deadline is near of the officers who have not rehearsed: a letter, which a mail tells of."""
    for days in sorted(REMINDERS):
        async with runtime.read() as conn:
            found = await store.due(conn, runtime.clock.now(), days)
        for procedure in found:
            async with runtime.uow() as uow:
                await _remind(uow, procedure, days)


async def _remind(uow: Uow, procedure: UUID, days: int) -> None:
    if not await store.note_reminder(uow.conn, procedure, days, uow.now()):
        return
    consultation = await consultations.get(uow.conn, procedure)
    missing = [officer for officer, at in (await officers(uow.conn, consultation)).items() if at is None]
    paper = _letter(consultation, missing)
    await letters.tell(uow, consultation, ("", consultation.buyer), paper)
    _log.info("officers_reminded", procedure=str(procedure), days=days, officers=len(missing))


def _letter(consultation: Consultation, missing: list[str]) -> Paper:
    subject = "Officiers d'ouverture : clé à essayer avant la date limite"
    paragraphs = (
        f"Consultation : {consultation.notice.title}.",
        f"La date limite de réception est fixée au {french_hour(consultation.deadline, consultation.zone)}.",
        f"N'ont pas encore essayé leur clé : {', '.join(missing)}.",
        (
            "Chacun lance `python -m services.bids rehearse` avec son fichier de clé, puis dépose la déclaration signée. Une "
            "clé perdue se remplace par une rectification de l'avis tant que la date limite n'est pas passée ; après, il n'y "
            "a plus que les autres officiers et l'officier de secours."
        ),
    )
    summary = (
        "Officers who have not tried their key yet are named; a lost key can be replaced before the deadline only."
    )
    return Paper("reminder", subject, paragraphs, summary, render(subject, [Heading(subject), *map(Text, paragraphs)]))
