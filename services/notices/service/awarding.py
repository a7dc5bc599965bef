"""The award notice that the platform makes: of a contract once it is notified, of a framework agreement once all its holders are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from libs.common.errors import NotFound
from libs.common.messages.bids import Contract
from libs.common.uow import Uow
from services.notices import awards
from services.notices.domain.lots import CONTRACT_NOTIFIED, FAILED
from services.notices.domain.notice import Notice, NoticeState
from services.notices.domain.procedure import Procedure
from services.notices.service.procedures import due_closed
from services.notices.service.publication import publish_draft
from services.notices.service.sending import send_made
from services.notices.store import holders
from services.notices.store import notices as notice_store
from services.notices.store import procedures as store

__all__ = ["HOLDERS_JOB", "contract_notified", "tell_of_holders"]

HOLDERS_JOB: Final = "award-notice-of-holders"
_PATIENCE: Final = timedelta(days=25)
"""From the first signature: the award notice is due 30 days after it (R2183-1 CCP), whoever has not signed by then."""


async def contract_notified(uow: Uow, procedure_id: UUID, contract: Contract) -> Notice | None:
    """Make the award notice of a contract, once, with the lots that failed and were not told yet.

    It is published here at once where the competition was; else it goes to journals first. Several holders of a framework
    agreement have one notice, made with the last of them. None while others are awaited, when it was made before, and for a
    contract under a framework agreement, whose own award was told (directive 2014/24/EU art. 50, 2): its essential data are.
    Raises NotFound, IllegalTransition.
    """
    procedure = await due_closed(uow, procedure_id)
    if await notice_store.get_notice(uow.conn, _notice_id(uow, contract)):
        return None
    notified = procedure.after_lot(contract.lot_id, CONTRACT_NOTIFIED)
    await store.save_procedure(uow.conn, notified, uow.now())
    if contract.framework_number is not None:
        return None
    if contract.holders == 1:
        return await _make(uow, notified, [contract])
    return await _hold(uow, notified, contract)


async def tell_of_holders(uow: Uow, procedure_id: UUID, lot_id: str) -> Notice | None:
    """Make the award notice of the holders of a lot that no notice tells of; None where each is told of."""
    procedure = await due_closed(uow, procedure_id)
    untold, _ = await holders.untold(uow.conn, procedure_id, lot_id)
    if not untold:
        return None
    await holders.tell(uow.conn, procedure_id, lot_id)
    return await _make(uow, procedure, untold)


async def _hold(uow: Uow, procedure: Procedure, contract: Contract) -> Notice | None:
    """Keep the contract of a holder; make the notice with the last one, or on the day that the law leaves."""
    now, lot_id = uow.now(), contract.lot_id
    if not await holders.hold(uow.conn, procedure.procedure_id, contract, now):
        return None
    _, known = await holders.untold(uow.conn, procedure.procedure_id, lot_id)
    if known >= contract.holders:
        return await tell_of_holders(uow, procedure.procedure_id, lot_id)
    due = max(now, (contract.signed_at or now) + _PATIENCE)
    payload = {"procedure_id": str(procedure.procedure_id), "lot_id": lot_id}
    uow.enqueue(HOLDERS_JOB, key=f"{contract.contract_id}", payload=payload, due_at=due)
    return None


async def _make(uow: Uow, procedure: Procedure, contracts: Sequence[Contract]) -> Notice:
    first = contracts[0]
    competition = await notice_store.get_notice(uow.conn, procedure.text_id or first.notice_id)
    if competition is None:
        raise NotFound(
            "L'avis de marché de ce contrat est inconnu.", "The contract notice of this contract is unknown."
        )
    untold = [lot for lot in procedure.lots if lot.state in FAILED and not lot.told]
    award = Notice(
        notice_id=_notice_id(uow, first),
        procedure_id=procedure.procedure_id,
        organisation=procedure.organisation,
        state=NoticeState.DRAFT,
        version=1,
        content=awards.award_content(competition.content, contracts, untold),
        created_at=uow.now(),
    )
    await notice_store.add_notice(uow.conn, award)
    if competition.sent_at is not None:  # published by journals: they come first again (directive 2014/24/EU, art. 52)
        return await send_made(uow, award)
    return await publish_draft(uow, award, procedure)


def _notice_id(uow: Uow, contract: Contract) -> UUID:
    return awards.award_notice_id(contract.contract_id, uow.runtime.settings.secret.get_secret_value())
