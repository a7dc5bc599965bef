"""Mails to those who took documents, come back through the operator's mailbox: the address is told nothing more, none is forged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from libs.common.mail.domains import WAITING, Domains
from libs.common.mail.returns import return_path
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.alerts.settings import AlertsSettings
from services.notices.wiring import SERVICE
from tests.api.alerts.test_alerts_mails import Inbox, box, inbox
from tests.api.alerts.test_alerts_returns import come_back, complaint, dsn, maildir, waiting
from tests.api.notices.test_notices_api import published
from tests.api.notices.test_notices_documents import PERSON, register
from tests.api.notices.test_notices_questions import answer, asked
from tests.unit.notices.notices_samples import BEFORE

__all__ = ["box", "inbox", "maildir"]


@pytest.fixture
async def h(service_harness: HarnessFactory, inbox: tuple[Inbox, str], maildir: Path) -> Harness:
    settings = {"smtp_url": inbox[1], "public_url": "https://halles.example", "mail_return_domain": "retours.example"}
    return await service_harness(SERVICE, clock=TestClock(BEFORE), settings=settings | {"mail_returns": maildir})


async def told(h: Harness) -> None:
    """Register, and have an answer mailed."""
    await published(h)
    await register(h, PERSON)
    await answer(h, await asked(h))
    await h.settle()


async def kept(h: Harness) -> tuple[str, bool, bool]:
    """Give the state of the mail, whether its addressee wants more, and whether the address is kept."""
    async with h.runtime.read() as conn:
        row = await conn.fetchrow(
            "SELECT state, consent, email IS NOT NULL FROM mail JOIN registrant USING (registrant_id)"
        )
    return tuple(row)


@pytest.mark.parametrize("report", [dsn, complaint])
async def test_an_address_that_is_not_there_or_complains_is_told_nothing_more_and_forgotten(
    h: Harness, box: Inbox, maildir: Path, report: Callable[[str], bytes]
) -> None:
    await told(h)
    assert box.senders[-1].startswith("d+")
    await come_back(h, maildir, report(box.senders[-1]), report(box.senders[-1]))
    assert await kept(h) == ("bounced", False, False)
    assert waiting(maildir) == []


async def test_a_full_mailbox_is_written_to_again(h: Harness, box: Inbox, maildir: Path) -> None:
    await told(h)
    await come_back(h, maildir, dsn(box.senders[-1], "4.2.2"))
    assert await kept(h) == ("bounced", True, True)


async def test_a_bounce_of_an_address_that_was_given_anew_leaves_it_alone(
    h: Harness, box: Inbox, maildir: Path
) -> None:
    await told(h)
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE registrant SET email = 'autre@toitures.example'")
    await come_back(h, maildir, dsn(box.senders[-1]))
    assert await kept(h) == ("bounced", True, True)


async def test_a_forged_bounce_and_one_of_another_service_change_nothing(h: Harness, box: Inbox, maildir: Path) -> None:
    await told(h)
    local, _, domain = box.senders[-1].partition("@")
    async with h.runtime.read() as conn:
        mail_id = await conn.fetchval("SELECT mail_id FROM mail")
    secret = h.runtime.settings.secret.get_secret_value()
    of_alerts = AlertsSettings(secret=secret, mail_return_domain="retours.example")
    other = return_path(of_alerts, mail_id, box.mails[-1][0][0])
    assert other is not None
    swapped = f"{local[:-2]}{'a' if local[-2] != 'a' else 'b'}{local[-1]}@{domain}"
    forged = (swapped, other, "d" + other[1:], f"d+{'a' * 55}@{domain}")
    await come_back(h, maildir, *(dsn(path) for path in forged))
    assert await kept(h) == ("sent", True, True)


async def test_an_address_that_the_mail_server_calls_unknown_is_forgotten(h: Harness, box: Inbox) -> None:
    box.answers = ["550 5.1.1 no such user"]
    await told(h)
    assert await kept(h) == ("refused", False, False)


class Watched(Domains):
    """Lanes that tell which were entered."""

    def __init__(self) -> None:
        super().__init__(at_once=1, per_second=1_000)
        self.entered: list[str] = []

    def enter(self, domain: str) -> None:
        self.entered.append(domain)
        super().enter(domain)


async def test_mails_of_registers_keep_to_the_lanes_of_domains(h: Harness, box: Inbox) -> None:
    lanes = Watched()
    h.runtime.give_ports({Domains: lanes})
    await told(h)
    assert len(box.mails) == 1
    assert lanes.entered == [box.mails[0][0][0].rpartition("@")[2]]
    for _ in range(WAITING):
        lanes.enter(lanes.entered[0])
    assert not lanes.full(lanes.entered[0]), "its place was given back"
