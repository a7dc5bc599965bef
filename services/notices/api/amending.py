"""The notices that follow another: corrections, modifications, cancellations, results; each a draft to be published."""

from __future__ import annotations

from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import Conflict, Forbidden, IllegalTransition, InvalidInput, NotFound
from libs.common.http import Routes
from libs.common.uow import Uow
from services.notices.domain.roles import Permission
from services.notices.errors import AmendmentOfClosed
from services.notices.inputs.amending import NewAward, NewCancellation, NewCorrection, NewModification
from services.notices.service import amending as service
from services.notices.service.procedures import own_procedure
from services.notices.views.notices import NoticeView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")

_REFUSALS = [NotFound, Forbidden, IllegalTransition, InvalidInput]
_NOTICE = "/v1/notices/{notice_id}"


@ROUTES.post(
    "/v1/notices/{notice_id}/corrections",
    status=201,
    errors=[*_REFUSALS, AmendmentOfClosed],
    tag="notices",
    location=_NOTICE,
)
async def correct_notice(uow: Uow, actor: Actor, notice_id: UUID, body: NewCorrection) -> NoticeView:
    """Draft the correction of a published notice: its publication changes the procedure (deadline, texts, lots)."""
    return NoticeView.of(await service.correct(uow, notice_id, body, actor), uow.now())


@ROUTES.post("/v1/notices/{notice_id}/modifications", status=201, errors=_REFUSALS, tag="notices", location=_NOTICE)
async def modify_contract(uow: Uow, actor: Actor, notice_id: UUID, body: NewModification) -> NoticeView:
    """Draft the modification notice of a contract, from the award notice that told of it (eForms 38 to 40, E6)."""
    return NoticeView.of(await service.modify(uow, notice_id, body, actor), uow.now())


@ROUTES.post(
    "/v1/notices/{notice_id}/cancellations", status=201, errors=[*_REFUSALS, Conflict], tag="notices", location=_NOTICE
)
async def cancel_notice(uow: Uow, actor: Actor, notice_id: UUID, body: NewCancellation) -> NoticeView:
    """Draft the notice that cancels a competition, once it was declared abandoned."""
    return NoticeView.of(await service.cancel(uow, notice_id, body, actor), uow.now())


@ROUTES.post(
    "/v1/procedures/{procedure_id}/award-notices",
    status=201,
    errors=[*_REFUSALS, Conflict],
    tag="procedures",
    location=_NOTICE,
)
async def announce_results(uow: Uow, actor: Actor, procedure_id: UUID, body: NewAward) -> NoticeView:
    """Draft an award notice for several lots: the results given, and the lots that failed and were not told yet."""
    procedure = await own_procedure(uow, procedure_id, actor, Permission.WRITE)
    results = [result.result() for result in body.results]
    return NoticeView.of(await service.announce_results(uow, procedure, results, actor), uow.now())
