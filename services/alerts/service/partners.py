"""Partners that follow by AMQP: which events they are told."""

from __future__ import annotations

from libs.common.messages.base import Audience, Event
from libs.common.messages.envelope import CloudEvent
from libs.common.uow import Uow
from services.alerts.partners.exchange import Exchange

__all__ = ["tell"]


async def tell(uow: Uow, event: Event, envelope: CloudEvent) -> None:
    """Publish a public event to the partners' exchange, as the feed tells it, before this transaction commits.

    All those of a transaction are confirmed together; it is undone, and the consumer pauses, when they are not.
    """
    if event.audience is not Audience.PUBLIC:
        raise ValueError(f"{event.type} is not public")
    told = envelope.model_copy(update={"sequence": None})  # positions count events that partners may not know of
    uow.before_commit(uow.runtime.port(Exchange).tell, told)  # type: ignore[type-abstract]  # a port is named by its protocol
