"""Preparing a bid: its creation, and the upload of its sealed files, each attempt in the journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, InvalidInput, TooLarge
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.domain.bids import file_name_problem
from services.bids.domain.states import BID, BidState, after
from services.bids.errors import BidTooLarge, UnknownBid, WrongUpload
from services.bids.sealing.manifest import MAX_FILES
from services.bids.service import consultations
from services.bids.settings import BidsSettings
from services.bids.store import bids as store
from services.bids.store.bids import Announced, Bid, BidFile
from services.bids.store.consultations import Consultation

__all__ = ["DISCARD_JOB", "NewBid", "Upload", "create", "own_bid", "upload"]

DISCARD_JOB = "discard_upload"


@dataclass(frozen=True)
class NewBid:
    """A bid to prepare: its envelopes, each for some lots, with their files."""

    procedure: UUID
    depositor_name: str | None
    envelopes: tuple[Announced, ...]

    @property
    def lots(self) -> tuple[str, ...]:
        """The lots it is for, in the order in which its envelopes name them."""
        return tuple(dict.fromkeys(lot for each in self.envelopes for lot in each.lots))

    @property
    def files(self) -> tuple[tuple[str, int], ...]:
        """Its files (name, bytes to upload), numbered from 1 through the bid."""
        return tuple(file for each in self.envelopes for file in each.files)


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

    Raises UnknownConsultation, ProcedureSuspended, LotEnded, InvalidInput (every fault), BidTooLarge.
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
    name = new.depositor_name or actor.organisation
    bid = Bid(
        uuid4(), 1, new.procedure, actor.organisation, name, new.lots, BidState.DRAFT, uow.now(), None, None, None,
        consultation.keys.fingerprint,
    )  # fmt: skip
    await store.add(uow.conn, bid, new.envelopes)
    uow.audit("create_bid", str(bid.id))
    return bid


def _check(new: NewBid, consultation: Consultation) -> None:
    faults = [*_file_faults(new), *_lot_faults(new, consultation)]
    if faults:
        raise InvalidInput("Le pli annoncé comporte des erreurs.", "The announced bid has faults.", errors=faults)


def _file_faults(new: NewBid) -> Iterator[FieldError]:
    for index, envelope in enumerate(new.envelopes):
        for place, (name, _) in enumerate(envelope.files):
            if problem := file_name_problem(name):
                where = f"body/envelopes/{index}/files/{place}/name"
                yield FieldError(where, f"Nom refusé : {problem}.", "This file name is not accepted.")
    names = [name.casefold() for name, _ in new.files]
    if len(set(names)) != len(names):
        yield FieldError("body/envelopes", "Un fichier est nommé deux fois.", "A file comes twice.")
    if len(names) > MAX_FILES:
        yield FieldError("body/envelopes", f"Un pli a au plus {MAX_FILES} fichiers.", f"At most {MAX_FILES} files.")


def _lot_faults(new: NewBid, consultation: Consultation) -> Iterator[FieldError]:
    """Give what is wrong with the lots: unknown, in two envelopes of one kind, without the application asked for."""
    seen: set[tuple[str, str]] = set()
    for index, envelope in enumerate(new.envelopes):
        where = f"body/envelopes/{index}/lots"
        for lot in envelope.lots:
            if consultation.lot(lot) is None:
                yield FieldError(where, f"Lot inconnu : {lot}.", f"Unknown lot: {lot}.")
            if (envelope.kind, lot) in seen:
                yield FieldError(where, f"{lot} vient dans deux enveloppes de même sorte.", f"{lot} comes twice.")
            seen.add((envelope.kind, lot))
    missing = [lot for lot in new.lots if ("application", lot) not in seen]
    if missing and consultation.rules.application == "required":
        names = ", ".join(missing)
        yield FieldError(
            "body/envelopes",
            f"Enveloppe de candidature à joindre pour : {names}.",
            f"Application missing for: {names}.",
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
