"""From an address typed into a form to the mails that its reader gets, and stops: over a real mail server, by the platform's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.alerts.wiring import SERVICE
from tests.api.alerts.people_flow import at, subscribed
from tests.api.alerts.test_alerts_digests import run
from tests.api.alerts.test_alerts_mails import Inbox, bodies, box, inbox
from tests.unit.alerts.alerts_samples import PROCEDURE, published

__all__ = ["box", "inbox"]

GOOD_FRIDAY = datetime(2026, 4, 3, 16, tzinfo=UTC)
"""18:00 in Paris, which works that day; Easter Monday is a holiday."""
TUESDAY = datetime(2026, 4, 7, 5, tzinfo=UTC)
"""7:00 in Paris, summer time."""
DAILY, AT_ONCE, FOLLOWER = "chaque-jour@pme.example", "aussitot@pme.example", "suit@pme.example"


@pytest.fixture
async def h(service_harness: HarnessFactory, inbox: tuple[Inbox, str]) -> Harness:
    """Give the service with one lane, so that mails come in the order in which they leave."""
    settings = {"smtp_url": inbox[1], "public_url": "https://halles.example", "mails_per_domain": 1}
    return await service_harness(SERVICE, settings=settings)


def taken(box: Inbox) -> list[tuple[str, str]]:
    """Give who was written to, and about what, since the last time."""
    mails = [(mail["To"], mail["Subject"].split(" :")[0]) for _, mail in box.mails]
    box.mails.clear()
    return mails


async def test_from_a_subscription_to_digests_mails_at_once_changes_and_their_end(h: Harness, box: Inbox) -> None:
    h.clock.set(GOOD_FRIDAY)
    school = {"name": "Écoles", "words": ["école"]}
    daily = await subscribed(h, box, DAILY, search=school | {"frequency": "daily"})
    await at(h, "POST", f"{daily}/searches", 201, {"name": "Travaux", "cpv": ["45"], "frequency": "daily"})
    await subscribed(h, box, AT_ONCE, search=school | {"frequency": "at_once"})
    event = published(deadline=GOOD_FRIDAY + timedelta(days=40))
    await h.deliver(event, event)
    await h.deliver(event)
    await h.settle()
    told = box.mails[0][1]
    assert taken(box) == [(AT_ONCE, "Nouvel avis")], "once, however often the event comes"
    await subscribed(h, box, FOLLOWER, procedure=str(PROCEDURE))
    for day in (-3, -2, -1):
        await run(h, TUESDAY + timedelta(days=day))
    assert taken(box) == [], "neither on a Saturday, nor a Sunday, nor a public holiday"
    h.clock.set(TUESDAY)
    change = published(notice_id=UUID(int=9), kind="change", title="Autre chose", description="date", cpv=["90500000"])
    await h.deliver(change)
    await run(h, TUESDAY)
    digest = box.mails[-1][1]
    assert taken(box) == [(FOLLOWER, "Consultation modifiée"), (DAILY, "Vos alertes")], "changes before digests"
    french = bodies(digest)[0].split("-- ")[0]
    assert french.count("Réfection des Écoles maternelles") == 1
    assert "Écoles : " in french
    assert "Travaux : " in french
    await stop(h, str(digest["List-Unsubscribe"]))
    await h.deliver(published(notice_id=UUID(int=10), title="École neuve", deadline=TUESDAY + timedelta(days=40)))
    await run(h, TUESDAY + timedelta(days=1))
    assert taken(box) == [(AT_ONCE, "Nouvel avis")]
    await at(h, "PATCH", daily, 200, {"alerts": True})
    await stop(h, str(digest["List-Unsubscribe"]), stale=True)
    await stop(h, str(told["List-Unsubscribe"]))
    await h.deliver(published(notice_id=UUID(int=11), title="École à étage", deadline=TUESDAY + timedelta(days=40)))
    await run(h, TUESDAY + timedelta(days=2))
    assert taken(box) == [(DAILY, "Vos alertes")], "a replayed link stops no new wish"


async def stop(h: Harness, header: str, *, stale: bool = False) -> None:
    """Use a link as mail programs do (RFC 8058): reading it stops nothing, POST does, and POST again changes nothing."""
    link = header.strip("<>").removeprefix("https://halles.example")
    async with h.client.get(link) as answer:
        assert (answer.status, "Arrêter les alertes ?" in await answer.text()) == (200, True)
    async with h.client.post(link, data={"List-Unsubscribe": "One-Click"}) as answer:
        assert (answer.status, "Ce lien est ancien" in await answer.text()) == (200, stale)
    async with h.client.post(link, data={"List-Unsubscribe": "One-Click"}) as answer:
        assert answer.status == 200
