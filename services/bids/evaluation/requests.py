"""Requests to bidders after the opening: complete, clarify, regularise, explain a price, prove; with a date and an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.calendar import french_hour
from libs.common.errors import FieldError
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.correspondence import store as correspondence
from services.bids.correspondence.store import Attachment
from services.bids.correspondence.writing import Outgoing, write
from services.bids.documents.letters import RequestFacts, request_letter
from services.bids.domain.states import REQUEST, after
from services.bids.evaluation import announce, store
from services.bids.evaluation.errors import EvaluationOrder, UnknownRequest, WrongEvaluation
from services.bids.evaluation.service import Case, case_of, set_verdict, wrong
from services.bids.evaluation.store import Request, Scoring
from services.bids.evaluation.verdicts import ASKS, LEAST, RequestKind, Verdict
from services.bids.service import consultations, letters
from services.bids.store.awards import Letter

__all__ = [
    "MAX_DOCUMENT",
    "Ask",
    "Outcome",
    "add_document",
    "answer",
    "answer_letter",
    "ask",
    "first_left",
    "of_party",
    "read",
    "settle",
]

MAX_DOCUMENT: Final = 20 * 2**20
"""Bytes of a document of an answer."""
MAX_DOCUMENTS: Final = 50
Outcome = Literal["accepted", "refused", "missing"]
_STEPS: Final[Mapping[Outcome, str]] = {"accepted": "accept", "refused": "refuse", "missing": "note as missing"}


class Ask:
    """What is asked of the bidder of a bid, until when."""

    def __init__(self, bid: UUID, kind: RequestKind, text: str, due_at: datetime) -> None:
        self.bid, self.kind, self.text, self.due_at = bid, kind, text.strip(), due_at


async def ask(uow: Uow, actor: Actor, lot: tuple[UUID, str], wanted: Ask) -> Request:
    """Ask a bidder for something; a letter of the correspondence says what, why and until when: proved, and reminded of.

    Raises what `case_of` does, WrongEvaluation, EvaluationOrder: proofs are asked of the first in rank only (R2144-4 CCP).
    """
    case = await case_of(uow.conn, actor, *lot, Permission.EVALUATE, at=uow.now(), lock=True)
    bid = case.bid(wanted.bid)
    await _check(uow, case, wanted)
    facts = _facts(case, wanted, uow.now())
    paper = await asyncio.to_thread(request_letter, facts)
    out = Outgoing(
        "request", paper.subject, wanted.text, lot[1], bid.depositor, {}, answer_due_at=wanted.due_at, paper=paper
    )
    letter = await write(uow, case.consultation, out)
    request = Request(
        uuid4(), *lot, bid.id, bid.depositor, wanted.kind, wanted.text, uow.now(), wanted.due_at, letter.id
    )
    await store.add_request(uow.conn, request)
    uow.audit("ask_bidder", str(request.id))
    uow.emit(announce.sent(request, case.consultation.buyer))
    return request


async def _check(uow: Uow, case: Case, wanted: Ask) -> None:
    if wanted.kind is not RequestKind.APPLICATION:
        case.require_offers()
    if wanted.due_at < uow.now() + LEAST:
        raise wrong([FieldError("body/due_at", "laissez au moins vingt-quatre heures", "give a day at least")])
    asked = await store.requests(uow.conn, case.key)
    if any(each.pending and (each.bid, each.kind) == (wanted.bid, wanted.kind) for each in asked):
        raise EvaluationOrder(
            "La même demande attend déjà une réponse de ce candidat, ou votre suite : réglez-la d'abord.",
            "The same request is pending for this bidder: settle it first.",
        )
    if wanted.kind is RequestKind.PROOFS:
        await _require_first(uow.conn, case, wanted.bid)


async def _require_first(conn: asyncpg.Connection, case: Case, bid: UUID) -> None:
    found = await store.scorings(conn, case.key)
    if not found or found[0].step < await store.last_step(conn, case.key):
        raise EvaluationOrder(
            "Notez et classez d'abord les offres : les justificatifs ne sont demandés qu'au candidat retenu (art. R2144-4 CCP).",
            "First score and rank the bids: proofs are asked of the chosen bidder only.",
        )
    first = first_left(found[0], await store.requests(conn, case.key), case.holders)
    if bid not in first:
        names = ", ".join(case.bids[each].depositor_name for each in first if each in case.bids)
        raise EvaluationOrder(
            f"Les justificatifs ne sont demandés qu'au premier du classement : {names or 'aucune offre'}.",
            f"Proofs are asked of the first in rank only: {names or 'none'}.",
        )


def first_left(scoring: Scoring, asked: list[Request], holders: int = 1) -> list[UUID]:
    """Give the first in rank, as many as there may be holders, past those whose proofs were refused or missing (R2144-7 CCP).

    Those that share the last rank taken are all given.
    """
    out = {each.bid for each in asked if each.kind is RequestKind.PROOFS and each.state in {"refused", "missing"}}
    left = [each for each in scoring.content["scores"] if UUID(each["bid"]) not in out]
    return [UUID(each["bid"]) for each in left if sum(one["rank"] < each["rank"] for one in left) < holders]


def _facts(case: Case, wanted: Ask, now: datetime) -> RequestFacts:
    notice = case.consultation.notice
    return RequestFacts(
        notice.buyer.name, notice.title, case.lot.lot_id, case.lot.title, ASKS[wanted.kind], wanted.text,
        french_hour(wanted.due_at, case.consultation.zone), now, case.consultation.zone,
    )  # fmt: skip


async def of_party(
    conn: asyncpg.Connection, actor: Actor, identity: UUID, at: datetime, *, lock: bool = False
) -> Request:
    """Give a request to the bidder it was sent to, or to who evaluates for its buyer. Raises UnknownRequest, RoleMissing."""
    unknown = _unknown()
    found = await (store.lock_request if lock else store.find_request)(conn, identity)
    if found is None:
        raise unknown
    if actor.kind is not OrganisationKind.COMPANY or actor.organisation != found.bidder:
        consultation = await consultations.get(conn, found.procedure)
        await require(conn, actor, consultation.buyer, found.procedure, Permission.EVALUATE, at, unknown=unknown)
    return found


async def answer(uow: Uow, actor: Actor, identity: UUID, text: str) -> Request:
    """Answer in words, as the bidder, until the date given; a letter takes them to the buyer, with the documents added before.

    Answered again, the last text holds. Raises UnknownRequest, Forbidden, IllegalTransition, EvaluationOrder (too late).
    """
    found = await _own(uow, actor, identity)
    files = [_attachment(each) for each in found.documents]
    for each in files:
        await correspondence.add_attachment(uow.conn, found.procedure, found.bidder, each, uow.now())
    await _write_answer(uow, found, text, files)
    return await _note_answer(uow, found, text, found.documents)


async def answer_letter(uow: Uow, actor: Actor, letter: Letter, text: str, files: Sequence[Attachment]) -> Letter:
    """Answer the letter of a request as letters are answered, files joined. Raises what `answer` does, WrongEvaluation."""
    found = await store.request_of_letter(uow.conn, letter.id)
    if found is None:
        raise _unknown()
    found = await _own(uow, actor, found.id)
    documents = (*found.documents, *(_document(each) for each in files))
    if len(documents) > MAX_DOCUMENTS:
        raise _too_many()
    reply = await _write_answer(uow, found, text, files)
    await _note_answer(uow, found, text, documents)
    return reply


async def _write_answer(uow: Uow, found: Request, text: str, files: Sequence[Attachment]) -> Letter:
    consultation = await consultations.get(uow.conn, found.procedure)
    names = await correspondence.known_companies(uow.conn, found.procedure)
    subject = f"Re : {ASKS[found.kind].partition(' (')[0]}"
    out = Outgoing(
        "reply", subject, text.strip(), found.lot, consultation.buyer,
        names | {consultation.buyer: consultation.notice.buyer.name},
        sender=found.bidder, in_reply_to=found.letter, attachments=files,
    )  # fmt: skip
    return await write(uow, consultation, out)


async def _note_answer(uow: Uow, found: Request, text: str, documents: tuple[DocumentReference, ...]) -> Request:
    state = after(REQUEST, found.state, "answer")
    changed = replace(found, state=state, answer=text.strip(), documents=documents, answered_at=uow.now())
    return await _save(uow, changed, "answer_request")


def _attachment(document: DocumentReference) -> Attachment:
    return Attachment(uuid4(), document.name, document.media_type, document.size, document.sha256, document.key)


def _document(file: Attachment) -> DocumentReference:
    return DocumentReference(
        key=file.storage_key, name=file.name, media_type=file.media_type, size=file.size, sha256=file.sha256
    )


async def add_document(runtime: Runtime, actor: Actor, identity: UUID, pdf: bytes) -> Request:
    """Add a PDF to an answer, as the bidder, until the date given.

    Raises UnknownRequest, Forbidden, IllegalTransition, EvaluationOrder (too late), WrongEvaluation (no PDF, or too many).
    """
    if not pdf.startswith(b"%PDF-"):
        raise wrong([FieldError("body", "ce document n'est pas un PDF", "this document is not a PDF")])
    async with runtime.uow(actor=actor) as uow:
        await _own(uow, actor, identity)
    digest = sha256(pdf).hexdigest()
    name = f"justificatif-{digest[:12]}.pdf"
    key = f"bids/requests/{identity}/{digest}.pdf"
    document = await runtime.storage.put(key, pdf, media_type="application/pdf", name=name)
    async with runtime.uow(actor=actor) as uow:
        return await _keep_document(uow, actor, identity, document)


async def _keep_document(uow: Uow, actor: Actor, identity: UUID, document: DocumentReference) -> Request:
    found = await _own(uow, actor, identity)
    if document in found.documents:
        return found
    if len(found.documents) >= MAX_DOCUMENTS:
        raise _too_many()
    state = after(REQUEST, found.state, "answer")
    changed = replace(found, state=state, documents=(*found.documents, document), answered_at=uow.now())
    return await _save(uow, changed, "add_document_to_answer")


def _too_many() -> WrongEvaluation:
    return wrong([FieldError("body", f"{MAX_DOCUMENTS} documents au plus", f"{MAX_DOCUMENTS} documents at most")])


def _unknown() -> UnknownRequest:
    return UnknownRequest("Aucune demande pour votre organisation n'a cet identifiant.", "No such request for you.")


async def read(uow: Uow, actor: Actor, identity: UUID) -> Request:
    """Give a request to a party of it; the bidder's first reading is that of its letter. Raises UnknownRequest, RoleMissing."""
    found = await of_party(uow.conn, actor, identity, uow.now())
    if actor.organisation == found.bidder:
        await letters.read(uow, actor, found.letter)
    return found


