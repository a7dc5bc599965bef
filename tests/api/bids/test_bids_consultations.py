"""Consultations: opened by the notice, with a fixed and checked key set."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from libs.common.testing.plugin import HarnessFactory
from libs.common.timestamp import verify
from services.bids import sealing
from services.bids.sealing import EnvelopeError
from tests.api.bids.bids_world import BUYER, DEADLINE, ROOTS, notice, world

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"


async def test_a_consultation_shows_what_bidders_need_and_follows_its_notice(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    told = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    assert told["buyer"] == BUYER
    assert told["deadline"] == "2026-03-20T12:00:00+01:00"
    assert (told["state"], told["time_zone"]) == ("open", "Europe/Paris")
    assert w.notice.opening is not None
    assert told["opening"] == w.notice.opening.model_dump(mode="json")
    assert [each["lot_id"] for each in told["lots"]] == ["LOT-0001", "LOT-0002"]
    later = DEADLINE + timedelta(days=7)
    await w.h.deliver(notice(w.procedure, w.officers, notice_id=w.notice.notice_id, version=2, deadline=later))
    await w.h.deliver(
        notice(w.procedure, w.officers, notice_id=w.notice.notice_id, version=1)
    )  # an older one comes last
    told = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    assert told["deadline"] == "2026-03-27T12:00:00+01:00"
    w.h.clock.set(later + timedelta(seconds=1))
    assert (await w.call("GET", f"/consultations/{w.procedure}", None, expect=200))["state"] == "closed"
    await w.call("GET", f"/consultations/{uuid4()}", None, expect=404)


async def test_a_change_published_after_the_opening_moves_no_deadline(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    await w.open_all()
    later = notice(w.procedure, w.officers, 1, kind="change", version=1, deadline=DEADLINE + timedelta(days=3))
    await w.h.deliver(later)
    told = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    assert (told["state"], told["deadline"]) == ("opened", "2026-03-20T12:00:00+01:00")


async def test_a_change_of_the_keys_is_a_new_version_that_everybody_sees(service_harness: HarnessFactory) -> None:
    """An operator who swaps an officer's key cannot do it unseen: version, fingerprint, time stamp; bidders are told."""
    w = await world(service_harness)
    await w.h.settle()
    told = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    (first,) = told["key_versions"]
    assert (first["version"], first["opening"]) == (1, told["opening"])
    token = sealing.from_text(first["token"])
    assert verify(token, bytes.fromhex(first["fingerprint"]), ROOTS) == w.h.clock.now()
    await w.deposit(ALPHA, [b"offer"])
    draft = await w.draft(ALPHA, [b"again"])
    old = w.seal(UUID(draft["bid_id"]), [b"again"])
    swapped = [sealing.generate(each.officer) for each in w.officers]
    await w.h.deliver(notice(w.procedure, swapped, notice_id=w.notice.notice_id, version=2))
    told = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    assert [each["version"] for each in told["key_versions"]] == [1, 2]
    assert told["opening"] == told["key_versions"][1]["opening"] != first["opening"]
    await w.h.settle()
    assert [each.data["reference_version"] for each in w.h.events("bids.depositor.informed.v1")] == [2]
    await w.upload(ALPHA, draft["bid_id"], old)  # prepared before: it stays with its keys
    receipt = await w.finish(ALPHA, draft["bid_id"], old)
    assert (receipt["statement"]["key_version"], receipt["statement"]["key_fingerprint"]) == (1, first["fingerprint"])


async def test_each_officers_set_opens_what_was_sealed_to_it(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"sealed to the first"])
    former, newer = w.officers, [sealing.generate(f"officier-{n}") for n in (1, 2, 3)]
    event = notice(w.procedure, newer, notice_id=w.notice.notice_id, version=2)
    await w.h.deliver(event)
    w.notice, w.officers = event.notice, newer
    receipt = await w.deposit(BETA, [b"sealed to the second"])
    assert receipt["statement"]["key_version"] == 2
    first = await w.open_all(former[:2])
    assert [each["depositor"] for each in first["report"]["opened"]] == [ALPHA]
    assert (await w.call("GET", f"/consultations/{w.procedure}", None, expect=200))["state"] == "closed"
    second = await w.open_stage(newer[1:])
    assert [each["depositor"] for each in second["report"]["opened"]] == [BETA]
    assert (await w.call("GET", f"/consultations/{w.procedure}", None, expect=200))["state"] == "opened"
    assert len((await w.call("GET", f"/consultations/{w.procedure}/openings", BUYER, expect=200))["items"]) == 2


async def test_a_wrong_fingerprint_or_threshold_opens_no_consultation(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    good = sealing.key_set(2, [each.public for each in w.officers])
    for wrong in ({"fingerprint": "0" * 64}, {"threshold": 4}):
        event = notice(uuid4(), w.officers, opening=good.model_copy(update=wrong))
        with pytest.raises(EnvelopeError):
            await w.h.deliver(event)
        await w.call("GET", f"/consultations/{event.procedure}", None, expect=404)


async def test_notices_that_take_no_electronic_bids_open_nothing(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    for changes in ({"kind": "award"}, {"kind": "planning"}, {"deadline": None}, {"opening": None}):
        procedure = uuid4()
        await w.h.deliver(notice(procedure, w.officers, **changes))
        await w.call("GET", f"/consultations/{procedure}", None, expect=404)
