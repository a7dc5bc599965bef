"""What each event says, in French, for the page of events; the English is the model's own description."""

from __future__ import annotations

from typing import Final

from libs.common.messages.base import Audience

__all__ = ["AUDIENCES", "COMMON", "ENVELOPE", "EVENTS"]

AUDIENCES: Final = {
    Audience.PUBLIC: ("Tout le monde", "dès qu'il a lieu"),
    Audience.ORGANISATION: ("L'organisation concernée", "dès qu'il a lieu"),
    Audience.INTERNAL: ("Les services de la plateforme seulement", "dès qu'il a lieu"),
}
"""Who is told, and from when."""

EVENTS: Final = {
    "alerts.mail.sent.v1": "Un courriel a été remis au serveur de messagerie.",
    "alerts.mail.undelivered.v1": "Un courriel qu'un service avait demandé n'est pas arrivé ; son expéditeur en est averti.",
    "alerts.webhook.delivered.v1": "Le point d'accès d'un partenaire a accepté un événement.",
    "bids.award.decided.v1": "L'acheteur a choisi l'attributaire d'un lot.",
    "bids.bid.deposited.v1": "Un pli a été reçu.",
    "bids.bid.judged.v1": "L'acheteur a dit si un pli ouvert peut être classé.",
    "bids.bid.withdrawn.v1": "Un pli a été retiré par son déposant avant la date limite.",
    "bids.companyuser.changed.v1": "Une personne devient utilisateur d'une entreprise, ou ne l'est plus.",
    "bids.contract.notified.v1": "Le titulaire a accusé réception de la notification du marché : il le lie depuis cette date.",
    "bids.contract.signed.v1": "Un marché porte les signatures des deux parties.",
    "bids.contract.submitted.v1": "Un marché signé par l'attributaire entre dans le circuit de signature de l'acheteur.",
    "bids.depositor.informed.v1": "Une entreprise qui a déposé un pli doit apprendre un changement ou une réponse.",
    "bids.incident.declared.v1": "L'exploitant déclare un incident de la plateforme près de la date limite d'une consultation.",
    "bids.letter.sent.v1": "Un courrier à un candidat est à sa disposition sur la plateforme.",
    "bids.letter.undelivered.v1": "Le courriel qui annonce un courrier n'est pas arrivé ; le courrier reste à disposition sur la plateforme.",
    "bids.lot.scored.v1": "Les offres d'un lot ont été notées.",
    "bids.message.sent.v1": "Un message entre un acheteur et une entreprise attend son destinataire ; son contenu reste sur la plateforme.",
    "bids.opening.completed.v1": "Les plis d'une procédure ont été ouverts par le nombre requis d'agents.",
    "bids.request.answered.v1": "Un candidat a répondu à une demande de l'acheteur.",
    "bids.request.sent.v1": "L'acheteur demande quelque chose à un candidat ; un courrier l'attend.",
    "bids.request.settled.v1": "L'acheteur a donné suite à la réponse d'un candidat.",
    "bids.round.moved.v1": "L'acheteur a repoussé la date limite d'un tour ; les entreprises invitées en sont averties.",
    "bids.round.opened.v1": "L'acheteur a invité des entreprises à un tour : combien, jamais lesquelles.",
    "bids.selection.decided.v1": "L'acheteur a sélectionné les candidats qu'il invitera.",
    "legality.act.acknowledged.v1": "L'État a accusé réception d'un acte transmis au contrôle de légalité.",
    "legality.act.exempted.v1": "La loi n'impose pas la transmission de cet acte ; le motif est conservé.",
    "legality.act.rejected.v1": "L'État a répondu par une anomalie.",
    "legality.act.transmitted.v1": "Un acte est parti au contrôle de légalité.",
    "notices.lot.abandoned.v1": "L'acheteur déclare un lot sans suite : aucun marché ne sera conclu.",
    "notices.lot.closed.v1": "La date limite d'un lot est passée ; d'autres lots reçoivent encore des plis.",
    "notices.lot.failed.v1": "Un lot n'a reçu aucune offre, ou aucune acceptable : il est infructueux.",
    "notices.notice.checked.v1": "Un avis a passé les contrôles de la plateforme et les règles de droit : il peut être envoyé.",
    "notices.answer.published.v1": "Une réponse à une question sur une consultation est publique, ou corrigée ; jamais qui l'a posée.",
    "notices.notice.disclosed.v1": "Ce qu'un avis public réservait jusqu'à ce jour (BT-198) est public.",
    "notices.notice.published.v1": "Un avis est devenu public.",
    "notices.notice.rejected.v1": "Un support de publication a refusé un avis, publié nulle part : il revient à son acheteur.",
    "notices.notice.reopened.v1": "Un avis vérifié ou refusé redevient un brouillon.",
    "notices.notice.sent.v1": "Un avis est confié à ses supports de publication ; son texte ne change plus.",
    "notices.procedure.closed.v1": "La date limite d'une procédure est passée : elle ne reçoit plus de pli dans les délais.",
    "notices.procedure.resumed.v1": "Une procédure suspendue reprend.",
    "notices.procedure.suspended.v1": "Une procédure est suspendue : sa date limite ne la clôt pas, rien n'est ouvert ni attribué.",
    "notices.publication.published.v1": "Un support de publication (JOUE, BOAMP, annonces légales) a publié un avis, sous son numéro.",
    "notices.publication.tracked.v1": "Où en est un avis chez un support de publication, avant sa parution.",
    "notices.jointpurchase.changed.v1": "Un groupement de commandes commence, change ou prend fin.",
    "notices.role.granted.v1": "Un rôle est attribué à une personne, pour un acheteur ou une de ses consultations.",
    "notices.role.revoked.v1": "Un rôle prend fin avant sa date.",
    "notices.question.asked.v1": "Une entreprise a posé une question à l'acheteur, qui seul le sait ; ni qui, ni quoi.",
    "opendata.contract.published.v1": "Les données essentielles et la publication OCDS d'un marché sont publiques.",
    "signature.document.signed.v1": "Un document a parcouru tout son circuit de signature.",
    "signature.request.blocked.v1": "Un document ne peut pas être signé en l'état : le motif dit ce qu'il faut corriger.",
    "signature.request.opened.v1": "Un document est entré dans le circuit de signature de l'acheteur.",
    "signature.request.refused.v1": "Une personne du circuit a refusé ; la demande est close.",
    "signature.step.completed.v1": "Une étape d'un circuit de signature est faite.",
}

