"""The papers of an award for the buyer: minutes of the tender committee (L1414-2 CGCT), presentation report (R2184-1 to R2184-6 CCP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from libs.common.calendar import french_hour
from services.bids.documents.pdf import Block, Box, Heading, Rows, Text, render

__all__ = ["REPORT", "minutes_pdf", "report_pdf"]

REPORT = "Rapport de présentation"
_MINUTES = "Procès-verbal de la commission d'appel d'offres"
_SCORES = (0.28, 0.3, 0.42)


def report_pdf(report: Mapping[str, Any]) -> bytes:
    """Give the PDF of a presentation report, drawn from what is recorded and from nothing else."""
    zone = ZoneInfo(report["time_zone"])
    blocks: list[Block] = [
        Text(f"{report['title']}\nAcheteur : {report['buyer_name']} ({report['buyer']})"),
        Text(
            f"Procédure {report['procedure']} ({report['procedure_type']}), {'formalisée' if report['formal'] else 'adaptée'}"
        ),
        Text(f"Valeur estimée : {report['estimated'] or 'non publiée'}"),
        Text(
            f"Date limite de réception : {_hour(report['deadline'], zone)}. Établi le {_hour(report['made_at'], zone)}."
        ),
    ]
    for lot in report["lots"]:
        blocks += _lot(lot, zone)
    if report["gaps"]:
        blocks += [Heading("À compléter par l'acheteur"), *(Text(f"• {each}") for each in report["gaps"])]
    return render(REPORT, blocks)


def _lot(lot: Mapping[str, Any], zone: ZoneInfo) -> list[Block]:
    blocks: list[Block] = [Heading(f"{lot['lot_id']} : {lot['title']}")]
    rows = [("Candidat", "Reçu le", "Situation et motif")]
    rows += [
        (f"{each['name']} ({each['bidder']})", _hour(each["received_at"], zone), each["fate"]) for each in lot["bids"]
    ]
    blocks.append(Rows(tuple(rows), (0.35, 0.25, 0.4)) if lot["bids"] else Text("Aucun pli reçu."))
    for each in lot["requests"]:
        outcome = each["outcome"] + (f" : {each['reason']}" if each["reason"] else "")
        blocks.append(Text(f"{each['what']}, adressée à {each['name']} le {_hour(each['asked_at'], zone)} ; {outcome}"))
    if lot["scoring"]:
        blocks += _scoring(lot["scoring"])
    return [*blocks, *_outcome(lot, zone)]


def _scoring(scoring: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = [
        Text(
            f"Notation n° {scoring['version']}, points arrondis à {scoring['decimals']} décimales (demi vers le haut) ; "
            f"égalité départagée sur « {scoring['tie']} »."
        )
    ]
    for each in scoring["scores"]:
        rows = [
            ("Critère", "Points", "Calcul"),
            *((one["name"], one["points"], one["arithmetic"]) for one in each["parts"]),
        ]
        blocks.append(Text(f"{each['rank']}. {each['name']} : {each['total']} / 100{each['note']}"))
        blocks.append(Rows(tuple(rows), _SCORES))
        blocks.append(Text(f"Caractéristiques et avantages : {each['reasons']}"))
    return blocks + [Text(f"Offre paraissant anormalement basse : {each}") for each in scoring["low"]]


def _outcome(lot: Mapping[str, Any], zone: ZoneInfo) -> list[Block]:
    decision = lot["decision"]
    if decision is None:
        return [Text(lot["ended"] or "Aucune décision n'est encore prise sur ce lot.")]
    blocks: list[Block] = [
        Text(
            f"Attributaire : {decision['winner']}, pour {decision['value']} hors taxes ; décision du "
            f"{_hour(decision['decided_at'], zone)}."
        ),
        Text(f"Motifs du choix : {decision['reasons']}"),
    ]
    blocks += [Text(f"{label} : {decision[name]}") for name, label in _MORE.items() if decision[name]]
    return blocks


_MORE = {
    "others": "Autres titulaires de l'accord-cadre",
    "committee": "Commission d'appel d'offres",
    "choice_reason": "Choix entre offres de même rang",
    "proofs": "Justificatifs de l'attributaire",
    "standstill": "Première date de signature",
}


def minutes_pdf(told: Mapping[str, Any]) -> bytes:
    """Give the PDF of the minutes of the tender committee's meeting, to be signed by its members."""
    zone, meeting = ZoneInfo(told["time_zone"]), told["committee"]
    quorum = (
        "seconde convocation : la commission se réunit valablement sans condition de quorum"
        if meeting["second_call"] else f"quorum de {told['quorum']} atteint"
    )  # fmt: skip
    blocks: list[Block] = [
        Text(f"{told['title']}\nAcheteur : {told['buyer_name']} ({told['buyer']})\n{told['lot_id']} : {told['lot_title']}"),
        Text(f"Réunion du {_hour(meeting['met_at'], zone)}"),
        Text(f"Membres à voix délibérative : {meeting['voting_members']} ; présents : {len(meeting['present'])} ({quorum}, art. L1411-5 CGCT)"),
        Rows((("Fonction",), *((each,) for each in meeting["present"])), (1.0,)),
        Heading("Classement"),
        _ranking(told["ranking"]),
        Heading("Décision"),
        Text(f"Voix pour : {meeting['in_favour']} ; contre : {meeting['against']} ; abstentions : {meeting['abstained']}"),
        Text(f"La commission choisit l'offre de {told['winner']}, pour {told['value']} hors taxes (art. L1414-2 CGCT)."),
    ]  # fmt: skip
    if meeting["observations"]:
        blocks.append(Text(f"Observations : {meeting['observations']}"))
    return render(_MINUTES, [*blocks, *(Box(each) for each in meeting["present"])])


def _ranking(ranking: Sequence[Mapping[str, Any]]) -> Block:
    rows = [("Rang", "Candidat", "Total")] + [(each["rank"], each["name"], each["total"]) for each in ranking]
    return Rows(tuple(rows), (0.15, 0.6, 0.25))


def _hour(text: str, zone: ZoneInfo) -> str:
    return french_hour(datetime.fromisoformat(text), zone)
