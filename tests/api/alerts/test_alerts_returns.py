"""Mails that come back, through the operator's real mailbox folder: suppressed where they must be, told to the sender, never forged."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.common.mail.reports import Kind, read
from libs.common.messages.envelope import CloudEvent
from libs.common.periodic import tick
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.wiring import SERVICE
from tests.api.alerts.test_alerts_mails import ADDRESS, Inbox, bodies, box, call, contact, inbox, search
from tests.unit.alerts.alerts_samples import BUYER, letter, published

__all__ = ["box", "inbox"]


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
async def h(service_harness: HarnessFactory, inbox: tuple[Inbox, str], maildir: Path) -> Harness:
    settings = {"smtp_url": inbox[1], "public_url": "https://halles.example", "mail_return_domain": "retours.example"}
    return await service_harness(SERVICE, settings=settings | {"mail_returns": maildir})


def dsn(path: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    """A report as mail servers write them (RFC 3464)."""
    return f"""Return-Path: <>
Delivered-To: {path}
From: MAILER-DAEMON@mx.example
To: {path}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 2 Mar 2026 09:00:00 +0000

Final-Recipient: rfc822; {ADDRESS}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <{ADDRESS}>: no

--b--
""".encode()


def complaint(path: str) -> bytes:
    """A complaint as mailbox providers write them (RFC 5965)."""
    return f"""From: <feedback@provider.example>
To: <plaintes@retours.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

A complaint.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider/1.0
Version: 1
Original-Mail-From: <{path}>

--b
Content-Type: message/rfc822

From: Halles <alertes@halles.invalid>
Subject: Nouvel avis