COMMON: Final = {
    "aggregate_id": "L'objet qui a changé ; ses événements arrivent dans l'ordre.",
    "aggregate_version": "Le numéro du changement de cet objet, à partir de 1.",
    "organisation": "À qui est l'événement : l'acheteur, ou l'entreprise concernée par un dépôt ou un courrier.",
    "buyer": "L'acheteur de la procédure, quand ce n'est pas l'organisation.",
    "procedure": "La procédure (eForms BT-04).",
    "occurred_at": "L'instant du changement.",
}
"""The members of every event."""

ENVELOPE: Final = {
    "specversion": "La version de CloudEvents.",
    "id": "L'identité de l'événement : écartez un second exemplaire.",
    "source": "Le service qui l'annonce.",
    "type": "Le type, avec sa version majeure.",
    "subject": "L'objet qui a changé : l'ordre est tenu pour chacun.",
    "time": "L'instant du changement.",
    "datacontenttype": "Toujours application/json.",
    "dataschema": "Le nom du schéma de data.",
    "organisation": "À qui est l'événement.",
    "buyer": "L'acheteur, quand c'est une autre organisation.",
    "procedure": "La procédure (eForms BT-04).",
    "correlationid": "Ce que la même demande a entraîné.",
    "causationid": "L'événement dont celui-ci est la suite.",
    "traceparent": "La trace (W3C Trace Context).",
    "aggregateversion": "Le numéro du changement de l'objet.",
    "recordedtime": "L'instant de l'écriture, à l'horloge du serveur.",
    "sequence": "La position dans le journal du service ; dite aux services seulement.",
    "supersededby": "L'événement d'une version majeure plus récente qui dit le même changement, quand les deux sont envoyés.",
    "data": "L'événement lui-même, décrit ci-dessous par type.",
}
