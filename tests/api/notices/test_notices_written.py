"""Notices written in the platform: every procedure, technique and contract; what contradicts itself is refused."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from libs.common.messages.notices import Technique
from libs.common.testing.harness import Harness
from services.notices.inputs.notices import ProcedureType
from tests.api.notices.test_notices_api import Json, ask, faults, h, version
from tests.unit.notices.notices_samples import COMPANY, INTERCOMMUNALITY, KEYS

__all__ = ["h"]

BASE: Json = {
    "title": "Maîtrise d'œuvre de la médiathèque",
    "buyer": {"name": "Communauté des Trois Vallées", "postal_code": "21000", "legal_type": "la"},
    "nature": "services",
    "cpv": ["71221000"],
    "deadline": "2027-02-11T11:00:00Z",
    "documents_url": "https://marches.example/dce",
    "opening": KEYS,
}
WITH: Json = {
    "design-contest": {
        "procedure_type": "restricted",
        "contest": {"jury": "Deux élus, trois architectes", "binding": True},
    },
    "dynamic-purchasing": {"procedure_type": "restricted"},
    "qualification-system": {"buyer": {"name": "Régie des eaux", "postal_code": "21000", "legal_type": "pub-undert"}},
    "electronic-auction": {"procedure_type": "open"},
}


async def written(h: Harness, *, status: int = 201, **said: Any) -> Json:  # noqa: ANN401
    return await ask(h, "POST", "/notices", status=status, json=BASE | said, headers=h.headers(INTERCOMMUNALITY))


async def made_public(h: Harness, draft: Json) -> Json:
    path = f"/notices/{draft['notice_id']}/publication"
    return await ask(h, "POST", path, status=201, headers=h.headers(INTERCOMMUNALITY) | version(draft))


async def test_every_procedure_is_written_published_and_carried_by_the_event(h: Harness) -> None:
    kinds = get_args(ProcedureType)
    for kind in kinds:
        assert (await made_public(h, await written(h, procedure_type=kind)))["procedure_type"] == kind
    await h.settle()
    told = [event.data["notice"]["procedure_type"] for event in h.events("notices.notice.published.v1")]
    assert told == list(kinds)


async def test_every_technique_is_written_published_and_carried_by_the_event(h: Harness) -> None:
    techniques = get_args(Technique)
    for technique in techniques:
        public = await made_public(h, await written(h, techniques=[technique], **WITH.get(technique, {})))
        assert public["techniques"] == [technique]
    await h.settle()
    events = [event.data["notice"] for event in h.events("notices.notice.published.v1")]
    assert [each["techniques"] for each in events] == [[technique] for technique in techniques]
    assert events[techniques.index("design-contest")]["contest"]["binding"] is True
    assert events[techniques.index("framework")]["lots"][0]["framework"] is True


async def test_a_concession_and_a_subsequent_contract_are_said(h: Harness) -> None:
    concession = await written(h, contract_kind="concession", procedure_type="neg-w-call", cpv=["55512000"])
    assert concession["contract_kind"] == "concession"
    framework = await made_public(h, await written(h, techniques=["framework"]))
    subsequent = await written(h, framework_notice=framework["notice_id"], previous=["2026/S 001-000001"])
    assert (subsequent["framework_notice"], subsequent["previous"]) == (framework["notice_id"], ["2026/S 001-000001"])
    plain = await made_public(h, await written(h))
    refused = await written(h, framework_notice=plain["notice_id"], status=422)
    assert faults(refused) == {"body/framework_notice"}
    await written(h, framework_notice="2024/S 012-034567")


async def test_lots_have_their_own_cpv_place_value_criteria_terms_and_deadline(h: Harness) -> None:
    terms = {
        "framework": "fa-mix", "framework_maximum": "900000.00", "framework_participants": 3, "variants": "allowed",
        "social": ["opp"], "environmental": ["clim-mitig"], "renewals": 2, "electronic_catalogue": "allowed",
        "reserved_participation": ["res-ws"], "languages": ["FRA"], "eu_funded": False,
    }  # fmt: skip
    first = {
        "lot_id": "LOT-0001", "title": "Lot 1", "cpv": ["45261210"], "value": "120000.00", "duration_months": 48,
        "places": [{"nuts": "FRC11"}], "criteria": [{"kind": "price", "name": "Prix", "weight": 60}], "terms": terms,
    }  # fmt: skip
    second = {"lot_id": "LOT-0002", "title": "Lot 2", "value": "80000.00", "deadline": "2027-02-01T11:00:00Z"}
    public = await made_public(
        h, await written(h, lots=[first, second], opening=None, electronic=False, techniques=["electronic-auction"])
    )
    one, two = public["lots"]
    assert (one["cpv"], one["places"][0]["department"], one["framework"]) == (["45261210"], "21", True)
    assert {name: one["terms"][name] for name in terms} == terms | {
        "framework_maximum": {"amount": "900000.00", "currency": "EUR"}
    }
    assert (two["deadline"], two["cpv"]) == ("2027-02-01T11:00:00Z", ["71221000"])
    assert public["techniques"] == ["electronic-auction", "framework", "electronic-catalogue"]
    assert public["value"]["amount"] == "200000.00"
    shown = await ask(h, "GET", f"/procedures/{public['procedure_id']}", status=200)
    assert [lot["deadline"] for lot in shown["lots"]] == [BASE["deadline"], "2027-02-01T11:00:00Z"]


CONTRADICTIONS: list[tuple[Json, str]] = [
    ({"contract_kind": "concession", "techniques": ["framework"]}, "body/techniques"),
    ({"contract_kind": "concession", "procedure_type": "comp-dial"}, "body/procedure_type"),
    ({"techniques": ["design-contest"], "procedure_type": "open"}, "body/contest"),
    (WITH["design-contest"] | {"techniques": []}, "body/techniques"),
    (WITH["design-contest"] | {"techniques": ["design-contest"], "procedure_type": "comp-dial"}, "body/procedure_type"),
    ({"techniques": ["dynamic-purchasing"], "procedure_type": "open"}, "body/procedure_type"),
    ({"techniques": ["qualification-system"]}, "body/techniques"),
    ({"techniques": ["electronic-auction"], "procedure_type": "innovation"}, "body/techniques"),
    ({"techniques": ["framework"], "framework_notice": "2024/S 1-2"}, "body/framework_notice"),
    ({"accelerated": True, "procedure_type": "open"}, "body/justification"),
    (
        {"lots": [{"lot_id": "LOT-0001", "title": "Lot", "framework": True, "duration_months": 60}]},
        "body/lots/0/terms/framework_duration_reason",
    ),
    ({"lots": [{"lot_id": "LOT-0001", "title": "Lot", "deadline": "2027-03-01T11:00:00Z"}]}, "body/lots/0/deadline"),
    ({"lots": [{"lot_id": "LOT-0001", "title": "Lot", "deadline": "2027-02-01T11:00:00Z"}]}, "body/lots/0/deadline"),
]


@pytest.mark.parametrize(("said", "where"), CONTRADICTIONS, ids=[where for _, where in CONTRADICTIONS])
async def test_what_contradicts_itself_is_refused_with_its_source(h: Harness, said: Json, where: str) -> None:
    refused = await written(h, status=422, **said)
    assert where in faults(refused)
    fault = next(each for each in refused["errors"] if each["where"] == where)
    assert any(source in fault["message"] for source in ("CCP", "directive", "plis", "dernière"))
    drafts = await ask(h, "GET", "/drafts", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert drafts["items"] == []


async def test_wrong_codes_and_kinds_are_refused(h: Harness) -> None:
    lot = {"lot_id": "LOT-0001", "title": "Lot"}
    wrong: list[Json] = [
        {"lots": [lot | {"terms": {"social": ["unheard-of"]}}]},
        {"lots": [lot | {"terms": {"framework": "sometimes"}}]},
        {"techniques": ["haggling"]},
        {"contract_kind": "lease"},
        {"notice_type": "pmc"},
        {"kind": "award"},
        {"results": [{"lot_id": "LOT-0001", "outcome": "awarded"}]},
        {"lots": [lot, lot]},
        {"contact": {"email": "nobody"}},
    ]
    for said in wrong:
        assert (await written(h, status=422, **said))["errors"], said


async def test_planning_notices_and_market_consultations_are_written(h: Harness) -> None:
    planned = await written(h, kind="planning", planned_on="2027-05-01T00:00:00Z", deadline=None, opening=None)
    assert (planned["notice_type"], planned["planned_on"]) == (None, "2027-05-01T00:00:00Z")
    public = await made_public(h, planned)
    assert (await ask(h, "GET", f"/procedures/{public['procedure_id']}", status=200))["state"] == "planned"
    sourcing = await written(h, kind="planning", notice_type="pmc", opening=None)
    assert (sourcing["subtype"], sourcing["formal"]) == ("E1", False)
    followed = await written(h, procedure_id=public["procedure_id"], previous=[public["notice_id"]])
    await made_public(h, followed)
    assert (await ask(h, "GET", f"/procedures/{public['procedure_id']}", status=200))["state"] == "open"


async def test_a_result_without_competition_on_the_platform_is_written_as_an_award_notice(h: Harness) -> None:
    results = [
        {
            "lot_id": "LOT-0001",
            "outcome": "awarded",
            "winners": [{"organisation": COMPANY, "name": "Alpha"}],
            "value": "25000",
        }
    ]
    award = await written(
        h, kind="award", procedure_type="neg-wo-call", deadline=None, opening=None, results=results,
        justification={"code": "technical", "text": "Un seul opérateur peut réparer cet orgue (R2122-3 CCP)."},
    )  # fmt: skip
    public = await made_public(h, award)
    assert (public["results"][0]["winner"], public["justification"]["code"]) == (COMPANY, "technical")
    shown = await ask(h, "GET", f"/procedures/{public['procedure_id']}", status=200)
    assert (shown["state"], shown["lots"][0]["state"]) == ("awarded", "awarded")


async def test_a_technique_of_the_whole_is_that_of_every_lot(h: Harness) -> None:
    lots = [{"lot_id": f"LOT-000{number}", "title": f"Lot {number}"} for number in (1, 2)]
    draft = await written(h, lots=lots, techniques=["framework"])
    assert [lot["framework"] for lot in draft["lots"]] == [True, True]
