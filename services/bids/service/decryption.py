"""From k officers' shares to what the bids hold: every byte authenticated, hashed, scanned, signatures verified; none is kept.

A file is read once by a thread, in buffers that are used again; what stays are its secrets, sealed under the key of the
opening (`opened`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog

from libs.common.messages.notices import OpeningKeySet
from libs.common.runtime import Runtime
from libs.common.storage import MissingDocumentError
from services.bids.domain.bids import file_name_problem
from services.bids.ports import TrustedRoots
from services.bids.scanning import Scanner, ScannerAwayError, Verdict
from services.bids.sealing import BadlySealedError, Envelope, EnvelopeError, Manifest, TamperedError, from_text
from services.bids.sealing.errors import ShareError, TooFewSharesError
from services.bids.sealing.manifest import ManifestFile, SealedFile
from services.bids.sealing.reading import open_file
from services.bids.sealing.recovery import FileKeys, open_manifest, recover_file
from services.bids.service.opened import Sealed, StoredFile, opened_content, seal_secrets
from services.bids.service.signed_files import Readable, signatures_of
from services.bids.signatures import Trust
from services.bids.store.bids import BidFile
from services.bids.store.openings import OpenedFile, Presence
from services.bids.uploads.content import sealed_content

__all__ = ["Opened", "OpeningWork", "open_envelope"]

_log = structlog.get_logger(__name__)
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,100}")


@dataclass(frozen=True)
class OpeningWork:
    """What is needed to open one envelope: the officers with their shares of it."""

    opening: UUID
    key: bytes
    """Of the opening: what the secrets of the files are sealed under."""
    keys: OpeningKeySet
    presences: Sequence[Presence]
    received_at: datetime
    """Of the bid: the hour at which its signatures are proved to have existed, by its receipt."""


@dataclass(frozen=True)
class Opened:
    """An envelope after the opening: its files, or why it cannot be read, whose doing that is, and the proof."""

    files: dict[int, OpenedFile] = field(default_factory=dict)
    finding: str | None = None
    fault: str | None = None
    """bidder, platform or officers."""
    proof: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Give what is kept until the report is drawn up."""
        files = {str(number): each.to_json() for number, each in self.files.items()}
        return {"files": files, "finding": self.finding, "fault": self.fault, "proof": self.proof}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Opened:
        """Read what `to_json` gave."""
        files = {int(number): OpenedFile.of_json(each) for number, each in told["files"].items()}
        return cls(files, told["finding"], told["fault"], told["proof"])


async def open_envelope(runtime: Runtime, work: OpeningWork, envelope: Envelope, files: Sequence[BidFile]) -> Opened:
    """Open an envelope: every byte of it is authenticated, hashed and scanned; what stays are the secrets of its files, sealed.

    Done again after an interruption, it gives the same.
    """
    try:
        secrets = {each.number: _recover(work, envelope, each) for each in envelope.all_files}
        manifest = open_manifest(envelope, secrets[envelope.manifest.number])
        return Opened(await _open_files(runtime, work, (envelope, manifest), (secrets, files)))
    except BadlySealedError as error:
        return _bad(f"Enveloppe mal scellée par son déposant : {error}", "bidder", error.proof)
    except EnvelopeError as error:
        return _bad(f"Enveloppe mal scellée par son déposant : {error}", "bidder", {})
    except TooFewSharesError as error:
        return _bad(_unusable(work, error), "officers or bidder", {"claims": _claims(work)})
    except ShareError as error:
        return _bad(f"Part fausse : {error}", "officers", {"officer": error.officer})
    except _StorageFault as error:
        return _bad(f"Octets conservés différents de ceux de l'accusé : {error}", "platform", {})


class _StorageFault(Exception):  # noqa: N818  # what it is
    """The stored bytes are not those that the envelope and the receipt name."""


def _recover(work: OpeningWork, envelope: Envelope, file: SealedFile) -> FileKeys:
    shares: dict[tuple[int, int], dict[str, bytes]] = {}
    for presence in work.presences:
        for each in presence.shares:
            if each.problem is None and each.share:
                shares.setdefault((each.part, each.segment), {})[presence.officer] = from_text(each.share)
    return recover_file(shares, envelope.name, file, work.keys)


Papers = tuple[Envelope, Manifest]
Contents = tuple[Mapping[int, FileKeys], Sequence[BidFile]]


