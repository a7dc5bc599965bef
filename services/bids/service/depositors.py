"""Depositors, told of what changes in a procedure they answered: who they are stays with the services."""

from __future__ import annotations

from typing import Literal
from uuid import UUID, uuid4

from libs.common.messages.bids import DepositorInformedV1
from libs.common.uow import Uow
from services.bids.domain.states import BidState
from services.bids.store import bids as store

__all__ = ["inform"]


async def inform(
    uow: Uow, procedure: UUID, subject: Literal["change", "answer"], reference: UUID, version: int
) -> None:
    """Have each company whose bid stands told of a change or an answer, once; after a withdrawal, no more."""
    deposited = await store.deposited(uow.conn, procedure)
    for depositor in sorted({each.depositor for each in deposited if each.state is BidState.DEPOSITED}):
        uow.emit(
            DepositorInformedV1(
                aggregate_id=uuid4(),
                aggregate_version=1,
                organisation=depositor,
                procedure=procedure,
                occurred_at=uow.now(),
                subject=subject,
                reference=reference,
                reference_version=version,
            )
        )
