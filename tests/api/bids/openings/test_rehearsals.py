"""Rehearsals: of a whole consultation, and of officers' keys, with reminders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.common.testing.plugin import HarnessFactory
from services.bids import sealing
from services.bids.rehearsal.service import remind
from services.bids.sealing.rehearsal import rehearse
from tests.api.bids.bids_world import BUYER, DEADLINE, OTHER_BUYER, World, award_body, world

ALPHA = "SIRET:55210025400001"


def wish(w: World, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    keys = sealing.key_set(2, [each.public for each in w.officers])
    told = {
        "buyer_name": "Commune de Fleurey",
        "department": "21",
        "opening": keys.model_dump(mode="json"),
        "minutes": 30,
    }
    return told | changes


async def test_a_buyer_and_bidders_rehearse_everything_and_nothing_is_awarded(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    assert w.notice.opening is not None
    refused = await w.call("POST", "/rehearsals", ALPHA, expect=403, json=wish(w))
    assert refused["status"] == 403
    wrong = sealing.key_set(2, [each.public for each in w.officers]).model_dump(mode="json") | {"fingerprint": "0" * 64}
    await w.call("POST", "/rehearsals", BUYER, expect=422, json=wish(w, opening=wrong))
    started = await w.call("POST", "/rehearsals", BUYER, expect=201, json=wish(w))
    notice = w.notice.model_copy(update={"opening": sealing.key_set(2, [each.public for each in w.officers])})
    there = World(w.h, UUID(started["procedure"]), notice, w.officers)
    receipt = await there.deposit(ALPHA, [b"a rehearsed offer"])
    assert "Répétition" in str(receipt)
    await there.start_opening(expect=409)
    w.h.clock.advance(timedelta(minutes=31))
    opening = await there.open_stage()
    path = f"/openings/{opening['opening_id']}/bids/{there.bids[ALPHA]}/files/1"
    assert await there.call("GET", path, BUYER, expect=200) == b"a rehearsed offer"
    body = award_body(there.bids[ALPHA], [there.bids[ALPHA]])
    refused = await there.call(
        "POST", f"/consultations/{there.procedure}/lots/LOT-0001/award", BUYER, expect=409, json=body
    )
    assert refused["type"] == "urn:halles:problem:rehearsal-only"
    listed = await there.call("GET", f"/consultations/{there.procedure}/officers", BUYER, expect=200)
    assert listed["rehearsal"] is True
    organisations = {BUYER, ALPHA}
    told = [each for each in w.h.events() if str(each.data.get("procedure", "")) == str(there.procedure)]
    assert all(each.data.get("organisation", BUYER) in organisations for each in told)


async def test_an_officer_tries_his_key_and_the_others_are_named_in_a_reminder(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    keys = w.notice.opening
    assert keys is not None
    path = f"/consultations/{w.procedure}/officers"
    now = w.h.runtime.clock.now()
    told = rehearse(w.officers[0], w.procedure, keys, now).model_dump(mode="json")
    await w.call("POST", path, OTHER_BUYER, expect=403, json=told)
    forged = told | {"officer": "officier-2"}
    await w.call("POST", path, BUYER, expect=422, json=forged)
    stranger = sealing.generate("officier-1")
    other = sealing.key_set(2, [stranger.public, w.officers[1].public])
    await w.call(
        "POST", path, BUYER, expect=422, json=rehearse(stranger, w.procedure, other, now).model_dump(mode="json")
    )
    seen = await w.call("POST", path, BUYER, expect=201, json=told)
    assert [each["rehearsed_at"] is not None for each in seen["officers"]] == [True, False, False]
    assert await reminders(w) == []
    w.h.clock.set(DEADLINE - timedelta(days=6))
    assert [each["paragraphs"][2] for each in await reminders(w)] == [
        "N'ont pas encore essayé leur clé : officier-2, officier-3."
    ]
    assert len(await reminders(w)) == 1, "a reminder is sent once"
    await w.h.settle()
    sent = [each.data["organisation"] for each in w.h.events("bids.message.sent.v1") if each.data["kind"] == "reminder"]
    assert sent == [BUYER], "the alerts service writes a mail to it"
    w.h.clock.set(DEADLINE - timedelta(days=1))
    assert len(await reminders(w)) == 2
    assert len(await reminders(w)) == 2


async def test_who_has_rehearsed_is_not_reminded(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    assert w.notice.opening is not None
    for each in w.officers:
        told = rehearse(each, w.procedure, w.notice.opening, w.h.runtime.clock.now())
        path = f"/consultations/{w.procedure}/officers"
        await w.call("POST", path, BUYER, expect=201, json=told.model_dump(mode="json"))
    w.h.clock.set(DEADLINE - timedelta(days=1))
    assert await reminders(w) == []


async def test_help_is_shown_to_anybody_with_the_hour(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, settings={"help_mail": "aide@halles.example", "help_phone": "+33 3 80 00 00 00"})
    told = await w.call("GET", "/help", None, expect=200)
    assert (told["mail"], told["phone"], told["url"]) == ("aide@halles.example", "+33 3 80 00 00 00", None)
    assert told["workstation"].endswith("/bids/v1/web/workstation.html")


async def reminders(w: World) -> list[dict[str, Any]]:
    """Have what is due sent; give all the reminders at the buyer's disposal."""
    await remind(w.h.runtime)
    listed = await w.call("GET", "/letters", BUYER, expect=200)
    found = [each["letter_id"] for each in listed["items"] if each["kind"] == "reminder"]
    return [await w.call("GET", f"/letters/{each}", BUYER, expect=200) for each in found]
