"""One letter of the correspondence: its paper, its evidence, its event; for messages, replies and invitations alike."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.messages.rounds import MessageSentV1
from libs.common.uow import Uow
from services.bids import evidence
from services.bids.correspondence import store
from services.bids.correspondence.papers import MessageKind, Written, message_paper
from services.bids.correspondence.store import Attachment, Setting
from services.bids.documents.letters import Paper
from services.bids.evidence import Fact, FactKind
from services.bids.service import letters
from services.bids.store.awards import Letter
from services.bids.store.consultations import Consultation

__all__ = ["Outgoing", "write"]


@dataclass(frozen=True)
class Outgoing:
    """A message to one addressee. `sender`: the company that writes; None: the buyer does."""

    kind: MessageKind
    subject: str
    text: str
    lot: str
    addressee: str
    names: Mapping[str, str]
    """Of the two parties."""
    sender: str | None = None
    in_reply_to: UUID | None = None
    answer_due_at: datetime | None = None
    attachments: Sequence[Attachment] = ()
    paper: Paper | None = None
    """Of a letter that has words of its own; None: the paper of a message."""


async def write(uow: Uow, consultation: Consultation, out: Outgoing) -> Letter:
    """Put a message at its addressee's disposal: kept, recorded in the evidence, told by an event without its content."""
    paper = out.paper or await _paper(uow, consultation, out)
    letter = await letters.keep(uow, consultation, (out.lot, out.addressee), paper)
    content = {
        "letter": str(letter.id), "sha256": letter.sha256, "kind": out.kind,
        "attachments": [each.sha256 for each in out.attachments],
    }  # fmt: skip
    fact = await evidence.record(
        uow.conn, Fact(consultation.procedure, None, FactKind.MESSAGE_SENT, uow.now(), content)
    )
    await store.tell(uow.conn, letter.id, Setting(out.sender, out.in_reply_to, out.answer_due_at, fact))
    await store.enclose(uow.conn, letter.id, [each.id for each in out.attachments])
    uow.emit(
        MessageSentV1(
            aggregate_id=letter.id,
            aggregate_version=1,
            organisation=out.addressee,
            buyer=consultation.buyer if out.sender is None else None,
            procedure=consultation.procedure,
            occurred_at=letter.sent_at,
            letter_id=letter.id,
            kind=out.kind,
            sha256=letter.sha256,
        )
    )
    return letter


async def _paper(uow: Uow, consultation: Consultation, out: Outgoing) -> Paper:
    author = out.sender or consultation.buyer
    written = Written(
        kind=out.kind, subject=out.subject, text=out.text, author=out.names.get(author, author),
        addressee=out.names.get(out.addressee, out.addressee), title=consultation.notice.title, at=uow.now(),
        zone=consultation.zone, answer_due_at=out.answer_due_at,
        files=tuple((each.name, each.sha256) for each in out.attachments),
    )  # fmt: skip
    return await asyncio.to_thread(message_paper, written)
