"""The opening report: everything found, opened, superseded, late, withdrawn, unreadable; JSON and PDF."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from libs.common.calendar import french_hour
from services.bids.documents.pdf import Block, Heading, Rows, Text, render

__all__ = ["REPORT_TITLE", "report_pdf"]

REPORT_TITLE = "Procès-verbal d'ouverture des plis"

_STAGES = {"applications": "enveloppes de candidature", "offers": "enveloppes d'offre"}
_FAULTS = {
    "bidder": "déposant",
    "platform": "plateforme",
    "officers": "officiers",
    "officers or bidder": "officiers ou déposant",
}
_VERDICTS = {"valid": "valide", "indeterminate": "indéterminée", "invalid": "NON VALIDE"}
_PARTS = {
    "opened": "Enveloppes ouvertes",
    "unreadable": "Enveloppes illisibles",
    "superseded": "Enveloppes remplacées, restées scellées",
    "late": "Enveloppes hors délai, restées scellées",
    "withdrawn": "Enveloppes retirées, restées scellées",
}


def report_pdf(report: Mapping[str, Any], digest: str) -> bytes:
    """Give the PDF of an opening report."""
    zone = ZoneInfo(report["time_zone"])

    def hour(text: str) -> str:
        return french_hour(datetime.fromisoformat(text), zone)

    blocks: list[Block] = [
        Text(f"{report['title']}\nAcheteur : {report['buyer_name']} ({report['buyer']})"),
        Text(f"Procédure {report['procedure']} ; ouverture {report['opening']}"),
        Text(f"Étape : {_STAGES[report['stage']]} ; lots : {', '.join(report['lots'])}"),
        Text(f"Date limite de réception : {hour(report['deadline'])}"),
        Text(f"Horodatage de l'ouverture (RFC 3161) : {hour(report['stamped_at'])}"),
        Text(f"Ouverture terminée : {hour(report['completed_at'])}"),
        Heading("Officiers présents"),
        Text(f"Seuil : {report['threshold']} sur {report['officers_total']}"),
        Rows(
            (("Officier", "Parts présentées le"), *((_officer(each), hour(each["presented_at"])) for each in report["officers"])),
            (0.4, 0.6),
        ),
    ]  # fmt: skip
    for part, title in _PARTS.items():
        blocks += _part(title, report[part], hour)
    blocks += _platform(report["platform"], hour)
    blocks.append(Text(f"SHA-256 du procès-verbal (JSON canonique, RFC 8785) : {digest}"))
    return render(REPORT_TITLE, blocks)


def _officer(told: Mapping[str, Any]) -> str:
    role = " (secours)" if told["recovery"] else ""
    return f"{told['officer']}{role}" + (f", suppléé par {told['deputy']}" if told["deputy"] else "")


def _part(title: str, bids: Sequence[Mapping[str, Any]], hour: Any) -> list[Block]:  # noqa: ANN401  # writes an hour
    if not bids:
        return [Heading(title), Text("Aucun.")]
    rows = [("Déposant", "Reçu le", "Lots", "Documents ou constat")]
    for bid in bids:
        files = "\n".join(_file(each) for each in bid.get("files", []))
        rows.append(
            (f"{bid['depositor_name']} ({bid['depositor']})", hour(bid["received_at"]), ", ".join(bid["lots"]),
             _finding(bid) or files)
        )  # fmt: skip
    return [Heading(title), Rows(tuple(rows), (0.3, 0.25, 0.15, 0.3))]


def _file(told: Mapping[str, Any]) -> str:
    line = f"{told['name']} ({told['size']} octets) ; {_scan(told['scan'])}"
    return "\n".join([line, *map(_signature, told.get("signatures", ()))])  # a report of before they were verified


def _signature(told: Mapping[str, Any]) -> str:
    """Say what a signature is worth, and why it is not valid."""
    of = f" de « {told['file']} »" if told["file"] else ""
    by = f", {told['signer']}" if told["signer"] else ""
    why = f" : {' '.join(told['problems'])}" if told["problems"] else ""
    return f"Signature {told['form']}{of}{by} : {_VERDICTS[told['verdict']]}{why}"


def _scan(verdict: Mapping[str, Any]) -> str:
    if verdict["scan"] == "infected":
        return f"antivirus : {verdict['threat']}, fichier en quarantaine"
    return "antivirus : rien trouvé" if verdict["scan"] == "clean" else f"non analysé ({verdict['reason']})"


def _finding(bid: Mapping[str, Any]) -> str:
    """Say why an envelope cannot be read, whose doing it is; the whole proof is in the JSON report."""
    if "finding" not in bid:
        return ""
    proof = "" if not bid["proof"] else f"\nPreuve : {json.dumps(bid['proof'], ensure_ascii=False)[:600]}"
    return f"{bid['finding']}\nImputable à : {_FAULTS[bid['fault']]}.{proof}"


def _platform(told: Mapping[str, Any], hour: Any) -> list[Block]:  # noqa: ANN401  # writes an hour
    blocks: list[Block] = [Heading("Incidents et interruptions de la plateforme")]
    rows = [("Du", "Au", "Nature")]
    rows += [
        (hour(each["begins"]), hour(each["ends"]) if each["ends"] else "en cours", each["what"])
        for each in told["incidents"]
    ]
    rows += [
        (hour(each["begins"]), hour(each["ends"]), "interruption : aucun signe de vie")
        for each in told["interruptions"]
    ]
    if len(rows) == 1:
        return [*blocks, Text(f"Aucun, du {hour(told['since'])} à la date limite.")]
    return [*blocks, Rows(tuple(rows), (0.3, 0.3, 0.4))]
