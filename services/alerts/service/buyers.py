"""Service mails to buyers: that something waits for them, never what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from libs.common.messages.base import Event
from libs.common.messages.bids import ContractNotifiedV1
from libs.common.messages.legality import ActAcknowledgedV1, ActRejectedV1
from libs.common.messages.notices import ProcedureClosedV1, QuestionAskedV1
from libs.common.messages.opendata import ContractDataPublishedV1
from libs.common.messages.signature import DocumentSignedV1, SignatureRefusedV1, SignatureRequestBlockedV1
from libs.common.uow import Uow
from services.alerts.service.mails import queue, service_mail, withdraw

__all__ = ["TOLD", "data_published", "essential_data_due", "tell"]

TOLD: Final[Mapping[type[Event], str]] = {
    QuestionAskedV1: "question",
    ProcedureClosedV1: "closed",
    DocumentSignedV1: "signed",
    SignatureRefusedV1: "signature_refused",
    SignatureRequestBlockedV1: "signature_blocked",
    ActAcknowledgedV1: "acknowledged",
    ActRejectedV1: "rejected",
}
"""The topic of the mail that the buyer gets of an event."""
_PUBLISHED_WITHIN: Final = timedelta(days=7)
"""The platform publishes essential data by itself: what is not public after a week waits for the buyer."""


async def tell(uow: Uow, event: Event) -> None:
    """Tell a buyer of an event; of one that comes twice, once."""
    about = f"{event.aggregate_id}:{event.aggregate_version}"
    await queue(uow, service_mail(TOLD[type(event)], event.organisation, about, event.procedure))


async def essential_data_due(uow: Uow, event: ContractNotifiedV1) -> None:
    """Remind a buyer of essential data, unless they are public soon (article R2196-1 CCP)."""
    due_at = event.occurred_at + _PUBLISHED_WITHIN
    about = str(event.contract.contract_id)
    await queue(uow, service_mail("essential_data", event.organisation, about, event.procedure, due_at=due_at))


async def data_published(uow: Uow, event: ContractDataPublishedV1) -> None:
    """Remind of essential data no more: they are public. It may be told before the contract is."""
    await withdraw(uow, service_mail("essential_data", event.organisation, str(event.contract_id), event.procedure))
