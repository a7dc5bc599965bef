"""Preparing a bid: its creation, and the upload of its sealed files, each attempt in the journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, InvalidInput, TooLarge
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.domain.bids import clashing, file_name_problem
from services.bids.domain.states import BID, BidState, after
from services.bids.errors import BidTooLarge, PartialReplacement, UnknownBid, WrongUpload
from services.bids.service import consultations
from services.bids.settings import BidsSettings
from services.bids.store import bids as store
from services.bids.store.bids import Bid, BidFile
from services.bids.store.consultations import Consultation

__all__ = ["DISCARD_JOB", "NewBid", "Upload", "create", "own_bid", "refuse_clash", "upload"]

DISCARD_JOB = "discard_upload"


@dataclass(frozen=True)
class NewBid:
    """A bid to prepare: for which lots, with which sealed files (name, bytes of ciphertext)."""

    procedure: UUID
    depositor_name: str | None
    lots: tuple[str, ...]
    files: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Upload:
    """The bytes of one file as they come."""

    bid: UUID
    number: int
    length: int | None
    """Content-Length, when the caller tells it."""
    chunks: AsyncIterator[bytes]


async def create(uow: Uow, actor: Actor, new: NewBid) -> Bid:
    """Prepare a bid; late ones too: they are received and kept.

    Raises UnknownConsultation, ProcedureSuspended, LotEnded, InvalidInput (every fault), BidTooLarge, PartialReplacement.
    """
    actor.require(OrganisationKind.COMPANY)
    consultation = await consultations.get(uow.conn, new.procedure)
    consultations.require_going_on(consultation, new.lots)
    _check(new, consultation)
    limit = uow.runtime.port(BidsSettings).max_bid_bytes
    if sum(size for _, size in new.files) > limit:
        raise BidTooLarge(
            f"Un pli a au plus {limit} octets, une fois scellé : réduisez ou répartissez les fichiers.",
            f"A bid has at most {limit} bytes once sealed: reduce or split the files.",
        )
    await refuse_clash(uow.conn, actor.organisation, new.procedure, frozenset(new.lots))
    name = new.depositor_name or actor.organisation
    bid = Bid(
        uuid4(), 1, new.procedure, actor.organisation, name, new.lots, BidState.DRAFT, uow.now(), None, None, None, None
    )
    await store.add(uow.conn, bid, new.files)
    uow.audit("create_bid", str(bid.id))
    return bid


def _check(new: NewBid, consultation: Consultation) -> None:
    faults = [
        FieldError(f"body/files/{index}/name", f"Nom refusé : {problem}.", "This file name is not accepted.")
        for index, (name, _) in enumerate(new.files)
        if (problem := file_name_problem(name))
    ]
    faults += [
        FieldError("body/lots", f"Lot inconnu : {lot}.", f"Unknown lot: {lot}.")
        for lot in new.lots
        if consultation.lot(lot) is None
    ]
    names = [name.casefold() for name, _ in new.files]
    if len(set(names)) != len(names) or len(set(new.lots)) != len(new.lots):
        faults.append(FieldError("body", "Un fichier ou un lot est nommé deux fois.", "A file or a lot comes twice."))
    if faults:
        raise InvalidInput("Le pli annoncé comporte des erreurs.", "The announced bid has faults.", errors=faults)


async def refuse_clash(conn: asyncpg.Connection, depositor: str, procedure: UUID, lots: frozenset[str]) -> None:
    """Refuse a bid that would replace a former one in part. Raises PartialReplacement that names the lots."""
    former = [each for each in await store.of_depositor(conn, depositor, procedure=procedure) if each.received_at]
    parts = set(clashing(lots, [each.deposited for each in former]))
    if parts:
        wanted = sorted(set().union(*(each.lots for each in former if each.id in parts)) | lots)
        raise PartialReplacement(
            f"Ce pli remplacerait en partie un pli déjà déposé : déposez-le pour les lots {', '.join(wanted)}.",
            f"This bid would replace a former one in part: make it for the lots {', '.join(wanted)}.",
        )


async def own_bid(conn: asyncpg.Connection, actor: Actor, bid_id: UUID, *, lock: bool = False) -> Bid:
    """Give a bid of the actor's company. Raises UnknownBid, for another company's too: it may not be known of."""
    bid = await (store.lock if lock else store.find)(conn, bid_id)
    if bid is None or actor.kind is not OrganisationKind.COMPANY or bid.depositor != actor.organisation:
        raise UnknownBid("Aucun pli de votre entreprise n'a cet identifiant.", "No bid of your company has that id.")
    return bid


async def upload(runtime: Runtime, actor: Actor, given: Upload) -> BidFile:
    """Store one sealed file of a draft as it comes; a second upload takes the place of the first.

    Raises UnknownBid, IllegalTransition, WrongUpload when the bytes are not as many as announced.
    """
    async with runtime.uow(actor=actor) as uow:
        bid = await own_bid(uow.conn, actor, given.bid)
        after(BID, bid.state, "deposit")
        file = await _announced(uow.conn, given)
        attempt = await store.begin_attempt(uow.conn, bid, "upload", uow.now(), given.number)
    counted = _Counted(given.chunks)
    key = f"bids/sealed/{bid.id}/{given.number}/{attempt.hex}"
    try:
        _check_length(given.length, file)
        stored = await _store(runtime, key, counted, file)
        return await _keep(runtime, actor, given, _Received(attempt, key, stored, counted.size))
    except BaseException as error:
        await _note_failure(runtime, attempt, counted.size, error)
        raise


@dataclass(frozen=True)
class _Received:
    """A file that came whole."""

    attempt: UUID
    key: str
    sha256: str
    size: int


async def _keep(runtime: Runtime, actor: Actor, given: Upload, received: _Received) -> BidFile:
    """Make it the file of the draft; the ciphertext of a former upload is removed by a job."""
    async with runtime.uow(actor=actor) as uow:
        bid = await own_bid(uow.conn, actor, given.bid, lock=True)
        after(BID, bid.state, "deposit")
        former = await _announced(uow.conn, given)
        now = uow.now()
        await store.file_uploaded(uow.conn, bid.id, given.number, key=received.key, sha256=received.sha256, at=now)
        await store.end_attempt(uow.conn, received.attempt, now, received.size, "complete")
        if former.storage_key is not None:
            uow.enqueue(DISCARD_JOB, key=former.storage_key, payload={"key": former.storage_key})
        uow.audit("upload_bid_file", f"{bid.id}/{given.number}")
    return replace(former, storage_key=received.key, sha256=received.sha256, uploaded_at=now)


async def _announced(conn: asyncpg.Connection, given: Upload) -> BidFile:
    files: Sequence[BidFile] = await store.files(conn, given.bid)
    found = next((each for each in files if each.number == given.number), None)
    if found is None:
        raise UnknownBid(
            f"Ce pli n'annonce que {len(files)} fichier(s).", f"This bid announces {len(files)} file(s) only."
        )
    return found


def _check_length(length: int | None, file: BidFile) -> None:
    if length is not None and length != file.size:
        raise _wrong_size(file, length)


async def _store(runtime: Runtime, key: str, chunks: _Counted, file: BidFile) -> str:
    """Write the ciphertext; give its hash. Nothing stays of what has another length."""
    try:
        stored = await runtime.storage.put(
            key, chunks, media_type="application/octet-stream", name=file.name, limit=file.size
        )
    except TooLarge:
        raise _wrong_size(file, chunks.size) from None
    if stored.size != file.size:
        await runtime.storage.delete(key)
        raise _wrong_size(file, stored.size)
    return stored.sha256


def _wrong_size(file: BidFile, received: int) -> WrongUpload:
    return WrongUpload(
        f"Le fichier {file.number} a été annoncé avec {file.size} octets, {received} ont été reçus ou annoncés : "
        "rien n'a été conservé, recommencez l'envoi.",
        f"File {file.number} was announced with {file.size} bytes, {received} came or were told: send it again.",
    )


async def _note_failure(runtime: Runtime, attempt: UUID, received: int, error: BaseException) -> None:
    outcome: store.Outcome = "refused" if isinstance(error, (InvalidInput, TooLarge)) else "interrupted"
    async with runtime.uow() as uow:
        await store.end_attempt(uow.conn, attempt, uow.now(), received, outcome, type(error).__name__)


class _Counted:
    """Passes chunks on and counts their bytes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            yield chunk
