"""An address and its confirmation suffice: asked, confirmed once, in time, by nobody but its reader."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from libs.common.testing.harness import Harness
from services.alerts.people import links
from services.alerts.people.api import AskLimiter
from tests.api.alerts.people_flow import ADDRESS, SEARCH, ask, at, confirm, link_of, manage_link, person, subscribed
from tests.api.alerts.test_alerts_mails import Inbox, Json, bodies, box, call, contact, h, inbox, tell
from tests.unit.alerts.alerts_samples import COMPANY, OTHER_COMPANY, PROCEDURE, published

__all__ = ["box", "h", "inbox"]


async def count(h: Harness, table: str) -> int:
    async with h.runtime.read() as conn:
        return int(await conn.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608  # our own names


async def test_an_address_is_asked_to_confirm_and_opening_the_link_changes_nothing(h: Harness, box: Inbox) -> None:
    await ask(h)
    message = box.one()
    assert box.mails[0][0] == [ADDRESS]
    assert message["Subject"] == "Confirmez votre alerte"
    assert "List-Unsubscribe" not in message
    assert message["Auto-Submitted"] == "auto-generated"
    link = link_of(box)
    async with h.client.get(link) as answer:
        assert answer.status == 200
        assert "« Écoles »" in await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"
    assert await count(h, "search") == 0
    root = manage_link(await confirm(h, link))
    [search] = (await at(h, "GET", f"{root}/searches", 200))["items"]
    assert (search["name"], search["frequency"], search["team"]) == ("Écoles", "daily", False)
    told = await person(h, root)
    assert (told["email"], told["digest_hour"], told["zone"], told["working_days"]) == (
        ADDRESS,
        7,
        "Europe/Paris",
        True,
    )
    assert told["confirmed_at"]


async def test_every_address_gets_the_same_answer_so_that_nobody_learns_who_has_alerts(h: Harness, box: Inbox) -> None:
    await subscribed(h, box)
    answers = [await ask(h), await ask(h, "inconnu@ailleurs.example")]
    addresses = (ADDRESS, ADDRESS.upper(), "personne@ailleurs.example")
    answers += [await at(h, "POST", "/alerts/v1/subscriptions/link", 202, {"email": address}) for address in addresses]
    assert all(answer == answers[0] for answer in answers)


async def test_the_link_to_its_alerts_is_mailed_to_an_address_that_has_some_only(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    for address in (ADDRESS.upper(), "personne@ailleurs.example"):
        await at(h, "POST", "/alerts/v1/subscriptions/link", 202, {"email": address})
    await h.settle()
    assert box.mails[0][0] == [ADDRESS]
    assert link_of(box) == f"{root}/page"
    assert len(box.mails) == 1


async def test_a_confirmation_is_done_once_and_a_replay_gives_nothing_away(h: Harness, box: Inbox) -> None:
    await ask(h)
    link = link_of(box)
    await confirm(h, link)
    replayed = await confirm(h, link)
    assert "C'est fait" in replayed
    assert "/people/" not in replayed, "who finds an old link does not get the person's own"
    assert await count(h, "search") == 1


async def test_a_confirmation_too_late_is_refused(h: Harness, box: Inbox) -> None:
    await ask(h)
    h.clock.advance(timedelta(days=2))
    async with h.client.get(link_of(box)) as answer:
        assert answer.status == 410
    await confirm(h, link_of(box), 410)
    assert await count(h, "search") == 0


async def test_a_forged_link_is_unknown(h: Harness) -> None:
    for path in ("confirmations/{}", "people/{}", "people/{}/searches", "people/{}/export", "feeds/{}/atom"):
        method = "POST" if path.startswith("confirm") else "GET"
        for token in ("x", "A" * 48, "é", "a" * 299):
            async with h.client.request(method, f"/alerts/v1/{path.format(token)}") as answer:
                assert answer.status in {404, 422}, path


async def test_a_link_for_one_thing_does_nothing_else(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    token = root.rpartition("/")[2]
    for path in (f"/alerts/v1/confirmations/{token}", f"/alerts/v1/unsubscribe/{token}"):
        async with h.client.post(path) as answer:
            assert answer.status == 404
    await at(h, "GET", f"/alerts/v1/feeds/{token}/atom", 404)
    await ask(h)
    await at(h, "GET", link_of(box).replace("confirmations", "people"), 404)


async def test_nobody_fills_somebody_elses_mailbox(h: Harness, box: Inbox) -> None:
    h.runtime.give_ports({AskLimiter: AskLimiter(1_000)})  # many callers
    for number in range(8):
        h.clock.advance(timedelta(minutes=1))
        await ask(h, ADDRESS.upper() if number % 2 else ADDRESS)
    assert len(box.mails) == 3, "an hour"
    for _ in range(12):
        h.clock.advance(timedelta(hours=1, seconds=1))
        await ask(h)
    assert len(box.mails) == 10, "a day"


async def test_one_caller_asks_for_so_many_mails_a_minute_whatever_the_addresses(h: Harness, box: Inbox) -> None:
    h.runtime.give_ports({AskLimiter: AskLimiter(1)})
    await ask(h)
    body = {"email": "victime@ailleurs.example", "search": SEARCH}
    for path, asked in (("subscriptions", body), ("subscriptions/link", {"email": ADDRESS})):
        async with h.client.post(f"/alerts/v1/{path}", json=asked) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) > 0
    await h.settle()
    assert len(box.mails) == 1


async def test_the_mail_of_a_request_holds_no_word_of_the_asker(h: Harness, box: Inbox) -> None:
    await ask(h, search={"name": "Gagnez un lot sur piege.example", "words": ["piege"]})
    text, html = bodies(box.one())
    assert "piege" not in text + html


@pytest.mark.parametrize(
    "body",
    [
        {"email": f"{ADDRESS}\r\nBcc: pirate@evil.example"},
        {"email": f"{ADDRESS}, pirate@evil.example"},
        {"email": "Moi <moi@ici.example>"},
        {"email": ADDRESS, "search": None},
        {"email": ADDRESS, "search": {"name": "Tout"}},
        {"email": ADDRESS, "search": {"name": "Tout", "not": ["rien"]}},
        {"email": ADDRESS, "procedure": str(uuid4()), "search": SEARCH},
        {"email": ADDRESS, "search": {**SEARCH, "frequency": "hourly"}},
        {"email": ADDRESS, "search": {**SEARCH, "team": True}},
        {"email": ADDRESS, "language": "tlh"},
        {"email": ADDRESS, "search": {"name": "x", "words": [f"mot{n}" for n in range(10_000)]}},
    ],
    ids=["header-injection", "two-addresses", "display-name", "nothing", "matches-everything", "only-negative",
         "two-wishes", "frequency", "team-of-nobody", "language", "ten-thousand-terms"],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused_and_nothing_is_kept(h: Harness, box: Inbox, body: Json) -> None:
    whole = {"search": SEARCH, **body} if "search" not in body else {k: v for k, v in body.items() if v is not None}
    told = await at(h, "POST", "/alerts/v1/subscriptions", 422, whole)
    assert told["detail"]
    await h.settle()
    assert box.mails == []
    assert await count(h, "subscriber") == await count(h, "request") == 0


async def test_header_injection_and_script_in_a_name_stay_words(h: Harness, box: Inbox) -> None:
    name = "<script>alert(1)</script>\r\nBcc: pirate@evil.example"
    await ask(h, search={**SEARCH, "name": name})
    assert "Bcc" not in box.one()
    async with h.client.get(link_of(box)) as answer:
        page = await answer.text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


async def test_ten_thousand_searches_stop_at_a_hundred(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    for number in range(99):
        await at(h, "POST", f"{root}/searches", 201, {"name": f"S{number}", "words": [f"mot{number}"]})
    told = await at(h, "POST", f"{root}/searches", 409, {"name": "De trop", "words": ["trop"]})
    assert told["type"].endswith("too-many-searches")
    await ask(h)
    await confirm(h, link_of(box), 409)
    assert await count(h, "search") == 100


async def test_an_address_nobody_confirmed_is_erased(h: Harness, box: Inbox) -> None:
    await ask(h)
    await contact(h, address="entreprise@ailleurs.example")
    root = await subscribed(h, box, "fidele@ailleurs.example")
    h.clock.advance(timedelta(days=3))
    for task in h.runtime.service.periodic.tasks:
        await task.run(h.runtime)
    async with h.runtime.read() as conn:
        kept = [row["email"] for row in await conn.fetch("SELECT email FROM subscriber ORDER BY email")]
    assert kept == ["entreprise@ailleurs.example", "fidele@ailleurs.example"]
    assert await count(h, "request") == 0
    await person(h, root)


async def test_a_procedure_is_followed_without_an_account(h: Harness, box: Inbox) -> None:
    await at(h, "POST", "/alerts/v1/subscriptions", 404, {"email": ADDRESS, "procedure": str(PROCEDURE)})
    await h.deliver(published())
    root = await subscribed(h, box, procedure=str(PROCEDURE))
    [followed] = (await at(h, "GET", f"{root}/followed", 200))["items"]
    assert followed["procedure"] == str(PROCEDURE)
    await at(h, "DELETE", f"{root}/followed/{PROCEDURE}", 204)
    assert (await at(h, "GET", f"{root}/followed", 200))["items"] == []


async def test_all_alerts_stop_and_come_back_and_older_links_die(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    async with h.runtime.read() as conn:
        subscriber_id = await conn.fetchval("SELECT subscriber_id FROM subscriber")
    link = links.unsubscribe(h.runtime.settings, subscriber_id, 1).removeprefix("https://halles.example")
    async with h.client.get(link) as answer:
        assert "Arrêter les alertes ?" in await answer.text()
    assert (await person(h, root))["alerts"] is True
    for _ in range(2):
        async with h.client.post(link, data={"List-Unsubscribe": "One-Click"}) as answer:
            assert answer.status == 200
            assert "Alertes arrêtées" in await answer.text()
    assert (await person(h, root))["alerts"] is False
    await at(h, "PATCH", root, 200, {"alerts": True})
    await at(h, "GET", root, 404)
    async with h.client.post(link, data="List-Unsubscribe=One-Click") as answer:
        assert answer.status == 200
        assert "Ce lien est ancien" in await answer.text()
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT alerts FROM subscriber") is True, "a replayed old link changes nothing"


async def test_one_search_stops_in_one_click_and_an_old_link_does_not_stop_it_again(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    await at(h, "POST", f"{root}/searches", 201, {"name": "Autre", "words": ["toit"]})
    [first, _] = (await at(h, "GET", f"{root}/searches", 200))["items"]
    link = links.stop(h.runtime.settings, UUID(first["search_id"]), 1).removeprefix("https://halles.example")

    async def paused() -> list[bool]:
        return [search["paused"] for search in (await at(h, "GET", f"{root}/searches", 200))["items"]]

    for _ in range(2):
        async with h.client.post(link, data="List-Unsubscribe=One-Click") as answer:
            assert "Vos autres alertes continuent" in await answer.text()
        assert await paused() == [True, False]
    await at(h, "PATCH", f"{root}/searches/{first['search_id']}", 200, {"paused": False})
    async with h.client.post(link, data="List-Unsubscribe=One-Click") as answer:
        assert "Ce lien est ancien" in await answer.text()
    assert await paused() == [False, False]


async def test_renewed_links_end_those_before(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    await at(h, "POST", f"{root}/renewal", 202)
    await at(h, "GET", root, 404)
    await h.settle()
    renewed = link_of(box).removesuffix("/page")
    assert renewed != root
    assert (await person(h, renewed))["email"] == ADDRESS


async def test_settings_are_kept_and_checked(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    until = "2026-04-01T00:00:00Z"
    body = {"zone": "Indian/Reunion", "digest_hour": 6, "working_days": False, "language": "en", "paused_until": until}
    told = await at(h, "PATCH", root, 200, body)
    assert {name: told[name] for name in body} == body
    assert (await at(h, "PATCH", root, 200, {"paused_until": None}))["paused_until"] is None
    for wrong in (
        {"zone": "Mars/Olympus"},
        {"digest_hour": 24},
        {"paused_until": "2026-04-01T00:00:00"},
        {"email": "x@y.example"},
    ):
        await at(h, "PATCH", root, 422, wrong)
    assert (await person(h, root))["zone"] == "Indian/Reunion"


async def test_one_persons_searches_are_seen_and_changed_by_nobody_else(h: Harness, box: Inbox) -> None:
    root = await subscribed(h, box)
    other = await subscribed(h, box, "autre@ailleurs.example")
    [search] = (await at(h, "GET", f"{root}/searches", 200))["items"]
    path = f"{other}/searches/{search['search_id']}"
    await at(h, "PATCH", path, 404, {"paused": True})
    await at(h, "DELETE", path, 404)
    await at(h, "GET", f"{path}/matches", 404)
    await at(h, "PUT", f"{path}/feed", 404)
    await call(h, "GET", f"/v1/searches/{search['search_id']}", 404)
    assert (await call(h, "GET", "/v1/searches", 200))["items"] == []


async def test_a_member_keeps_searches_to_themselves_or_shares_them(h: Harness, box: Inbox) -> None:
    told = await call(h, "POST", "/v1/searches", 409, {**SEARCH, "team": False})
    assert told["type"].endswith("no-address")
    await call(h, "GET", "/v1/me", 404)
    await call(h, "PUT", "/v1/me", 202, {"email": ADDRESS})
    await h.settle()
    await call(h, "GET", "/v1/me", 404)
    await confirm(h, link_of(box))
    assert (await call(h, "GET", "/v1/me", 200))["email"] == ADDRESS
    assert (await call(h, "PATCH", "/v1/me", 200, {"digest_hour": 18}))["digest_hour"] == 18
    own = await call(h, "POST", "/v1/searches", 201, {**SEARCH, "team": False})
    path = f"/alerts/v1/searches/{own['search_id']}"
    colleague = h.headers(COMPANY, "company", sub="colleague")
    async with h.client.get(path, headers=colleague) as answer:
        assert answer.status == 404
    assert (await call(h, "PATCH", f"/v1/searches/{own['search_id']}", 200, {"team": True}))["team"] is True
    async with h.client.get(path, headers=colleague) as answer:
        assert answer.status == 200
    await call(h, "GET", f"/v1/searches/{own['search_id']}", 404, org=OTHER_COMPANY)


async def test_a_changed_search_is_matched_by_its_new_criteria(h: Harness) -> None:
    made = await call(h, "POST", "/v1/searches", 201, {"name": "Piscines", "words": ["piscine"]})
    path = f"/v1/searches/{made['search_id']}"
    told = await call(
        h, "PATCH", path, 200, {"criteria": {"words": ["école"]}, "name": "Écoles", "frequency": "weekly"}
    )
    assert (told["name"], told["frequency"], told["summary"]) == ("Écoles", "weekly", "contient « école »")
    await tell(h, published())
    assert len((await call(h, "GET", f"{path}/matches", 200))["items"]) == 1
    await call(h, "PATCH", path, 422, {"criteria": {"not": ["école"]}})
