"""The officers' and bidders' tools: `python -m services.bids keygen|rehearse|seal|deposit|open-shares|reseal`.

They work on files, without the platform and without any network; `deposit` alone speaks to the platform, over HTTP.
`verify-receipt` is beside the evidence: services/bids/evidence/tool.py.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TypeVar
from uuid import UUID

import aiohttp
import click
from cryptography import x509
from pydantic import BaseModel, RootModel, ValidationError

from libs.common.messages.notices import OpeningKey, OpeningKeySet
from services.bids.sealing import keys
from services.bids.sealing.client import Deposit, deposit
from services.bids.sealing.errors import SealingError
from services.bids.sealing.folder import contents, seal_to_folder
from services.bids.sealing.names import canonical
from services.bids.sealing.opening import ShareRequest, open_shares
from services.bids.sealing.rehearsal import rehearse
from services.bids.sealing.resealing import ResealedShares, hand_over, key_digest, open_resealed

__all__ = ["TOOLS", "keygen_command", "load_roots", "open_shares_command", "seal_command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_NEW = click.Path(path_type=Path)
M = TypeVar("M", bound=BaseModel)


class _Openable(RootModel[ShareRequest | ResealedShares]):
    """What `open-shares` reads: the platform's request to an officer, or what he handed over to his deputy."""


class _KeySetFile(BaseModel):
    """The consultation as the platform serves it; only its key set is read."""

    procedure: UUID
    opening: OpeningKeySet


@click.command("keygen", epilog="Example: python -m services.bids keygen maire -o maire.key")
@click.argument("officer")
@click.option("--recovery", is_flag=True, help="The key of a recovery officer: one more share, never enough alone.")
@click.option("--output", "-o", type=_NEW, required=True, help="Key file to write (0600).")
def keygen_command(officer: str, recovery: bool, output: Path) -> None:  # an option of the tool
    """Make the key pair of an opening OFFICER; print what to publish, with the proof that the key is held."""
    key = keys.generate(officer, recovery=recovery)
    try:
        keys.save(key, output)
    except FileExistsError:
        _fail(f"{output} exists already: keys are never overwritten")
    click.echo(key.public.model_dump_json())
    click.echo(f"SHA-256 of the key, to read out: {key_digest(key.public)}", err=True)


@click.command(
    "seal",
    epilog="Example: python -m services.bids seal --consultation c.json --bid ID --application dume.xml "
    "--offer LOT-0001=offer.pdf -o sealed",
)
@click.option("--consultation", type=_FILE, required=True, help="JSON of the consultation (GET .../consultations/ID).")
@click.option("--bid", type=click.UUID, required=True, help="The bid's id, given by the platform at its creation.")
@click.option("--application", "applications", multiple=True, type=_FILE, help="A file of the application.")
@click.option(
    "--offer", "offers", multiple=True, metavar="LOTS=FILE", help="A file of the offer for a lot, or L1,L2 together."
)
@click.option("--fingerprint", help="Fingerprint of the key set as you read it in the published notice.")
@click.option("--output", "-o", type=_NEW, required=True, help="New folder for the sealed files and deposit.json.")
def seal_command(
    consultation: Path,
    bid: UUID,
    applications: tuple[Path, ...],
    offers: tuple[str, ...],
    fingerprint: str | None,
    output: Path,
) -> None:
    """Seal a bid for the officers of a consultation; upload file N as N.sealed, then deposit deposit.json."""
    told = _read(_KeySetFile, consultation)
    if fingerprint is not None and told.opening.fingerprint != fingerprint:
        _fail("the key set is not the one of the published notice: do not deposit, tell the buyer")
    if output.exists():
        _fail(f"{output} exists already: sealed files are never overwritten")
    try:
        papers = contents(applications, offers)
        output.mkdir(mode=0o700)
        envelopes = seal_to_folder(told.procedure, bid, told.opening, papers, output)
    except SealingError as error:
        _fail(str(error))
    (output / "deposit.json").write_bytes(
        canonical({"envelopes": [each.model_dump(mode="json") for each in envelopes]})
    )
    sizes = [file.size for each in envelopes for file in each.files]
    click.echo(json.dumps({"envelopes": [each.sha256 for each in envelopes], "files": sizes}))


