"""The publication of a notice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import FieldError, NotFound
from libs.common.uow import Uow
from services.notices import events
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.procedure import Procedure
from services.notices.domain.roles import Permission
from services.notices.errors import NotPublishable
from services.notices.service import representations
from services.notices.service.disclosure import withheld
from services.notices.service.modifications import measured
from services.notices.service.notices import own_notice
from services.notices.store import notices as store
from services.notices.store import procedures as procedure_store

__all__ = ["PublishNotice", "publish"]


@dataclass(frozen=True, slots=True)
class PublishNotice:
    """The publication of a draft."""

    notice_id: UUID
    version: int
    actor: Actor


async def publish(uow: Uow, command: PublishNotice) -> Notice:
    """Publish a draft on the platform alone: it is public from now on, and changes no more.

    Raises NotFound, Forbidden, StaleVersion, IllegalTransition, Conflict, NotPublishable with every reason.
    """
    notice = await own_notice(uow, command.notice_id, command.actor, Permission.PUBLISH)
    notice.require_version(command.version)
    if not notice.is_public:
        notice.require_draft()  # what is on its way is published in its turn, not before
    return await publish_draft(uow, notice, await procedure_store.lock_procedure(uow.conn, notice.procedure_id))


async def publish_draft(uow: Uow, notice: Notice, procedure: Procedure | None) -> Notice:
    """Make a notice public, and have its procedure follow. Raises as `publish`."""
    if procedure is None:
        raise NotFound("Consultation introuvable.", "Procedure not found.")
    _refuse_uncoded(notice)
    notice = await _measured(uow, notice)
    published = notice.published(uow.now()).withholding(await withheld(uow, notice), uow.now())
    following = procedure.with_notice(published)
    await store.save_notice(uow.conn, published, uow.now())
    await representations.keep(uow.conn, published, uow.now())
    await procedure_store.save_procedure(uow.conn, following, uow.now())
    uow.emit(events.published(published))
    uow.audit("notice-published", str(notice.notice_id))
    return published


def _refuse_uncoded(notice: Notice) -> None:
    """Let no notice without a CPV code be published: it announces nothing that is bought. Raises NotPublishable."""
    if not notice.content.cpv:
        french = "L'avis n'a pas de code CPV (BT-262) : un avis d'immatriculation (X01, X02) ne se publie pas ici."
        english = "The notice has no CPV code (BT-262): a registration notice (X01, X02) is not published here."
        raise NotPublishable([FieldError("BT-262", french, english)])


async def _measured(uow: Uow, notice: Notice) -> Notice:
    """Give a modification with the amounts that it is measured by today; an imported one says what its file says.

    One that was sent was held to the law then: what a journal published is published here too. Raises NotPublishable where
    the law forbids it.
    """
    content, faults = await measured(uow.conn, notice.procedure_id, notice.notice_id, notice.content, uow.now())
    if faults and notice.state is not NoticeState.SENT:
        raise NotPublishable(faults)
    return notice if notice.source is not None else replace(notice, content=content)
