"""The award notice that the platform makes of a competition that journals published: they have it first again."""

from __future__ import annotations

from datetime import timedelta

from services.notices.service.procedures import close_due
from tests.api.notices.publication_press import PUBLISHED, Json, Press, match, press
from tests.unit.notices.notices_samples import COMPANY, PROCEDURE, award_decided, contract_notified

__all__ = ["press"]

RESULT: Json = {
    "lot_id": "LOT-0001",
    "outcome": "awarded",
    "winners": [
        {"organisation": COMPANY, "name": "Collecte", "city": "Dijon", "postal_code": "21000", "size": "small"}
    ],
    "value": "455000.00",
    "tenders_received": 3,
    "signed_at": "2027-01-18T09:00:00Z",
    "contract_number": "2026-014-01",
    "submissions": {"t-esubm": 3, "t-sme": 3, "t-large": 0, "t-oth-eea": 0, "t-no-eea": 0},
}


async def test_an_award_notice_goes_where_its_competition_went_and_is_not_public_before(press: Press) -> None:
    notice = await press.draft()
    await press.send(notice)
    await press.h.settle()
    await press.pass_time(times=8)
    assert await press.state(notice) == "published"
    press.h.clock.advance(timedelta(days=60))
    await close_due(press.h.runtime)
    at = press.h.clock.now()
    await press.h.deliver(award_decided(at))
    await press.h.deliver(contract_notified(at))
    await press.h.settle()
    shown = await press.ask("GET", f"/procedures/{PROCEDURE}", status=200)
    [award] = [each for each in shown["notices"] if each["kind"] == "award"]
    assert (shown["state"], award["state"]) == ("notified", "draft"), "eForms ask for what no contract says"
    await press.ask("GET", f"/notices/{award['notice_id']}", status=404, who=None)
    draft = await press.ask("GET", f"/notices/{award['notice_id']}", status=200)
    path = f"/notices/{award['notice_id']}"
    complete = await press.ask("PATCH", path, status=200, json={"results": [RESULT]}, headers=match(draft))
    assert complete["results"][0]["contract_id"] == draft["results"][0]["contract_id"]
    assert (await press.send(complete))["state"] == "sent"
    await press.h.settle()
    kinds = [each.data["notice"]["kind"] for each in press.h.events(PUBLISHED)]
    assert kinds == ["contract"]
    await press.pass_time(times=8)
    public = await press.ask("GET", f"/procedures/{PROCEDURE}", status=200, who=None)
    assert [each["kind"] for each in public["notices"]] == ["contract", "award"]
    assert len(press.journals["joue"].taken) == 2
