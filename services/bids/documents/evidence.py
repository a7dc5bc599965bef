"""The evidence report as a printable paper; the JSON report, which is what verifies, is attached to it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from libs.common.calendar import french_hour
from services.bids.documents.pdf import Attachment, Block, Heading, Rows, Text, render
from services.bids.evidence.attempts import Attempt
from services.bids.evidence.facts import FactKind
from services.bids.evidence.report import EvidenceReport

__all__ = ["evidence_pdf"]

_TITLE = "Rapport de preuves des dépôts"
_OUTCOMES = {"complete": "complet", "interrupted": "interrompu", "removed": "retiré", "running": "en cours"}
_STEPS = {
    FactKind.DEADLINE_SET: "date limite", FactKind.SUSPENDED: "suspension", FactKind.RESUMED: "reprise",
    FactKind.DEPOSITED: "dépôt", FactKind.DEPOSIT_REFUSED: "dépôt refusé", FactKind.WITHDRAWN: "retrait",
    FactKind.OPENING_STEP: "ouverture", FactKind.ADMISSION: "décision d'admission",
}  # fmt: skip
"""The facts told one by one; those of uploads are told by attempts."""


def evidence_pdf(report: EvidenceReport) -> bytes:
    """Give the PDF of a report."""
    told = "Rapport vérifiable hors ligne : python -m services.bids verify-evidence"
    attached = Attachment("preuves.json", "application/json", told, report.model_dump_json())
    zone = ZoneInfo(report.time_zone)
    blocks = [
        *_head(report, zone),
        *_bids(report),
        *_attempts(report, zone),
        *_steps(report, zone),
        *_platform(report, zone),
    ]
    return render(_TITLE, blocks, [attached])


def _head(report: EvidenceReport, zone: ZoneInfo) -> list[Block]:
    stamps = [each.stamped_at for each in report.batches if each.stamped_at is not None]
    last = french_hour(max(stamps), zone) if stamps else "aucun"
    return [
        Text(f"{report.title} (procédure {report.procedure}), acheteur {report.buyer}"),
        Text(
            f"Établi le {french_hour(report.made_at, zone)}. Heures légales du lieu de l'acheteur ({report.time_zone})."
        ),
        Text(f"Date limite à cet instant : {french_hour(report.deadline, zone)}."),
        Text(
            f"{len(report.facts)} faits, {len(report.batches)} lots horodatés (RFC 3161) ; dernier horodatage : {last}. "
            f"Ce papier résume ; le fichier joint preuves.json se vérifie hors ligne, sans la plateforme."
        ),
    ]


def _bids(report: EvidenceReport) -> list[Block]:
    if not report.bids:
        return []
    rows = [("Pli", "Déposant", "Nom"), *((str(each.bid), each.depositor, each.name) for each in report.bids)]
    return [Heading("Plis / Bids"), Rows(tuple(rows), (0.4, 0.3, 0.3))]


def _attempts(report: EvidenceReport, zone: ZoneInfo) -> list[Block]:
    if not report.attempts:
        return [Heading("Tentatives / Attempts"), Text("Aucune. / None.")]
    rows: list[tuple[str, ...]] = [("Pli", "Fichier", "Premier octet", "Reprises", "Erreurs", "Dernier octet", "Issue")]
    rows += [_attempt(each, zone) for each in report.attempts]
    return [Heading("Tentatives / Attempts"), Rows(tuple(rows), (0.16, 0.08, 0.17, 0.14, 0.2, 0.17, 0.08))]


def _attempt(each: Attempt, zone: ZoneInfo) -> tuple[str, ...]:
    errors = "\n".join(f"{_short(error.at, zone)} {error.reason}" for error in each.errors)
    resumed = "\n".join(_short(hour, zone) for hour in each.resumed_at)
    first, last = _short(each.first_byte_at, zone), _short(each.last_byte_at, zone)
    return (
        str(each.bid)[:8],
        str(each.file or "—"),
        first,
        resumed or "—",
        errors or "—",
        last,
        _OUTCOMES[each.outcome],
    )


def _steps(report: EvidenceReport, zone: ZoneInfo) -> list[Block]:
    facts = [each.fact for each in report.facts if each.fact.kind in _STEPS]
    if not facts:
        return []
    rows = [("Heure", "Fait", "Pli", "Détail")]
    rows += [
        (_short(each.at, zone), _STEPS[each.kind], str(each.bid)[:8] if each.bid else "—",
         "\n".join(f"{name} : {value}" for name, value in each.content.items()))
        for each in facts
    ]  # fmt: skip
    return [Heading("Consultation et dépôts / Procedure and deposits"), Rows(tuple(rows), (0.2, 0.15, 0.12, 0.53))]


def _platform(report: EvidenceReport, zone: ZoneInfo) -> list[Block]:
    window = f"du {french_hour(report.window.begins, zone)} au {french_hour(report.window.ends, zone)}"
    silent = [(_short(each.begins, zone), _short(each.ends, zone)) for each in report.interruptions]
    declared = [(_short(each.begins, zone), _short(each.ends, zone), each.what) for each in report.incidents]
    blocks: list[Block] = [
        Heading("La plateforme / The platform"),
        Text(
            f"Disponibilité observée {window} : un battement par minute ; plus de deux minutes sans battement est une coupure."
        ),
    ]
    blocks.append(
        Rows((("Coupure de", "à"), *silent), (0.5, 0.5)) if silent else Text("Aucune coupure. / No interruption.")
    )
    if declared:
        blocks.append(Rows((("Incident de", "à", "Déclaré par l'exploitant"), *declared), (0.2, 0.2, 0.6)))
    return [*blocks] if declared else [*blocks, Text("Aucun incident déclaré. / No incident declared.")]


def _short(instant: datetime | None, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%d/%m/%Y %H:%M:%S %Z") if instant else "—"
