"""What service mails tell buyers and companies: the words of each topic, in French and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["TOPICS", "Topic"]


@dataclass(frozen=True, slots=True)
class Topic:
    """The words of one kind of service mail, and where its subject is read. Never a name, an amount or a content."""

    french: str
    english: str
    told_fr: str
    told_en: str
    path: str

    @property
    def subject(self) -> str:
        """The subject line."""
        return f"{self.french} / {self.english}"


TOPICS: Final[Mapping[str, Topic]] = {
    "question": Topic(
        "Question d'une entreprise",
        "Question of a company",
        "Une entreprise a posé une question sur une de vos consultations. Sa réponse sera publiée à tous, sans dire qui l'a posée.",
        "A company asked a question about one of your procedures. Its answer will be published to all, without who asked.",
        "/notices/v1/procedures/{procedure}/questions",
    ),
    "closed": Topic(
        "Date limite passée",
        "Deadline passed",
        "La date limite d'une de vos consultations est passée : les plis peuvent être ouverts par vos agents.",
        "The deadline of one of your procedures has passed: your officers may open the bids.",
        "/notices/v1/procedures/{procedure}",
    ),
    "signed": Topic(
        "Document signé",
        "Document signed",
        "Un document que vous aviez mis à la signature porte toutes les signatures de son circuit.",
        "A document that you had put to signature carries all the signatures of its circuit.",
        "/notices/v1/procedures/{procedure}",
    ),
    "signature_refused": Topic(
        "Signature refusée",
        "Signature refused",
        "Une personne du circuit a refusé de signer un document. Son motif se lit sur la plateforme.",
        "A person of the circuit refused to sign a document. The reason is on the platform.",
        "/notices/v1/procedures/{procedure}",
    ),
    "signature_blocked": Topic(
        "Document impossible à signer",
        "Document that cannot be signed",
        "Un document ne peut pas être signé tel qu'il est. Ce qu'il faut corriger se lit sur la plateforme.",
        "A document cannot be signed as it is. What to mend is on the platform.",
        "/notices/v1/procedures/{procedure}",
    ),
    "acknowledged": Topic(
        "Accusé de réception de l'État",
        "Acknowledgement of the State",
        "L'État a accusé réception d'un acte que vous aviez transmis au contrôle de légalité.",
        "The State acknowledged an act that you had sent to the legality control.",
        "/notices/v1/procedures/{procedure}",
    ),
    "rejected": Topic(
        "Acte refusé par l'État",
        "Act rejected by the State",
        "L'État a répondu par une anomalie à un acte que vous aviez transmis : il n'est pas reçu, et son motif se lit sur la plateforme.",
        "The State answered an act that you had sent with an anomaly: it is not received, and the reason is on the platform.",
        "/notices/v1/procedures/{procedure}",
    ),
    "essential_data": Topic(
        "Données essentielles à publier",
        "Essential data to publish",
        "Un marché est notifié et ses données essentielles ne sont pas encore publiques. Elles doivent l'être dans les deux mois"
        " de la notification (article R2196-1 du code de la commande publique).",
        "A contract is notified and its essential data are not public yet. They must be within two months of the notification"
        " (article R2196-1 of the public procurement code).",
        "/notices/v1/procedures/{procedure}",
    ),
    "webhook_failing": Topic(
        "Votre webhook échoue",
        "Your webhook fails",
        "Depuis plus d'un jour, aucun appel à l'un de vos webhooks n'aboutit. Sans succès en cinq jours, il sera désactivé. Les"
        " réponses reçues se lisent sur la plateforme.",
        "For more than a day no call to one of your webhooks has succeeded. Without a success within five days it will be"
        " disabled. The answers we got are on the platform.",
        "/alerts/v1/webhooks",
    ),
    "webhook_disabled": Topic(
        "Votre webhook est désactivé",
        "Your webhook is disabled",
        "L'un de vos webhooks est désactivé : il a répondu 410, ou aucun appel n'a abouti depuis cinq jours. Réactivez-le, puis"
        " demandez les événements manqués : ils sont gardés 90 jours.",
        "One of your webhooks is disabled: it answered 410, or no call has succeeded for five days. Enable it again, then ask"
        " for the events that it missed: they are kept for 90 days.",
        "/alerts/v1/webhooks",
    ),
    "undelivered": Topic(
        "Courriel non remis",
        "Mail not delivered",
        "Un courriel envoyé pour vous à une entreprise n'est pas arrivé. Le courrier reste à sa disposition sur la plateforme :"
        " joignez-la par un autre moyen si la suite en dépend.",
        "A mail sent for you to a company did not arrive. The letter stays at its disposal on the platform: reach it by other"
        " means if something depends on it.",
        "/alerts/v1/mails/undelivered",
    ),
}
