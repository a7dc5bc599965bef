"""Receiving the bytes of one request for an upload: under its lease, from its offset, noted from first to last byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from libs.common.actor import Actor
from libs.common.errors import HallesError
from libs.common.runtime import Runtime
from services.bids.domain.states import BID, after
from services.bids.evidence import FactKind
from services.bids.service import drafts
from services.bids.settings import BidsSettings
from services.bids.store import bids, consultations
from services.bids.uploads import service, store
from services.bids.uploads.content import envelope_of_file
from services.bids.uploads.errors import FinalUpload, UploadHeld, UploadTooLarge, WrongOffset
from services.bids.uploads.leases import Lease, Leases
from services.bids.uploads.parts import Destination
from services.bids.uploads.protocol import Checksum
from services.bids.uploads.receiving import HandedOverError, Incoming, Receiver
from services.bids.uploads.store import QUERIES, Part, Upload

__all__ = ["MOST_PARTS", "Body", "receive"]

MOST_PARTS = 10_000
"""Parts of one upload: requests, and each 64 MiB of one."""


@dataclass(frozen=True)
class Body:
    """The bytes of one request, and how to stop reading them."""

    chunks: AsyncIterator[bytes]
    length: int | None
    """Content-Length, when the caller tells it."""
    checksum: Checksum | None
    stop: Callable[[], None]


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
        receiving.exception()  # told to nobody: its attempt is noted
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
    """One request: its attempt in the journal, its parts, each committed only under the lease and at the offset."""

    def __init__(self, runtime: Runtime, actor: Actor, upload: Upload, lease: Lease) -> None:
        self.upload = upload
        self._runtime = runtime
        self._actor = actor
        self._lease = lease
        self._incoming: Incoming | None = None
        self._attempt = uuid4()

    async def run(self, body: Body) -> None:
        """Take the request to its end, and note how it ended."""
        if self.upload.length and self.upload.received == self.upload.length:
            return
        destination, first = await self._begin()
        incoming = self._incoming = Incoming(body.chunks, self.upload.length - self.upload.received, body.checksum)
        try:
            await Receiver(destination, first, self._commit).receive(incoming)
        except HallesError as error:
            await self._end("refused", error.slug)
            raise
        except BaseException as error:
            await self._end("interrupted", type(error).__name__)
            raise
        await self._answer(incoming)

    async def _begin(self) -> tuple[Destination, int]:
        now = self._runtime.clock.now()
        async with self._runtime.uow(actor=self._actor) as uow:
            upload = self.upload
            bid = await drafts.own_bid(uow.conn, self._actor, upload.bid)
            keys = (await consultations.key_set(uow.conn, upload.procedure, bid.key_fingerprint)).keys
            self._attempt = await bids.begin_attempt(uow.conn, bid, "upload", now, upload.file)
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
        self.upload = upload

    async def _answer(self, incoming: Incoming) -> None:
        error = incoming.ended_by
        if error is None:
            await self._end("complete", None)
            return
        await self._end("interrupted", type(error).__name__)
        if self.upload.completed_at is not None:
            return
        raise _lost() if isinstance(error, HandedOverError) else error

    async def _end(self, outcome: bids.Outcome, reason: str | None) -> None:
        received = 0 if self._incoming is None else self._incoming.received
        async with self._runtime.uow(actor=self._actor) as uow:
            await bids.end_attempt(uow.conn, self._attempt, uow.now(), received, outcome, reason)
            if reason is not None:
                mismatch = reason == "checksum-mismatch"
                kind = FactKind.CHECKSUM_REFUSED if mismatch else FactKind.UPLOAD_INTERRUPTED
                await service.record(uow, self.upload, kind, offset=self.upload.received, reason=reason)


def _lost() -> UploadHeld:
    return UploadHeld(
        "Une autre connexion a repris cet envoi : ce qui était reçu est conservé.",
        "Another connection goes on with this upload: what was received is kept.",
    )
