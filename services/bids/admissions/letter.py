"""What a company is told of a decision on its late bid."""

from __future__ import annotations

from libs.common.calendar import french_hour
from services.bids.admissions.rules import Decision
from services.bids.documents.letters import Paper
from services.bids.documents.pdf import Heading, Text, render
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation

__all__ = ["admission_letter"]

_SUBJECT = "Suite donnée à votre pli reçu hors délai"
_FATES = {
    Decision.ADMITTED: (
        "L'acheteur a décidé d'admettre ce pli : il sera ouvert et examiné comme s'il avait été reçu à temps.",
        "Your late bid is admitted: it will be opened as if it had come in time.",
    ),
    Decision.REFUSED: (
        "L'acheteur a décidé de ne pas admettre ce pli : il reste scellé et ne sera pas ouvert.",
        "Your late bid is not admitted: it stays sealed.",
    ),
}


def admission_letter(consultation: Consultation, bid: Bid, decision: Decision) -> Paper:
    """Give the letter; the reason is the buyer's to tell, it may name people."""
    assert bid.received_at is not None  # noqa: S101  # a late bid was received
    fate, summary = _FATES[decision]
    paragraphs = (
        f"Consultation : {consultation.notice.title}.",
        (
            f"Votre pli a été reçu le {french_hour(bid.received_at, consultation.zone)}, après la date limite fixée au "
            f"{french_hour(consultation.deadline, consultation.zone)}."
        ),
        fate,
        (
            "Cette décision et les faits sur lesquels elle s'appuie sont dans le rapport de preuves de votre pli ; ses motifs "
            "se demandent à l'acheteur par la messagerie de la consultation."
        ),
    )
    return Paper(
        "admission", _SUBJECT, paragraphs, summary, render(_SUBJECT, [Heading(_SUBJECT), *map(Text, paragraphs)])
    )
