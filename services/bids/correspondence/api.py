"""The routes of the correspondence, for the two parties of each thread."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition, TooLarge
from libs.common.files.incoming import DangerousDocument
from libs.common.http import Cursor, Page, Routes, attachment, chunks, send_document
from libs.common.messages.base import DocumentReference, OrganisationId, Sha256
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.api.views import PageQuery
from services.bids.correspondence import register, service
from services.bids.correspondence.errors import NotACorrespondent, UnknownAttachment, WrongMessage
from services.bids.correspondence.store import Attachment
from services.bids.errors import UnknownConsultation, UnknownLetter
from services.bids.evaluation.errors import EvaluationOrder, WrongEvaluation
from services.bids.evidence.proof import Proof
from services.bids.retention.errors import Destroyed
from services.bids.retention.service import require_kept
from services.bids.store.awards import Letter

__all__ = ["routes"]

routes = Routes("bids")
Subject = Annotated[str, Field(min_length=1, max_length=200)]
Body = Annotated[str, Field(min_length=1, max_length=20_000)]
Files = Annotated[list[UUID], Field(max_length=20)]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class MessageInput(_Input):
    """A message of the buyer: the same text and files to each addressee, who does not learn of the others."""

    kind: Literal["clarification", "completion", "negotiation", "information"]
    subject: Subject
    text: Body = Field(description="plain text; nothing of it is read as markup")
    addressees: list[OrganisationId] = Field(min_length=1, max_length=200)
    lot_id: str = Field(default="", max_length=200)
    answer_due_at: AwareDatetime | None = None
    attachments: Files = Field(default=[], description="uploaded before, in order")


class ReplyInput(_Input):
    """An answer to a letter of the buyer."""

    text: Body
    attachments: Files = []


class AttachmentQuery(_Input):
    """The name of a file."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class ThreadQuery(_Input):
    """A page of letters; `company`: of one thread, for the buyer."""

    company: OrganisationId | None = None
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


class AttachmentView(_View):
    """A file of a letter."""

    attachment_id: UUID
    name: str
    media_type: str = Field(description="told by its content")
    size: int
    sha256: Sha256

    @classmethod
    def of(cls, given: Attachment) -> Self:
        """Present a file."""
        return cls(
            attachment_id=given.id, name=given.name, media_type=given.media_type, size=given.size, sha256=given.sha256
        )


class MessageView(_View):
    """A letter and what is proved of it; its text is at `/letters/{letter_id}`, which is its reading."""

    letter_id: UUID
    procedure: UUID
    kind: str
    subject: str
    lot_id: str
    sender: str
    addressee: str
    in_reply_to: UUID | None
    sent_at: datetime
    delivered_at: datetime | None
    delivered_by: str | None = Field(description="mail: the mail server took the mail that tells of it; inbox: shown")
    undelivered_at: datetime | None = Field(
        description="when the mail that tells of it was known not to arrive; the letter waits here all the same"
    )
    undelivered_state: str | None = Field(
        description="undeliverable (no address), suppressed, refused, failed, bounced"
    )
    first_read_at: datetime | None
    read_by: str | None = Field(description="the person, as the token of the addressee names it")
    answer_due_at: datetime | None
    attachments: list[AttachmentView]
    sha256: Sha256

    @classmethod
    def of(cls, letter: Letter, files: list[Attachment]) -> Self:
        """Present a letter."""
        return cls(
            letter_id=letter.id, procedure=letter.procedure, kind=letter.kind, subject=letter.subject,
            lot_id=letter.lot, sender=letter.sender or letter.buyer, addressee=letter.addressee,
            in_reply_to=letter.in_reply_to, sent_at=letter.sent_at, delivered_at=letter.delivered_at,
            delivered_by=letter.delivered_by, undelivered_at=letter.undelivered_at,
            undelivered_state=letter.undelivered_state, first_read_at=letter.first_read_at,
            read_by=letter.read_by,
            answer_due_at=letter.answer_due_at, attachments=[AttachmentView.of(each) for each in files],
            sha256=letter.sha256,
        )  # fmt: skip


class SentView(_View):
    """The letters that a message made, one an addressee."""

    letters: list[UUID]


_REFUSALS = [UnknownConsultation, Forbidden, NotACorrespondent, UnknownAttachment, WrongMessage]


@routes.post("/v1/consultations/{procedure}/messages", status=201, errors=_REFUSALS, tag="correspondence")
async def send_message(uow: Uow, actor: Actor, procedure: UUID, body: MessageInput) -> SentView:
    """Write to companies whose bids were opened, or that were invited: the same text and files to each of them."""
    message = service.Message(
        body.kind, body.subject, body.text, tuple(body.addressees), body.lot_id, body.answer_due_at,
        tuple(body.attachments),
    )  # fmt: skip
    return SentView(letters=[each.id for each in await service.send(uow, actor, procedure, message)])


