"""What the legality service does of other services' events."""

from __future__ import annotations

from libs.common.grants.known import follow_roles
from libs.common.messages.bids import ContractSignedV1
from libs.common.service import Consumers
from libs.common.uow import Uow
from services.legality import service

__all__ = ["consumers"]

consumers = Consumers("legality")
follow_roles(consumers)


@consumers.on(ContractSignedV1, queue="contracts.in")
async def on_contract_signed(uow: Uow, event: ContractSignedV1) -> None:
    """Decide on the transmission of the contract."""
    await service.receive_contract(uow, event)
