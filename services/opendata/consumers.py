"""What the open data service does when others tell it something."""

from __future__ import annotations

from libs.common.grants.known import follow_roles
from libs.common.messages.bids import ContractNotifiedV1
from libs.common.messages.notices import NoticePublishedV1
from libs.common.messages.publication import NoticeDisclosedV1
from libs.common.service import Consumers
from libs.common.uow import Uow
from services.opendata import service

__all__ = ["CONSUMERS"]

CONSUMERS = Consumers("opendata")
follow_roles(CONSUMERS)
_RELEASED = frozenset({"planning", "contract", "change"})


@CONSUMERS.on(NoticePublishedV1, queue="notices")
async def notice_published(uow: Uow, event: NoticePublishedV1) -> None:
    """Publish the OCDS release of a call for bids; an award is released with its contract, once notified."""
    if event.procedure is not None and event.notice.kind in _RELEASED:
        await service.receive_notice(uow, event.procedure, event.notice)


@CONSUMERS.on(NoticeDisclosedV1, queue="notices")
async def notice_disclosed(uow: Uow, event: NoticeDisclosedV1) -> None:
    """Publish the release of a call once more, with what it withheld until its day (BT-198)."""
    if event.procedure is not None and event.notice.kind in _RELEASED:
        await service.receive_disclosed(uow, event.procedure, event.notice)


@CONSUMERS.on(ContractNotifiedV1, queue="contracts")
async def contract_notified(uow: Uow, event: ContractNotifiedV1) -> None:
    """Publish the essential data and the release of a contract that binds from now on."""
    procedure = event.procedure or event.contract.notice_id
    await service.receive_contract(uow, procedure, event.buyer or event.organisation, event.contract)
