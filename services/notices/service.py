"""The use cases of the notices service, one function a command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, InvalidInput, NotFound, TooLarge
from libs.common.messages.base import DocumentReference
from libs.common.messages.bids import Contract
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices import awards, drafting, events, store
from services.notices.content import NoticeContent
from services.notices.domain import AWARD_DECIDED, CONTRACT_NOTIFIED, Changes, Notice, NoticeState, Procedure
from services.notices.drafting import procedure_id_of
from services.notices.eforms.check import CheckedNotice
from services.notices.eforms.model import ParsedNotice, ParsedOrganisation
from services.notices.errors import DuplicateNotice, NoticeOfAnother, NoticeRejected

__all__ = [
    "ChangeNotice",
    "DraftNotice",
    "PublishNotice",
    "add_document",
    "award_decided",
    "change",
    "close_due",
    "contract_notified",
    "draft",
    "draft_of",
    "keep_source",
    "publish",
    "readable_notice",
    "readable_procedure",
    "require_draft_of",
    "require_own_procedure",
    "with_source",
]

_CLOSED_AT_ONCE = 50
_LARGEST = 4 * 2**20
"""Bytes of a notice's content: it travels whole in its event."""


@dataclass(frozen=True, slots=True)
class DraftNotice:
    """A notice to be kept as a draft."""

    notice_id: UUID
    procedure_id: UUID
    content: NoticeContent
    warnings: tuple[FieldError, ...] = ()
    source: DocumentReference | None = None


@dataclass(frozen=True, slots=True)
class ChangeNotice:
    """A change of a draft."""

    notice_id: UUID
    version: int
    changes: Changes
    actor: Actor


@dataclass(frozen=True, slots=True)
class PublishNotice:
    """The publication of a draft."""

    notice_id: UUID
    version: int
    actor: Actor


def draft_of(checked: CheckedNotice, actor: Actor, now: datetime) -> DraftNotice:
    """Give the draft of an eForms notice, for one of its buyers.

    Raises NoticeRejected with every problem, NoticeOfAnother where the caller's organisation is none of its buyers.
    """
    actor.require(OrganisationKind.BUYER)
    notice = checked.notice
    if notice is None or not checked.accepted:
        raise NoticeRejected(_errors(checked))
    if notice.kind == "registration":
        raise InvalidInput(
            "C'est un avis d'immatriculation européenne (X01, X02) : il n'ouvre aucune consultation, il n'est pas repris.",
            "This is a European registration notice (X01, X02): it opens no procedure and is not taken.",
        )
    if notice.notice_id is None:
        raise NoticeRejected([FieldError("BT-701", "BT-701 manque.", "BT-701 is missing.")])
    return DraftNotice(
        notice_id=notice.notice_id,
        procedure_id=procedure_id_of(notice),
        content=drafting.content_of(notice, _own_buyer(notice, actor), now.date()),
        warnings=tuple(FieldError(problem.term, problem.message, problem.message_en) for problem in checked.warnings),
    )


def _errors(checked: CheckedNotice) -> list[FieldError]:
    return [
        FieldError(f"{problem.term} {problem.path}", problem.message, problem.message_en)
        for problem in checked.problems
    ]


def _own_buyer(notice: ParsedNotice, actor: Actor) -> ParsedOrganisation:
    for buyer in notice.buyers:
        if buyer.organisation == actor.organisation:
            return buyer
    named = ", ".join(buyer.organisation for buyer in notice.buyers[:5])
    raise NoticeOfAnother(
        f"Cet avis est celui d'un autre acheteur ({named}) : seul l'acheteur nommé dans l'avis peut le reprendre.",
        f"This notice belongs to another buyer ({named}): only the buyer it names may import it.",
    )


async def keep_source(runtime: Runtime, notice_id: UUID, data: bytes) -> DocumentReference:
    """Put the raw XML of a notice in storage, before the row that names it."""
    return await runtime.storage.put(
        f"notices/xml/{notice_id}/{sha256(data).hexdigest()}",
        data,
        media_type="application/xml",
        name=f"{notice_id}.xml",
    )


def with_source(command: DraftNotice, source: DocumentReference) -> DraftNotice:
    """Give the draft with the place of its raw XML."""
    return replace(command, source=source)


