"""From k officers' shares to the plaintext of the bids, streamed; and the report of what was found."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

from libs.common.messages.base import DocumentReference
from libs.common.messages.notices import OpeningKeySet
from libs.common.runtime import Runtime
from libs.common.storage import MissingDocumentError
from services.bids.domain.bids import file_name_problem
from services.bids.sealing import BadlySealedError, Envelope, EnvelopeError, Manifest, TamperedError, from_text
from services.bids.sealing.errors import ShareError, TooFewSharesError
from services.bids.sealing.manifest import SealedFile
from services.bids.sealing.recovery import FileKeys, open_file, open_manifest, recover_file
from services.bids.store.bids import Bid, BidFile
from services.bids.store.openings import Presence

__all__ = ["OpenedBid", "OpeningWork", "open_bid"]

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,100}")


@dataclass(frozen=True)
class OpeningWork:
    """What is needed to open the bids of one opening."""

    opening: UUID
    keys: OpeningKeySet
    presences: Sequence[Presence]


@dataclass(frozen=True)
class OpenedBid:
    """A bid after the opening: its files, or why it cannot be read, whose doing that is, and the proof."""

    files: dict[int, DocumentReference] = field(default_factory=dict)
    sealed_lots: tuple[str, ...] = ()
    """What the sealed manifest says: the bidder may have announced other ones."""
    finding: str | None = None
    fault: str | None = None
    """bidder, platform or officers."""
    proof: dict[str, Any] | None = None


async def open_bid(runtime: Runtime, work: OpeningWork, bid: Bid, files: Sequence[BidFile]) -> OpenedBid:
    """Open a bid; the plaintext goes to the part of the storage that only the buyer's members are served from."""
    envelope = bid.envelope
    if envelope is None:
        raise ValueError("a bid that was deposited has an envelope")
    try:
        secrets = {each.number: _recover(work, envelope, each) for each in envelope.all_files}
        manifest = open_manifest(envelope, secrets[envelope.manifest.number])
        opened = await _open_files(runtime, work, (envelope, manifest), (secrets, files))
    except BadlySealedError as error:
        return _bad(f"Pli mal scellé par son déposant : {error}", "bidder", error.proof)
    except EnvelopeError as error:
        return _bad(f"Pli mal scellé par son déposant : {error}", "bidder", {})
    except TooFewSharesError as error:
        return _bad(_unusable(work, bid, error), "officers or bidder", {"claims": _claims(work, bid)})
    except ShareError as error:
        return _bad(f"Part fausse : {error}", "officers", {"officer": error.officer})
    except _StorageFault as error:
        return _bad(f"Octets conservés différents de ceux de l'accusé : {error}", "platform", {})
    return OpenedBid(opened, manifest.lots)


class _StorageFault(Exception):  # noqa: N818  # what it is
    """The stored bytes are not those that the envelope and the receipt name."""


def _recover(work: OpeningWork, envelope: Envelope, file: SealedFile) -> FileKeys:
    shares: dict[int, dict[str, bytes]] = {}
    for presence in work.presences:
        for each in presence.shares:
            if (each.bid, each.file) == (envelope.bid, file.number) and each.problem is None and each.share:
                shares.setdefault(each.segment, {})[presence.officer] = from_text(each.share)
    return recover_file(shares, envelope.name, file, work.keys)


Papers = tuple[Envelope, Manifest]
Contents = tuple[Mapping[int, FileKeys], Sequence[BidFile]]


async def _open_files(
    runtime: Runtime, work: OpeningWork, papers: Papers, contents: Contents
) -> dict[int, DocumentReference]:
    envelope, manifest = papers
    secrets, received = contents
    keys = {each.number: each.storage_key or "" for each in received}
    opened: dict[int, DocumentReference] = {}
    for sealed, told in zip(envelope.files, manifest.files, strict=True):
        target = f"bids/opened/{work.opening}/{envelope.bid}/{sealed.number}"
        source = keys[sealed.number]
        plain = _plaintext(runtime, envelope, sealed, (source, secrets[sealed.number]))
        name = told.name if file_name_problem(told.name) is None else f"fichier-{told.number}"
        media_type = told.media_type if _MEDIA_TYPE.fullmatch(told.media_type) else "application/octet-stream"
        try:
            stored = await runtime.storage.put(target, plain, media_type=media_type, name=name)
        except (TamperedError, MissingDocumentError) as error:
            await _blame_storage(runtime, source, sealed)
            raise BadlySealedError(f"fichier {sealed.number} : {error}", {"file": sealed.number}) from error
        if (stored.size, stored.sha256) != (told.size, told.sha256):
            await runtime.storage.delete(target)
            proof = {"file": told.number, "told": told.sha256, "found": stored.sha256}
            raise BadlySealedError(f"fichier {told.number} différent du manifeste scellé", proof)
        opened[sealed.number] = stored
    return opened


async def _plaintext(
    runtime: Runtime, envelope: Envelope, sealed: SealedFile, source: tuple[str, FileKeys]
) -> AsyncIterator[bytes]:
    key, secrets = source

    def read(start: int, end: int) -> AsyncIterator[bytes]:
        return runtime.storage.open(key, start, end)

    async for data in open_file(sealed, envelope.name, secrets, read):
        yield data


async def _blame_storage(runtime: Runtime, key: str, sealed: SealedFile) -> None:
    """Raise _StorageFault when the stored bytes are not those received: then it is no fault of the bidder."""
    digest = sha256()
    try:
        async for data in runtime.storage.open(key):
            digest.update(data)
    except MissingDocumentError:
        raise _StorageFault(f"fichier {sealed.number} absent") from None
    if digest.hexdigest() != sealed.sha256:
        raise _StorageFault(f"fichier {sealed.number}")


def _claims(work: OpeningWork, bid: Bid) -> list[dict[str, object]]:
    return [
        {"officer": presence.officer, "file": each.file, "segment": each.segment, "problem": each.problem}
        for presence in work.presences
        for each in presence.shares
        if each.bid == bid.id and each.problem is not None
    ]


def _unusable(work: OpeningWork, bid: Bid, error: TooFewSharesError) -> str:
    officers = sorted({str(each["officer"]) for each in _claims(work, bid)})
    return f"Parts inutilisables selon les officiers {', '.join(officers)} : il en manque {error.missing}."


def _bad(finding: str, fault: str, proof: Mapping[str, Any]) -> OpenedBid:
    return OpenedBid(finding=finding, fault=fault, proof=dict(proof))