@click.command(
    "deposit",
    epilog="Example: python -m services.bids deposit --url https://marches.example.fr/bids/v1 --token-file token "
    "--procedure ID --name 'Entreprise SARL' --application dume.xml --offer LOT-0001=offer.pdf --fingerprint F -o sealed",
)
@click.option("--url", required=True, help="Address of the bids service: https://.../bids/v1")
@click.option("--token-file", type=_FILE, required=True, help="File that holds your access token.")
@click.option("--procedure", type=click.UUID, required=True, help="The consultation.")
@click.option("--name", required=True, help="The company's name, for the receipt.")
@click.option("--application", "applications", multiple=True, type=_FILE, help="A file of the application.")
@click.option("--offer", "offers", multiple=True, required=True, metavar="LOTS=FILE", help="A file of the offer.")
@click.option("--fingerprint", help="Fingerprint of the key set as you read it in the published notice.")
@click.option("--output", "-o", type=_NEW, required=True, help="New folder for the sealed files and receipt.json.")
def deposit_command(  # each parameter is an option of the tool
    *, url: str, token_file: Path, procedure: UUID, name: str, applications: tuple[Path, ...], offers: tuple[str, ...],
    fingerprint: str | None, output: Path,
) -> None:  # fmt: skip
    """Seal a bid here, upload it, deposit it, and keep the receipt."""
    if output.exists():
        _fail(f"{output} exists already: sealed files are never overwritten")
    token = token_file.read_text().strip()
    try:
        what = Deposit(url.rstrip("/"), token, procedure, name, contents(applications, offers), fingerprint)
        receipt = asyncio.run(deposit(what, output))
    except (SealingError, aiohttp.ClientError, TimeoutError) as error:
        _fail(f"not deposited: {error}")
    (output / "receipt.json").write_text(json.dumps(receipt))
    statement = receipt["statement"]
    told = {"bid": statement["bid_id"], "received_at": statement["received_at"], "receipt": receipt["sha256"]}
    click.echo(json.dumps(told))


@click.command(
    "rehearse", epilog="Example: python -m services.bids rehearse consultation.json --key maire.key --fingerprint F"
)
@click.argument("consultation", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="The officer's key file.")
@click.option("--fingerprint", help="Fingerprint of the key set as you read it in the published notice.")
def rehearse_command(consultation: Path, key: Path, fingerprint: str | None) -> None:
    """Check, before the deadline, that an officer's key is the one published in a CONSULTATION, and that it opens."""
    told = _read(_KeySetFile, consultation)
    if fingerprint is not None and told.opening.fingerprint != fingerprint:
        _fail("the key set is not the one of the published notice: tell the buyer")
    try:
        done = rehearse(keys.load(key), told.procedure, told.opening, datetime.now(UTC))
    except SealingError as error:
        _fail(str(error))
    click.echo(done.model_dump_json())