async def require_own_procedure(uow: Uow, procedure_id: UUID, actor: Actor) -> None:
    """Let a draft name only a procedure of the caller's: nobody takes an identifier that another buyer will need.

    Raises InvalidInput, in the same words for a procedure of another buyer as for none.
    """
    procedure = await store.get_procedure(uow.conn, procedure_id)
    if procedure is None or procedure.organisation != actor.organisation:
        told = (
            "Vous n'avez aucune consultation de cet identifiant : n'en donnez pas, la plateforme en crée un.",
            "You have no procedure of this identifier: give none, the platform makes one.",
        )
        raise InvalidInput(*told, errors=[FieldError("body/procedure_id", *told)])


async def draft(uow: Uow, command: DraftNotice, actor: Actor) -> Notice:
    """Keep a new draft. Raises DuplicateNotice, TooLarge, Forbidden where the procedure belongs to another organisation."""
    actor.require(OrganisationKind.BUYER)
    _refuse_excess(command.content)
    procedure = await store.ensure_procedure(
        uow.conn,
        command.procedure_id,
        organisation=actor.organisation,
        title=command.content.title,
        at=uow.now(),
    )
    actor.require_organisation(procedure.organisation)
    notice = Notice(
        notice_id=command.notice_id,
        procedure_id=command.procedure_id,
        organisation=actor.organisation,
        state=NoticeState.DRAFT,
        version=1,
        content=command.content,
        created_at=uow.now(),
        warnings=command.warnings,
        source=command.source,
    )
    if not await store.add_notice(uow.conn, notice):
        raise DuplicateNotice(
            f"Un avis porte déjà l'identifiant {notice.notice_id} (BT-701) : une correction est un nouvel avis.",
            f"A notice already has the identifier {notice.notice_id} (BT-701): a correction is a new notice.",
        )
    uow.audit("notice-drafted", str(notice.notice_id))
    return notice


def _refuse_excess(content: NoticeContent) -> None:
    if len(content.model_dump_json()) > _LARGEST:
        raise TooLarge(
            f"L'avis décrit trop de choses : {_LARGEST // 2**20} Mo au plus pour ses textes et ses lots.",
            f"The notice says too much: {_LARGEST // 2**20} MB at most for its texts and lots.",
        )


async def change(uow: Uow, command: ChangeNotice) -> Notice:
    """Change a draft. Raises NotFound, Forbidden, StaleVersion, IllegalTransition."""
    notice = await _own_notice(uow, command.notice_id, command.actor)
    notice.require_version(command.version)
    changed = notice.changed(command.changes)
    await store.save_notice(uow.conn, changed, uow.now())
    uow.audit("notice-changed", str(notice.notice_id))
    return changed


async def publish(uow: Uow, command: PublishNotice) -> Notice:
    """Publish a draft: it is public from now on, and changes no more.

    Raises NotFound, Forbidden, StaleVersion, IllegalTransition, Conflict, NotPublishable with every reason.
    """
    notice = await _own_notice(uow, command.notice_id, command.actor)
    notice.require_version(command.version)
    return await _publish(uow, notice, await store.lock_procedure(uow.conn, notice.procedure_id))


async def _publish(uow: Uow, notice: Notice, procedure: Procedure | None) -> Notice:
    if procedure is None:
        raise NotFound("Consultation introuvable.", "Procedure not found.")
    published = notice.published(uow.now())
    following = procedure.with_notice(published)
    await store.save_notice(uow.conn, published, uow.now())
    await store.save_procedure(uow.conn, following)
    uow.emit(events.published(published))
    uow.audit("notice-published", str(notice.notice_id))
    return published


async def require_draft_of(uow: Uow, notice_id: UUID, actor: Actor) -> Notice:
    """Give a locked draft of the caller's. Raises NotFound, Forbidden, IllegalTransition."""
    notice = await _own_notice(uow, notice_id, actor)
    notice.require_draft()
    return notice


async def _own_notice(uow: Uow, notice_id: UUID, actor: Actor) -> Notice:
    """Give a locked notice of the caller's organisation. A draft of another one does not exist for the caller."""
    actor.require(OrganisationKind.BUYER)
    notice = await store.lock_notice(uow.conn, notice_id)
    if notice is None or (notice.state is NoticeState.DRAFT and notice.organisation != actor.organisation):
        raise _no_notice()
    actor.require_organisation(notice.organisation)
    return notice


