"""Messages of a buyer to companies that answered it, their replies, the files of both; each thread is of two parties."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, Forbidden, IllegalTransition
from libs.common.files.incoming import Incoming
from libs.common.grants import Permission
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.correspondence import store
from services.bids.correspondence.errors import NotACorrespondent, UnknownAttachment, WrongMessage
from services.bids.correspondence.papers import MessageKind
from services.bids.correspondence.store import Attachment
from services.bids.correspondence.writing import Outgoing, write
from services.bids.domain.bids import file_name_problem
from services.bids.evaluation import requests
from services.bids.evidence import store as journal
from services.bids.evidence.proof import Proof, prove
from services.bids.service import consultations, letters
from services.bids.store.awards import Letter
from services.bids.store.consultations import Consultation

__all__ = [
    "MAX_ATTACHMENT", "Listed", "Message", "Place", "Reply", "attachment", "inbox", "proof", "reply", "send", "thread",
    "upload",
]  # fmt: skip

MAX_ATTACHMENT = 100 * 2**20
"""Bytes of one attachment."""


@dataclass(frozen=True)
class Message:
    """What a buyer writes: the same text and files to each addressee."""

    kind: MessageKind
    subject: str
    text: str
    addressees: tuple[str, ...]
    lot: str = ""
    answer_due_at: datetime | None = None
    attachments: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What a company answers."""

    text: str
    attachments: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Listed:
    """Letters of a page, with their files."""

    letters: Sequence[Letter]
    enclosures: Mapping[UUID, list[Attachment]]


@dataclass(frozen=True)
class Place:
    """Where a page begins, and how long it is."""

    before: int | None
    limit: int


async def send(uow: Uow, actor: Actor, procedure: UUID, message: Message) -> list[Letter]:
    """Send a message to companies that answered; never before the opening of their bids.

    Raises UnknownConsultation, Forbidden, RoleMissing, NotACorrespondent, UnknownAttachment, WrongMessage.
    """
    consultation = await consultations.get(uow.conn, procedure)
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.EVALUATE, uow.now())
    _check(message, consultation, uow.now())
    known = await store.known_companies(uow.conn, procedure)
    unknown = [each for each in message.addressees if each not in known]
    if unknown:
        raise _no_correspondent(unknown)
    files = await _own_files(uow.conn, message.attachments, procedure, actor.organisation)
    names = known | {consultation.buyer: consultation.notice.buyer.name}
    sent = []
    for each in message.addressees:
        out = Outgoing(
            message.kind, message.subject, message.text, message.lot, each, names,
            answer_due_at=message.answer_due_at, attachments=files,
        )  # fmt: skip
        sent.append(await write(uow, consultation, out))
    return sent


async def reply(uow: Uow, actor: Actor, letter_id: UUID, given: Reply) -> Letter:
    """Answer a letter of a buyer; after its answer deadline too: it is kept, and shows its hour. A request is thereby answered.

    Raises Forbidden, UnknownLetter, UnknownAttachment, IllegalTransition (it is no letter that a company answers), and for
    a request EvaluationOrder (too late), WrongEvaluation.
    """
    actor.require(OrganisationKind.COMPANY)
    letter = await letters.read(uow, actor, letter_id)
    if letter.addressee != actor.organisation or letter.fact is None:
        raise IllegalTransition(
            "Seule l'entreprise destinataire répond, et à un courrier de l'acheteur qui n'est pas un accusé ni une lettre "
            "d'attribution ou de rejet : pour ceux-ci, écrivez à l'acheteur à l'adresse de l'avis.",
            "Only its addressee answers, and a message of the buyer: for other letters use the contact of the notice.",
        )
    consultation = await consultations.get(uow.conn, letter.procedure)
    files = await _own_files(uow.conn, given.attachments, letter.procedure, actor.organisation)
    if letter.kind == "request":
        return await requests.answer_letter(uow, actor, letter, given.text, files)
    known = await store.known_companies(uow.conn, letter.procedure)
    names = known | {consultation.buyer: consultation.notice.buyer.name}
    subject = letter.subject if letter.subject.startswith("Re : ") else f"Re : {letter.subject}"[:200]
    out = Outgoing(
        "reply", subject, given.text, letter.lot, letter.buyer, names,
        sender=actor.organisation, in_reply_to=letter.id, attachments=files,
    )  # fmt: skip
    return await write(uow, consultation, out)


async def thread(
    conn: asyncpg.Connection, actor: Actor, procedure: UUID, company: str | None, place: Place, at: datetime
) -> Listed:
    """Give a buyer the letters of a procedure, or those with one company, newest first.

    Raises UnknownConsultation, Forbidden, RoleMissing.
    """
    consultation = await consultations.get(conn, procedure)
    await consultations.require_buyer(conn, actor, consultation, Permission.READ, at)
    found = await store.thread(conn, procedure, company, own=False, before=place.before, limit=place.limit)
    return Listed(found, await store.enclosures(conn, [each.id for each in found]))