async def _own(uow: Uow, actor: Actor, identity: UUID) -> Request:
    found = await of_party(uow.conn, actor, identity, uow.now(), lock=True)
    actor.require(OrganisationKind.COMPANY)
    actor.require_organisation(found.bidder)
    after(REQUEST, found.state, "answer")
    if uow.now() > found.due_at:
        raise EvaluationOrder(
            "La date de réponse est passée : écrivez à l'acheteur, qui peut vous adresser une nouvelle demande.",
            "The date to answer has passed: the buyer may send you another request.",
        )
    return found


async def settle(uow: Uow, actor: Actor, identity: UUID, outcome: Outcome, reason: str) -> Request:
    """Say what came of a request. Refused or missing proofs, or applications, set the bid aside (R2144-7 CCP).

    A request is missing only after its date. Raises UnknownRequest, what `case_of` does, IllegalTransition, EvaluationOrder,
    WrongEvaluation.
    """
    seen = await of_party(uow.conn, actor, identity, uow.now())
    case = await case_of(uow.conn, actor, seen.procedure, seen.lot, Permission.EVALUATE, at=uow.now(), lock=True)
    found = await of_party(uow.conn, actor, identity, uow.now(), lock=True)
    state = after(REQUEST, found.state, _STEPS[outcome])
    if outcome == "missing" and uow.now() <= found.due_at:
        hour = french_hour(found.due_at, case.consultation.zone)
        raise EvaluationOrder(f"Le candidat peut répondre jusqu'au {hour}.", "The bidder still has time to answer.")
    if outcome == "refused" and not reason.strip():
        raise wrong([FieldError("body/reason", "motif à donner : le candidat le recevra", "the reason is needed")])
    told = reason.strip() or ("Demande restée sans réponse à la date fixée." if outcome == "missing" else "")
    changed = replace(found, state=state, reason=told, settled_at=uow.now())
    if found.kind is RequestKind.APPLICATION and outcome != "accepted":
        await set_verdict(uow, actor, case, found.bid, Verdict.APPLICATION_REJECTED, told)
    return await _save(uow, changed, "settle_request", settled=True)


async def _save(uow: Uow, request: Request, act: str, *, settled: bool = False) -> Request:
    saved = replace(request, version=await store.save_request(uow.conn, request))
    consultation = await consultations.get(uow.conn, request.procedure)
    uow.audit(act, str(request.id))
    tell = announce.settled if settled else announce.answered
    uow.emit(tell(saved, consultation.buyer, uow.now()))
    return saved
