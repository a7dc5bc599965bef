"""The award notice of a framework agreement with several holders: one for all, made with the last or on the day the law leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.common.messages.base import Money
from libs.common.messages.bids import ContractNotifiedV1
from libs.common.testing.harness import Harness
from tests.api.notices.test_notices_api import ask, h, published
from tests.unit.notices.notices_samples import COMPANY, CONTRACT_ID, PROCEDURE, RIVAL, award_decided, contract_notified

__all__ = ["h"]

OTHER = UUID(int=78)
Json = dict[str, Any]


def holder(at: datetime, contract_id: UUID, company: str, amount: int) -> ContractNotifiedV1:
    """Give the event of the contract of one of two holders."""
    event = contract_notified(at, contract_id)
    winner = event.contract.winners[0].model_copy(update={"organisation": company, "name": company})
    changes = {
        "holders": 2, "framework": True, "winners": [winner], "number": f"AC-{contract_id.int % 100}",
        "value": Money(amount=Decimal(amount)), "signed_at": at,
    }  # fmt: skip
    return event.model_copy(update={"contract": event.contract.model_copy(update=changes)})


async def awarded(h: Harness) -> datetime:
    """Have a competition closed and awarded."""
    await published(h)
    h.clock.advance(timedelta(days=60))
    at = h.clock.now()
    await h.deliver(award_decided(at))
    return at


async def results(h: Harness) -> list[Json]:
    """Give the results that award notices tell, one a notice."""
    await h.settle()
    told = [each.data["notice"] for each in h.events("notices.notice.published.v1")]
    return [notice["results"][0] for notice in told if notice["kind"] == "award"]


async def test_all_holders_of_a_framework_agreement_are_in_one_award_notice(h: Harness) -> None:
    at = await awarded(h)
    await h.deliver(holder(at, CONTRACT_ID, COMPANY, 455_000))
    assert await results(h) == [], "the other holder is awaited"
    assert (await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200))["state"] == "notified"
    h.clock.advance(timedelta(days=3))
    last = holder(at, OTHER, RIVAL, 400_000)
    await h.deliver(last, last)
    [result] = await results(h)
    assert [winner["organisation"] for winner in result["winners"]] == [COMPANY, RIVAL]
    assert [each["winners"][0]["organisation"] for each in result["contracts"]] == [COMPANY, RIVAL]
    assert [each["value"]["amount"] for each in result["contracts"]] == ["455000", "400000"]
    assert result["value"]["amount"] == "455000", "they share the maximum of the agreement"


async def test_a_holder_who_does_not_sign_holds_the_award_notice_back_25_days_at_most(h: Harness) -> None:
    at = await awarded(h)
    await h.deliver(holder(at, CONTRACT_ID, COMPANY, 455_000))
    h.clock.advance(timedelta(days=24))
    assert await results(h) == []
    h.clock.advance(timedelta(days=1, seconds=1))
    [result] = await results(h)
    assert ([winner["organisation"] for winner in result["winners"]], result["contracts"]) == ([COMPANY], [])
    await h.deliver(holder(h.clock.now(), OTHER, RIVAL, 400_000))
    [_, late] = await results(h)
    assert [winner["organisation"] for winner in late["winners"]] == [RIVAL]