async def inbox(uow: Uow, actor: Actor, procedure: UUID | None, place: Place) -> Listed:
    """Give a company its letters, both ways, newest first, of one procedure or all; this is their delivery. Raises Forbidden."""
    actor.require(OrganisationKind.COMPANY)
    found = await store.thread(
        uow.conn, procedure, actor.organisation, own=True, before=place.before, limit=place.limit
    )
    await store.shown(uow.conn, [each.id for each in found], actor.organisation, uow.now())
    return Listed(found, await store.enclosures(uow.conn, [each.id for each in found]))


async def upload(
    runtime: Runtime, actor: Actor, procedure: UUID, name: str, chunks: AsyncIterator[bytes]
) -> Attachment:
    """Keep a file to be sent: its format told by its content; programs are refused, whatever their name.

    Raises UnknownConsultation, Forbidden, RoleMissing, WrongMessage (its name), DangerousDocument, TooLarge.
    """
    async with runtime.read() as conn:
        await _may_write(conn, actor, procedure, runtime.clock.now())
    if problem := file_name_problem(name):
        fault = FieldError("query/name", problem, "this file name is not accepted")
        raise WrongMessage("Ce nom de fichier est refusé.", "This file name is not accepted.", errors=[fault])
    incoming, identity = Incoming(chunks, name), uuid4()
    kept = await runtime.storage.put(
        f"bids/attachments/{identity}", incoming, media_type="application/octet-stream", name=name, limit=MAX_ATTACHMENT
    )
    given = Attachment(identity, name, incoming.format.media_type, kept.size, kept.sha256, kept.key)
    async with runtime.uow(actor=actor) as uow:
        await store.add_attachment(uow.conn, procedure, actor.organisation, given, uow.now())
        uow.audit("upload_attachment", str(identity))
    return given


async def attachment(uow: Uow, actor: Actor, letter_id: UUID, attachment_id: UUID) -> Attachment:
    """Give a file of a letter to one of its two parties; for the addressee it is a reading. Raises UnknownLetter, UnknownAttachment."""
    letter = await letters.read(uow, actor, letter_id)
    enclosed = await store.enclosures(uow.conn, [letter.id])
    found = next((each for each in enclosed.get(letter.id, []) if each.id == attachment_id), None)
    if found is None:
        raise _unknown_attachment()
    return found


async def proof(uow: Uow, actor: Actor, letter_id: UUID) -> Proof | None:
    """Give the proof that a message was sent as it is, at its hour; None until its batch is closed. Raises UnknownLetter."""
    letter = await letters.read(uow, actor, letter_id)
    kept = None if letter.fact is None else await journal.find(uow.conn, letter.fact)
    if kept is None or kept.batch is None:
        return None
    return prove(kept, (await journal.batches(uow.conn, [kept.batch]))[kept.batch])


async def _may_write(conn: asyncpg.Connection, actor: Actor, procedure: UUID, at: datetime) -> None:
    consultation = await consultations.get(conn, procedure)
    if actor.kind is not OrganisationKind.COMPANY:
        await consultations.require_buyer(conn, actor, consultation, Permission.EVALUATE, at)
    elif actor.organisation not in await store.known_companies(conn, procedure):
        raise Forbidden(
            "Votre entreprise n'a pas de correspondance dans cette consultation : un fichier se joint à une réponse à l'acheteur.",
            "Your company has no correspondence in this consultation: files go with an answer to the buyer.",
        )


async def _own_files(
    conn: asyncpg.Connection, wanted: Sequence[UUID], procedure: UUID, organisation: str
) -> list[Attachment]:
    found = await store.own_attachments(conn, wanted, procedure, organisation)
    if any(each not in found for each in wanted):
        raise _unknown_attachment()
    return [found[each] for each in wanted]


def _check(message: Message, consultation: Consultation, now: datetime) -> None:
    faults = []
    if message.lot and consultation.lot(message.lot) is None:
        faults.append(FieldError("body/lot_id", f"lot inconnu : {message.lot}", "unknown lot"))
    if message.answer_due_at is not None and message.answer_due_at <= now:
        faults.append(FieldError("body/answer_due_at", "cette date est passée", "it has passed"))
    if len(set(message.addressees)) != len(message.addressees):
        faults.append(FieldError("body/addressees", "un destinataire est nommé deux fois", "one is named twice"))
    if faults:
        raise WrongMessage("Le message comporte des erreurs.", "The message has faults.", errors=faults)


def _no_correspondent(named: Sequence[str]) -> NotACorrespondent:
    names = ", ".join(named)
    return NotACorrespondent(
        f"{names} : on ne s'écrit qu'après l'ouverture, entre l'acheteur et une entreprise dont le pli a été ouvert ou qui a "
        "été invitée. Avant, les questions se posent sur la consultation.",
        f"{names}: letters pass after the opening only, between the buyer and a company whose bid was opened or that was invited.",
    )


def _unknown_attachment() -> UnknownAttachment:
    return UnknownAttachment(
        "Aucune de vos pièces jointes n'a cet identifiant dans cette consultation.", "No such attachment of yours here."
    )
