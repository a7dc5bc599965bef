"""The way of a notice through its channels, on real HTTP servers: the order the law wants, the 48 hours, rejections."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from prometheus_client import REGISTRY

from libs.common.periodic import tick
from libs.common.testing.harness import TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.service.tracking import release_due
from services.notices.wiring import SERVICE
from tests.api.notices.publication_press import PUBLISHED, Press, match, press
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY, VILLAGE

__all__ = ["press"]

TRACKED = "notices.publication.tracked.v1"


async def test_a_formal_notice_goes_to_the_official_journal_first_then_the_others_and_the_platform_last(
    press: Press,
) -> None:
    notice = await press.draft()
    sent = await press.send(notice)
    assert (sent["state"], sent["sent_at"]) == ("sent", "2026-11-20T09:00:00Z")
    await press.h.settle()
    assert await press.states(notice) == {"joue": "sent", "boamp": "waiting", "profile": "waiting"}
    assert not press.journals["boamp"].taken
    await press.ask("GET", f"/notices/{notice['notice_id']}", status=404, who=None)
    await press.pass_time(times=2)
    assert await press.states(notice) == {"joue": "accepted", "boamp": "waiting", "profile": "waiting"}
    await press.pass_time()
    assert await press.states(notice) == {"joue": "published", "boamp": "sent", "profile": "waiting"}
    assert await press.state(notice) == "sent"
    await press.pass_time(times=2)
    assert await press.state(notice) == "published"
    await press.pass_time(times=2)
    shown = await press.at(notice, who=None)
    assert {code: each["state"] for code, each in shown.items()} == dict.fromkeys(
        ("joue", "boamp", "profile"), "published"
    )
    assert (shown["joue"]["number"], shown["joue"]["published_on"]) == ("700001-2026", "2026-11-20")
    assert shown["boamp"]["link"].startswith("https://")
    assert shown["joue"]["receipt"] is None
    told = [event.type for event in press.h.events() if event.type != TRACKED]
    assert told == [
        "notices.notice.checked.v1", "notices.notice.sent.v1", "notices.publication.published.v1", PUBLISHED,
        "notices.publication.published.v1", "notices.publication.published.v1",
    ]  # fmt: skip
    assert [event.data["channel"] for event in press.h.events("notices.publication.published.v1")] == [
        "joue",
        "profile",
        "boamp",
    ]


@pytest.mark.parametrize(
    ("after", "boamp"), [(timedelta(hours=47, minutes=59), "waiting"), (timedelta(hours=48), "sent")]
)
async def test_forty_eight_hours_after_its_receipt_the_official_journal_is_waited_for_no_more(
    press: Press, after: timedelta, boamp: str
) -> None:
    press.journals["joue"].scenario = "accept"
    notice = await press.draft()
    await press.send(notice)
    await press.h.settle()
    assert (await press.at(notice))["boamp"]["held_until"] is None, "not received yet: no time lets it go"
    await press.pass_time()
    received = press.h.clock.now()
    assert (await press.at(notice))["boamp"]["held_until"] == f"{received + timedelta(hours=48):%Y-%m-%dT%H:%M:%SZ}"
    press.h.clock.set(received + after)
    await tick(press.h.runtime)
    await press.h.settle()
    assert (await press.states(notice))["boamp"] == boamp
    assert await press.state(notice) == "sent"
    assert not press.h.events(PUBLISHED)


async def test_the_platform_publishes_after_the_answer_of_the_national_channels_or_a_day_later(press: Press) -> None:
    press.journals["boamp"].scenario = "down"
    notice = await press.draft(2, VILLAGE)
    await press.send(notice, "boamp", who=VILLAGE)
    await press.pass_time()
    assert await press.states(notice, VILLAGE) == {"boamp": "queued", "profile": "waiting"}
    sample = partial(REGISTRY.get_sample_value, "halles_publications_oldest_seconds")
    assert sample({"kind": "boamp", "state": "queued"}) == 3600
    await press.pass_time(timedelta(hours=23))
    assert await press.states(notice, VILLAGE) == {"boamp": "queued", "profile": "published"}
    assert await press.state(notice, VILLAGE) == "published"


async def test_periods_run_from_when_the_official_journal_had_the_notice(press: Press) -> None:
    press.journals["joue"].scenario = "down"
    notice = await press.draft()
    await press.send(notice)
    await press.pass_time(timedelta(days=3))
    assert await press.states(notice) == {"joue": "queued", "boamp": "waiting", "profile": "waiting"}
    press.journals["joue"].scenario = "publish"
    async with press.h.runtime.read() as conn:
        await conn.execute("UPDATE job SET not_before = now()")  # the back-off is over
    await press.h.settle()
    shown = await press.ask("GET", f"/notices/{notice['notice_id']}", status=200)
    assert (shown["sent_at"], (await press.at(notice))["joue"]["sent_at"]) == ("2026-11-23T09:00:00Z",) * 2
    [taken] = press.journals["joue"].taken.values()
    assert b"<cbc:IssueDate>2026-11-23" in taken.content


async def test_a_rejection_by_the_official_journal_stops_the_others_and_the_notice_is_mended_and_sent_again(
    press: Press,
) -> None:
    press.journals["joue"].scenario = "reject"
    notice = await press.draft()
    await press.send(notice)
    await press.pass_time(times=3)
    assert await press.states(notice) == {"joue": "rejected", "boamp": "stopped", "profile": "stopped"}
    [reason] = (await press.at(notice))["joue"]["reasons"]
    assert (reason["field"], "complétez" in reason["message"]) == ("BT-24", True)
    assert await press.state(notice) == "rejected"
    drafts = await press.ask("GET", "/drafts", status=200)
    assert [each["state"] for each in drafts["items"]] == ["rejected"]
    [told] = press.h.events("notices.notice.rejected.v1")
    assert (told.data["channel"], told.data["reasons"][0]["field"]) == ("joue", "BT-24")
    back = await press.ask("GET", f"/notices/{notice['notice_id']}", status=200)
    path = f"/notices/{notice['notice_id']}"
    mended = await press.ask("PATCH", path, status=200, json={"description": "Mieux."}, headers=match(back))
    assert (mended["state"], mended["sent_at"]) == ("draft", None)
    assert [event.type for event in press.h.events("notices.notice.reopened.v1")] == []
    press.journals["joue"].scenario = "publish"
    await press.send(mended)
    await press.pass_time(times=8)
    assert await press.state(notice) == "published"
    assert sorted(press.journals["joue"].taken) == [f"{notice['notice_id']}-{attempt}" for attempt in ("01", "02")]
    assert len(press.h.events("notices.notice.reopened.v1")) == 1


async def test_a_rejection_that_leaves_another_channel_is_told_and_the_channel_may_have_the_notice_again(
    press: Press,
) -> None:
    press.journals["boamp"].scenario = "reject"
    notice = await press.draft(2, VILLAGE)
    sent = await press.send(notice, "boamp", "shal-demo", who=VILLAGE)
    await press.pass_time(times=4)
    assert await press.states(notice, VILLAGE) == {
        "boamp": "rejected",
        "shal-demo": "published",
        "profile": "published",
    }
    assert await press.state(notice, VILLAGE) == "published"
    press.journals["boamp"].scenario = "publish"
    shown = await press.ask("GET", f"/notices/{sent['notice_id']}", status=200, who=VILLAGE)
    await press.send(shown, "shal-demo", who=VILLAGE, status=409)
    await press.send(shown, "joue", who=VILLAGE, status=409)
    await press.send(shown, "boamp", who=VILLAGE)
    await press.pass_time(times=4)
    page = await press.ask("GET", f"/notices/{notice['notice_id']}/publications", status=200, who=VILLAGE)
    assert [each["state"] for each in page["items"] if each["channel"] == "boamp"] == ["rejected", "published"]


async def test_what_is_sent_changes_no_more_and_is_published_by_no_short_cut(press: Press) -> None:
    notice = await press.draft(2, VILLAGE)
    sent = await press.send(notice, "boamp", who=VILLAGE)
    path = f"/notices/{notice['notice_id']}"
    await press.ask("PATCH", path, status=409, who=VILLAGE, json={"title": "Autre"}, headers=match(sent))
    await press.ask("PUT", f"{path}/documents/autre.pdf", status=409, who=VILLAGE, data=b"%PDF-1.7")
    await press.ask("POST", f"{path}/publication", status=409, who=VILLAGE, headers=match(sent))
    await press.ask("GET", f"{path}/publications", status=404, who=INTERCOMMUNALITY)
    await press.ask("GET", f"{path}/channels", status=404, who=INTERCOMMUNALITY)
    assert await press.state(notice, VILLAGE) == "sent"


async def test_a_checked_notice_goes_back_to_draft_with_any_change(press: Press) -> None:
    notice = await press.draft(2, VILLAGE)
    path = f"/notices/{notice['notice_id']}"
    body = {"channels": ["boamp"]}
    checked = await press.ask("POST", f"{path}/check", status=200, who=VILLAGE, json=body, headers=match(notice))
    assert checked["state"] == "checked"
    await press.ask("POST", f"{path}/check", status=409, who=VILLAGE, json=body, headers=match(checked))
    changed = await press.ask("PATCH", path, status=200, who=VILLAGE, json={"title": "Autre"}, headers=match(checked))
    assert changed["state"] == "draft"
    checked = await press.ask("POST", f"{path}/check", status=200, who=VILLAGE, json=body, headers=match(changed))
    await press.ask("PUT", f"{path}/documents/plan.pdf", status=201, who=VILLAGE, data=b"%PDF-1.7 plan")
    assert await press.state(notice, VILLAGE) == "draft"
    draft = await press.ask("GET", path, status=200, who=VILLAGE)
    checked = await press.ask("POST", f"{path}/check", status=200, who=VILLAGE, json=body, headers=match(draft))
    sent = await press.send(checked, "boamp", who=VILLAGE)
    assert sent["state"] == "sent"
    await press.h.settle()
    assert len(press.h.events("notices.notice.reopened.v1")) == 2


async def test_a_notice_that_lacks_a_channel_or_breaks_a_rule_is_refused_with_every_reason_and_nothing_is_kept(
    press: Press,
) -> None:
    notice = await press.draft()
    path = f"/notices/{notice['notice_id']}"
    soon = f"{BEFORE + timedelta(days=5):%Y-%m-%dT%H:%M:%SZ}"
    short = await press.ask("PATCH", path, status=200, json={"deadline": soon}, headers=match(notice))
    problem = await press.send(short, "boamp", "gazette", status=422)
    where = {fault["where"] for fault in problem["errors"]}
    assert {"channels/gazette", "channels", "rules/period"} <= where
    assert all(fault["message"] and fault["message_en"] for fault in problem["errors"])
    assert await press.states(notice) == {}
    assert await press.state(notice) == "draft"
    problem = await press.send(short, "boamp", status=422, despite=["channels"])
    assert {fault["where"] for fault in problem["errors"]} >= {"rules/period"}
    await press.h.settle()
    assert not press.h.events("notices.notice.checked.v1")


async def test_a_rule_set_aside_is_written_in_the_journal(press: Press) -> None:
    notice = await press.draft()
    path = f"/notices/{notice['notice_id']}"
    soon = f"{BEFORE + timedelta(days=16):%Y-%m-%dT%H:%M:%SZ}"
    short = await press.ask("PATCH", path, status=200, json={"deadline": soon}, headers=match(notice))
    await press.send(short, "boamp", despite=["channels", "period", "procedure"])
    async with press.h.runtime.read() as conn:
        actions = {
            row["action"]
            for row in await conn.fetch("SELECT action FROM journal_pending UNION ALL SELECT action FROM journal")
        }
    assert {"rule-set-aside-channels", "rule-set-aside-period", "notice-sent"} <= actions


async def test_a_platform_without_addresses_says_which_channels_it_has_not(service_harness: HarnessFactory) -> None:
    press = Press(await service_harness(SERVICE, clock=TestClock(BEFORE)), {})
    notice = await press.draft()
    shown = await press.ask("GET", f"/notices/{notice['notice_id']}/channels", status=200)
    assert {each["code"]: each["available"] for each in shown["channels"]} == {
        "joue": False, "boamp": False, "shal": False, "profile": True,
    }  # fmt: skip
    assert shown["required"] == ["joue", "boamp", "profile"]
    assert {each["code"] for each in shown["channels"] if each["proposed"]} == {"joue", "boamp", "profile"}
    problem = await press.send(notice, status=422)
    assert {"channels/joue", "channels/boamp"} <= {fault["where"] for fault in problem["errors"]}
    path = f"/notices/{notice['notice_id']}/publication"
    alone = await press.ask("POST", path, status=201, headers=match(notice))
    assert alone["state"] == "published"
    shown = await press.at(notice, who=None)
    assert (shown["profile"]["state"], shown["profile"]["published_on"]) == ("published", "2026-11-20")
    await press.send(alone, "boamp", status=409)


async def test_a_repetition_after_a_death_is_known_by_its_envelope(press: Press) -> None:
    notice = await press.draft(2, VILLAGE)
    await press.send(notice, "boamp", who=VILLAGE)
    async with press.h.runtime.read() as conn:
        before = await conn.fetchrow("SELECT kind, key, payload FROM job WHERE kind = 'submit-notice'")
        assert before is not None
    outlet = press.journals["boamp"]
    await press.h.settle()
    [taken] = outlet.taken.values()
    async with press.h.runtime.read() as conn:  # as if the worker had died between the answer and its mark
        await conn.execute(
            "UPDATE publication SET state = 'queued', receipt = NULL, sent_at = NULL WHERE channel = 'boamp'"
        )
        await conn.execute(
            "UPDATE job SET state = 'waiting', not_before = now(), finished_at = NULL WHERE kind = 'submit-notice'"
        )
    await press.h.settle()
    assert (taken.times, len(outlet.taken)) == (2, 1)
    assert (await press.states(notice, VILLAGE))["boamp"] == "sent"
    assert before["key"] == f"{notice['notice_id']}-01-boamp"


async def test_a_worker_stopped_while_a_channel_keeps_it_waiting_hands_the_notice_over_once_more(press: Press) -> None:
    journal = press.journals["boamp"]
    journal.silence = 30
    notice = await press.draft(2, VILLAGE)
    await press.send(notice, "boamp", who=VILLAGE)
    worker = asyncio.create_task(press.h.settle())
    while not journal.taken:  # noqa: ASYNC110  # a server tells nobody what it has
        await asyncio.sleep(0.01)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert (await press.states(notice, VILLAGE))["boamp"] == "queued"
    journal.silence = 0
    await press.h.settle()
    [taken] = journal.taken.values()
    assert (taken.times, (await press.states(notice, VILLAGE))["boamp"]) == (2, "sent")


async def test_the_national_form_is_shown_as_channels_get_it(press: Press) -> None:
    notice = await press.draft(2, VILLAGE)
    path = f"/notices/{notice['notice_id']}/national-form"
    form = await press.ask("GET", path, status=200, who=VILLAGE)
    assert form["acheteur"]["identifiantNational"] == VILLAGE.removeprefix("SIRET:")
    assert form["marche"]["intitule"] == notice["title"]
    await press.ask("GET", path, status=404, who=None)
    await press.send(notice, "boamp", who=VILLAGE)
    await press.h.settle()
    [taken] = press.journals["boamp"].taken.values()
    assert taken.form == "national"
    assert f"<intitule>{notice['title']}</intitule>".encode() in taken.content


async def test_many_workers_let_a_notice_go_once(press: Press) -> None:
    press.journals["joue"].scenario = "receive"
    notice = await press.draft()
    await press.send(notice)
    await press.pass_time(times=2)
    press.h.clock.advance(timedelta(hours=48))
    await asyncio.gather(*(release_due(press.h.runtime) for _ in range(4)))
    await press.h.settle()
    assert [taken.times for taken in press.journals["boamp"].taken.values()] == [1]
    queued = [event for event in press.h.events(TRACKED) if event.data["state"] == "queued"]
    assert [event.data["channel"] for event in queued] == ["joue", "boamp"]


async def test_what_the_procedure_refuses_meanwhile_is_told_and_nothing_is_published_here(press: Press) -> None:
    press.journals["boamp"].scenario = "receive"
    sent = await press.draft(2, VILLAGE)
    await press.send(sent, "boamp", who=VILLAGE)
    await press.h.settle()
    rival = {
        "title": "Le même", "procedure_id": sent["procedure_id"], "buyer": {"name": "Commune"}, "nature": "works",
        "cpv": ["45233140"], "deadline": "2027-01-11T11:00:00Z", "electronic": False, "documents_url": "https://dce.example",
    }  # fmt: skip
    other = await press.ask("POST", "/notices", status=201, who=VILLAGE, json=rival)
    path = f"/notices/{other['notice_id']}/publication"
    await press.ask("POST", path, status=201, who=VILLAGE, headers=match(other))
    await press.pass_time(timedelta(hours=25))
    profile = (await press.at(sent, VILLAGE))["profile"]
    assert (profile["state"], profile["reasons"][0]["field"]) == ("rejected", "procedure")
    assert await press.state(sent, VILLAGE) == "sent"
    assert len(press.h.events(PUBLISHED)) == 1
