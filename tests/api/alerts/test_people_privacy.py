"""What is kept of an address: taken away whole, erased whole, never in a log."""

from __future__ import annotations

from io import StringIO
from uuid import UUID

from libs.common.testing.harness import Harness
from tests.api.alerts.people_flow import ADDRESS, ask, at, confirm, link_of, subscribed
from tests.api.alerts.test_alerts_mails import Inbox, box, call, contact, h, inbox, logs, tell
from tests.unit.alerts.alerts_samples import BUYER, NOTICE, OTHER_COMPANY, PROCEDURE, published

__all__ = ["box", "h", "inbox", "logs"]

NAME = "Zygomorphe"
SEARCH = {"name": NAME, "words": ["toiture"], "not": ["xylophage"], "frequency": "at_once"}


async def lines(h: Harness) -> dict[str, list[str]]:
    """Give every row of every table, queues of events and jobs among them."""
    async with h.runtime.read() as conn:
        tables = [
            row["tablename"] for row in await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        assert {"event", "job", "journal", "mail", "subscriber", "request", "contact"} <= set(tables)
        rows = {table: await conn.fetch(f'SELECT t::text AS line FROM "{table}" AS t') for table in tables}  # noqa: S608
    return {table: [row["line"].lower() for row in found] for table, found in rows.items()}


async def lived(h: Harness, box: Inbox) -> tuple[str, str]:
    """Let a person use everything; give the root of their own addresses, and a search."""
    await tell(h, published())
    root = await subscribed(h, box, search=SEARCH)
    [search] = (await at(h, "GET", f"{root}/searches", 200))["items"]
    path = f"{root}/searches/{search['search_id']}"
    await tell(h, published(notice_id=UUID(int=5), procedure=PROCEDURE))
    await at(h, "PUT", f"{path}/matches/{UUID(int=5)}/feedback", 204, {"relevant": True})
    await at(h, "PUT", f"{path}/feed", 200)
    await at(h, "PUT", f"{root}/followed/{PROCEDURE}", 204)
    await at(h, "PUT", f"{root}/muted/buyer/{BUYER}", 204)
    await h.settle()
    return root, search["search_id"]


async def test_all_that_is_kept_of_an_address_is_taken_away(h: Harness, box: Inbox) -> None:
    root, search_id = await lived(h, box)
    await contact(h, address=ADDRESS.upper())
    async with h.client.get(f"{root}/export") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="alertes.json"'
        kept = await answer.json()
    assert kept["person"]["email"] == ADDRESS
    [search] = kept["searches"]
    assert (search["search_id"], search["name"], search["criteria"]["not"]) == (search_id, NAME, ["xylophage"])
    assert kept["feedback"][0]["relevant"] is True
    assert kept["followed"][0]["procedure"] == str(PROCEDURE)
    assert kept["muted"][0]["subject"] == BUYER
    assert kept["requests"][0]["purpose"] == "subscribe"
    assert kept["address_of"][0]["email"] == ADDRESS.upper()


async def test_an_erased_address_is_in_no_table_and_no_queue(h: Harness, box: Inbox) -> None:
    root, search_id = await lived(h, box)
    await contact(h, OTHER_COMPANY, ADDRESS.upper())
    before = await lines(h)
    assert any(ADDRESS in line for line in before["subscriber"])
    assert any(NAME.lower() in line for line in before["search"])
    box.mails.clear()
    await at(h, "POST", f"{root}/erasure", 202)
    await h.settle()
    link = link_of(box)
    async with h.client.get(link) as answer:
        assert "Tout effacer" in await answer.text()
    await at(h, "GET", root, 200)
    assert "Tout est effacé" in await confirm(h, link)
    left = await lines(h)
    for trace in (ADDRESS, NAME.lower(), "xylophage"):
        assert {table for table, found in left.items() if any(trace in line for line in found)} == set(), trace
    for table in ("subscriber", "contact", "search", "criteria", "match", "request", "muted", "follow", "feedback"):
        assert left[table] == [], table
    assert {table for table, found in left.items() if any(search_id in line for line in found)} <= {"journal"}
    await at(h, "GET", root, 404)
    await confirm(h, link, 410)
    await tell(h, published(notice_id=UUID(int=6)))
    await h.settle()
    assert len(box.mails) == 1, "the link that erased, and nothing since"


async def test_what_somebody_else_searches_for_too_survives_an_erasure(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box, search={"name": "Mien", "words": ["toiture"]})
    await call(h, "POST", "/v1/searches", 201, {"name": "Le leur", "words": ["toiture"]})
    await at(h, "POST", f"{root}/erasure", 202)
    await h.settle()
    await confirm(h, link_of(box))
    await tell(h, published())
    [search] = (await call(h, "GET", "/v1/searches", 200))["items"]
    found = (await call(h, "GET", f"/v1/searches/{search['search_id']}/matches", 200))["items"]
    assert [each["notice_id"] for each in found] == [str(NOTICE)]


async def test_no_address_search_or_link_is_ever_logged(h: Harness, box: Inbox, logs: StringIO) -> None:
    box.answers = [f"451 4.3.0 <{ADDRESS}> later"]
    await ask(h, search=SEARCH)
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE job SET not_before = now()")
    await h.settle()
    links = [link_of(box)]
    root, _ = await lived(h, box)
    links.append(root)
    await at(h, "POST", "/alerts/v1/subscriptions", 422, {"email": f"{ADDRESS}>", "search": SEARCH})
    await at(h, "POST", f"{root}/searches", 422, {"name": NAME})
    await at(h, "POST", f"{root}/erasure", 202)
    await h.settle()
    links.append(link_of(box))
    await confirm(h, links[-1])
    await confirm(h, links[-1], 410)
    told = logs.getvalue().lower()
    assert "request_refused" in told, "something is logged"
    assert ADDRESS not in told
    assert NAME.lower() not in told
    assert "xylophage" not in told
    assert [link for link in links if link.rpartition("/")[2].lower() in told] == []


async def test_an_address_that_its_organisation_takes_back_is_in_no_table(h: Harness, box: Inbox) -> None:
    await contact(h, address="seule@entreprise.example")
    await call(h, "DELETE", "/v1/contact", 204)
    left = await lines(h)
    assert {table for table, found in left.items() if any("seule@entreprise" in line for line in found)} == set()
    await subscribed(h, box)
    await contact(h, address=ADDRESS)
    await call(h, "DELETE", "/v1/contact", 204)
    assert len((await lines(h))["subscriber"]) == 1, "its reader confirmed it for themselves"
