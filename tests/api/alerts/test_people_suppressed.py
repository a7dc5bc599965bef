"""An address that mails came back from, asked for again: the answer is the same for all, few mails leave, its reader brings it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from libs.common.testing.harness import Harness
from tests.api.alerts.people_flow import ADDRESS, ask, at, confirm, link_of, person, subscribed
from tests.api.alerts.test_alerts_digests import run
from tests.api.alerts.test_alerts_mails import Inbox, box, inbox
from tests.api.alerts.test_alerts_returns import come_back, complaint, dsn, h, maildir
from tests.unit.alerts.alerts_samples import published

__all__ = ["box", "h", "inbox", "maildir"]
DAY = timedelta(days=1, seconds=1)


async def held(h: Harness) -> list[str]:
    async with h.runtime.read() as conn:
        return [row["reason"] for row in await conn.fetch("SELECT reason FROM suppression")]


async def test_a_hard_bounced_address_is_asked_once_a_day_and_its_reader_brings_it_back(
    h: Harness, box: Inbox, maildir: Path
) -> None:
    first = await ask(h)
    await come_back(h, maildir, dsn(box.senders[-1]))
    assert await held(h) == ["hard"]
    assert await ask(h) == first, "nobody learns what became of an address"
    assert len(box.mails) == 1
    h.clock.advance(DAY)
    assert await ask(h) == first
    assert await ask(h) == first
    assert len(box.mails) == 2, "one a day"
    await confirm(h, link_of(box))
    assert await held(h) == []
    box.mails.clear()
    await h.deliver(published())
    await run(h, h.clock.now() + timedelta(days=4))
    assert box.one()["To"] == ADDRESS


async def test_an_address_that_the_mail_server_calls_unknown_is_left_alone(h: Harness, box: Inbox) -> None:
    box.answers = ["550 5.1.1 no such user"]
    await ask(h)
    assert await held(h) == ["hard"]
    await ask(h)
    assert box.mails == []


async def test_who_complained_is_not_asked_for_a_week(h: Harness, box: Inbox, maildir: Path) -> None:
    await ask(h)
    await come_back(h, maildir, complaint(box.senders[-1]))
    h.clock.advance(6 * DAY)
    await ask(h)
    assert len(box.mails) == 1
    h.clock.advance(DAY)
    await ask(h)
    assert len(box.mails) == 2


@pytest.mark.parametrize("report", [dsn, complaint])
async def test_a_report_on_a_link_that_was_used_changes_nothing(
    h: Harness, box: Inbox, maildir: Path, report: Callable[[str], bytes]
) -> None:
    await subscribed(h, box)
    await come_back(h, maildir, report(box.senders[-1]))
    assert await held(h) == []


async def test_the_page_says_that_mails_came_back_and_its_button_brings_them_again(
    h: Harness, box: Inbox, maildir: Path
) -> None:
    root = await subscribed(h, box, search={"name": "x", "words": ["école"], "frequency": "at_once"})
    await h.deliver(published())
    await h.settle()
    await come_back(h, maildir, complaint(box.senders[-1]))
    async with h.client.get(f"{root}/page") as answer:
        assert "signalé comme indésirable" in await answer.text()
    async with h.client.post(f"{root}/page", data={"action": "again"}) as answer:
        assert "signalé comme indésirable" not in await answer.text()
    assert await held(h) == []
    assert (await person(h, root))["alerts"] is True
    await at(h, "GET", root, 200)