@routes.get("/v1/consultations/{procedure}/messages", errors=[UnknownConsultation, Forbidden], tag="correspondence")
async def list_messages(runtime: Runtime, actor: Actor, procedure: UUID, query: ThreadQuery) -> Page[MessageView]:
    """List the letters of a consultation, both ways, newest first, or those with one company; for its buyer."""
    async with runtime.read() as conn:
        place = _place(runtime, query)
        found = await service.thread(conn, actor, procedure, query.company, place, runtime.clock.now())
    return _page(runtime, found, query.limit)


@routes.get("/v1/messages", errors=[Forbidden], tag="correspondence")
async def list_inbox(uow: Uow, actor: Actor, query: PageQuery) -> Page[MessageView]:
    """List a company's letters, both ways, newest first, of one consultation or of all: this is their delivery."""
    found = await service.inbox(uow, actor, query.procedure, _place(uow.runtime, query))
    return _page(uow.runtime, found, query.limit)


def _place(runtime: Runtime, query: ThreadQuery | PageQuery) -> service.Place:
    before = None if query.cursor is None else int(Cursor.decode(runtime, query.cursor)["before"])
    return service.Place(before, query.limit + 1)


def _page(runtime: Runtime, found: service.Listed, limit: int) -> Page[MessageView]:
    shown = found.letters[:limit]
    following = Cursor.encode(runtime, {"before": shown[-1].sequence}) if len(found.letters) > limit else None
    return Page(items=[MessageView.of(each, found.enclosures.get(each.id, [])) for each in shown], next=following)


@routes.post(
    "/v1/letters/{letter_id}/replies",
    status=201,
    errors=[Forbidden, UnknownLetter, UnknownAttachment, IllegalTransition, EvaluationOrder, WrongEvaluation],
    tag="correspondence",
)
async def reply_to_letter(uow: Uow, actor: Actor, letter_id: UUID, body: ReplyInput) -> SentView:
    """Answer a message of a buyer, as its addressee; after its answer deadline too, but for a request: it shows its hour."""
    given = service.Reply(body.text, tuple(body.attachments))
    return SentView(letters=[(await service.reply(uow, actor, letter_id, given)).id])


@routes.post(
    "/v1/consultations/{procedure}/attachments",
    status=201,
    errors=[UnknownConsultation, Forbidden, WrongMessage, DangerousDocument, TooLarge],
    tag="correspondence",
    accepts=["*/*"],
)
async def upload_attachment(
    runtime: Runtime, request: web.Request, actor: Actor, procedure: UUID, query: AttachmentQuery
) -> web.StreamResponse:
    """Upload a file to send with a message: streamed, hashed, its format told by its content; programs are refused."""
    given = await service.upload(runtime, actor, procedure, query.name, chunks(request, service.MAX_ATTACHMENT))
    body = AttachmentView.of(given).model_dump_json()
    return web.Response(text=body, status=201, content_type="application/json")


@routes.get(
    "/v1/letters/{letter_id}/attachments/{attachment_id}",
    errors=[Destroyed, UnknownLetter, UnknownAttachment],
    tag="correspondence",
    produces=["application/octet-stream"],
)
async def get_attachment(
    runtime: Runtime, request: web.Request, actor: Actor, letter_id: UUID, attachment_id: UUID
) -> web.StreamResponse:
    """Download a file of a letter, as one of its two parties."""
    async with runtime.uow(actor=actor) as uow:
        found = await service.attachment(uow, actor, letter_id, attachment_id)
    document = DocumentReference(
        key=found.storage_key, name=found.name, media_type=found.media_type, size=found.size, sha256=found.sha256
    )
    await require_kept(runtime, document)
    return await send_document(request, runtime, document)


class ProofView(_View):
    """The proof of a sending; none while its batch is open, half a second at most, or for letters without one."""

    proof: Proof | None


@routes.get("/v1/letters/{letter_id}/proof", errors=[UnknownLetter], tag="correspondence")
async def get_proof_of_sending(uow: Uow, actor: Actor, letter_id: UUID) -> ProofView:
    """Read the proof that a message was sent as it is, at its hour: checked offline, as receipts are."""
    return ProofView(proof=await service.proof(uow, actor, letter_id))


@routes.get(
    "/v1/consultations/{procedure}/messages.csv",
    errors=[UnknownConsultation, Forbidden],
    tag="correspondence",
    produces=["text/csv"],
)
async def get_correspondence_csv(runtime: Runtime, actor: Actor, procedure: UUID) -> web.Response:
    """Download the register of correspondence as CSV: sending, delivery, first reading of each letter."""
    headers = {"Content-Disposition": attachment(f"registre-echanges-{procedure}.csv"), "Cache-Control": "no-store"}
    body = await register.csv(runtime, actor, procedure)
    return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)


@routes.get(
    "/v1/consultations/{procedure}/messages.pdf",
    errors=[UnknownConsultation, Forbidden],
    tag="correspondence",
    produces=["application/pdf"],
)
async def get_correspondence_pdf(runtime: Runtime, actor: Actor, procedure: UUID) -> web.Response:
    """Download the register of correspondence as a paper under the platform's seal."""
    headers = {"Content-Disposition": attachment(f"registre-echanges-{procedure}.pdf"), "Cache-Control": "no-store"}
    body = await register.pdf(runtime, actor, procedure)
    return web.Response(body=body, content_type="application/pdf", headers=headers)
