"""Completing a bid: the hashes of its files, and its envelopes where the platform sealed them."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import FieldError
from libs.common.messages.notices import OpeningKeySet
from libs.common.runtime import Runtime
from services.bids.domain.states import BidState
from services.bids.errors import WrongEnvelope
from services.bids.sealing import Envelope, SealingPlan
from services.bids.sealing.manifest import ManifestFile, ManifestSegment, SealedFile, SealedSegment
from services.bids.sealing.names import EnvelopeName
from services.bids.sealing.onfly import ManifestOrder
from services.bids.sealing.onfly_process import seal_manifest_apart
from services.bids.service.drafts import own_bid
from services.bids.store import bids, consultations
from services.bids.store.bids import Bid, BidFile, EnvelopeRow
from services.bids.uploads import store
from services.bids.uploads.content import digest_files
from services.bids.uploads.store import Part

__all__ = ["complete"]


async def complete(runtime: Runtime, actor: Actor, bid_id: UUID, given: tuple[Envelope, ...]) -> tuple[Envelope, ...]:
    """Give the envelopes of a bid that is deposited: the bidder's, or those made here of what was sealed on the fly.

    Raises UnknownBid; WrongEnvelope when the platform seals and a file is missing, or envelopes were given.
    """
    async with runtime.read() as conn:
        bid = await own_bid(conn, actor, bid_id)
    if bid.state is not BidState.DRAFT:
        return given
    await digest_files(runtime, bid_id)
    if bid.sealed_by == "bidder":
        return given
    if given:
        raise WrongEnvelope(
            "La plateforme scelle ce pli : n'envoyez pas d'enveloppe.", "The platform seals this bid: send no envelope."
        )
    return await _compose(runtime, bid)


async def _compose(runtime: Runtime, bid: Bid) -> tuple[Envelope, ...]:
    async with runtime.read() as conn:
        rows = await bids.envelopes(conn, bid.id)
        files = await bids.files(conn, bid.id)
        keys = (await consultations.key_set(conn, bid.procedure, bid.key_fingerprint)).keys
        parts = {each.number: await store.parts_of_file(conn, bid.id, each.number) for each in files}
    _require_all(files)
    orders = [_order(bid, keys, row, [each for each in files if each.envelope == row.number], parts) for row in rows]
    return tuple([await seal_manifest_apart(each) for each in orders])


def _require_all(files: Sequence[BidFile]) -> None:
    missing = [each.number for each in files if each.sha256 is None]
    if missing:
        raise WrongEnvelope(
            "Des fichiers annoncés ne sont pas arrivés : envoyez-les, puis déposez.",
            "Announced files have not come: send them, then deposit.",
            errors=[FieldError(f"files/{number}", "fichier non reçu", "file not received") for number in missing],
        )


def _order(
    bid: Bid, keys: OpeningKeySet, row: EnvelopeRow, files: Sequence[BidFile], parts: dict[int, list[Part]]
) -> ManifestOrder:
    name = EnvelopeName(bid.procedure, bid.id, row.number, keys.fingerprint)
    sealed = tuple(_sealed(each, parts[each.number]) for each in files)
    papers = tuple(_paper(file, paper) for file, paper in zip(files, sealed, strict=True))
    return ManifestOrder(SealingPlan(name, keys, row.kind, row.lots), sealed, papers)


def _sealed(file: BidFile, parts: Sequence[Part]) -> SealedFile:
    segments = tuple(
        SealedSegment.model_validate(
            {
                "part": each.part,
                "number": each.segment,
                "size": each.stored,
                "sha256": each.sha256,
                **(each.sealed or {}),
            }
        )
        for each in parts
    )
    return SealedFile(number=file.number, size=file.stored or 0, sha256=str(file.sha256), segments=segments)


def _paper(file: BidFile, sealed: SealedFile) -> ManifestFile:
    """Tell a file; no hash of its plaintext was kept from one request to the next: each chunk authenticates itself."""
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    segments = tuple(ManifestSegment.of(each) for each in sealed.segments)
    return ManifestFile(
        number=file.number, name=file.name, media_type=media_type, size=file.size, sha256=None, segments=segments
    )
