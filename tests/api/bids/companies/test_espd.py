"""ESPD (DUME) in and out: a request is read, answered with the file of the company, read again, printed; attacks are refused."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from lxml import etree
from pypdf import PdfReader

from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.bids.espd.reading import RESPONSE
from services.bids.wiring import SERVICE
from tests.api.bids.bids_world import world

COMPANY = "SIRET:44306184100047"
TYPES = {
    "q-crime": "INDICATOR", "q-when": "DATE", "q-turnover": "AMOUNT", "q-year": "PERIOD", "q-staff": "QUANTITY_INTEGER",
    "q-proof": "EVIDENCE_IDENTIFIER", "q-text": "DESCRIPTION",
}  # fmt: skip
ANSWERS: list[dict[str, Any]] = [
    {"question": "q-crime", "value": "false"},
    {"question": "q-when", "value": "2025-01-31"},
    {"question": "q-turnover", "value": "1200000.50", "currency": "EUR"},
    {"question": "q-year", "value": "2025-01-01", "end": "2025-12-31"},
    {"question": "q-staff", "value": "42"},
    {"question": "q-proof", "value": "EV-1"},
    {"question": "q-text", "value": "Réseaux d'eau & d'assainissement <10 km>"},
]


def _property(name: str, kind: str) -> str:
    return (
        f"<cac:TenderingCriterionProperty><cbc:ID>{name}</cbc:ID><cbc:Description>Question {name}</cbc:Description>"
        f"<cbc:TypeCode>QUESTION</cbc:TypeCode><cbc:ValueDataTypeCode>{kind}</cbc:ValueDataTypeCode>"
        "</cac:TenderingCriterionProperty>"
    )


def request(extra: str = "", doctype: str = "") -> str:
    """Give a request as the exchange data model writes one: criteria with groups in groups of questions."""
    ubl = "urn:oasis:names:specification:ubl:schema:xsd:"
    first, *others = (_property(name, kind) for name, kind in TYPES.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>{doctype}
<QualificationApplicationRequest xmlns="{ubl}QualificationApplicationRequest-2"
    xmlns:cac="{ubl}CommonAggregateComponents-2" xmlns:cbc="{ubl}CommonBasicComponents-2">
  <cbc:UBLVersionID>2.3</cbc:UBLVersionID><cbc:ProfileExecutionID>ESPD-EDMv4.0.0</cbc:ProfileExecutionID>
  <cbc:ID>ESPDREQ-1</cbc:ID><cbc:UUID>72e44af8-ef2d-4951-b506-a3d807db7b59</cbc:UUID>
  <cbc:ContractFolderID>2026-EAU</cbc:ContractFolderID><cbc:IssueDate>2026-03-01</cbc:IssueDate>
  <cac:ContractingParty><cac:Party><cac:PartyName><cbc:Name>Val d'Ouche</cbc:Name></cac:PartyName></cac:Party>
  </cac:ContractingParty>
  <cac:ProcurementProject><cbc:Description>Service de l'eau{extra}</cbc:Description></cac:ProcurementProject>
  <cac:ProcurementProjectLot><cbc:ID>LOT-0001</cbc:ID></cac:ProcurementProjectLot>
  <cac:TenderingCriterion><cbc:ID>c1</cbc:ID><cbc:CriterionTypeCode>crime-org</cbc:CriterionTypeCode>
    <cbc:Name>Participation à une organisation criminelle</cbc:Name>
    <cac:TenderingCriterionPropertyGroup><cbc:ID>g1</cbc:ID>{first}
      <cac:SubsidiaryTenderingCriterionPropertyGroup><cbc:ID>g2</cbc:ID>{"".join(others)}
      </cac:SubsidiaryTenderingCriterionPropertyGroup>
    </cac:TenderingCriterionPropertyGroup>
  </cac:TenderingCriterion>
</QualificationApplicationRequest>"""


async def call(h: Harness, path: str, body: Any, *, expect: int = 200, method: str = "POST") -> Any:
    async with h.client.request(method, f"/bids/v1{path}", headers=h.headers(COMPANY, "company"), json=body) as answer:
        content = await answer.read()
        assert answer.status == expect, content
        return await answer.json() if "json" in answer.content_type else content


