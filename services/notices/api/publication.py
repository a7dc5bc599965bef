"""The publication of notices."""

from __future__ import annotations

from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import Forbidden, IllegalTransition, NotFound, StaleVersion
from libs.common.http import IfMatch, Routes
from libs.common.uow import Uow
from services.notices.errors import NotPublishable
from services.notices.service import publication as service
from services.notices.views.notices import NoticeView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.post(
    "/v1/notices/{notice_id}/publication",
    status=201,
    errors=[NotFound, Forbidden, StaleVersion, IllegalTransition, NotPublishable],
    tag="notices",
)
async def publish_notice(uow: Uow, actor: Actor, notice_id: UUID, if_match: IfMatch) -> NoticeView:
    """Publish a draft notice."""
    published = await service.publish(uow, service.PublishNotice(notice_id, if_match, actor))
    return NoticeView.of(published, uow.now())