@click.command(
    "open-shares",
    epilog="Example: python -m services.bids open-shares request.json --key maire.key --trust roots -o shares.json",
)
@click.argument("request", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="The officer's key file, or his deputy's.")
@click.option("--trust", type=_FOLDER, required=True, help="Folder of the time stamp authorities' roots (PEM).")
@click.option("--not-before", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="The deadline, as you know it.")
@click.option("--fingerprint", help="The key set's fingerprint, as published in the notice.")
@click.option("--consultation", type=_FILE, help="For a deputy: JSON of the consultation, to check who handed over.")
@click.option("--output", "-o", type=_NEW, required=True, help="File to write the opened shares to (0600).")
def open_shares_command(  # each parameter is an option of the tool
    *, request: Path, key: Path, trust: Path, not_before: datetime | None, fingerprint: str | None,
    consultation: Path | None, output: Path,
) -> None:  # fmt: skip
    """Open an officer's shares, if the REQUEST carries a time stamp later than the deadline; also what was handed over to a deputy."""
    asked = _read(_Openable, request).root
    if output.exists():
        _fail(f"{output} exists already")
    known = None if consultation is None else _read(_KeySetFile, consultation).opening
    try:
        officer, roots = keys.load(key), load_roots(trust)
        if isinstance(asked, ResealedShares):
            opened = open_resealed(asked, officer, roots, keys=known, not_before=not_before, fingerprint=fingerprint)
        else:
            opened = open_shares(asked, officer, roots, not_before=not_before, fingerprint=fingerprint)
    except SealingError as error:
        _fail(str(error))
    _write_secret(output, opened.model_dump_json())
    problems = sum(each.problem is not None for each in opened.shares)
    statement = (asked.request if isinstance(asked, ResealedShares) else asked).statement
    deadline = statement.deadline.isoformat()
    click.echo(json.dumps({"opened": len(opened.shares) - problems, "problems": problems, "deadline": deadline}))


@click.command(
    "reseal",
    epilog="Example: python -m services.bids reseal request.json --key maire.key --deputy adjoint.json --trust roots "
    "-o for-adjoint.json",
)
@click.argument("request", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="The key file of the officer who is absent.")
@click.option("--deputy", type=_FILE, required=True, help="What keygen printed for the deputy (JSON).")
@click.option("--trust", type=_FOLDER, required=True, help="Folder of the time stamp authorities' roots (PEM).")
@click.option("--not-before", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="The deadline, as you know it.")
@click.option("--fingerprint", help="The key set's fingerprint, as published in the notice.")
@click.option("--deputy-key-sha256", help="The SHA-256 of the deputy's key, as he read it out to you.")
@click.option(
    "--output", "-o", type=_NEW, required=True, help="New file, signed: for the platform, or the deputy himself."
)
def reseal_command(  # each parameter is an option of the tool
    *, request: Path, key: Path, deputy: Path, trust: Path, not_before: datetime | None, fingerprint: str | None,
    deputy_key_sha256: str | None, output: Path,
) -> None:  # fmt: skip
    """Seal an officer's shares again to a deputy, who then opens and presents them; nothing is shown."""
    asked, published = _read(ShareRequest, request), _read(OpeningKey, deputy)
    try:
        made = hand_over(
            asked, keys.load(key), published, load_roots(trust), at=datetime.now(UTC), not_before=not_before,
            fingerprint=fingerprint, deputy_digest=deputy_key_sha256,
        )  # fmt: skip
    except SealingError as error:
        _fail(str(error))
    _write_secret(output, made.model_dump_json())
    told = {"officer": made.request.officer, "deputy": published.officer, "shares": len(made.request.shares)}
    click.echo(json.dumps(told | {"deputy_key_sha256": key_digest(published)}))


def _write_secret(path: Path, text: str) -> None:
    """Write a new file that its owner alone reads."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        _fail(f"{path} exists already")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def load_roots(folder: Path) -> list[x509.Certificate]:
    """Read the PEM certificates of a folder."""
    files = sorted(each for each in folder.iterdir() if each.suffix in {".pem", ".crt"})
    return [certificate for each in files for certificate in x509.load_pem_x509_certificates(each.read_bytes())]


def _read(model: type[M], path: Path) -> M:
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        _fail(f"{path} is not the file expected here: {error.error_count()} faults, first {error.errors()[0]['loc']}")


def _fail(message: str) -> NoReturn:
    raise click.ClickException(message)


TOOLS = (
    keygen_command,
    rehearse_command,
    seal_command,
    deposit_command,
    open_shares_command,
    reseal_command,
)
