"""Beginning a notice from a past one, or from a template of the organisation."""

from __future__ import annotations

from uuid import UUID, uuid4

from libs.common.actor import Actor
from libs.common.errors import Conflict, NotFound
from libs.common.messages.notices import Buyer
from libs.common.uow import Uow
from services.notices import duplicating
from services.notices.content import NoticeContent
from services.notices.domain.notice import Notice
from services.notices.domain.roles import Permission
from services.notices.service import roles
from services.notices.service.notices import DraftNotice, draft, no_notice
from services.notices.service.organisations import own_buyer
from services.notices.store import notices as notice_store
from services.notices.store import templates as store

__all__ = ["from_notice", "from_template", "keep", "no_template", "remove"]


async def from_notice(uow: Uow, notice_id: UUID, title: str | None, buyer: Buyer | None, actor: Actor) -> Notice:
    """Begin a notice from a past one that the caller may read, in a procedure of its own.

    Raises NotFound, Forbidden, RoleMissing, InvalidInput.
    """
    return await _begin(uow, await _taken(uow, notice_id, buyer, actor), title, actor)


async def from_template(uow: Uow, template_id: UUID, title: str | None, actor: Actor) -> Notice:
    """Begin a notice from a template of the caller's organisation. Raises NotFound, Forbidden, RoleMissing."""
    await roles.require(uow, actor, actor.organisation, None, Permission.WRITE)
    template = await store.get_template(uow.conn, template_id, actor.organisation)
    if template is None:
        raise no_template()
    return await _begin(uow, template.content, title, actor)


async def _begin(uow: Uow, content: NoticeContent, title: str | None, actor: Actor) -> Notice:
    begun = duplicating.begun(content, title, uow.now())
    return await draft(uow, DraftNotice(uuid4(), uuid4(), begun), actor)


async def _taken(uow: Uow, notice_id: UUID, buyer: Buyer | None, actor: Actor) -> NoticeContent:
    """Give what may be taken over from a notice: nearly all of one's own, the need alone of another's."""
    await roles.require(uow, actor, actor.organisation, None, Permission.WRITE)
    notice = await notice_store.get_notice(uow.conn, notice_id)
    if notice is None or not (
        notice.is_public or await roles.may(uow.conn, actor, notice.organisation, notice.procedure_id, uow.now())
    ):
        raise no_notice()
    if notice.organisation == actor.organisation:
        return duplicating.repeated(notice.content)
    return duplicating.inspired(notice.content, buyer or await own_buyer(uow, actor.organisation))


async def keep(uow: Uow, name: str, notice_id: UUID, buyer: Buyer | None, actor: Actor) -> store.Template:
    """Keep a notice as a template. Raises NotFound, Forbidden, RoleMissing, InvalidInput, Conflict."""
    content = await _taken(uow, notice_id, buyer, actor)
    template = store.Template(uuid4(), actor.organisation, name, content, uow.now())
    if not await store.add_template(uow.conn, template):
        raise Conflict(
            "Votre organisation a déjà un modèle de ce nom : choisissez-en un autre, ou supprimez-le d'abord.",
            "Your organisation already has a template of this name: choose another, or remove it first.",
        )
    uow.audit("template-kept", str(template.template_id))
    return template


async def remove(uow: Uow, template_id: UUID, actor: Actor) -> None:
    """Remove a template; what was begun from it stays. Raises NotFound, Forbidden, RoleMissing."""
    await roles.require(uow, actor, actor.organisation, None, Permission.WRITE)
    if not await store.remove_template(uow.conn, template_id, actor.organisation):
        raise no_template()
    uow.audit("template-removed", str(template_id))


def no_template() -> NotFound:
    """Give the refusal for a template that the organisation has not."""
    return NotFound(
        "Votre organisation n'a aucun modèle de cet identifiant.",
        "Your organisation has no template of this identifier.",
    )
