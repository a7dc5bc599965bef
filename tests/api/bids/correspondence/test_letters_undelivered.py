"""A mail that tells of a letter does not arrive: who wrote the letter sees it, its addressee too, nobody learns who deposited."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.messages.alerts import AlertSentV1, MailUndeliveredV1
from libs.common.testing.plugin import HarnessFactory
from tests.api.bids.bids_world import BUYER, World, world
from tests.api.bids.correspondence.test_correspondence import ALPHA, BETA, opened, send, thread

UNDELIVERED = "bids.letter.undelivered.v1"


def fate(w: World, letter: str, company: str = ALPHA, *, state: str | None, minutes: int) -> Any:
    """Give what the alerts service says of the mail of a letter; no state: it was taken."""
    said = {
        "aggregate_id": uuid4(), "aggregate_version": 1, "organisation": company, "procedure": w.procedure,
        "occurred_at": w.h.clock.now() + timedelta(minutes=minutes), "mail_id": uuid4(), "kind": "letter", "letter_id": UUID(letter),
    }  # fmt: skip
    return AlertSentV1(**said) if state is None else MailUndeliveredV1(**said, state=state, reason="SMTP 550")


async def told(w: World, who: str) -> list[Any]:
    """Give the losses that an organisation reads of in its feed of events."""
    await w.h.settle()
    feed = await w.call("GET", "/events?limit=200", who, expect=200)
    return [each for each in feed["events"] if each["type"] == UNDELIVERED]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 1), (1, 0, 1, 0)], ids=str)
async def test_a_letter_whose_mail_came_back_is_shown_to_both_parties_whatever_the_order(
    service_harness: HarnessFactory, order: tuple[int, ...]
) -> None:
    w = await opened(service_harness)
    (letter,) = (await send(w, ALPHA))["letters"]
    fates = [fate(w, letter, state=None, minutes=1), fate(w, letter, state="bounced", minutes=2)]
    for number in order:
        await w.h.deliver(fates[number])
    for who in (BUYER, ALPHA):
        (shown,) = [each for each in await thread(w, who) if each["letter_id"] == letter]
        assert shown["undelivered_state"] == "bounced"
        assert shown["delivered_by"] is None
    register = (await w.call("GET", f"/consultations/{w.procedure}/messages.csv", BUYER, expect=200)).decode()
    assert ": revenu;" in register
    assert [len(await told(w, who)) for who in (BUYER, ALPHA, BETA)] == [1, 1, 0]


async def test_a_mail_that_arrives_later_ends_the_loss(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness)
    (letter,) = (await send(w, ALPHA))["letters"]
    await w.h.deliver(fate(w, letter, state="undeliverable", minutes=1))
    await w.h.deliver(fate(w, letter, state=None, minutes=2))
    await w.h.deliver(fate(w, letter, state="undeliverable", minutes=1))
    (shown,) = [each for each in await thread(w, BUYER) if each["letter_id"] == letter]
    assert (shown["undelivered_at"], shown["undelivered_state"], shown["delivered_by"]) == (None, None, "mail")


async def test_a_receipt_that_did_not_arrive_tells_the_buyer_of_no_deposit(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    await w.deposit(ALPHA, [b"alpha"])
    await w.h.settle()
    (receipt,) = [each for each in await thread(w, ALPHA) if each["kind"] == "receipt"]
    await w.h.deliver(fate(w, receipt["letter_id"], state="bounced", minutes=1))
    (shown,) = await thread(w, ALPHA)
    assert shown["undelivered_state"] == "bounced"
    assert await thread(w, BUYER) == []
    assert [len(await told(w, who)) for who in (BUYER, ALPHA)] == [0, 1]
    await w.open_all()
    (known,) = await told(w, BUYER)
    assert (known["data"]["kind"], known["organisation"]) == ("receipt", ALPHA)


async def test_the_fate_of_a_mail_that_is_no_letter_of_ours_changes_nothing(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness)
    await w.h.deliver(fate(w, str(uuid4()), state="refused", minutes=1))
    assert await told(w, BUYER) == []
