"""Digests, from matches to one mail a person and a run: each notice once, in its section, with its reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.common.periodic import tick
from libs.common.testing.harness import Harness
from tests.api.alerts.test_alerts_mails import ADDRESS, Inbox, bodies, box, call, contact, h, inbox, search
from tests.unit.alerts.alerts_samples import BUYER, COMPANY, OTHER_COMPANY, PROCEDURE, published

__all__ = ["box", "h", "inbox"]

TUESDAY = datetime(2026, 3, 3, 6, tzinfo=UTC)
"""7:00 in Paris, on the day after the harness begins."""


async def wish(h: Harness, frequency: str, *, name: str = "Écoles", org: str = COMPANY, **criteria: object) -> UUID:
    found = await search(h, org, name, **criteria)
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE search SET frequency = $1 WHERE search_id = $2", frequency, found)
    return found


async def run(h: Harness, at: datetime) -> None:
    """Match what was published so far, then let the digests of an hour leave."""
    await h.settle()
    h.clock.set(at)
    await tick(h.runtime)
    await h.settle()


async def test_a_digest_is_one_mail_at_the_hour_with_each_notice_once(h: Harness, box: Inbox) -> None:
    await contact(h)
    await wish(h, "daily")
    await wish(h, "daily", name="Code", cpv=["45"])
    soon = TUESDAY + timedelta(days=2)
    await h.deliver(
        published(), published(version=2), published(notice_id=UUID(int=5), title="École du port", deadline=soon)
    )
    await h.deliver(published(notice_id=UUID(int=6), kind="change", title="École modifiée", procedure=UUID(int=60)))
    await h.settle()
    assert box.mails == []
    await run(h, TUESDAY - timedelta(seconds=1))
    assert box.mails == []
    await run(h, TUESDAY)
    message = box.one()
    assert message["Subject"] == "Vos alertes : 3 avis"
    text, html = bodies(message)
    french = text.split("-- ")[0]
    assert french.index("DERNIERS JOURS") < french.index("École du port") < french.index("NOUVEAUX AVIS")
    assert french.index("NOUVEAUX AVIS") < french.index("CONSULTATIONS MODIFIÉES") < french.index("École modifiée")
    assert french.count("Réfection des Écoles maternelles") == 1
    for part in ("Écoles : ", "Code : code CPV", "département 21", "Date limite"):
        assert part in french
    assert "<h2" in html
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<alertes.halles.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    await run(h, TUESDAY + timedelta(days=1))
    assert len(box.mails) == 1, "told once, whatever the number of runs"


async def test_what_was_told_at_once_is_in_no_digest_and_the_other_way_round(h: Harness, box: Inbox) -> None:
    await contact(h)
    await wish(h, "daily")
    await wish(h, "at_once", name="Code", cpv=["45"])
    await h.deliver(published())
    await h.settle()
    assert box.one()["Subject"].startswith("Nouvel avis")
    await run(h, TUESDAY)
    assert len(box.mails) == 1


async def test_duplicate_and_reordered_events_are_still_one_digest_entry(h: Harness, box: Inbox) -> None:
    await contact(h)
    await wish(h, "daily")
    second, first = published(version=2), published()
    await h.deliver(second, first, second, first)
    await run(h, TUESDAY)
    await h.deliver(published(version=3))
    await run(h, TUESDAY + timedelta(days=1))
    assert len(box.mails) == 1


async def test_a_weekly_digest_leaves_on_the_first_working_day_of_the_week(h: Harness, box: Inbox) -> None:
    await contact(h)
    await wish(h, "weekly")
    await h.deliver(published())
    await run(h, TUESDAY)
    assert box.mails == []
    await run(h, datetime(2026, 3, 9, 6, tzinfo=UTC))
    assert box.one()["Subject"] == "Vos alertes : 1 avis"


async def test_a_run_that_was_missed_is_made_up_for(h: Harness, box: Inbox) -> None:
    await contact(h)
    await wish(h, "daily")
    await h.deliver(published())
    await run(h, TUESDAY + timedelta(days=2, hours=5))
    box.one()


async def test_a_muted_buyer_or_notice_is_in_no_mail(h: Harness, box: Inbox) -> None:
    await contact(h)
    await contact(h, OTHER_COMPANY, "autre@toits.example")
    await wish(h, "daily")
    await wish(h, "at_once", org=OTHER_COMPANY)
    async with h.runtime.uow() as uow:
        for organisation, kind, subject in ((COMPANY, "buyer", BUYER), (OTHER_COMPANY, "notice", str(PROCEDURE))):
            await uow.conn.execute(
                "INSERT INTO muted (organisation, kind, subject, since) VALUES ($1, $2, $3, now())",
                organisation, kind, subject,
            )  # fmt: skip
    await h.deliver(published())
    await run(h, TUESDAY)
    assert box.mails == []


async def test_a_pause_holds_digests_back_and_drops_what_is_over_then(h: Harness, box: Inbox) -> None:
    await contact(h)
    await wish(h, "daily")
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE subscriber SET paused_until = $1", TUESDAY + timedelta(days=3))
    await h.deliver(
        published(), published(notice_id=UUID(int=5), title="École close", deadline=TUESDAY + timedelta(days=1))
    )
    await run(h, TUESDAY)
    assert box.mails == []
    await run(h, TUESDAY + timedelta(days=3))
    assert "École close" not in bodies(box.one())[0]


async def test_who_unsubscribed_before_the_run_gets_none(h: Harness, box: Inbox) -> None:
    await contact(h)
    await wish(h, "daily")
    await h.deliver(published())
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE contact SET alerts = false")
    await run(h, TUESDAY)
    assert box.mails == []


async def test_a_script_in_a_title_and_a_header_in_a_name_stay_words_in_a_digest(h: Harness, box: Inbox) -> None:
    await contact(h)
    await wish(h, "daily", name="<script>alert(1)</script>\r\nBcc: pirate@evil.example")
    await h.deliver(published(title="École <script>alert(1)</script>\r\nBcc: pirate@evil.example"))
    await run(h, TUESDAY)
    message = box.one()
    assert box.mails[0][0] == [ADDRESS]
    assert "Bcc" not in message
    assert "<script>" not in bodies(message)[1]


async def test_a_person_without_account_gets_a_digest_in_their_language(h: Harness, box: Inbox) -> None:
    found = await wish(h, "daily")
    async with h.runtime.uow() as uow:
        person = await uow.conn.fetchval(
            "INSERT INTO subscriber (email, language, confirmed_at, created_at) VALUES ($1, 'en', now(), now()) RETURNING subscriber_id",
            ADDRESS,
        )  # fmt: skip
        await uow.conn.execute(
            "UPDATE search SET organisation = NULL, subscriber_id = $1 WHERE search_id = $2", person, found
        )
    await h.deliver(published())
    await run(h, TUESDAY)
    message = box.one()
    assert message["Subject"] == "Your alerts: 1 notice"
    text, _ = bodies(message)
    assert text.index("YOUR ALERTS") < text.index("VOS ALERTES")
    assert (await call(h, "GET", "/v1/mails", 200))["items"] == []
