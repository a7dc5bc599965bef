"""Service mails to buyers: each event of theirs that asks for one gives one, without what it tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.messages.base import Event
from libs.common.messages.bids import ContractNotifiedV1
from libs.common.messages.legality import ActAcknowledgedV1, ActRejectedV1
from libs.common.messages.notices import ProcedureClosedV1, QuestionAskedV1
from libs.common.messages.opendata import ContractDataPublishedV1
from libs.common.messages.signature import DocumentSignedV1, SignatureRefusedV1, SignatureRequestBlockedV1
from libs.common.samples import new_sample
from libs.common.testing.harness import Harness
from tests.api.alerts.test_alerts_mails import Inbox, bodies, box, contact, h, inbox
from tests.unit.alerts.alerts_samples import BUYER, PROCEDURE

__all__ = ["box", "h", "inbox"]

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def sample(model: type[Event], **changes: object) -> Event:
    values: dict[str, Any] = new_sample(model).data
    values |= {"organisation": BUYER, "procedure": str(PROCEDURE), "occurred_at": NOW.isoformat()}
    return model.model_validate(values | changes)


@pytest.mark.parametrize(
    ("model", "subject"),
    [
        (QuestionAskedV1, "Question d'une entreprise / Question of a company"),
        (ProcedureClosedV1, "Date limite passée / Deadline passed"),
        (DocumentSignedV1, "Document signé / Document signed"),
        (SignatureRefusedV1, "Signature refusée / Signature refused"),
        (SignatureRequestBlockedV1, "Document impossible à signer / Document that cannot be signed"),
        (ActAcknowledgedV1, "Accusé de réception de l'État / Acknowledgement of the State"),
        (ActRejectedV1, "Acte refusé par l'État / Act rejected by the State"),
    ],
)
async def test_a_buyer_is_told_once_and_without_opting_in(
    h: Harness, box: Inbox, model: type[Event], subject: str
) -> None:
    await contact(h, BUYER, "mairie@dijon.example")
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE contact SET alerts = false")
    event = sample(model)
    await h.deliver(event, event)
    await h.settle()
    message = box.one()
    assert message["Subject"] == subject
    assert message["List-Unsubscribe"] is None
    for body in bodies(message):
        assert str(PROCEDURE) in body
        assert "/notices/v1/procedures/" in body


async def test_essential_data_are_asked_for_when_they_are_not_public_after_a_week(h: Harness, box: Inbox) -> None:
    await contact(h, BUYER, "mairie@dijon.example")
    await h.deliver(sample(ContractNotifiedV1))
    await h.settle()
    h.clock.advance(timedelta(days=6))
    await h.settle()
    assert box.mails == []
    h.clock.advance(timedelta(days=1))
    await h.settle()
    assert box.one()["Subject"] == "Données essentielles à publier / Essential data to publish"


@pytest.mark.parametrize("published_first", [False, True])
async def test_essential_data_that_are_public_are_not_asked_for(
    h: Harness, box: Inbox, *, published_first: bool
) -> None:
    await contact(h, BUYER, "mairie@dijon.example")
    notified = sample(ContractNotifiedV1)
    assert isinstance(notified, ContractNotifiedV1)
    told = [notified, sample(ContractDataPublishedV1, contract_id=str(notified.contract.contract_id))]
    await h.deliver(*(reversed(told) if published_first else told))
    h.clock.advance(timedelta(days=30))
    await h.settle()
    assert box.mails == []


async def test_a_buyer_without_an_address_gets_what_waited_once_it_gives_one(h: Harness, box: Inbox) -> None:
    await h.deliver(sample(QuestionAskedV1, aggregate_id=str(UUID(int=4))))
    await h.settle()
    assert box.mails == []
    await contact(h, BUYER, "mairie@dijon.example")
    await h.settle()
    box.one()
