"""Uploads of the files of a bid: created, received, joined, ended. Only the bidder's company may touch them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.domain.states import BID, after
from services.bids.errors import UnknownBid
from services.bids.evidence import Fact, FactKind
from services.bids.service import drafts
from services.bids.settings import BidsSettings
from services.bids.store import bids
from services.bids.uploads import store
from services.bids.uploads.errors import (
    UnfinishedParts,
    UnknownUpload,
    UploadExpired,
    UploadTooLarge,
    WrongHeader,
)  # fmt: skip
from services.bids.uploads.leases import Leases
from services.bids.uploads.protocol import Asked
from services.bids.uploads.store import QUERIES, Upload

__all__ = [
    "DIGEST_JOB",
    "TIDY_JOB",
    "create",
    "end",
    "expire",
    "file_received",
    "own",
    "progress",
    "record",
    "terminate",
]

TIDY_JOB, DIGEST_JOB = "tidy_upload", "digest_file"
_PARTIAL_FROM, _PARTIAL_TO = 1001, 10_000  # what partial uploads of a bid are sealed under; files have 1 to 200


async def create(runtime: Runtime, actor: Actor, place: tuple[UUID, int], asked: Asked) -> Upload:
    """Announce an upload of a file (bid, number), or join its parts.

    Raises UnknownBid, IllegalTransition, UploadTooLarge, WrongHeader, UnknownUpload, UnfinishedParts.
    """
    bid_id, number = place
    async with runtime.uow(actor=actor) as uow:
        bid = await drafts.own_bid(uow.conn, actor, bid_id)
        after(BID, bid.state, "deposit")
        announced = await store.announced(uow.conn, bid_id, number)
        if announced is None:
            raise UnknownBid("Ce pli n'annonce pas ce fichier.", "This bid announces no such file.")
        _check_length(asked, announced.size)
        upload = await _new(uow, bid, number, asked)
        await store.add(uow.conn, upload)
        await record(uow, upload, FactKind.UPLOAD_CREATED, length=upload.length, form=upload.kind)
        if asked.kind == "whole":
            await uow.conn.execute(QUERIES["end_others"], bid_id, number, upload.id, uow.now())
        elif asked.kind == "final":
            upload = await _join(uow, upload, asked, announced.size)
        else:
            await _check_room(uow, upload, announced.size)
    return upload


def _check_length(asked: Asked, size: int) -> None:
    if asked.length > size:
        raise UploadTooLarge(
            f"Ce fichier a été annoncé avec {size} octets, cet envoi en annonce {asked.length}.",
            f"This file was announced with {size} bytes, this upload announces {asked.length}.",
        )
    if asked.kind == "whole" and asked.length != size:
        raise WrongHeader(
            f"En-tête Upload-Length : ce fichier a été annoncé avec {size} octets.",
            f"Header Upload-Length: this file was announced with {size} bytes.",
        )


async def _new(uow: Uow, bid: bids.Bid, number: int, asked: Asked) -> Upload:
    now = uow.now()
    part = number
    if asked.kind == "partial":
        highest = await uow.conn.fetchval(QUERIES["highest_part"], bid.id)
        part = max(_PARTIAL_FROM, int(highest or 0) + 1)
    if part > _PARTIAL_TO:
        raise UploadTooLarge("Trop d'envois partiels dans ce pli.", "Too many partial uploads in this bid.")
    until = now + uow.runtime.port(BidsSettings).upload_expiry
    return Upload(
        uuid4(), bid.id, number, asked.kind, asked.length, 0, part, asked.metadata, asked.concat, now, until, None,
        bid.depositor, bid.procedure, bid.state, "",
    )  # fmt: skip


async def _check_room(uow: Uow, upload: Upload, size: int) -> None:
    """Let partial uploads of a file announce twice its size together: a second start, not a store of anything."""
    announced = await uow.conn.fetchval(QUERIES["announced_in_parts"], upload.bid, upload.file, uow.now())
    if announced > 2 * size:
        raise UploadTooLarge(
            "Les envois partiels de ce fichier dépassent le double de sa taille : supprimez ceux qui ne servent plus.",
            "The partial uploads of this file exceed twice its size: delete those that are of no use any more.",
        )


async def _join(uow: Uow, final: Upload, asked: Asked, size: int) -> Upload:
    rows = {row["id"]: row for row in await uow.conn.fetch(QUERIES["lock_parts_to_join"], list(asked.parts))}
    own = [rows.get(each) for each in asked.parts]
    if any(row is None or (row["bid"], row["file"]) != (final.bid, final.file) for row in own):
        raise UnknownUpload("Une partie n'est pas de ce fichier.", "A part is not of this file.")
    if any(row is not None and (row["kind"] != "partial" or not row["complete"]) for row in own):
        raise UnfinishedParts(
            "Une partie n'est pas complète : finissez-la, puis assemblez.", "A part is not complete: finish it first."
        )
    length = sum(row["length"] for row in own if row is not None)
    if length != size:
        raise WrongHeader(
            f"En-tête Upload-Concat : les parties font {length} octets, le fichier annoncé {size}.",
            f"Header Upload-Concat: the parts have {length} bytes, the file announced {size}.",
        )
    await uow.conn.execute(QUERIES["join_parts"], final.id, list(asked.parts))
    await uow.conn.execute(QUERIES["remove_uploads"], list(asked.parts))
    await uow.conn.execute(QUERIES["complete_final"], final.id, length, uow.now())
    done = replace(final, length=length, received=length, completed_at=uow.now())
    await file_received(uow, done)
    return done


async def progress(runtime: Runtime, actor: Actor, upload_id: UUID) -> Upload:
    """Give an upload as it stands; whoever still receives it is asked to keep what it has and to stop.

    Raises UnknownUpload, UploadExpired, UploadHeld.
    """
    await own(runtime, actor, upload_id)
    await runtime.port(Leases).settled(upload_id)
    return await own(runtime, actor, upload_id)


async def terminate(runtime: Runtime, actor: Actor, upload_id: UUID) -> None:
    """End an upload and remove what came of it. Raises UnknownUpload, IllegalTransition, UploadHeld."""
    known = await own(runtime, actor, upload_id, expired=True)
    async with runtime.port(Leases).hold(upload_id), runtime.uow(actor=actor) as uow:
        bid = await drafts.own_bid(uow.conn, actor, known.bid, lock=True)
        after(BID, bid.state, "deposit")
        await end(uow, await _found(uow.conn, upload_id))


async def end(uow: Uow, upload: Upload) -> None:
    """Remove an upload of a draft; a file that it was is no longer received. Its stored parts are removed by a job."""
    if await uow.conn.fetchval(QUERIES["former_upload"], upload.bid, upload.file) == upload.id:
        await uow.conn.execute(QUERIES["file_received"], upload.bid, upload.file, None, None, None)
    await _tidy(uow, upload.id, [upload.folder])
    await uow.conn.execute(QUERIES["remove_uploads"], [upload.id])
    await record(uow, upload, FactKind.UPLOAD_REMOVED, received=upload.received)


async def expire(uow: Uow, upload: Upload) -> None:
    """Remove what came of an upload that was left too long; its row stays, so that its client is told."""
    await uow.conn.execute(QUERIES["forget_parts"], upload.id)
    await _tidy(uow, upload.id, [upload.folder], "expired")
    await record(uow, upload, FactKind.UPLOAD_REMOVED, received=upload.received)


async def file_received(uow: Uow, upload: Upload) -> None:
    """Make a complete upload the file of the bid; the parts of a former one are removed."""
    former = await uow.conn.fetchval(QUERIES["former_upload"], upload.bid, upload.file)
    if former is not None:
        await _forget(uow, former)
    parts = await store.parts(uow.conn, upload.id)
    digest = parts[0].sha256 if len(parts) == 1 else None
    await uow.conn.execute(QUERIES["file_received"], upload.bid, upload.file, upload.id, digest, uow.now())
    await uow.conn.execute(QUERIES["touch_bid"], upload.bid)
    await record(uow, upload, FactKind.UPLOAD_COMPLETED, length=upload.length)
    await _tidy(uow, upload.id, sorted({each.storage_key.rpartition("/")[0] for each in parts} | {upload.folder}))
    if digest is None:
        place = {"bid": str(upload.bid), "file": upload.file}
        uow.enqueue(DIGEST_JOB, key=str(upload.id), payload=place)
    uow.audit("upload_bid_file", f"{upload.bid}/{upload.file}")


async def _forget(uow: Uow, former: UUID) -> None:
    parts = await store.parts(uow.conn, former)
    await uow.conn.execute(QUERIES["remove_uploads"], [former])
    await _tidy(uow, former, sorted({each.storage_key.rpartition("/")[0] for each in parts}), "replaced")


async def _tidy(uow: Uow, upload: UUID, folders: list[str], why: str = "ended") -> None:
    uow.enqueue(TIDY_JOB, key=f"{upload}/{why}", payload={"folders": folders})


async def record(uow: Uow, upload: Upload, kind: FactKind, **content: object) -> None:
    """Note a fact of an upload in the evidence."""
    told = {"upload": str(upload.id), "file": upload.file, **content}
    await evidence.record(uow.conn, Fact(upload.procedure, upload.bid, kind, uow.now(), told))


async def own(runtime: Runtime, actor: Actor, upload_id: UUID, *, expired: bool = False) -> Upload:
    """Give an upload of the actor's company. Raises UnknownUpload, UploadExpired."""
    async with runtime.read() as conn:
        upload = await _found(conn, upload_id)
    if actor.kind is not OrganisationKind.COMPANY or upload.depositor != actor.organisation:
        raise _unknown()
    if not expired and upload.completed_at is None and is_over(upload, runtime.clock.now()):
        raise UploadExpired("Cet envoi a expiré : recommencez-le.", "This upload has expired: start it again.")
    return upload


def is_over(upload: Upload, now: datetime) -> bool:
    """Say whether an unfinished upload was left too long."""
    return upload.expires_at <= now


async def _found(conn: asyncpg.Connection, upload_id: UUID) -> Upload:
    upload = await store.find(conn, upload_id)
    if upload is None:
        raise _unknown()
    return upload


def _unknown() -> UnknownUpload:
    return UnknownUpload(
        "Aucun envoi de votre entreprise n'a cet identifiant.", "No upload of your company has that identifier."
    )
