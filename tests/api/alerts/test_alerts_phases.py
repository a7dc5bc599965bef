"""What became public finds who asked for it: each phase, answers to questions among them, from the event to the mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest

from libs.common.messages.notices import AnswerPublishedV1, LotResult
from libs.common.periodic import tick
from libs.common.testing.harness import Harness
from tests.api.alerts.people_flow import at, subscribed
from tests.api.alerts.test_alerts_digests import TUESDAY, run, wish
from tests.api.alerts.test_alerts_mails import Inbox, bodies, box, call, contact, h, inbox, search, tell
from tests.unit.alerts.alerts_samples import BUYER, COMPANY, NOTICE, OTHER_COMPANY, PROCEDURE, published

__all__ = ["box", "h", "inbox"]

LINK = f"https://halles.example/notices/v1/notices/{NOTICE}"
WON = [LotResult(lot_id="LOT-0001", outcome="awarded", winner_name="Toits SARL")]
LOST = [LotResult(lot_id="LOT-0001", outcome="abandoned")]


def answered(number: int = 77, version: int = 2, **more: Any) -> AnswerPublishedV1:  # noqa: ANN401
    values: dict[str, Any] = {
        "aggregate_id": UUID(int=number),
        "aggregate_version": version,
        "organisation": BUYER,
        "procedure": PROCEDURE,
        "occurred_at": published().occurred_at,
        "question": "La visite est-elle obligatoire ?",
        "answer": "Non, elle est facultative.",
        "published_at": published().occurred_at + timedelta(hours=1),
    }
    return AnswerPublishedV1.model_validate(values | more)


@pytest.mark.parametrize(
    ("phase", "notice"),
    [
        ("planning", {"kind": "planning"}),
        ("contract", {"kind": "contract"}),
        ("change", {"kind": "change"}),
        ("award", {"kind": "award", "results": WON}),
        ("cancellation", {"kind": "award", "results": LOST}),
    ],
)
async def test_each_phase_finds_who_asked_for_it_and_nobody_else(
    h: Harness, phase: str, notice: dict[str, Any]
) -> None:
    every = ("planning", "contract", "change", "answer", "award", "cancellation")
    made = {each: await search(h, name=each, words=["école"], phases=[each]) for each in every}
    await tell(h, published(**notice))
    found = {
        name: len((await call(h, "GET", f"/v1/searches/{each}/matches", 200))["items"]) for name, each in made.items()
    }
    assert found == {each: int(each == phase) for each in every}


async def test_an_answer_is_mailed_to_who_searches_for_answers_about_such_a_notice(h: Harness, box: Inbox) -> None:
    await contact(h)
    await contact(h, OTHER_COMPANY, "autre@toits.example")
    found = await search(h, words=["école"], phases=["answer"])
    await search(h, OTHER_COMPANY, words=["piscine"], phases=["answer"])
    await h.deliver(published(), answered())
    await h.settle()
    message = box.one()
    assert message["Subject"].startswith("Réponse à une question / Answer to a question : Réfection des Écoles")
    assert LINK in bodies(message)[0]
    assert "Nouvel avis" not in message["Subject"]
    [match] = (await call(h, "GET", f"/v1/searches/{found}/matches", 200))["items"]
    assert match["about"] == str(NOTICE)
    assert match["notice_id"] != str(NOTICE)
    await h.deliver(answered(version=3, answer="Oui."), answered(), answered(number=78))
    await h.settle()
    assert len(box.mails) == 2, "a corrected answer is told once, another one is another"


async def test_who_asked_for_no_answers_gets_none(h: Harness, box: Inbox) -> None:
    await contact(h)
    await search(h)
    await h.deliver(published())
    await h.settle()
    await h.deliver(answered(), answered(number=78, procedure=None))
    await h.settle()
    assert len(box.mails) == 1


async def test_an_answer_that_comes_before_its_notice_waits_for_it(h: Harness, box: Inbox) -> None:
    await contact(h)
    await search(h, words=["école"], phases=["answer"])
    await h.deliver(answered(), answered(version=3))
    await tick(h.runtime)
    await h.settle()
    assert box.mails == []
    await h.deliver(published())
    await tick(h.runtime)
    await h.settle()
    assert box.one()["Subject"].startswith("Réponse à une question")
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM early_answer") == 0


async def test_an_answer_is_in_a_digest_a_feed_and_a_preview_with_the_link_to_its_notice(
    h: Harness, box: Inbox
) -> None:
    await contact(h)
    found = await wish(h, "daily", words=["école"], phases=["answer", "contract"])
    await h.deliver(published(), answered())
    await run(h, TUESDAY)
    text, _ = bodies(box.one())
    assert text.index("NOUVEAUX AVIS") < text.index("CONSULTATIONS MODIFIÉES") < text.index("Answer to a question")
    feed = await call(h, "PUT", f"/v1/searches/{found}/feed", 200)
    async with h.client.get(feed["atom"].removeprefix("https://halles.example")) as answer:
        atom = ElementTree.fromstring(await answer.text())  # noqa: S314  # written by us just now
    links = [each.get("href") for each in atom.iter("{http://www.w3.org/2005/Atom}link") if each.get("rel") != "self"]
    assert links.count(f"{LINK}/page") == 2
    tried = await at(h, "POST", "/alerts/v1/previews", 200, {"words": ["école"], "phases": ["answer"]})
    assert [(each["notice_id"], each["phase"]) for each in tried["items"]] == [(str(NOTICE), "answer")]


async def test_answers_of_a_muted_consultation_are_silent(h: Harness, box: Inbox) -> None:
    await contact(h)
    await search(h, words=["école"], phases=["answer"])
    await tell(h, published())
    await call(h, "PUT", f"/v1/muted/notice/{NOTICE}", 204)
    await h.deliver(answered())
    await h.settle()
    assert box.mails == []


async def test_from_a_wish_to_an_alert_at_once_and_a_digest_in_the_morning(h: Harness, box: Inbox) -> None:
    """Nobody has an account: two people ask, confirm, and read; each gets one mail for what several searches found."""
    hasty = {"name": "Écoles", "words": ["école"], "frequency": "at_once"}
    root = await subscribed(h, box, "vite@chantier.example", search=hasty)
    await at(h, "POST", f"{root}/searches", 201, {"name": "Toits", "words": ["toiture"], "frequency": "at_once"})
    calm = await subscribed(h, box, "matin@chantier.example")
    await at(h, "POST", f"{calm}/searches", 201, {"name": "Toits", "words": ["toiture"]})
    await h.deliver(published(), published(notice_id=UUID(int=5), title="École du port"))
    await h.settle()
    assert sorted((*to, message["Subject"]) for to, message in box.mails) == [
        ("vite@chantier.example", "Nouvel avis : Réfection des Écoles maternelles"),
        ("vite@chantier.example", "Nouvel avis : École du port"),
    ]
    box.mails.clear()
    await run(h, TUESDAY - timedelta(minutes=1))
    assert box.mails == []
    await run(h, TUESDAY)
    assert box.mails[0][0] == ["matin@chantier.example"]
    text, _ = bodies(box.one())
    assert text.split("-- ")[0].count("École du port") == 1
    assert h.clock.now() == datetime(2026, 3, 3, 6, tzinfo=UTC), "7:00 in Paris"
    await h.deliver(published(), published(notice_id=UUID(int=5), title="École du port"))
    await run(h, TUESDAY + timedelta(days=1))
    assert len(box.mails) == 1
    assert (await call(h, "GET", "/v1/mails", 200, org=COMPANY))["items"] == []
