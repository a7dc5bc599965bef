"""What anybody checks offline: `python -m services.bids verify-receipt|verify-evidence`; no platform, no network.

What the operator checks of the whole chain: `evidence-chain`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, TypeVar
from uuid import UUID

import click
from cryptography import x509
from pydantic import BaseModel, ValidationError

from libs.common.endings import EXIT_REFUSED
from libs.common.operate import operate
from libs.common.runtime import Runtime
from libs.common.service import Service
from services.bids.evidence.chain import Verdict, verify_chain
from services.bids.evidence.proof import ProofError
from services.bids.evidence.report import EvidenceReport, verify_report
from services.bids.ports import TrustedRoots
from services.bids.sealing.errors import SealingError
from services.bids.sealing.receipt import Receipt, verify_receipt
from services.bids.sealing.tool import load_roots

__all__ = ["EVIDENCE_TOOLS", "evidence_chain_command", "verify_evidence_command", "verify_receipt_command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_TRUST = click.option(
    "--trust",
    type=_FOLDER,
    help="Folder of the time stamp authorities' roots (PEM); without it who stamped is not checked.",
)
M = TypeVar("M", bound=BaseModel)


@click.command("verify-receipt", epilog="Example: python -m services.bids verify-receipt receipt.json --trust roots")
@click.argument("receipt", type=_FILE)
@_TRUST
@click.option("--bid", type=click.UUID, help="The bid it must be the receipt of.")
@click.option("--envelope", "envelope_sha256", help="SHA-256 that it must hold of an envelope you sealed.")
def verify_receipt_command(receipt: Path, trust: Path | None, bid: UUID | None, envelope_sha256: str | None) -> None:
    """Check a RECEIPT (JSON) without the platform: its hash, its path, the link to the journal, its time stamp."""
    told = _read(Receipt, receipt)
    statement = told.statement
    if bid is not None and statement.bid_id != bid:
        _fail(f"this is the receipt of another bid, {statement.bid_id}: replayed")
    held = {statement.envelope_sha256, *(each.sha256 for each in statement.envelopes)}
    if envelope_sha256 is not None and envelope_sha256 not in held:
        _fail("the receipt does not hold that envelope: another one was deposited")
    try:
        stamped = verify_receipt(told, _roots(trust))
    except SealingError as error:
        _fail(str(error))
    result = {"valid": True, "authority": _authority(trust), "act": statement.act, "bid": str(statement.bid_id)}
    hours = {"received_at": statement.received_at.isoformat(), "stamped_at": stamped.isoformat()}
    click.echo(json.dumps({**result, **hours, "sha256": told.sha256}))


@click.command("verify-evidence", epilog="Example: python -m services.bids verify-evidence evidence.json --trust roots")
@click.argument("report", type=_FILE)
@_TRUST
def verify_evidence_command(report: Path, trust: Path | None) -> None:
    """Check an evidence REPORT (JSON) without the platform: each fact, its path, its batch's link and time stamp."""
    told = _read(EvidenceReport, report)
    try:
        verdict = verify_report(told, _roots(trust))
    except ProofError as error:
        _fail(str(error))
    click.echo(json.dumps({"valid": True, "authority": _authority(trust), **verdict}))


@click.command("evidence-chain", epilog="Example: python -m services.bids evidence-chain --head 995712...")
@click.option("--head", help="A head that somebody holds, of a receipt or a report: it must be in the chain.")
@click.pass_obj
def evidence_chain_command(service: Service, head: str | None) -> None:
    """Compute the chain of evidence again, on the platform; exit 1 when a fact was changed, put in or taken out."""

    async def act(runtime: Runtime) -> Verdict:
        async with runtime.read() as conn:
            return await verify_chain(conn, runtime.port(TrustedRoots).certificates, noted=head)

    verdict = operate(service, act)
    click.echo(json.dumps(asdict(verdict)))
    if verdict.fault:
        sys.exit(EXIT_REFUSED)


def _roots(trust: Path | None) -> list[x509.Certificate] | None:
    return None if trust is None else load_roots(trust)


def _authority(trust: Path | None) -> str:
    return "not checked: give --trust" if trust is None else "trusted"


def _read(model: type[M], path: Path) -> M:
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        _fail(f"{path} is not the file expected here: {error.error_count()} faults, first {error.errors()[0]['loc']}")


def _fail(message: str) -> NoReturn:
    raise click.ClickException(message)


EVIDENCE_TOOLS = (verify_receipt_command, verify_evidence_command, evidence_chain_command)
