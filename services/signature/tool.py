"""Offline tool: `python -m services.signature verify FILE...`, one JSON object a line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from services.signature import pades

__all__ = ["verify"]


@click.command(epilog="Example: python -m services.signature verify --trust roots contract.pdf")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--content", type=click.Path(path_type=Path), help="The signed content, for a detached signature.")
@click.option("--trust", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder of PEM roots.")
@click.option("--at", help="Time of verification (RFC 3339); now by default.")
def verify(files: tuple[str, ...], content: Path | None, trust: Path | None, at: str | None) -> None:
    """Verify signed files, offline. Exit 0 when every file is TOTAL_PASSED."""
    moment = _moment(at)
    roots = _roots(trust)
    passed = True
    for name in files:
        report = _examine(Path(name), content, roots, moment)
        passed = passed and report.indication is pades.Indication.TOTAL_PASSED
        click.echo(json.dumps({"file": name, **report.as_json()}, ensure_ascii=False))
    raise SystemExit(0 if passed else 1)


def _examine(path: Path, content: Path | None, roots: pades.Trust, moment: datetime) -> pades.VerificationReport:
    try:
        data = path.read_bytes()
    except OSError as error:
        text = f"Le fichier ne peut pas être lu : {error.strerror}"
        return pades.VerificationReport(pades.Indication.REFUSED, "UNREADABLE", (), (text,))
    if content is not None:
        text = "Les signatures détachées (XAdES, CAdES) ne sont pas encore lues."
        return pades.VerificationReport(pades.Indication.REFUSED, "UNSUPPORTED_FORMAT", (), (text,))
    return pades.verify(data, roots, moment)


def _roots(folder: Path | None) -> pades.Trust:
    try:
        return pades.Trust.from_folder(folder)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--trust") from error


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
