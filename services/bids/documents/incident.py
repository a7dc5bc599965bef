"""The letter that tells a buyer of an incident of the platform near its deadline."""

from __future__ import annotations

import json
from collections.abc import Mapping

from libs.common.calendar import french_hour
from services.bids.documents.letters import Paper
from services.bids.documents.pdf import Attachment, Block, Heading, Text, render
from services.bids.evidence.attempts import Incident
from services.bids.store.consultations import Consultation

__all__ = ["incident_letter"]

_SUBJECT = "Incident de la plateforme : vous pouvez reporter la date limite"


def incident_letter(
    consultation: Consultation, incident: Incident, url: str, prepared: tuple[str, Mapping[str, str]]
) -> Paper:
    """Tell a buyer what happened, and how to extend its deadline in one step; `prepared`: the words, and the request's JSON."""
    explanation, body = prepared
    zone = consultation.zone
    ends = f"jusqu'au {french_hour(incident.ends, zone)}" if incident.ends else "et dure encore"
    paragraphs = (
        f"Consultation : {consultation.notice.title}.",
        f"La plateforme a connu un incident à partir du {french_hour(incident.begins, zone)}, {ends} : {incident.what}",
        f"La date limite de réception est fixée au {french_hour(consultation.deadline, zone)}.",
        (
            "Un défaut de la plateforme ne peut pas être opposé à un candidat diligent (CE, 23 septembre 2021, n° 449250). "
            "Vous pouvez reporter la date limite : "
            + (
                "le projet d'avis rectificatif ci-dessous est prêt, il vous reste à le vérifier et à le publier."
                if consultation.principal is None
                else "la demande ci-dessous est prête ; toutes les entreprises invitées en seront averties aussitôt."
            )
        ),
        f"Adresse : {url}",
        explanation,
    )
    blocks: list[Block] = [Heading("Incident de la plateforme"), *(Text(each) for each in paragraphs)]
    request = Attachment(
        "report.json", "application/json", "Corps de la demande de report", json.dumps(body, ensure_ascii=False)
    )
    summary = "An incident of the platform fell near your deadline: you may extend it; the request is prepared."
    return Paper("incident", _SUBJECT, paragraphs, summary, render(_SUBJECT, blocks, [request]))
