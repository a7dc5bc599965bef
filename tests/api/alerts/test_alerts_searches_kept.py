"""Saved searches: what is refused, what is stored, how they are listed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from libs.common.testing.harness import Harness
from services.alerts.sending import _Sender
from tests.api.alerts.test_alerts_mails import ADDRESS, Inbox, Json, box, call, contact, h, inbox, search
from tests.unit.alerts.alerts_samples import letter, published

__all__ = ["box", "h", "inbox"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "x", "not": ["école"]},
        {"name": "x", "value_min": 10, "unknown_value": True},
        {"name": "x", "words": ["école"], "sector": "btp"},
        {"name": "x", "words": ["mot"] * 3 + [f"mot{number}" for number in range(10_000)]},
        {"name": "x", "words": ["..."]},
        {"name": "x", "cpv": ["45.*"]},
        {"name": "x", "departments": ["Côte-d'Or"]},
        {"name": "x", "near": {"lat": 91, "lon": 0, "km": 1}},
        {"name": "x", "words": ["école"], "value_min": 10, "value_max": 5},
        {"words": ["école"]},
        {"name": "", "words": ["école"]},
        {"name": "\u0007", "words": ["école"]},
    ],
    ids=["nothing", "only-negative", "unbounded", "unknown-member", "ten-thousand-terms", "no-word", "pattern", "department", "latitude", "bounds", "no-name", "empty-name", "unreadable-name"],
)  # fmt: skip
async def test_a_search_that_cannot_be_used_is_refused_and_nothing_is_kept(h: Harness, body: Json) -> None:
    told = await call(h, "POST", "/v1/searches", 422, body)
    assert told["detail"]
    assert (await call(h, "GET", "/v1/searches", 200))["items"] == []


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "a@b.example\nBcc: x@y.example", "A <a@b.example>", "a@b.example,c@d.example", "a b@c.example", "é@b.example", "a@-b.example"],
)  # fmt: skip
async def test_an_address_that_is_more_than_an_address_is_refused(h: Harness, address: str) -> None:
    await call(h, "PUT", "/v1/contact", 422, {"email": address})
    await call(h, "GET", "/v1/contact", 404)


async def test_no_address_leaves_in_events_mails_or_journal(h: Harness) -> None:
    await contact(h)
    await search(h)
    await h.deliver(published(), letter())
    await h.settle()
    async with h.runtime.read() as conn:
        for table in ("event", "journal", "mail"):
            rows = await conn.fetch(f"SELECT t::text AS line FROM {table} AS t")  # noqa: S608  # our own names
            assert rows
            assert not any(ADDRESS in row["line"] for row in rows)


async def test_summary_is_stored_in_plain_words(h: Harness) -> None:
    body = {
        "name": "Toits",
        "words": ["toiture"],
        "not": ["piscine"],
        "cpv": ["4526"],
        "departments": ["21"],
        "value_min": 40000,
    }
    told = await call(h, "POST", "/v1/searches", 201, body)
    assert (
        told["summary"] == "contient « toiture » ; sans « piscine » ; CPV 4526* ; départements 21 ; au moins 40000 € HT"
    )
    assert told["summary_en"].startswith("contains « toiture »")


async def test_a_worker_killed_after_the_handover_repeats_the_mail_under_the_same_identity(
    h: Harness, box: Inbox
) -> None:
    await contact(h)
    await h.deliver(letter())
    worker = _Sender(h.runtime)
    assert await worker.take() == 1
    await asyncio.gather(*worker._running.values())  # handed over; the worker dies before it marks the mail
    await h.settle()
    assert len(box.mails) == 1, "its lease lasts"
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE mail SET not_before = now()")
    await h.settle()
    assert [message["Message-ID"] for _, message in box.mails] == [box.mails[0][1]["Message-ID"]] * 2
    assert len(h.events("alerts.mail.sent.v1")) == 1
    await h.settle()
    assert len(box.mails) == 2


async def test_an_address_is_erased_on_request_and_nothing_leaves_any_more(h: Harness, box: Inbox) -> None:
    await contact(h)
    await h.deliver(letter())
    await call(h, "DELETE", "/v1/contact", 204)
    await call(h, "DELETE", "/v1/contact", 404)
    await h.settle()
    assert box.mails == []
    told = (await call(h, "GET", "/v1/mails", 200))["items"]
    assert [(mail["state"], mail["reason"]) for mail in told] == [("undeliverable", "no contact")]


async def test_pages_lead_through_all_searches_and_mails(h: Harness, box: Inbox) -> None:
    await contact(h)
    for number in range(5):
        h.clock.advance(timedelta(seconds=number % 2))
        await search(h, name=f"S{number}", words=[f"mot{number}"])
        await h.deliver(letter(number + 1))
    for path, key in (("/v1/searches", "search_id"), ("/v1/mails", "mail_id")):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await call(h, "GET", f"{path}?limit=2{cursor}", 200)
            seen += [item[key] for item in page["items"]]
            cursor = f"&cursor={page['next']}" if page["next"] else None
            if cursor:
                await call(h, "GET", f"/v1/webhooks/{UUID(int=1)}/attempts?limit=2{cursor}", 422)
        assert len(seen) == len(set(seen)) == 5
    assert box.mails == []
