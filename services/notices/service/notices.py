"""The use cases of a notice before its publication, and its reading."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, InvalidInput, NotFound, TooLarge
from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices import coherence, drafting
from services.notices.content import NoticeContent
from services.notices.domain.notice import Changes, Notice, NoticeState
from services.notices.domain.roles import Permission
from services.notices.errors import DuplicateNotice
from services.notices.publication import events
from services.notices.service import roles
from services.notices.store import notices as store
from services.notices.store import procedures as procedure_store

__all__ = [
    "ChangeNotice",
    "DraftNotice",
    "change",
    "draft",
    "readable_notice",
    "refuse_excess",
    "require_draft_of",
    "require_own_procedure",
    "write",
]

_SYSTEMS = frozenset({"framework", "dynamic-purchasing", "qualification-system"})
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
    buyers: tuple[str, ...] = ()
    """Every buyer that an imported notice names: several, in a joint purchase."""


@dataclass(frozen=True, slots=True)
class ChangeNotice:
    """A change of a draft."""

    notice_id: UUID
    version: int
    changes: Changes
    actor: Actor


async def require_own_procedure(uow: Uow, procedure_id: UUID, actor: Actor) -> None:
    """Let a draft name only a procedure of the caller's: nobody takes an identifier that another buyer will need.

    Raises InvalidInput, in the same words for a procedure of another buyer as for none.
    """
    procedure = await procedure_store.get_procedure(uow.conn, procedure_id)
    if procedure is None or procedure.organisation != actor.organisation:
        told = (
            "Vous n'avez aucune consultation de cet identifiant : n'en donnez pas, la plateforme en crée un.",
            "You have no procedure of this identifier: give none, the platform makes one.",
        )
        raise InvalidInput(*told, errors=[FieldError("body/procedure_id", *told)])


async def draft(uow: Uow, command: DraftNotice, actor: Actor) -> Notice:
    """Keep a new draft. Raises DuplicateNotice, TooLarge, Forbidden where the procedure belongs to another organisation."""
    actor.require(OrganisationKind.BUYER)
    refuse_excess(command.content)
    procedure = await procedure_store.ensure_procedure(
        uow.conn,
        command.procedure_id,
        organisation=actor.organisation,
        title=command.content.title,
        at=uow.now(),
    )
    await roles.require(uow, actor, procedure.organisation, command.procedure_id, Permission.WRITE)
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


async def write(uow: Uow, command: DraftNotice, actor: Actor) -> Notice:
    """Keep a new draft written in the platform, once it holds together. Raises InvalidInput with every fault, as `draft`."""
    coherence.require_coherent(command.content)
    await _require_framework(uow, command.content.framework_notice)
    return await draft(uow, command, actor)


async def _require_framework(uow: Uow, reference: str | None) -> None:
    """Let a subsequent contract name a framework agreement or a system; one that the platform does not know passes."""
    notice_id = drafting.noticed_id(reference)
    found = await store.get_notice(uow.conn, notice_id) if notice_id else None
    if found is not None and not (found.is_public and _SYSTEMS & set(found.content.techniques)):
        told = (
            "L'avis nommé n'est pas celui d'un accord-cadre ni d'un système d'acquisition publié (L2125-1 CCP) : corrigez-le.",
            "The notice named is not that of a published framework agreement or system (L2125-1 CCP): mend it.",
        )
        raise InvalidInput(*told, errors=[FieldError("body/framework_notice", *told)])


def refuse_excess(content: NoticeContent) -> None:
    """Refuse a content too large for the event that will carry it. Raises TooLarge."""
    if len(content.model_dump_json()) > _LARGEST:
        raise TooLarge(
            f"L'avis décrit trop de choses : {_LARGEST // 2**20} Mo au plus pour ses textes et ses lots.",
            f"The notice says too much: {_LARGEST // 2**20} MB at most for its texts and lots.",
        )


async def change(uow: Uow, command: ChangeNotice) -> Notice:
    """Change a draft. Raises NotFound, Forbidden, StaleVersion, IllegalTransition, InvalidInput, TooLarge."""
    notice = await own_notice(uow, command.notice_id, command.actor)
    notice.require_version(command.version)
    changed = notice.changed(command.changes)
    refuse_excess(changed.content)
    coherence.require_coherent(changed.content, notice.content)
    await store.save_notice(uow.conn, changed, uow.now())
    if changed.state is not notice.state:
        uow.emit(events.reopened(changed, uow.now()))
    uow.audit("notice-changed", str(notice.notice_id))
    return changed


async def require_draft_of(uow: Uow, notice_id: UUID, actor: Actor) -> Notice:
    """Give a locked draft of the caller's; a draft again where it was checked or rejected.

    Raises NotFound, Forbidden, IllegalTransition.
    """
    notice = await own_notice(uow, notice_id, actor)
    draft = notice.reopened()
    if draft is not notice:
        await store.save_notice(uow.conn, draft, uow.now())
        uow.emit(events.reopened(draft, uow.now()))
    return draft


async def own_notice(uow: Uow, notice_id: UUID, actor: Actor, permission: Permission = Permission.WRITE) -> Notice:
    """Give a locked notice to which the caller may do this. A draft that the caller may not read does not exist for them."""
    actor.require(OrganisationKind.BUYER)
    notice = await store.lock_notice(uow.conn, notice_id)
    if notice is None:
        raise no_notice()
    given = await roles.permissions(uow.conn, actor, notice.organisation, notice.procedure_id, uow.now())
    if not notice.is_public and Permission.READ not in given:
        raise no_notice()
    roles.refuse_without(given, permission, actor, notice.organisation)
    return notice


def no_notice() -> NotFound:
    return NotFound("Aucun avis public ne porte cet identifiant.", "No public notice has this identifier.")


async def readable_notice(runtime: Runtime, notice_id: UUID, actor: Actor | None) -> Notice:
    """Give a notice the caller may read: published, or its own draft; what is withheld to its buyer's people. Raises NotFound."""
    async with runtime.read() as conn:
        notice = await store.get_notice(conn, notice_id)
        if notice is None:
            raise no_notice()
        if notice.is_public and notice.whole is None:
            return notice
        own = await roles.may(conn, actor, notice.organisation, notice.procedure_id, runtime.clock.now())
    if own:
        return notice.for_its_buyer()
    if notice.is_public:
        return notice
    raise no_notice()
