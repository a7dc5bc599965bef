"""What each event of the platform says on the timeline of a procedure, in French and English: pure.

No name, no amount that the law keeps: an entry is read by whom its event may be told to (`Event.audience`, `buyer_after`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from libs.common.messages import alerts, bids, legality, notices, opendata, publication, rounds, signature
from libs.common.messages.base import Event

__all__ = ["summary"]

Text = tuple[str, str]

_KINDS: Final = {
    "planning": ("Avis de pré-information publié", "Planning notice published"),
    "contract": ("Avis de marché publié", "Contract notice published"),
    "award": ("Avis d'attribution publié", "Award notice published"),
    "change": ("Avis rectificatif publié", "Change notice published"),
    "modification": ("Avis de modification d'un marché publié", "Modification notice published"),
    "cancellation": ("Avis d'annulation publié", "Cancellation notice published"),
    "consultation": ("Consultation du marché publiée (sourcing)", "Market consultation published"),
}
_LETTERS: Final = {
    "award": ("Courrier d'attribution mis à disposition", "Award letter made available"),
    "rejection": ("Courrier de rejet mis à disposition", "Rejection letter made available"),
    "notification": ("Notification du marché mise à disposition", "Notification of the contract made available"),
    "receipt": ("Accusé de réception mis à disposition", "Receipt made available"),
}
_ACTIONS: Final = {"visa": ("Visa", "Visa"), "signature": ("Signature", "Signature")}


_CHANNELS: Final = {
    "joue": ("JOUE", "OJEU"),
    "boamp": ("BOAMP", "BOAMP"),
    "profile": ("Profil d'acheteur", "Buyer profile"),
}
_WAY: Final = {
    "queued": ("envoi en cours", "being sent"),
    "sent": ("avis envoyé", "notice sent"),
    "received": ("réception confirmée", "receipt confirmed"),
    "accepted": ("avis accepté", "notice accepted"),
    "rejected": ("avis refusé", "notice rejected"),
    "stopped": ("envoi arrêté", "sending stopped"),
}
"""Of a notice at one of its channels."""


def summary(event: Event) -> Text:
    """Give the French and English line of an event; its type where no line was written for it."""
    written = _LINES.get(event.type)
    return written(event) if written else (f"Événement {event.type}", f"Event {event.type}")


def _published(event: notices.NoticePublishedV1) -> Text:
    french, english = _KINDS[_kind(event.notice)]
    return f"{french} : {event.notice.title[:200]}", f"{english}: {event.notice.title[:200]}"


def _channel(code: str) -> Text:
    return _CHANNELS.get(code, (f"Annonces légales ({code})", f"Legal notices ({code})"))


def _tracked(event: publication.PublicationTrackedV1) -> Text:
    (french, english), (told, told_en) = _channel(event.channel), _WAY[event.state]
    return f"{french} : {told}", f"{english}: {told_en}"


def _published_there(event: publication.PublicationPublishedV1) -> Text:
    french, english = _channel(event.channel)
    number, number_en = (f", n° {event.number}", f", no. {event.number}") if event.number else ("", "")
    return f"{french} : avis paru{number}", f"{english}: notice published{number_en}"


def _notice_rejected(event: publication.NoticeRejectedV1) -> Text:
    french, english = _channel(event.channel)
    return f"Avis refusé, à corriger ({french})", f"Notice rejected, to be mended ({english})"


def _kind(notice: notices.Notice) -> str:
    if notice.notice_type == "pmc":
        return "consultation"
    if notice.modification is not None:
        return "modification"
    return "cancellation" if notice.change is not None and notice.change.reason == "cancel" else notice.kind


def _deposited(event: bids.BidDepositedV1) -> Text:
    late = (" hors délai", ", late") if event.late else ("", "")
    what = (
        ("Pli de remplacement déposé", "Replacement bid deposited")
        if event.replaces
        else ("Pli déposé", "Bid deposited")
    )
    return what[0] + late[0], what[1] + late[1]


def _opened(event: bids.BidsOpenedV1) -> Text:
    french = f"Plis ouverts : {event.opened} ; remplacés : {event.superseded} ; hors délai : {event.late}"
    return french, f"Bids opened: {event.opened}; superseded: {event.superseded}; late: {event.late}"


def _judged(event: bids.BidJudgedV1) -> Text:
    if event.admissible:
        return f"Une offre est recevable pour {event.lot_id}", f"A bid is admissible for {event.lot_id}"
    return f"Une offre est écartée pour {event.lot_id}", f"A bid is set aside for {event.lot_id}"


def _scored(event: bids.LotScoredV1) -> Text:
    return (
        f"Offres de {event.lot_id} notées (version {event.scoring_version})",
        f"Bids of {event.lot_id} scored (version {event.scoring_version})",
    )


def _decided(event: bids.AwardDecidedV1) -> Text:
    return f"Attribution décidée pour {event.lot_id}", f"Award decided for {event.lot_id}"


def _letter(event: bids.LetterSentV1) -> Text:
    return _LETTERS[event.kind]


def _message(event: rounds.MessageSentV1) -> Text:
    again = ("Rappel : message non lu", "Reminder: message not read")
    return again if event.reminder else ("Message mis à disposition", "Message made available")


def _lost(event: rounds.LetterUndeliveredV1) -> Text:
    french, english = _LETTERS.get(event.kind, ("Message mis à disposition", "Message made available"))
    return (
        f"{french} : le courriel qui l'annonce n'est pas arrivé",
        f"{english}: the mail that tells of it did not arrive",
    )


def _selected(event: rounds.ApplicationsSelectedV1) -> Text:
    french = f"Candidatures : {event.selected} retenues, {event.refused} refusées"
    return french, f"Applications: {event.selected} selected, {event.refused} refused"


def _round(event: rounds.RoundOpenedV1) -> Text:
    if event.kind == "application":
        return f"Candidatures ouvertes, tour {event.number}", f"Applications open, round {event.number}"
    return (
        f"Tour {event.number} ouvert : {event.invited} invités",
        f"Round {event.number} opened: {event.invited} invited",
    )


def _moved(event: rounds.RoundMovedV1) -> Text:
    return (
        f"Tour {event.number} : date limite repoussée, {event.invited} invités avertis",
        f"Round {event.number}: deadline put off, {event.invited} invited told",
    )


def _submitted(event: bids.ContractSubmittedV1) -> Text:
    return (
        "Marché signé par l'attributaire, soumis au circuit de signature",
        "Contract signed by the winner, submitted for signature",
    )


def _signed(event: bids.ContractSignedV1) -> Text:
    return (
        f"Marché {event.contract.number} signé des deux parties",
        f"Contract {event.contract.number} signed by both parties",
    )


def _notified(event: bids.ContractNotifiedV1) -> Text:
    return (
        f"Marché {event.contract.number} notifié à son titulaire",
        f"Contract {event.contract.number} notified to the winner",
    )


def _step(event: signature.SignatureStepCompletedV1) -> Text:
    french, english = _ACTIONS[event.action]
    return (
        f"Étape {event.step} du circuit de signature : {french.lower()}",
        f"Signature circuit, step {event.step}: {english.lower()}",
    )


def _transmitted(event: legality.ActTransmittedV1) -> Text:
    return (
        f"Acte {event.number} transmis au contrôle de légalité",
        f"Act {event.number} transmitted to legality control",
    )


def _acknowledged(event: legality.ActAcknowledgedV1) -> Text:
    french = f"Accusé de réception de la préfecture : {event.act_identifier}"
    return french, f"Acknowledged by the State: {event.act_identifier}"


def _exempted(event: legality.ActExemptedV1) -> Text:
    return (
        f"Transmission au contrôle de légalité non requise : {event.reason}",
        "Transmission to legality control not required",
    )


def _rejected(event: legality.ActRejectedV1) -> Text:
    return (
        f"Anomalie renvoyée par la préfecture : {event.detail[:200]}",
        f"Anomaly returned by the State: {event.detail[:200]}",
    )


def _data(event: opendata.ContractDataPublishedV1) -> Text:
    return f"Données essentielles publiées ({event.uid})", f"Essential data published ({event.uid})"


def _lot_closed(event: notices.LotClosedV1) -> Text:
    return f"Date limite passée pour {event.lot_id}", f"Deadline passed for {event.lot_id}"


def _unsuccessful(event: notices.LotUnsuccessfulV1) -> Text:
    return f"{event.lot_id} déclaré infructueux", f"{event.lot_id} declared unsuccessful"


def _abandoned(event: notices.LotAbandonedV1) -> Text:
    return (
        f"{event.lot_id} déclaré sans suite : {event.explanation[:200]}",
        f"{event.lot_id} declared abandoned: {event.explanation[:200]}",
    )


def _resumed(event: notices.ProcedureResumedV1) -> Text:
    if event.deadline is None:
        return "Consultation reprise", "Procedure resumed"
    paris = event.deadline.astimezone(ZoneInfo("Europe/Paris"))
    return (
        f"Consultation reprise ; nouvelle date limite : {paris:%d/%m/%Y %H:%M} (heure de Paris)",
        f"Procedure resumed; new deadline: {event.deadline.isoformat()}",
    )


def _fixed(french: str, english: str) -> Callable[[Any], Text]:
    return lambda _: (french, english)


_LINES: Final[dict[str, Callable[[Any], Text]]] = {
    notices.QuestionAskedV1.type: _fixed("Question d'une entreprise reçue", "Question of a company received"),
    notices.AnswerPublishedV1.type: _fixed("Réponse à une question publiée", "Answer to a question published"),
    notices.NoticePublishedV1.type: _published,
    publication.NoticeCheckedV1.type: _fixed("Avis vérifié, prêt à l'envoi", "Notice checked, ready to be sent"),
    publication.NoticeSentV1.type: _fixed("Avis envoyé à la publication", "Notice sent for publication"),
    publication.NoticeRejectedV1.type: _notice_rejected,
    publication.NoticeDisclosedV1.type: _fixed(
        "Informations d'abord non publiées : rendues publiques", "Information first withheld is public now"
    ),
    publication.NoticeReopenedV1.type: _fixed("Avis repris en brouillon", "Notice taken back to draft"),
    publication.PublicationTrackedV1.type: _tracked,
    publication.PublicationPublishedV1.type: _published_there,
    notices.ProcedureClosedV1.type: _fixed(
        "Date limite passée : consultation close", "Deadline passed: procedure closed"
    ),
    notices.ProcedureSuspendedV1.type: _fixed("Consultation suspendue", "Procedure suspended"),
    notices.ProcedureResumedV1.type: _resumed,
    notices.LotClosedV1.type: _lot_closed,
    notices.LotUnsuccessfulV1.type: _unsuccessful,
    notices.LotAbandonedV1.type: _abandoned,
    bids.BidDepositedV1.type: _deposited,
    bids.BidWithdrawnV1.type: _fixed("Pli retiré", "Bid withdrawn"),
    bids.BidsOpenedV1.type: _opened,
    bids.BidJudgedV1.type: _judged,
    bids.LotScoredV1.type: _scored,
    bids.RequestSentV1.type: _fixed("Demande de l'acheteur à un candidat", "The buyer's request to a bidder"),
    bids.RequestAnsweredV1.type: _fixed("Réponse d'un candidat à une demande", "A bidder's answer to a request"),
    bids.RequestSettledV1.type: _fixed("Suite donnée à la réponse d'un candidat", "A bidder's answer was settled"),
    bids.AwardDecidedV1.type: _decided,
    bids.LetterSentV1.type: _letter,
    rounds.MessageSentV1.type: _message,
    rounds.LetterUndeliveredV1.type: _lost,
    alerts.MailUndeliveredV1.type: _fixed(
        "Un courriel de la plateforme ne vous est pas parvenu : vérifiez l'adresse de votre organisation",
        "A mail of the platform did not reach you: check the address of your organisation",
    ),
    rounds.ApplicationsSelectedV1.type: _selected,
    rounds.RoundMovedV1.type: _moved,
    rounds.RoundOpenedV1.type: _round,
    bids.IncidentDeclaredV1.type: _fixed(
        "Incident de la plateforme près de la date limite", "Incident of the platform near the deadline"
    ),
    bids.ContractSubmittedV1.type: _submitted,
    bids.ContractSignedV1.type: _signed,
    bids.ContractNotifiedV1.type: _notified,
    signature.SignatureRequestOpenedV1.type: _fixed("Circuit de signature ouvert", "Signature circuit opened"),
    signature.SignatureRequestBlockedV1.type: _fixed("Circuit de signature bloqué", "Signature circuit blocked"),
    signature.SignatureStepCompletedV1.type: _step,
    signature.SignatureRefusedV1.type: _fixed("Signature refusée", "Signature refused"),
    signature.DocumentSignedV1.type: _fixed("Circuit de signature terminé", "Signature circuit completed"),
    legality.ActTransmittedV1.type: _transmitted,
    legality.ActAcknowledgedV1.type: _acknowledged,
    legality.ActExemptedV1.type: _exempted,
    legality.ActRejectedV1.type: _rejected,
    opendata.ContractDataPublishedV1.type: _data,
}
