"""Incidents of the platform: declared by the operator, told to the buyers whose deadline is near, who may extend in one step.

A fault of the platform may not be held against a bidder (CE 23 September 2021, 449250).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.calendar import french_hour
from libs.common.errors import FieldError, InvalidInput
from libs.common.messages.bids import IncidentDeclaredV1
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.documents.incident import incident_letter
from services.bids.evidence import Fact, FactKind, reading
from services.bids.evidence import store as journal
from services.bids.evidence.attempts import Incident, incidents_of
from services.bids.evidence.proof import FactPaper
from services.bids.service import letters
from services.bids.store import consultations as consultation_store
from services.bids.store.consultations import Consultation

__all__ = ["TELL_JOB", "Declaration", "Extension", "declare", "extension", "tell_buyer"]

TELL_JOB = "tell_incident"
NEAR = timedelta(hours=24)
"""Deadlines that fall during an incident, or so long after its end, are concerned."""
SHORTEST = timedelta(hours=24)
"""Of the extension that is proposed; a longer incident proposes its own length."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the operator declares."""

    begins: datetime
    ends: datetime | None
    """None: it goes on."""
    what: str
    what_en: str


@dataclass(frozen=True, slots=True)
class Extension:
    """What extends a deadline: a correction of the notice, one request, then its publication; of a round one request alone."""

    url: str
    deadline: datetime
    explanation: str
    of_round: bool = False

    @property
    def method(self) -> str:
        """The request's method."""
        return "PUT" if self.of_round else "POST"

    @property
    def body(self) -> dict[str, str]:
        """The request's JSON."""
        if self.of_round:
            return {"reason": self.explanation, "deadline": self.deadline.isoformat()}
        return {"reason": "update-add", "explanation": self.explanation, "deadline": self.deadline.isoformat()}


async def declare(uow: Uow, actor: Actor, told: Declaration) -> tuple[Incident, int]:
    """Record an incident; give it, and how many consultations are concerned: each buyer is told by a job.

    Raises Forbidden for anybody but the operator, InvalidInput.
    """
    actor.require(OrganisationKind.OPERATOR)
    now = uow.now()
    _check(told, now)
    content = {
        "begins": _text(told.begins),
        "ends": _text(told.ends) if told.ends else None,
        "what": told.what,
        "what_en": told.what_en,
    }
    identity = await evidence.record(uow.conn, Fact(None, None, FactKind.INCIDENT, now, content))
    near = await reading.consultations_near(uow.conn, told.begins, (told.ends or now) + NEAR)
    for procedure, deadline in near:
        fact = Fact(
            procedure, None, FactKind.INCIDENT, now, {**content, "incident": str(identity), "deadline": _text(deadline)}
        )
        await evidence.record(uow.conn, fact)
        uow.enqueue(
            TELL_JOB, key=f"{identity}:{procedure}", payload={"incident": str(identity), "procedure": str(procedure)}
        )
    uow.audit("declare_incident", str(identity))
    incident = Incident(id=identity, declared_at=now, begins=told.begins, ends=told.ends, what=told.what)
    return incident, len(near)


async def tell_buyer(runtime: Runtime, job: Job) -> Completion:
    """Tell the buyer of a consultation of an incident: a letter with the extension it may ask for, and an event."""
    incident, procedure = UUID(job.payload["incident"]), UUID(job.payload["procedure"])
    del runtime

    async def complete(uow: Uow) -> None:
        consultation = await consultation_store.find(uow.conn, procedure)
        kept = await journal.find(uow.conn, incident)
        if consultation is not None and kept is not None:
            (declared,) = incidents_of([FactPaper.of(kept)])
            await _tell(uow, consultation, declared)

    return complete


def extension(public_url: str, consultation: Consultation, incident: Incident, now: datetime) -> Extension:
    """Give the extension that is proposed for a consultation: a day, or the length of the incident when it is longer."""
    length = max(SHORTEST, (incident.ends or now) - incident.begins)
    deadline = (consultation.deadline + length).astimezone(consultation.zone)
    hours = [french_hour(each, consultation.zone) for each in (incident.begins, incident.ends) if each is not None]
    when = f"du {hours[0]} au {hours[1]}" if len(hours) == 2 else f"depuis le {hours[0]}"
    explanation = (
        f"Report de la date limite : la plateforme a connu un incident {when} ({incident.what}). "
        f"Nouvelle date limite : {french_hour(deadline, consultation.zone)}."
    )
    if consultation.principal is not None:
        url = f"{public_url}/bids/v1/consultations/{consultation.procedure}/deadline"
        return Extension(url, deadline, explanation, of_round=True)
    url = f"{public_url}/notices/v1/notices/{consultation.notice.notice_id}/corrections"
    return Extension(url, deadline, explanation)


async def _tell(uow: Uow, consultation: Consultation, incident: Incident) -> None:
    proposed = extension(uow.runtime.settings.public_url, consultation, incident, uow.now())
    paper = incident_letter(consultation, incident, proposed.url, (proposed.explanation, proposed.body))
    letter = await letters.keep(uow, consultation, ("", consultation.buyer), paper)
    uow.emit(
        IncidentDeclaredV1(
            aggregate_id=letter.id,
            aggregate_version=1,
            organisation=consultation.buyer,
            procedure=consultation.procedure,
            occurred_at=uow.now(),
            incident_id=incident.id,
            begins=incident.begins,
            ends=incident.ends,
            what=incident.what,
            deadline=consultation.deadline,
            proposed_deadline=proposed.deadline,
            correction_url=proposed.url,
        )
    )


def _check(told: Declaration, now: datetime) -> None:
    faults = []
    if told.begins > now:
        faults.append(FieldError("body/begins", "un incident se déclare une fois commencé", "it has not begun"))
    if told.ends is not None and told.ends < told.begins:
        faults.append(FieldError("body/ends", "la fin précède le début", "it ends before it begins"))
    if told.ends is not None and told.ends > now:
        faults.append(
            FieldError("body/ends", "la fin est à venir : laissez-la vide, puis déclarez-la", "it has not ended")
        )
    if faults:
        raise InvalidInput("Corrigez les dates de l'incident.", "Mend the dates of the incident.", errors=faults)


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()
