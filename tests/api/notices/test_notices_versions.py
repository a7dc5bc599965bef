"""Versions of notices and of procedures: as of any date, with what changed, secret things left out."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from libs.common.testing.harness import Harness
from services.notices.service import procedures as service
from tests.api.notices.test_notices_amending import CORRECTION, LATER, follow, made_public
from tests.api.notices.test_notices_api import Json, ask, h, version
from tests.api.notices.test_notices_lots import NONE, decide, of, three_lots
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, VILLAGE, award_decided

__all__ = ["h"]


async def versions(h: Harness, which: str, *, own: bool = False) -> list[Json]:
    headers = h.headers(INTERCOMMUNALITY) if own else {}
    found = await ask(h, "GET", f"/procedures/{which}/versions", status=200, headers=headers)
    items: list[Json] = found["items"]
    return items


async def corrected(h: Harness) -> Json:
    """Give a published notice, corrected a day later."""
    notice = await three_lots(h)
    h.clock.advance(timedelta(days=1))
    lots = [{"lot_id": "LOT-0002", "title": "Charpente bois"}, {"lot_id": "LOT-0004", "title": "Peinture"}]
    draft = await follow(h, f"/notices/{notice['notice_id']}/corrections", CORRECTION | {"lots": lots})
    await made_public(h, draft)
    return notice


async def test_a_procedure_is_read_as_bidders_saw_it_at_any_date(h: Harness) -> None:
    notice = await corrected(h)
    which = notice["procedure_id"]
    first, second = await versions(h, which)
    assert (first["deadline"], first["differences"]) == (notice["deadline"], [])
    assert {each["path"]: each["text"] for each in second["differences"]} == {
        "deadline": "Date limite : 11/01/2027 à 12:00 (heure de Paris) → 15/02/2027 à 12:00 (heure de Paris)",
        "lots/LOT-0001/deadline": "LOT-0001, date limite : 11/01/2027 à 12:00 (heure de Paris) → 15/02/2027 à 12:00 (heure de Paris)",
        "lots/LOT-0002/title": "LOT-0002, intitulé : « Lot 2 » → « Charpente bois »",
        "lots/LOT-0002/deadline": "LOT-0002, date limite : 11/01/2027 à 12:00 (heure de Paris) → 15/02/2027 à 12:00 (heure de Paris)",
        "lots/LOT-0003/deadline": "LOT-0003, date limite : 11/01/2027 à 12:00 (heure de Paris) → 15/02/2027 à 12:00 (heure de Paris)",
        "lots/LOT-0004": "LOT-0004 : ajouté",
    }  # fmt: skip
    as_of = {"as_of": "2026-11-20T23:00:00Z"}
    path = f"/procedures/{which}/versions"
    assert (await ask(h, "GET", path, status=200, params=as_of))["items"] == [first]
    page = await ask(h, "GET", path, status=200, params={"limit": "1"})
    assert (page["items"], page["next"] is None) == ([first], False)
    page = await ask(h, "GET", path, status=200, params={"limit": "1", "cursor": page["next"]})
    assert (page["items"], page["next"]) == ([second], None)
    await ask(h, "GET", path, status=422, params={"cursor": "forged"})
    then = await ask(h, "GET", f"/procedures/{which}/text", status=200, params=as_of)
    now = await ask(h, "GET", f"/procedures/{which}/text", status=200)
    assert [len(text["text"]["lots"]) for text in (then, now)] == [3, 4]
    assert (then["deadline"], now["deadline"]) == (notice["deadline"], LATER)
    again = await ask(h, "GET", f"/procedures/{which}/text", status=200, params={"as_of": first["recorded_at"]})
    assert again == then
    await ask(h, "GET", f"/procedures/{which}/text", status=404, params={"as_of": "2026-11-19"})
    await ask(h, "GET", f"/procedures/{UUID(int=1)}/versions", status=404)


async def test_a_version_tells_nothing_that_is_not_public_yet(h: Harness) -> None:
    which = (await three_lots(h))["procedure_id"]
    h.clock.advance(timedelta(days=60))
    await service.close_due(h.runtime)
    await h.deliver(of(award_decided(h.clock.now()), UUID(which)))
    await decide(h, "lots/LOT-0002/failure", NONE, which=which)
    assert [each["state"] for each in await versions(h, which)] == ["open", "closed"]
    own = await versions(h, which, own=True)
    assert [each["state"] for each in own] == ["open", "closed", "awarded", "awarded"]
    assert [each["text"] for each in own[-1]["differences"]] == [
        "LOT-0002, état : clos → infructueux",
        "LOT-0002, motif : non renseigné → « no-rece »",
        "LOT-0002, explication : non renseigné → « Aucune offre n'a été reçue. »",
    ]
    await decide(h, "suspension", {"reason": "review"}, which=which)
    assert [each["state"] for each in await versions(h, which)] == ["open", "closed", "suspended"]


async def test_the_versions_of_a_draft_are_its_buyers_and_say_what_changed(h: Harness) -> None:
    notice = await three_lots(h)
    draft = await follow(h, f"/notices/{notice['notice_id']}/corrections", CORRECTION)
    path, headers = f"/notices/{draft['notice_id']}", h.headers(INTERCOMMUNALITY)
    await ask(h, "PATCH", path, status=200, json={"title": "Autre"}, headers=headers | version(draft))
    found = (await ask(h, "GET", f"{path}/versions", status=200, headers=headers))["items"]
    assert [each["changed"] for each in found] == [[], ["title"]]
    assert found[1]["differences"][0]["text"] == "Intitulé : « Construction d'une médiathèque » → « Autre »"
    first = await ask(h, "GET", f"{path}/versions/1", status=200, headers=headers)
    assert (first["content"]["title"], first["state"]) == (notice["title"], "draft")
    await ask(h, "GET", f"{path}/versions/9", status=404, headers=headers)
    await ask(h, "GET", f"{path}/versions/1", status=404, headers=h.headers(VILLAGE))
    public = f"/notices/{notice['notice_id']}/versions"
    assert [each["state"] for each in (await ask(h, "GET", public, status=200))["items"]] == ["published"]
    await ask(h, "GET", f"{public}/1", status=404)
    assert (await ask(h, "GET", f"{public}/2", status=200))["content"]["title"] == notice["title"]
