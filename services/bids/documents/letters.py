"""The letters of an award, of a notification and of a lot without contract (art. R2181-1 to R2185-2 CCP)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from libs.common.calendar import french_date
from services.bids.documents.pdf import Block, Text, render
from services.bids.domain.awards import Evaluation, Standstill

__all__ = [
    "AwardFacts",
    "EndFacts",
    "Paper",
    "RequestFacts",
    "award_letter",
    "elimination_letter",
    "end_letter",
    "notification_letter",
    "rejection_letter",
    "request_letter",
]


_REMEDIES = (
    "Vous pouvez contester cette décision devant le tribunal administratif : référé précontractuel avant la "
    "signature du marché (art. L551-1 du code de justice administrative), recours en contestation de validité "
    "dans les deux mois qui suivent la publicité de la conclusion du marché."
)


@dataclass(frozen=True)
class AwardFacts:
    """What the letters of one lot tell."""

    buyer_name: str
    title: str
    lot_id: str
    lot_title: str
    formal: bool
    winner_name: str
    amount: str
    sent_at: datetime
    zone: ZoneInfo
    standstill: Standstill
    others: tuple[tuple[str, str], ...] = ()
    """Of a framework agreement with several holders: the name and the amount of each other one."""
    number: str | None = None
    """Of the contract that the winner is to sign."""


@dataclass(frozen=True)
class EndFacts:
    """What the letter of a lot that leads to no contract tells."""

    buyer_name: str
    title: str
    lot_id: str
    lot_title: str
    abandoned: bool
    """Given up by the buyer; else no bid was acceptable."""
    explanation: str
    sent_at: datetime
    zone: ZoneInfo


@dataclass(frozen=True)
class RequestFacts:
    """What the letter of a request to a bidder tells."""

    buyer_name: str
    title: str
    lot_id: str
    lot_title: str
    subject: str
    """What is asked, with its article."""
    text: str
    due: str
    sent_at: datetime
    zone: ZoneInfo


@dataclass(frozen=True)
class Paper:
    """A letter: its subject and its paragraphs (French), a summary in English, its PDF."""

    kind: str
    subject: str
    paragraphs: tuple[str, ...]
    summary_en: str
    pdf: bytes


def award_letter(facts: AwardFacts, own: Evaluation) -> Paper:
    """Tell the winner that its bid is chosen."""
    paragraphs = [
        (
            f"Votre offre pour le lot {facts.lot_id} ({facts.lot_title}) est retenue, pour un montant de "
            f"{facts.amount} hors taxes."
        ),
        f"Vos notes : {_scores(own)}.",
        f"Motifs : {own.reasons}",
        _signature_date(facts),
        *_to_sign(facts),
        "Cette lettre ne vaut pas notification du marché : n'engagez aucune prestation avant celle-ci.",
    ]
    return _paper("award", "Votre offre est retenue", facts, paragraphs)


def rejection_letter(facts: AwardFacts, own: Evaluation, *winners: Evaluation) -> Paper:
    """Tell a bidder that other bids are chosen, and why (own scores, winners' names, amounts and advantages)."""
    paragraphs = [
        f"Votre offre pour le lot {facts.lot_id} ({facts.lot_title}) n'est pas retenue.",
        f"Vos notes : {_scores(own)}.",
        f"Motifs du rejet : {own.reasons}",
        *_winners(facts),
        *(
            line
            for winner in winners
            for line in (
                f"Notes de l'offre retenue : {_scores(winner)}.",
                f"Caractéristiques et avantages de l'offre retenue : {winner.reasons}",
            )
        ),
        _signature_date(facts),
        _REMEDIES,
    ]
    return _paper("rejection", "Votre offre n'est pas retenue", facts, paragraphs)


def elimination_letter(facts: AwardFacts, reason: str) -> Paper:
    """Tell a bidder whose bid was never judged (late, or unreadable) that it is eliminated, and why."""
    paragraphs = [
        f"Votre pli pour le lot {facts.lot_id} ({facts.lot_title}) est éliminé. {reason}",
        *_winners(facts),
        _signature_date(facts),
        _REMEDIES,
    ]
    return _paper("rejection", "Votre pli est éliminé", facts, paragraphs)


def notification_letter(facts: AwardFacts, number: str, contract_sha256: str) -> Paper:
    """Notify the signed contract to the winner (art. R2182-4 CCP)."""
    paragraphs = (
        (
            f"Le marché n° {number} (lot {facts.lot_id}, {facts.lot_title}), d'un montant de {facts.amount} hors taxes, "
            "est signé par les deux parties. Il vous est notifié par la présente."
        ),
        f"L'exemplaire signé est à votre disposition sur la plateforme (SHA-256 : {contract_sha256}).",
        (
            "Accusez réception de cette notification : le marché prend effet à la date de votre accusé "
            "(art. R2182-4 et R2182-5 du code de la commande publique)."
        ),
    )
    subject = f"Notification du marché n° {number}"
    blocks = [*_head(facts), *(Text(each) for each in paragraphs)]
    summary = f"Contract {number} is notified to you; acknowledge it: it takes effect at that date."
    return Paper("notification", subject, paragraphs, summary, render(subject, [*blocks, Text(summary)]))


def end_letter(facts: EndFacts) -> Paper:
    """Tell a bidder that its lot leads to no contract, and why (art. R2185-2 and R2181-1 CCP)."""
    told = "déclaré sans suite (art. R2185-1 CCP)" if facts.abandoned else "déclaré infructueux"
    told_en = "given up" if facts.abandoned else "declared unsuccessful"
    subject = f"Lot {facts.lot_id} {told.partition(' (')[0]}"
    paragraphs = (
        f"Le lot {facts.lot_id} ({facts.lot_title}), pour lequel vous avez déposé un pli, est {told}.",
        f"Motifs : {facts.explanation}",
        "Aucun marché ne sera conclu sur ce lot à l'issue de cette consultation.",
        (
            "Vous pouvez contester cette décision devant le tribunal administratif dans les deux mois de la réception du "
            "présent courrier (art. R421-1 du code de justice administrative)."
        ),
    )
    summary = f"Lot {facts.lot_id} is {told_en}: no contract will follow."
    head = [
        Text(f"{facts.buyer_name}\nLe {french_date(facts.sent_at, facts.zone)}"),
        Text(f"Objet : {facts.title}"),
    ]
    blocks: list[Block] = [*head, *(Text(each) for each in paragraphs), Text(summary)]
    return Paper("rejection", subject, paragraphs, summary, render(subject, blocks))


def request_letter(facts: RequestFacts) -> Paper:
    """Ask a bidder for something, until an hour."""
    paragraphs = (
        f"Pour le lot {facts.lot_id} ({facts.lot_title}) : {facts.subject}.",
        facts.text,
        f"Répondez sur la plateforme au plus tard le {facts.due} ; passé cette heure, aucune réponse n'est prise.",
        "Votre réponse ne peut modifier l'offre au-delà de ce qui est demandé.",
    )
    summary = f"Lot {facts.lot_id}: the buyer asks you something; answer on the platform before the hour given."
    head = [Text(f"{facts.buyer_name}\nLe {french_date(facts.sent_at, facts.zone)}"), Text(f"Objet : {facts.title}")]
    blocks: list[Block] = [*head, *(Text(each) for each in paragraphs), Text(summary)]
    return Paper("request", facts.subject, paragraphs, summary, render(facts.subject, blocks))


def _paper(kind: str, subject: str, facts: AwardFacts, paragraphs: list[str]) -> Paper:
    chosen = ", ".join((facts.winner_name, *(name for name, _ in facts.others)))
    outcome = "is chosen" if kind == "award" else f"is not chosen; the winner is {chosen}"
    summary = f"Lot {facts.lot_id}: your bid {outcome} ({facts.amount} excluding tax)."
    blocks: list[Block] = [*_head(facts), *(Text(each) for each in paragraphs), Text(summary)]
    return Paper(kind, subject, tuple(paragraphs), summary, render(subject, blocks))


def _to_sign(facts: AwardFacts) -> list[str]:
    """Say what the winner does next: nobody else writes to it before the notification."""
    if facts.number is None:
        return []
    told = (
        f"Le contrat n° {facts.number} est à votre disposition sur la plateforme (« marchés ») : téléchargez-le, signez-le "
        "électroniquement (PAdES) sans le modifier, et déposez-le. Vous pouvez le faire dès maintenant ; l'acheteur signe ensuite, et "
        "vous recevez sa notification."
    )
    return [told]


def _winners(facts: AwardFacts) -> list[str]:
    chosen = ((facts.winner_name, facts.amount), *facts.others)
    return [f"Attributaire : {name}, pour un montant de {amount} hors taxes." for name, amount in chosen]


def _head(facts: AwardFacts) -> list[Block]:
    return [Text(f"{facts.buyer_name}\nLe {french_date(facts.sent_at, facts.zone)}"), Text(f"Objet : {facts.title}")]


def _scores(evaluation: Evaluation) -> str:
    """Write scores in one sentence: Prix 40/60 ; Délai 30,5 ; total 70,5 (rang 2)."""
    parts = [f"{each.name} {each.score}" + (f"/{each.out_of}" if each.out_of else "") for each in evaluation.criteria]
    if evaluation.total is not None:
        parts.append(f"total {evaluation.total}" + (f" (rang {evaluation.rank})" if evaluation.rank else ""))
    return " ; ".join(parts) or "aucune note, l'offre n'ayant pas été classée"


def _signature_date(facts: AwardFacts) -> str:
    if facts.standstill.until is None:
        return facts.standstill.reason
    first = french_date(facts.standstill.until, facts.zone)
    return f"Le marché ne sera pas signé avant le {first}. {facts.standstill.reason}"