x
--b--
""".encode()


async def come_back(h: Harness, maildir: Path, *reports: bytes) -> None:
    for number, report in enumerate(reports):
        (maildir / "new" / f"{number}.mx").write_bytes(report)
    await tick(h.runtime)
    await h.settle()


async def mail_of(h: Harness, box: Inbox, number: int = 1) -> str:
    """Send a letter and give the return path that the mail server was told."""
    await h.deliver(letter(number))
    await h.settle()
    return box.senders[-1]


async def states(h: Harness) -> list[tuple[str, str | None]]:
    async with h.runtime.read() as conn:
        rows = await conn.fetch("SELECT state, reason FROM mail WHERE kind = 'letter' ORDER BY subject_id")
    return [(row["state"], row["reason"]) for row in rows]


def undelivered_letters(h: Harness) -> list[CloudEvent]:
    return [event for event in h.events("alerts.mail.undelivered.v1") if event.data["kind"] == "letter"]


def waiting(maildir: Path) -> list[Path]:
    return list(maildir.rglob("*.mx*"))


async def test_a_hard_bounce_ends_mails_to_the_address_and_tells_the_sender(
    h: Harness, box: Inbox, maildir: Path
) -> None:
    await contact(h)
    await contact(h, BUYER, "mairie@dijon.example")
    path = await mail_of(h, box)
    assert path.endswith("@retours.example")
    await come_back(h, maildir, dsn(path))
    assert await states(h) == [("bounced", "hard bounce 5.1.1")]
    (told,) = [message for to, message in box.mails if to == ["mairie@dijon.example"]]
    assert told["Subject"] == "Courriel non remis / Mail not delivered"
    assert "/alerts/v1/mails/undelivered" in bodies(told)[0]
    assert "toitures" not in bodies(told)[0]
    (event,) = h.events("alerts.mail.undelivered.v1")
    assert (event.data["state"], event.data["letter_id"]) == ("bounced", str(letter().letter_id))
    assert ADDRESS not in str(event.data)
    listed = (await call(h, "GET", "/v1/mails/undelivered", 200, org=BUYER, kind="buyer"))["items"]
    assert [mail["state"] for mail in listed] == ["bounced"]
    assert waiting(maildir) == []
    await h.deliver(letter(2))
    await h.settle()
    assert (await states(h))[1] == ("suppressed", "address suppressed: hard")
    assert len([1 for to, _ in box.mails if to == ["mairie@dijon.example"]]) == 2, "never silence"


async def test_giving_the_address_again_lifts_the_suppression_and_what_waited_leaves(
    h: Harness, box: Inbox, maildir: Path
) -> None:
    await contact(h)
    await come_back(h, maildir, dsn(await mail_of(h, box)))
    await contact(h)
    await h.settle()
    assert await states(h) == [("sent", None)]
    assert len(box.mails) == 2


async def test_a_forged_bounce_changes_nothing(h: Harness, box: Inbox, maildir: Path) -> None:
    await contact(h)
    path = await mail_of(h, box)
    token = path.partition("@")[0]
    swapped = token[:-1] + ("a" if token[-1] != "a" else "b")
    forged = [
        "alertes@halles.invalid",
        f"{swapped}@retours.example",
        "r+@retours.example",
        f"r+{'a' * 55}@retours.example",
    ]
    await come_back(h, maildir, *(dsn(each) for each in forged), *(complaint(each) for each in forged))
    assert await states(h) == [("sent", None)]
    assert waiting(maildir) == []
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM suppression") == 0


async def test_a_report_that_comes_twice_counts_once(h: Harness, box: Inbox, maildir: Path) -> None:
    await contact(h)
    path = await mail_of(h, box)
    await come_back(h, maildir, dsn(path, "4.2.2"), dsn(path, "4.2.2"))
    await come_back(h, maildir, dsn(path, "4.2.2"))
    assert len(undelivered_letters(h)) == 1
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM mail_return") == 1


async def test_soft_bounces_end_mails_only_when_there_are_many(h: Harness, box: Inbox, maildir: Path) -> None:
    await contact(h)
    for number in range(1, 6):
        assert len([state for state, _ in await states(h) if state == "suppressed"]) == 0
        await come_back(h, maildir, dsn(await mail_of(h, box, number), "4.2.2"))
    await h.deliver(letter(6))
    await h.settle()
    assert (await states(h))[5] == ("suppressed", "address suppressed: soft")


async def test_a_complaint_ends_alerts_but_letters_still_go(h: Harness, box: Inbox, maildir: Path) -> None:
    await contact(h)
    await search(h)
    await come_back(h, maildir, complaint(await mail_of(h, box)))
    await h.deliver(published(), letter(2))
    await h.settle()
    assert await states(h) == [("sent", None), ("sent", None)]
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT reason FROM mail WHERE kind = 'alert'") == "address suppressed: complaint"


async def test_a_bounce_of_an_address_that_was_replaced_leaves_the_new_one_alone(
    h: Harness, box: Inbox, maildir: Path
) -> None:
    await contact(h)
    path = await mail_of(h, box)
    await contact(h, address="nouveau@toitures.example")
    await come_back(h, maildir, dsn(path))
    await h.deliver(letter(2))
    await h.settle()
    assert (await states(h))[1] == ("sent", None)


async def test_an_address_that_the_mail_server_refuses_as_unknown_is_suppressed(h: Harness, box: Inbox) -> None:
    await contact(h)
    box.answers = ["550 5.1.1 no such user"]
    await h.deliver(letter(1))
    await h.settle()
    await h.deliver(letter(2))
    await h.settle()
    assert await states(h) == [("refused", "SMTP 550"), ("suppressed", "address suppressed: hard")]
    assert len(undelivered_letters(h)) == 2


async def test_a_mail_without_an_address_to_go_to_tells_its_sender(h: Harness, box: Inbox) -> None:
    await contact(h, BUYER, "mairie@dijon.example")
    await h.deliver(letter(1), letter(2, "receipt"))
    await h.settle()
    assert [to for to, _ in box.mails] == [["mairie@dijon.example"]], "of a deposit receipt the buyer may know nothing"
    assert len(h.events("alerts.mail.undelivered.v1")) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [("5.1.1", Kind.HARD), ("5.2.1", Kind.HARD), ("5.0.0", Kind.HARD), ("5.2.2", Kind.SOFT), ("5.7.1", Kind.SOFT), ("4.4.7", Kind.SOFT)],
)  # fmt: skip
def test_the_status_tells_hard_from_soft(status: str, kind: Kind) -> None:
    report = read(dsn("r+x@retours.example", status))
    assert report is not None
    assert report.kind is kind


@pytest.mark.parametrize(
    "raw",
    [
        dsn("r+x@retours.example", "4.4.1", "delayed"),
        b"From: a@b.example\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.",
        b"",
        b"\xff\xfe\x00" * 100,
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n",
    ],
)
def test_what_is_no_report_of_a_failure_changes_nothing(raw: bytes) -> None:
    assert read(raw) is None


async def test_two_workers_take_each_report_once(h: Harness, maildir: Path) -> None:
    from libs.common.mail import maildir as folder

    for number in range(4):
        (maildir / "new" / f"{number}.mx").write_bytes(b"x")
    first, second = folder.claim(maildir, 10), folder.claim(maildir, 10)
    taken = [
        next(first)[0].name,
        next(second)[0].name,
        *(path.name for path, _ in first),
        *(path.name for path, _ in second),
    ]
    assert sorted(taken) == [f"{number}.mx:2," for number in range(4)]
