"""What the signature service does of other services' events."""

from __future__ import annotations

from libs.common.grants.known import follow_roles
from libs.common.messages.bids import ContractSubmittedV1
from libs.common.service import Consumers
from libs.common.uow import Uow
from services.signature import service

__all__ = ["consumers"]

consumers = Consumers("signature")
follow_roles(consumers)


@consumers.on(ContractSubmittedV1, queue="requests.in")
async def on_contract_submitted(uow: Uow, event: ContractSubmittedV1) -> None:
    """Open a signature request for the contract."""
    await service.submit(uow, event)
