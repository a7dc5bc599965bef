"""The officers' and bidders' tools: `python -m services.bids keygen|seal|open-shares|verify-receipt`.

They work on files, without the platform and without any network.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from datetime import datetime
from mimetypes import guess_type
from pathlib import Path
from typing import NoReturn, TypeVar
from uuid import UUID

import click
from cryptography import x509
from pydantic import BaseModel, ValidationError

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import keys
from services.bids.sealing.errors import SealingError
from services.bids.sealing.names import BidName
from services.bids.sealing.opening import ShareRequest, open_shares
from services.bids.sealing.receipt import Receipt, verify_receipt
from services.bids.sealing.seal import SealingPlan, seal_files

__all__ = ["TOOLS", "keygen_command", "load_roots", "open_shares_command", "seal_command", "verify_receipt_command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_NEW = click.Path(path_type=Path)
M = TypeVar("M", bound=BaseModel)


class _KeySetFile(BaseModel):
    """The consultation as the platform serves it; only its key set is read."""

    procedure: UUID
    opening: OpeningKeySet


@click.command("keygen", epilog="Example: python -m services.bids keygen maire -o maire.key")
@click.argument("officer")
@click.option("--output", "-o", type=_NEW, required=True, help="Key file to write (0600).")
def keygen_command(officer: str, output: Path) -> None:
    """Make the key pair of an opening OFFICER; print what to publish."""
    key = keys.generate(officer)
    try:
        keys.save(key, output)
    except FileExistsError:
        _fail(f"{output} exists already: keys are never overwritten")
    click.echo(key.public.model_dump_json())


@click.command(
    "seal",
    epilog="Example: python -m services.bids seal --consultation c.json --bid <id> --lot LOT-0001 -o sealed offer.pdf",
)
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--consultation", type=_FILE, required=True, help="JSON of the consultation (GET .../consultations/ID).")
@click.option("--bid", type=click.UUID, required=True, help="The bid's id, given by the platform at its creation.")
@click.option("--lot", "lots", multiple=True, required=True, help="A lot the bid is for; may be repeated.")
@click.option("--fingerprint", help="Fingerprint of the key set as you read it in the published notice.")
@click.option("--output", "-o", type=_NEW, required=True, help="New folder for the sealed files and envelope.json.")
def seal_command(
    files: tuple[Path, ...], consultation: Path, bid: UUID, lots: tuple[str, ...], fingerprint: str | None, output: Path
) -> None:
    """Seal FILES for the officers of a consultation; upload file N as N.sealed, then deposit envelope.json."""
    told = _read(_KeySetFile, consultation)
    if fingerprint is not None and told.opening.fingerprint != fingerprint:
        _fail("the key set is not the one of the published notice: do not deposit, tell the buyer")
    if output.exists():
        _fail(f"{output} exists already: sealed files are never overwritten")
    output.mkdir(mode=0o700)
    name = BidName(told.procedure, bid, told.opening.fingerprint)
    try:
        with ExitStack() as stack:
            sources = [(each.name, _media_type(each), stack.enter_context(each.open("rb"))) for each in files]
            sinks = [stack.enter_context((output / f"{n}.sealed").open("wb")) for n in range(1, len(files) + 1)]
            envelope = seal_files(SealingPlan(name, told.opening, lots), sources, sinks)
    except SealingError as error:
        _fail(str(error))
    (output / "envelope.json").write_bytes(envelope.to_bytes())
    click.echo(json.dumps({"envelope_sha256": envelope.sha256, "files": [each.size for each in envelope.files]}))


@click.command(
    "open-shares",
    epilog="Example: python -m services.bids open-shares request.json --key maire.key --trust roots -o shares.json",
)
@click.argument("request", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="The officer's key file.")
@click.option("--trust", type=_FOLDER, required=True, help="Folder of the time stamp authorities' roots (PEM).")
@click.option("--not-before", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="The deadline, as you know it.")
@click.option("--fingerprint", help="The key set's fingerprint, as published in the notice.")
@click.option("--output", "-o", type=_NEW, required=True, help="File to write the opened shares to (0600).")
def open_shares_command(  # each parameter is an option of the tool
    request: Path, key: Path, trust: Path, not_before: datetime | None, fingerprint: str | None, output: Path
) -> None:
    """Open an officer's shares, if the REQUEST carries a time stamp later than the deadline."""
    asked = _read(ShareRequest, request)
    if output.exists():
        _fail(f"{output} exists already")
    try:
        officer = keys.load(key)
        opened = open_shares(asked, officer, load_roots(trust), not_before=not_before, fingerprint=fingerprint)
    except SealingError as error:
        _fail(str(error))
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(opened.model_dump_json())
    problems = sum(each.problem is not None for each in opened.shares)
    deadline = asked.statement.deadline.isoformat()
    click.echo(json.dumps({"opened": len(opened.shares) - problems, "problems": problems, "deadline": deadline}))


@click.command("verify-receipt", epilog="Example: python -m services.bids verify-receipt receipt.json --trust roots")
@click.argument("receipt", type=_FILE)
@click.option("--trust", type=_FOLDER, required=True, help="Folder of the time stamp authorities' roots (PEM).")
def verify_receipt_command(receipt: Path, trust: Path) -> None:
    """Check a RECEIPT (JSON) without the platform: its hash and its time stamp."""
    told = _read(Receipt, receipt)
    try:
        stamped = verify_receipt(told, load_roots(trust))
    except SealingError as error:
        _fail(str(error))
    statement = told.statement
    result = {"valid": True, "act": statement.act, "bid": str(statement.bid_id), "stamped_at": stamped.isoformat()}
    click.echo(json.dumps({**result, "received_at": statement.received_at.isoformat(), "sha256": told.sha256}))


def load_roots(folder: Path) -> list[x509.Certificate]:
    """Read the PEM certificates of a folder."""
    files = sorted(each for each in folder.iterdir() if each.suffix in {".pem", ".crt"})
    return [certificate for each in files for certificate in x509.load_pem_x509_certificates(each.read_bytes())]


def _media_type(path: Path) -> str:
    return guess_type(path.name)[0] or "application/octet-stream"


def _read(model: type[M], path: Path) -> M:
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        _fail(f"{path} is not the file expected here: {error.error_count()} faults, first {error.errors()[0]['loc']}")


def _fail(message: str) -> NoReturn:
    raise click.ClickException(message)


TOOLS = (keygen_command, seal_command, open_shares_command, verify_receipt_command)