async def test_a_request_is_answered_with_the_company_s_file_and_read_again(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    address = {"street": "1 rue du Pont", "postcode": "21360", "city": "Bligny", "country": "FRA"}
    file = {"name": "Ouche BTP", "email": "contact@ouche.example", "address": address}
    await call(h, "/espd/responses", {"xml": request(), "answers": ANSWERS}, expect=404)
    await call(h, "/company", file, method="PUT")
    asked = await call(h, "/espd/readings", {"xml": request()})
    assert (asked["document"], asked["model"], asked["buyer"]) == ("request", "ESPD-EDMv4.0.0", "Val d'Ouche")
    assert {each["id"]: each["type"] for each in asked["criteria"][0]["questions"]} == TYPES
    body = {"xml": request(), "answers": ANSWERS, "role": "sole-contractor"}
    xml = await call(h, "/espd/responses", body)
    again = await call(h, "/espd/readings", {"xml": xml.decode()})
    assert again["answers"] == [{"currency": None, "end": None} | each for each in ANSWERS]
    assert again["criteria"] == asked["criteria"]
    assert again["lots"] == ["LOT-0001"]
    assert (again["operator"]["name"], again["operator"]["identifier"]) == ("Ouche BTP", "44306184100047")
    root = etree.fromstring(xml)
    assert root.tag == RESPONSE
    order = [etree.QName(each).localname for each in root if each.tag.endswith(("Party", "Lot", "Criterion"))]
    assert order == ["ContractingParty", "EconomicOperatorParty", "ProcurementProjectLot", "TenderingCriterion"]
    changed = await call(h, "/espd/responses", {"xml": xml.decode(), "answers": ANSWERS[:1]})
    assert len((await call(h, "/espd/readings", {"xml": changed.decode()}))["answers"]) == 1


async def test_answers_that_do_not_fit_are_each_named(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    await call(h, "/company", {"name": "Ouche BTP"}, method="PUT")
    wrong = [
        {"question": "q-crime", "value": "non"},
        {"question": "q-when", "value": "31/01/2025"},
        {"question": "q-turnover", "value": "12"},
        {"question": "q-year", "value": "2025-12-31", "end": "2025-01-01"},
        {"question": "q-staff", "value": "NaN"},
        {"question": "q-nowhere", "value": "x"},
    ]
    problem = await call(h, "/espd/responses", {"xml": request(), "answers": wrong}, expect=422)
    assert [each["where"] for each in problem["errors"]] == [f"body/answers/{index}" for index in range(6)]
    told = "« Participation à une organisation criminelle : Question q-crime » (q-crime) : répondez true ou false"
    assert problem["errors"][0]["message"] == told


async def test_a_dume_is_printed_in_french(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    pdf = await call(h, "/espd/papers", {"xml": request()})
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    assert "Participation à une organisation criminelle" in text
    assert "sans réponse" in text


MEMBER, RELIED, THIRD = "TVA:BE0403170701", "SIRET:55208131766522", "TVA:DE129273398"
SAID = {
    "group": {"form": "several", "mandatary": COMPANY, "members": [
        {"organisation": COMPANY, "name": "Ouche BTP"}, {"organisation": MEMBER, "name": "Bouwbedrijf NV"},
    ]},
    "subcontractors": [
        {"organisation": RELIED, "name": "Grues du Sud", "services": "Levage", "relied_upon": True},
        {"organisation": THIRD, "name": "Bau GmbH", "services": "Terrassement"},
    ],
}  # fmt: skip


def on_others(code: str, name: str) -> str:
    """Give a criterion that asks for other companies, as ESPD-EDM 4 does."""
    questions = {"any": "INDICATOR", "id": "ECONOMIC_OPERATOR_IDENTIFIER", "name": "DESCRIPTION"}
    if code == "eo-group":
        questions |= {"role": "ECONOMIC_OPERATOR_ROLE_CODE"}
    asked = "".join(_property(f"{code}-{each}", kind) for each, kind in questions.items())
    return (
        f"<cac:TenderingCriterion><cbc:ID>{code}</cbc:ID><cbc:CriterionTypeCode>{code}</cbc:CriterionTypeCode>"
        f"<cbc:Name>{name}</cbc:Name><cac:TenderingCriterionPropertyGroup><cbc:ID>g-{code}</cbc:ID>{asked}"
        "</cac:TenderingCriterionPropertyGroup></cac:TenderingCriterion>"
    )


def request_on_others() -> str:
    codes = {"eo-group": "Groupement", "relied": "Capacités d'autres entités", "subco-ent": "Sous-traitance"}
    asked = "".join(on_others(code, name) for code, name in codes.items())
    return request().replace("<cac:TenderingCriterion>", asked + "<cac:TenderingCriterion>", 1)


async def test_a_group_and_those_relied_upon_go_from_the_bid_to_the_dume_and_back(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    await w.call("PUT", "/company", COMPANY, expect=200, json={"name": "Ouche BTP"})
    bid = (await w.draft(COMPANY, [b"offer"]))["bid_id"]
    await w.call("PUT", f"/bids/{bid}/application", COMPANY, expect=200, json=SAID)
    body = {"xml": request_on_others(), "answers": ANSWERS, "bid_id": bid, "group": "Groupement de l'Ouche"}
    xml = await call(w.h, "/espd/responses", body)
    found = await call(w.h, "/espd/readings", {"xml": xml.decode()})
    assert (found["group"], found["operator"]["role"]) == ("Groupement de l'Ouche", "group-lead")
    assert [(each["relation"], each["identifier"], each["name"], each["role"]) for each in found["related"]] == [
        ("group", "BE0403170701", "Bouwbedrijf NV", "group-member"),
        ("relied-upon", "55208131766522", "Grues du Sud", None),
        ("subcontractor", "DE129273398", "Bau GmbH", None),
    ]
    assert all(each in found["answers"] for each in ({"currency": None, "end": None} | each for each in ANSWERS))
    names = [etree.QName(each).localname for each in etree.fromstring(xml)]
    assert names.index("IssueDate") + 1 == names.index("EconomicOperatorGroupName") < names.index("ContractingParty")
    rival = {"xml": request_on_others(), "bid_id": bid}
    headers = w.h.headers(RELIED, "company")
    async with w.h.client.put("/bids/v1/company", headers=headers, json={"name": "Grues"}) as answer:
        assert answer.status == 200
    async with w.h.client.post("/bids/v1/espd/responses", headers=headers, json=rival) as answer:
        assert answer.status == 404, "the bid of another company answers nothing"


async def test_a_round_trip_keeps_what_we_do_not_know(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE)
    await call(h, "/company", {"name": "Ouche BTP", "email": "a@ouche.example"}, method="PUT")
    xml = (await call(h, "/espd/responses", {"xml": request()})).decode()
    power = "<cac:PowerOfAttorney><cbc:Description>Directrice</cbc:Description></cac:PowerOfAttorney>"
    code = "<cbc:IndustryClassificationCode>SMALL</cbc:IndustryClassificationCode>"
    qualified = "<cac:QualifyingParty><cbc:ParticipationPercent>40</cbc:ParticipationPercent></cac:QualifyingParty>"
    further = "<cac:AdditionalDocumentReference><cbc:ID>JOUE-1</cbc:ID></cac:AdditionalDocumentReference>"
    head, _, tail = xml.partition("<cac:EconomicOperatorParty>")
    tail = tail.replace("<cac:Party>", f"<cac:Party>{code}", 1).replace("</cac:Party>", f"{power}</cac:Party>", 1)
    given = f"{head}<cac:EconomicOperatorParty>{qualified}{tail}".replace(
        "</QualificationApplicationResponse>", f"{further}</QualificationApplicationResponse>"
    )
    again = (await call(h, "/espd/responses", {"xml": given, "role": "sole-contractor"})).decode()
    for part in (power, code, qualified, further):
        assert part in again
    (party,) = etree.fromstring(again.encode()).iter("{*}EconomicOperatorParty")
    assert [etree.QName(each).localname for each in party] == ["QualifyingParty", "EconomicOperatorRole", "Party"]
    assert [etree.QName(each).localname for each in party[2]] == [
        "IndustryClassificationCode", "PartyIdentification", "PartyName", "Contact", "PowerOfAttorney",
    ]  # fmt: skip


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FILE = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "xml",
    [
        "", "pas du XML", "<a/>", request()[:-40], request("&b;", BOMB), request("&e;", FILE), request("", "<!DOCTYPE a>"),
        request().replace("QualificationApplicationRequest", "ESPDRequest"), request("\ud800"),
        "<a>" * 5000,
    ],
)  # fmt: skip
async def test_what_is_no_espd_or_made_to_harm_is_refused(service_harness: HarnessFactory, xml: str) -> None:
    h = await service_harness(SERVICE)
    problem = await call(h, "/espd/readings", {"xml": xml}, expect=422 if "\ud800" not in xml else 400)
    assert "root:" not in str(problem)
