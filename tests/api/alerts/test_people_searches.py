"""Feeds, mutes, feedback, and the page without a script."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID
from xml.etree import ElementTree

import icalendar

from libs.common.testing.harness import Harness
from tests.api.alerts.people_flow import ask, at, confirm, link_of, manage_link, person, subscribed
from tests.api.alerts.test_alerts_mails import Inbox, Json, box, call, h, inbox, search, tell
from tests.unit.alerts.alerts_samples import BUYER, NOTICE, OTHER_COMPANY, PROCEDURE, published

__all__ = ["box", "h", "inbox"]

ATOM = "{http://www.w3.org/2005/Atom}"


async def get(h: Harness, address: str, status: int = 200) -> bytes:
    async with h.client.get(urlsplit(address).path) as answer:
        assert answer.status == status
        return await answer.read()


async def test_a_search_is_followed_in_a_feed_reader_and_a_calendar(h: Harness) -> None:
    found = await search(h, name="Écoles & <toits>")
    await tell(h, published(title="École <script>, toiture ; lot 1"))
    feed = await call(h, "PUT", f"/v1/searches/{found}/feed", 200)
    atom = ElementTree.fromstring(await get(h, feed["atom"]))  # noqa: S314  # written by us just now
    assert atom.findtext(f"{ATOM}title") == "Halles : Écoles & <toits>"
    assert atom.findtext(f"{ATOM}id") == feed["atom"]
    assert [entry.findtext(f"{ATOM}title") for entry in atom.iter(f"{ATOM}entry")] == [
        "École <script>, toiture ; lot 1"
    ]
    calendar = icalendar.Calendar.from_ical(await get(h, feed["calendar"]))
    [event] = calendar.walk("VEVENT")
    assert str(event["SUMMARY"]) == "Date limite : École <script>, toiture ; lot 1"
    assert event.decoded("DTSTART") == published().notice.deadline


async def test_the_address_of_a_feed_ends_when_another_is_asked_for_and_for_good(h: Harness) -> None:
    found = await search(h)
    path = f"/v1/searches/{found}/feed"
    seen: list[Json] = [await call(h, "PUT", path, 200) for _ in range(2)]
    assert seen[0]["atom"] != seen[1]["atom"]
    await get(h, seen[0]["atom"], 404)
    await get(h, seen[1]["atom"])
    assert (await call(h, "GET", f"/v1/searches/{found}", 200))["feed"] is True
    await call(h, "DELETE", path, 204)
    await get(h, seen[1]["calendar"], 404)
    renewed = await call(h, "PUT", path, 200)
    assert renewed["atom"] not in {feed["atom"] for feed in seen}
    await call(h, "PUT", path, 404, org=OTHER_COMPANY)
    await call(h, "DELETE", f"/v1/searches/{found}", 204)
    await get(h, renewed["atom"], 404)


async def test_more_and_less_like_this_are_counted_for_the_holder(h: Harness) -> None:
    found = await search(h)
    path = f"/v1/searches/{found}"
    await tell(h, published(), published(notice_id=UUID(int=5)))
    await call(h, "PUT", f"{path}/matches/{NOTICE}/feedback", 204, {"relevant": True})
    for relevant in (True, False):
        await call(h, "PUT", f"{path}/matches/{UUID(int=5)}/feedback", 204, {"relevant": relevant})
    told = await call(h, "GET", path, 200)
    assert (told["more"], told["less"]) == (1, 1)
    matches = (await call(h, "GET", f"{path}/matches", 200))["items"]
    assert {match["notice_id"]: match["relevant"] for match in matches} == {str(NOTICE): True, str(UUID(int=5)): False}
    await call(h, "PUT", f"{path}/matches/{NOTICE}/feedback", 204, {"relevant": None})
    assert (await call(h, "GET", path, 200))["more"] == 0
    await call(h, "PUT", f"{path}/matches/{UUID(int=99)}/feedback", 404, {"relevant": True})
    await call(h, "PUT", f"{path}/matches/{NOTICE}/feedback", 404, {"relevant": True}, org=OTHER_COMPANY)


async def test_what_is_muted_is_listed_page_by_page_and_taken_back(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    await at(h, "PUT", f"{root}/muted/notice/{NOTICE}", 404)
    await at(h, "PUT", f"{root}/muted/notice/word", 422)
    await at(h, "PUT", f"{root}/muted/sector/45", 422)
    await tell(h, published())
    for _ in range(2):
        await at(h, "PUT", f"{root}/muted/notice/{NOTICE}", 204)
        await at(h, "PUT", f"{root}/muted/buyer/{BUYER}", 204)
    first = await at(h, "GET", f"{root}/muted?limit=1", 200)
    second = await at(h, "GET", f"{root}/muted?limit=1&cursor={first['next']}", 200)
    told = [(each["kind"], each["subject"]) for each in first["items"] + second["items"]]
    assert sorted(told) == [("buyer", BUYER), ("notice", str(PROCEDURE))]
    assert second["next"] is None
    await at(h, "GET", f"{root}/searches?cursor={first['next']}", 422)
    await at(h, "DELETE", f"{root}/muted/notice/{NOTICE}", 204)
    await at(h, "DELETE", f"{root}/muted/notice/{NOTICE}", 404)
    assert (await call(h, "GET", "/v1/muted", 200))["items"] == [], "one's own"


async def press(h: Harness, root: str, **form: str) -> str:
    async with h.client.post(f"{root}/page", data=form) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def test_the_page_changes_pauses_deletes_and_stops_without_a_script(h: Harness, box: Inbox) -> None:
    await tell(h, published())
    root = await subscribed(h, box, search={"name": "<b>Écoles</b>", "words": ["école"]})
    await at(h, "PUT", f"{root}/followed/{PROCEDURE}", 204)
    async with h.client.get(f"{root}/page") as answer:
        page = await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"
    assert "&lt;b&gt;Écoles&lt;/b&gt;" in page
    [found] = (await at(h, "GET", f"{root}/searches", 200))["items"]
    search_id = found["search_id"]
    assert "(en pause" in await press(h, root, action="pause", search_id=search_id)
    assert "(en pause" not in await press(h, root, action="resume", search_id=search_id)
    await press(h, root, action="frequency", search_id=search_id, frequency="weekly")
    [found] = (await at(h, "GET", f"{root}/searches", 200))["items"]
    assert found["frequency"] == "weekly"
    await press(h, root, action="settings", digest_hour="18", language="en")
    told = await person(h, root)
    assert (told["digest_hour"], told["working_days"], told["language"]) == (18, False, "en")
    await press(h, root, action="unfollow", procedure=str(PROCEDURE))
    assert (await at(h, "GET", f"{root}/followed", 200))["items"] == []
    assert "Toutes vos alertes sont arrêtées" in await press(h, root, action="stop")
    assert (await person(h, root))["alerts"] is False
    again = await press(h, root, action="again")
    assert root not in again, "older links end"
    await at(h, "GET", root, 404)


async def test_the_page_refuses_what_is_none_of_its_buttons_and_searches_of_others(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    other = await subscribed(h, box, "autre@ailleurs.example")
    [found] = (await at(h, "GET", f"{root}/searches", 200))["items"]
    for form in (
        {"action": "drop"},
        {},
        {"action": "pause", "search_id": "x"},
        {"action": "pause", "team": "true"},
        {"action": "settings", "digest_hour": "24"},
    ):
        async with h.client.post(f"{root}/page", data=form) as answer:
            assert answer.status == 422
    async with h.client.post(f"{other}/page", data={"action": "delete", "search_id": found["search_id"]}) as answer:
        assert answer.status == 404
    await press(h, root, action="delete", search_id=found["search_id"])
    box.mails.clear()
    await press(h, root, action="erase")
    await h.settle()
    assert "Tout est effacé" in await confirm(h, link_of(box))
    await at(h, "GET", root, 404)
    await ask(h)
    assert manage_link(await confirm(h, link_of(box))) != root