def _no_notice() -> NotFound:
    return NotFound("Aucun avis public ne porte cet identifiant.", "No public notice has this identifier.")


async def add_document(uow: Uow, notice_id: UUID, document: DocumentReference, actor: Actor) -> store.StoredDocument:
    """Add a stored document to a draft. Raises NotFound, Forbidden, IllegalTransition."""
    await require_draft_of(uow, notice_id, actor)
    uow.audit("document-added", str(notice_id))
    return await store.add_document(uow.conn, notice_id, document, uow.now())


async def readable_notice(runtime: Runtime, notice_id: UUID, actor: Actor | None) -> Notice:
    """Give a notice the caller may read: published, or its own draft. Raises NotFound."""
    async with runtime.read() as conn:
        notice = await store.get_notice(conn, notice_id)
    if notice is None or not _may_read(notice, actor):
        raise _no_notice()
    return notice


def _may_read(notice: Notice, actor: Actor | None) -> bool:
    return notice.state is NoticeState.PUBLISHED or (actor is not None and actor.organisation == notice.organisation)


async def readable_procedure(
    runtime: Runtime, procedure_id: UUID, actor: Actor | None
) -> tuple[Procedure, list[store.NoticeLine]]:
    """Give a procedure and its notices; known to all once one of them is published. Raises NotFound."""
    async with runtime.read() as conn:
        procedure = await store.get_procedure(conn, procedure_id)
        own = procedure is not None and actor is not None and actor.organisation == procedure.organisation
        notices = await store.procedure_notices(conn, procedure_id, drafts_too=own)
    if procedure is None or not (notices or own):
        raise NotFound(
            "Aucune consultation publique ne porte cet identifiant.", "No public procedure has this identifier."
        )
    return procedure, notices


async def close_due(runtime: Runtime) -> None:
    """Close the procedures whose deadline passed; an event each."""
    while True:
        async with runtime.uow() as uow:
            due = await store.due_procedures(uow.conn, uow.now(), _CLOSED_AT_ONCE)
            for procedure in due:
                await _close(uow, procedure)
        if len(due) < _CLOSED_AT_ONCE:
            return


async def _close(uow: Uow, procedure: Procedure) -> Procedure:
    closed = procedure.closed(uow.now())
    await store.save_procedure(uow.conn, closed)
    uow.emit(events.closed(closed, uow.now()))
    return closed


async def award_decided(uow: Uow, procedure_id: UUID) -> None:
    """Note that a lot was awarded. The deadline's timer may be late: the procedure is closed first when it is due."""
    procedure = await _due_closed(uow, procedure_id)
    await store.save_procedure(uow.conn, procedure.after(AWARD_DECIDED))


async def contract_notified(uow: Uow, procedure_id: UUID, contract: Contract) -> Notice | None:
    """Make and publish the award notice of a contract, once. None when it was made before."""
    procedure = await _due_closed(uow, procedure_id)
    notice_id = awards.award_notice_id(contract.contract_id, uow.runtime.settings.secret.get_secret_value())
    if await store.get_notice(uow.conn, notice_id):
        return None
    competition = await store.get_notice(uow.conn, procedure.notice_id or contract.notice_id)
    if competition is None:
        raise NotFound(
            "L'avis de marché de ce contrat est inconnu.", "The contract notice of this contract is unknown."
        )
    notified = procedure.after(CONTRACT_NOTIFIED)
    award = Notice(
        notice_id=notice_id,
        procedure_id=procedure_id,
        organisation=procedure.organisation,
        state=NoticeState.DRAFT,
        version=1,
        content=awards.award_content(competition.content, contract),
        created_at=uow.now(),
    )
    await store.add_notice(uow.conn, award)
    return await _publish(uow, award, notified)


async def _due_closed(uow: Uow, procedure_id: UUID) -> Procedure:
    procedure = await store.lock_procedure(uow.conn, procedure_id)
    if procedure is None:
        raise NotFound("Consultation inconnue.", "Unknown procedure.")
    return await _close(uow, procedure) if procedure.is_due(uow.now()) else procedure