async def _open_files(runtime: Runtime, work: OpeningWork, papers: Papers, contents: Contents) -> dict[int, OpenedFile]:
    envelope, manifest = papers
    secrets, received = contents
    stored = {each.number: each for each in received}
    opened: dict[int, OpenedFile] = {}
    readable: list[Readable] = []
    for sealed, told in zip(envelope.files, manifest.files, strict=True):
        source = _Source(runtime, envelope.bid, stored[sealed.number])
        openable = Sealed(envelope.name, sealed, secrets[sealed.number])
        try:
            size, digest = await source.check(openable)
        except (TamperedError, MissingDocumentError) as error:
            await source.blame(sealed)
            raise BadlySealedError(f"fichier {sealed.number} : {error}", {"file": sealed.number}) from error
        if size != told.size or told.sha256 not in {None, digest}:
            proof = {"file": told.number, "told": told.sha256, "found": digest}
            raise BadlySealedError(f"fichier {told.number} différent du manifeste scellé", proof)
        kept = seal_secrets(work.key, work.opening, openable)
        verdict = await _scan(runtime, openable, size)
        opened[sealed.number] = OpenedFile(_name(told), _media_type(told), size, digest, envelope.number, kept, verdict)
        readable.append(Readable(sealed.number, _name(told), size, digest, openable))
    return await _with_signatures(runtime, work, opened, readable)


async def _with_signatures(
    runtime: Runtime, work: OpeningWork, opened: Mapping[int, OpenedFile], readable: Sequence[Readable]
) -> dict[int, OpenedFile]:
    trust = Trust.of(runtime.port(TrustedRoots), work.received_at)
    found = dict(opened)
    for each in readable:
        others = [other for other in readable if other is not each]
        signatures = await signatures_of(runtime, trust, each, others)
        found[each.number] = replace(found[each.number], signatures=signatures)
    return found


def _name(told: ManifestFile) -> str:
    return told.name if file_name_problem(told.name) is None else f"fichier-{told.number}"


def _media_type(told: ManifestFile) -> str:
    return told.media_type if _MEDIA_TYPE.fullmatch(told.media_type) else "application/octet-stream"


async def _scan(runtime: Runtime, sealed: Sealed, size: int) -> Verdict:
    """Give what the scanner says; a scanner that is away stops no opening: the report says that it was."""
    scanner = runtime.port(Scanner)  # type: ignore[type-abstract]  # a port is a protocol
    try:
        return await scanner.scan(opened_content(runtime, sealed, 0, size))
    except ScannerAwayError as error:
        _log.warning("file_not_scanned", reason=str(error))
        return Verdict("unscanned", reason=str(error))


@dataclass(frozen=True)
class _Source:
    """The stored ciphertext of a file."""

    runtime: Runtime
    bid: UUID
    file: BidFile

    async def check(self, sealed: Sealed) -> tuple[int, str]:
        """Authenticate all of it; give the size and the SHA-256 of its plaintext. Raises TamperedError, MissingDocumentError."""
        stored = await StoredFile.find(self.runtime, self.bid, self.file.number)
        try:
            return await asyncio.to_thread(_digest, sealed, stored)
        finally:
            stored.close()

    async def blame(self, sealed: SealedFile) -> None:
        """Raise _StorageFault when the stored bytes are not those received: then it is no fault of the bidder."""
        digest = sha256()
        try:
            async for data in sealed_content(self.runtime, self.bid, self.file.number):
                digest.update(data)
        except MissingDocumentError:
            raise _StorageFault(f"fichier {sealed.number} absent") from None
        if digest.hexdigest() != sealed.sha256:
            raise _StorageFault(f"fichier {sealed.number}")


def _digest(sealed: Sealed, stored: StoredFile) -> tuple[int, str]:
    size, digest = 0, sha256()
    for part in open_file(sealed.file, sealed.envelope, sealed.secrets, stored):
        size += len(part)
        digest.update(part)
    return size, digest.hexdigest()


def _claims(work: OpeningWork) -> list[dict[str, object]]:
    return [
        {"officer": presence.officer, "part": each.part, "segment": each.segment, "problem": each.problem}
        for presence in work.presences
        for each in presence.shares
        if each.problem is not None
    ]


def _unusable(work: OpeningWork, error: TooFewSharesError) -> str:
    officers = sorted({str(each["officer"]) for each in _claims(work)})
    return f"Parts inutilisables selon les officiers {', '.join(officers)} : il en manque {error.missing}."


def _bad(finding: str, fault: str, proof: Mapping[str, Any]) -> Opened:
    return Opened(finding=finding, fault=fault, proof=dict(proof))
