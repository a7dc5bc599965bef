"""Receiving the bytes of one request for an upload: under its lease, from its offset, noted from first to last byte."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import HallesError
from libs.common.runtime import Runtime
from services.bids.domain.states import BID, after
from services.bids.evidence import FactKind
from services.bids.service import drafts
from services.bids.settings import BidsSettings
from services.bids.store import consultations
from services.bids.uploads import service, store
from services.bids.uploads.body import Body
from services.bids.uploads.connected import ConnectionReceiver
from services.bids.uploads.content import envelope_of_file
from services.bids.uploads.errors import FinalUpload, UploadHeld, UploadTooLarge, WrongOffset
from services.bids.uploads.leases import Lease, Leases
from services.bids.uploads.parts import Destination
from services.bids.uploads.receiving import ChunkReceiver, HandedOverError, Incoming
from services.bids.uploads.store import QUERIES, Part, Upload

__all__ = ["MOST_PARTS", "receive"]

MOST_PARTS = 10_000
"""Parts of one upload: requests, and each 64 MiB of one."""


async def receive(runtime: Runtime, actor: Actor, place: tuple[UUID, int], body: Body) -> Upload:
    """Take the bytes of one request from an offset on (upload, offset); give the upload as it stands then.

    Raises UnknownUpload, UploadExpired, FinalUpload, IllegalTransition, WrongOffset, UploadTooLarge, ChecksumMismatch,
    UploadHeld, NoRoom; RequestTimeout when the sender stalls, after keeping what came.
    """
    receiving = asyncio.ensure_future(_receive(runtime, actor, place, body))
    try:
        return await asyncio.shield(receiving)
    except asyncio.CancelledError:  # the server stops, or the caller left: what came is kept first
        body.stop()
        await asyncio.wait([receiving])
        receiving.exception()  # told to nobody: a fact tells
        raise


async def _receive(runtime: Runtime, actor: Actor, place: tuple[UUID, int], body: Body) -> Upload:
    upload_id, offset = place
    await service.own(runtime, actor, upload_id)
    async with runtime.port(Leases).hold(upload_id) as lease:
        upload = await service.own(runtime, actor, upload_id)
        _check_start(upload, offset, body)
        work = _Receiving(runtime, actor, upload, lease)
        lease.on_stop(body.stop)
        await work.run(body)
        return work.upload


def _check_start(upload: Upload, offset: int, body: Body) -> None:
    if upload.kind == "final":
        raise FinalUpload("Un envoi assemblé ne reçoit plus rien.", "A joined upload takes nothing more.")
    after(BID, upload.bid_state, "deposit")
    if offset != upload.received:
        raise WrongOffset(
            f"L'envoi en est à l'octet {upload.received}, pas {offset} : demandez-le (HEAD), puis reprenez de là.",
            f"The upload is at byte {upload.received}, not {offset}: ask (HEAD), then go on from there.",
        )
    if body.length is not None and body.length > upload.length - offset:
        rest = upload.length - offset
        raise UploadTooLarge(
            f"Cet envoi n'attend plus que {rest} octets, la requête en annonce {body.length}.",
            f"This upload takes {rest} more bytes, the request announces {body.length}.",
        )


class _Receiving:
    """One request: its facts in the evidence, its parts, each committed only under the lease and at the offset."""

    def __init__(self, runtime: Runtime, actor: Actor, upload: Upload, lease: Lease) -> None:
        self.upload = upload
        self._runtime = runtime
        self._actor = actor
        self._lease = lease

    async def run(self, body: Body) -> None:
        """Take the request to its end, and note how it ended."""
        if self.upload.length and self.upload.received == self.upload.length:
            return
        destination, first = await self._begin()
        room = self.upload.length - self.upload.received
        incoming = Incoming(room, body.length, body.checksum)
        try:
            await self._take(body, incoming, destination, first)
        except HallesError as error:
            await self._end("refused", error.slug)
            raise
        except BaseException as error:
            await self._end("interrupted", type(error).__name__)
            raise
        await self._answer(incoming)

    async def _take(self, body: Body, incoming: Incoming, destination: Destination, first: int) -> None:
        """Have what the platform seals read by the processes that seal it, where the connection allows it."""
        if destination.envelope is not None:
            with body.connection() as wire:
                if wire is not None:
                    await ConnectionReceiver(wire, destination, first, self._commit).receive(incoming)
                    return
        chunks, storage = body.chunks(), destination.storage
        await ChunkReceiver(chunks, destination.open, storage, first, self._commit).receive(incoming)

    async def _begin(self) -> tuple[Destination, int]:
        async with self._runtime.uow(actor=self._actor) as uow:
            upload = self.upload
            bid = await drafts.own_bid(uow.conn, self._actor, upload.bid)
            keys = (await consultations.key_set(uow.conn, upload.procedure, bid.key_fingerprint)).keys
            kind = FactKind.UPLOAD_RESUMED if upload.received else FactKind.UPLOAD_STARTED
            await service.record(uow, upload, kind, offset=upload.received)
            count = await uow.conn.fetchval(QUERIES["count_parts"], upload.id)
            envelope = None
            if upload.sealed_by == "platform":
                envelope = await envelope_of_file(uow.conn, upload, keys.fingerprint)
        if count >= MOST_PARTS:
            raise UploadTooLarge(
                "Trop de requêtes pour un envoi : recommencez-le avec de plus grandes.",
                "Too many requests for one upload: start again with larger ones.",
            )
        return Destination(self._runtime.storage, upload, envelope, keys), count + 1

    async def _commit(self, parts: Sequence[Part]) -> None:
        """Acknowledge parts: all of them, or none when the lease is lost. Raises UploadHeld."""
        size = sum(each.size for each in parts)
        async with self._runtime.uow(actor=self._actor) as uow:
            # the bid first, as a deposit and the end of an upload do
            bid = await drafts.own_bid(uow.conn, self._actor, self.upload.bid, lock=True)
            after(BID, bid.state, "deposit")
            now = uow.now()
            until = now + uow.runtime.port(BidsSettings).upload_expiry
            row = await uow.conn.fetchrow(
                QUERIES["advance"], self.upload.id, self._lease.epoch, self.upload.received, size, until, now
            )
            if row is None:
                raise _lost()
            await store.add_parts(uow.conn, self.upload.id, parts)
            upload = replace(self.upload, received=row["received"], expires_at=until)
            if upload.received == upload.length:
                upload = replace(upload, completed_at=now)
                if upload.kind == "whole":
                    await service.file_received(uow, upload)
                else:
                    await service.record(uow, upload, FactKind.UPLOAD_COMPLETED, length=upload.length)
        self.upload = upload

    async def _answer(self, incoming: Incoming) -> None:
        error = incoming.ended_by
        if error is None:
            await self._pause()
            return
        await self._end("interrupted", type(error).__name__)
        if self.upload.completed_at is not None:
            return
        raise _lost() if isinstance(error, HandedOverError) else error

    async def _pause(self) -> None:
        """Note that a request ended well; the last one of a file is told by its completion."""
        if self.upload.completed_at is None:
            async with self._runtime.uow(actor=self._actor) as uow:
                await service.record(uow, self.upload, FactKind.UPLOAD_PAUSED, offset=self.upload.received)

    async def _end(self, outcome: Literal["refused", "interrupted"], reason: str) -> None:
        """Note what ended a request before its last byte."""
        kind = FactKind.CHECKSUM_REFUSED if reason == "checksum-mismatch" else FactKind.UPLOAD_INTERRUPTED
        async with self._runtime.uow(actor=self._actor) as uow:
            await service.record(uow, self.upload, kind, offset=self.upload.received, reason=reason, outcome=outcome)


def _lost() -> UploadHeld:
    return UploadHeld(
        "Une autre connexion a repris cet envoi : ce qui était reçu est conservé.",
        "Another connection goes on with this upload: what was received is kept.",
    )
