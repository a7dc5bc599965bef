"""Notices that follow another: corrections taken over by the procedure, results, modifications, cancellations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.common.testing.harness import Harness
from services.notices.service import procedures as service
from tests.api.notices.test_notices_api import Json, ask, faults, h, version
from tests.api.notices.test_notices_lots import NONE, WHY, decide, of, procedure, states, three_lots
from tests.unit.notices.notices_samples import COMPANY, INTERCOMMUNALITY, VILLAGE, award_decided, contract_notified

__all__ = ["h"]

LATER = "2027-02-15T11:00:00Z"
CORRECTION: Json = {"reason": "cor-buy", "explanation": "Le lot 3 change de surface.", "deadline": LATER}


async def follow(h: Harness, path: str, body: Json, *, status: int = 201, buyer: str = INTERCOMMUNALITY) -> Json:
    return await ask(h, "POST", path, status=status, json=body, headers=h.headers(buyer))


async def made_public(h: Harness, draft: Json, *, status: int = 201) -> Json:
    path = f"/notices/{draft['notice_id']}/publication"
    return await ask(h, "POST", path, status=status, headers=h.headers(INTERCOMMUNALITY) | version(draft))


async def awarded(h: Harness) -> tuple[UUID, Json]:
    """Give a procedure whose first contract is notified, and its award notice."""
    which = UUID((await three_lots(h))["procedure_id"])
    h.clock.advance(timedelta(days=60))
    at = h.clock.now()
    await h.deliver(of(award_decided(at), which))
    await h.deliver(of(contract_notified(at), which))
    await h.settle()
    told = [each.data["notice"] for each in h.events("notices.notice.published.v1")]
    return which, next(each for each in told if each["kind"] == "award")


async def test_a_correction_is_a_notice_of_its_own_that_the_procedure_takes_over_when_published(h: Harness) -> None:
    notice = await three_lots(h)
    which, path = UUID(notice["procedure_id"]), f"/notices/{notice['notice_id']}/corrections"
    lots = [
        {"lot_id": "LOT-0003", "title": "Serrurerie", "value": "50000", "terms": {"variants": "allowed"}},
        {"lot_id": "LOT-0004", "title": "Peinture", "cpv": ["45442100"]},
    ]
    draft = await follow(h, path, CORRECTION | {"lots": lots, "title": "Médiathèque : construction"})
    assert (draft["kind"], draft["state"], draft["notice_id"]) == ("change", "draft", draft["notice_id"])
    assert draft["change"] == {
        "notice_id": notice["notice_id"], "reason": "cor-buy", "description": CORRECTION["explanation"]
    }  # fmt: skip
    assert (await procedure(h, None, which))["deadline"] == notice["deadline"], "a draft changes nothing"
    await made_public(h, draft)
    shown = await procedure(h, None, which)
    assert (shown["deadline"], shown["title"], len(shown["lots"])) == (LATER, "Médiathèque : construction", 4)
    assert shown["text_id"] == draft["notice_id"]
    second = await follow(h, path, CORRECTION | {"deadline": None, "description": "Texte complété."})
    assert [lot["title"] for lot in second["lots"]][2:] == ["Serrurerie", "Peinture"], (
        "it starts from the text that holds"
    )
    assert second["lots"][2]["terms"]["variants"] == "allowed"
    assert second["deadline"] == LATER
    untouched = await ask(h, "GET", f"/notices/{notice['notice_id']}", status=200)
    assert untouched["title"] == notice["title"]


async def test_a_correction_that_cannot_be_is_refused_and_nothing_is_written(h: Harness) -> None:
    notice = await three_lots(h)
    path = f"/notices/{notice['notice_id']}/corrections"
    untitled = await follow(h, path, CORRECTION | {"lots": [{"lot_id": "LOT-0009"}]}, status=422)
    assert faults(untitled) == {"body/lots/0/title"}
    await follow(h, path, {"reason": "cor-buy"}, status=422)
    await follow(h, path, CORRECTION | {"results": [{"lot_id": "LOT-0001", "outcome": "awarded"}]}, status=422)
    await follow(h, path, CORRECTION, status=403, buyer=VILLAGE)
    await follow(h, f"/notices/{UUID(int=3)}/corrections", CORRECTION, status=404)
    earlier = await follow(h, path, CORRECTION | {"deadline": "2026-12-24T11:00:00Z"})
    await made_public(h, earlier, status=409)
    await follow(h, f"/notices/{earlier['notice_id']}/corrections", CORRECTION, status=409)
    h.clock.advance(timedelta(days=60))
    closed = await follow(h, path, CORRECTION | {"deadline": "2027-03-01T11:00:00Z"}, status=409)
    assert closed["type"].endswith("amendment-of-closed")
    await service.close_due(h.runtime)
    await follow(h, path, CORRECTION | {"deadline": "2027-03-01T11:00:00Z"}, status=409)
    drafts = await ask(h, "GET", "/drafts", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert [each["notice_id"] for each in drafts["items"]] == [earlier["notice_id"]]


async def test_one_award_notice_tells_of_several_lots(h: Harness) -> None:
    which = UUID((await three_lots(h))["procedure_id"])
    path = f"/procedures/{which}/award-notices"
    await follow(h, path, {}, status=409)
    h.clock.advance(timedelta(days=60))
    await decide(h, "lots/LOT-0001/failure", NONE, which=which)
    await decide(h, "lots/LOT-0002/abandonment", WHY, which=which)
    paper = {
        "lot_id": "LOT-0003", "outcome": "awarded", "value": "99000", "contract_number": "2027-03", "tenders_received": 4,
        "winners": [{"organisation": COMPANY, "name": "Alpha"}, {"organisation": VILLAGE, "name": "Beta"}],
    }  # fmt: skip
    draft = await follow(h, path, {"results": [paper]})
    told = [(each["lot_id"], each["outcome"], each["reason"]) for each in draft["results"]]
    assert told == [
        ("LOT-0003", "awarded", None), ("LOT-0001", "unsuccessful", "no-rece"), ("LOT-0002", "abandoned", "ins-fund"),
    ]  # fmt: skip
    assert states(await procedure(h, None, which)) == ["closed", "abandoned", "closed"]
    await made_public(h, draft)
    shown = await procedure(h, None, which)
    assert (shown["state"], states(shown)) == ("awarded", ["unsuccessful", "abandoned", "awarded"])
    await follow(h, path, {}, status=409)
    corrected = await follow(
        h, f"/notices/{draft['notice_id']}/corrections",
        {"reason": "cor-buy", "explanation": "Montant erroné.", "results": [paper | {"value": "98000"}]},
    )  # fmt: skip
    public = await made_public(h, corrected)
    assert public["results"][0]["value"]["amount"] == "98000"


async def test_a_contract_is_modified_by_a_notice_that_follows_its_award(h: Harness) -> None:
    which, award = await awarded(h)
    path = f"/notices/{award['notice_id']}/modifications"
    body: Json = {
        "lot_id": "LOT-0001",
        "reason": "add-wss",
        "explanation": "Étanchéité supplémentaire.",
        "value": "500000",
    }
    draft = await follow(h, path, body | {"duration_months": 40})
    assert (draft["kind"], draft["subtype"], draft["modification"]["contract_number"]) == (
        "change",
        "E6",
        "2026-014-01",
    )
    public = await made_public(h, draft)
    assert public["modification"]["value"]["amount"] == "500000"
    shown = await procedure(h, None, which)
    assert (shown["state"], states(shown)[0]) == ("modified", "modified")
    asked = {each["code"]: each for each in public["requirements"]}
    assert asked["modification-ground"]["source"] == "R2194-2 à R2194-4 CCP ; L2194-1 CCP"
    assert asked["modification-amount"]["met"] is True
    assert "modification-notice" not in asked, "the procedure was adapted (R2194-10)"
    assert "500 000,00 € − 455 000,00 € = 45 000,00 €" in asked["modification-amount"]["text"].replace("\u202f", " ")
    refused = await follow(h, path, body | {"reason": "mod-minv", "value": "600000"}, status=422)
    told = refused["errors"][0]["message"].replace("\u202f", " ")
    assert refused["errors"][0]["where"] == "body/value"
    assert "100 000,00 €, soit 21,98 % de 455 000,00 €" in told, "the first one was of another ground"
    assert "(68 250,00 €)" in told
    assert "R2194-8 et R2194-9 CCP" in told
    await follow(h, path, body | {"lot_id": "LOT-0002"}, status=422)
    await follow(h, path, body | {"reason": "because"}, status=422)


async def test_a_modification_beyond_what_the_law_allows_is_refused_and_nothing_is_written(h: Harness) -> None:
    _, award = await awarded(h)
    path = f"/notices/{award['notice_id']}/modifications"
    body: Json = {"lot_id": "LOT-0001", "reason": "mod-cir", "explanation": "Amiante.", "value": "682500.01"}
    refused = await follow(h, path, body, status=422)
    assert "R2194-5" in refused["errors"][0]["message"]
    assert "L2194-1" in refused["detail"]
    drafts = await ask(h, "GET", "/drafts", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert drafts["items"] == []
    updated = await follow(h, path, body | {"updated_initial": "460000"})
    asked = {each["code"]: each["text"].replace("\u202f", " ") for each in updated["requirements"]}
    assert "de 460 000,00 €" in asked["modification-amount"]
    await follow(h, path, body | {"value": "682500"})
    await follow(h, path, body | {"reason": "mod-rev", "value": "9000000"})


async def test_small_modifications_drafted_side_by_side_are_cumulated_when_they_are_published(h: Harness) -> None:
    _, award = await awarded(h)
    path = f"/notices/{award['notice_id']}/modifications"
    body: Json = {"lot_id": "LOT-0001", "reason": "mod-minv", "explanation": "Peinture.", "value": "495000"}
    first, second = await follow(h, path, body), await follow(h, path, body | {"value": "530000"}, status=422)
    assert second["errors"]
    second = await follow(h, path, body | {"value": "523249.99"})
    await made_public(h, first)
    public = await made_public(h, second)
    asked = {each["code"]: each for each in public["requirements"]}
    assert "40 000,00 € + 28 249,99 € = 68 249,99 €" in asked["modification-amount"]["text"].replace("\u202f", " ")
    third = await follow(h, path, body | {"value": "523250"}, status=422)
    assert "68 250,00 €, soit 15 %" in third["errors"][0]["message"].replace("\u202f", " ")
    smaller = await follow(h, path, body | {"value": "523249.99", "reason": "mod-minv"})
    assert smaller["modification"]["value"]["amount"] == "523249.99"


async def test_what_the_law_came_to_forbid_since_the_draft_is_not_published(h: Harness) -> None:
    _, award = await awarded(h)
    path = f"/notices/{award['notice_id']}/modifications"
    body: Json = {"lot_id": "LOT-0001", "reason": "mod-cir", "explanation": "Amiante.", "value": "680000"}
    large, cut = await follow(h, path, body), await follow(h, path, body | {"reason": "mod-rev", "value": "400000"})
    await made_public(h, cut)
    refused = await made_public(h, large, status=422)
    assert faults(refused) == {"rules/modification-amount"}
    assert "680 000,00 € − 400 000,00 € = 280 000,00 €" in refused["errors"][0]["message"].replace("\u202f", " ")
    checked = await ask(
        h, "POST", f"/notices/{large['notice_id']}/check", status=422, json={"channels": []},
        headers=h.headers(INTERCOMMUNALITY) | version(large),
    )  # fmt: skip
    assert "rules/modification-amount" in faults(checked)


async def test_the_grounds_of_a_modification_are_served_as_dated_data(h: Harness) -> None:
    served = (await ask(h, "GET", "/rules", status=200, params={"on": "2026-11-22"}))["modifications"]
    small = [each for each in served if each["ground"] == "mod-minv" and each["contract_kind"] == "marche"]
    assert {(each["share"], *each["natures"]) for each in small} == {
        ("0.10", "services", "supplies"),
        ("0.15", "works"),
    }
    assert all(each["source"] and each["text"] and each["text_en"] for each in served)
    assert (await ask(h, "GET", "/rules", status=200, params={"on": "2019-03-31"}))["modifications"] == []


async def test_a_cancellation_follows_the_decision(h: Harness) -> None:
    notice = await three_lots(h)
    which, path = UUID(notice["procedure_id"]), f"/notices/{notice['notice_id']}/cancellations"
    body = {"explanation": "Le projet est reporté d'un an."}
    await follow(h, path, body, status=409)
    await decide(h, "abandonment", WHY, which=which)
    public = await made_public(h, await follow(h, path, body))
    assert (public["kind"], public["change"]["reason"]) == ("change", "cancel")
    assert (await procedure(h, None, which))["state"] == "abandoned"


async def test_the_timeline_tells_each_of_these_notices(h: Harness) -> None:
    which, award = await awarded(h)
    body: Json = {"lot_id": "LOT-0001", "reason": "mod-nons", "explanation": "Changement d'adresse du titulaire."}
    await made_public(h, await follow(h, f"/notices/{award['notice_id']}/modifications", body))
    await h.settle()
    lines: Any = await ask(h, "GET", f"/procedures/{which}/timeline", status=200)
    assert [each["summary"].partition(" : ")[0] for each in lines["items"] if "Avis" in each["summary"]] == [
        "Avis de marché publié", "Avis d'attribution publié", "Avis de modification d'un marché publié",
    ]  # fmt: skip
