"""What a bid is made of: documents by kind, groups, subcontractors; what it lacks, told before the deposit."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from libs.common.messages.notices import OpeningRules, RequiredDocument
from libs.common.testing.plugin import HarnessFactory
from services.bids.applications.completeness import Announced, findings
from services.bids.applications.identifiers import identifier_problem
from services.bids.applications.said import Application, repeated
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, World, application, offer, world

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"
MEMBER, FOREIGN = "SIRET:44306184100047", "TVA:BE0403170701"
DC1 = RequiredDocument(kind="dc1", label="Lettre de candidature (DC1)", envelope="application")
PRICES = RequiredDocument(kind="prices", label="Bordereau des prix", envelope="offer", lots=["LOT-0001"])
TAX = RequiredDocument(
    kind="tax", label="Attestation fiscale", envelope="application", mandatory=False, valid_on_deadline=True
)
RULES = OpeningRules(documents=[DC1, PRICES, TAX], one_bid_per_company=True)
GROUP = {
    "form": "joint", "mandatary": MEMBER,
    "members": [{"organisation": MEMBER, "name": "Ouche BTP"}, {"organisation": FOREIGN, "name": "Bouwbedrijf NV"}],
}  # fmt: skip


async def say(w: World, bid: str, body: dict[str, Any], *, expect: int = 200, who: str = ALPHA) -> Any:
    return await w.call("PUT", f"/bids/{bid}/application", who, expect=expect, json=body)


async def test_a_bidder_reads_in_french_what_is_missing_and_deposits_all_the_same(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness, rules=RULES)
    contents = [application([b"dc1"]), offer([b"prices"])]
    draft = await w.draft_all(ALPHA, contents)
    bid = draft["bid_id"]
    found = await w.call("GET", f"/bids/{bid}/completeness", ALPHA, expect=200)
    assert (found["complete"], found["required"]) == (False, 3)
    assert [(each["problem"], each["kind"]) for each in found["findings"]] == [
        ("missing", "dc1"),
        ("missing", "prices"),
    ]
    assert "Lettre de candidature (DC1)" in found["findings"][0]["message"]
    documents = [{"file": 1, "kind": "dc1"}, {"file": 2, "kind": "prices"}]
    await say(w, bid, {"documents": documents})
    found = await w.call("GET", f"/bids/{bid}/completeness", ALPHA, expect=200)
    assert found["complete"]
    await say(w, bid, {})
    sealed = w.seal_all(UUID(bid), contents)
    await w.upload(ALPHA, bid, sealed)
    await w.finish(ALPHA, bid, sealed)
    await say(w, bid, {"documents": documents}, expect=409)
    assert await w.call("GET", f"/bids/{bid}/application", ALPHA, expect=200) == {
        "documents": [], "group": None, "subcontractors": [],
    }  # fmt: skip


async def test_nobody_else_reads_or_writes_what_a_bidder_says(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, rules=RULES)
    bid = (await w.draft(ALPHA, [b"offer"]))["bid_id"]
    await say(w, bid, {"group": GROUP})
    for who in (BETA, BUYER):
        await say(w, bid, {}, expect=404, who=who)
        for what in ("application", "completeness"):
            await w.call("GET", f"/bids/{bid}/{what}", who, expect=404)
    await w.call("GET", f"/consultations/{w.procedure}/bidders", BUYER, expect=409)


async def test_the_buyer_reads_groups_of_opened_bids_and_who_bids_twice(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, rules=RULES)
    for company in (ALPHA, BETA):
        draft = await w.draft(company, [b"offer"])
        await say(w, draft["bid_id"], {"group": GROUP}, who=company)
        sealed = w.seal(UUID(draft["bid_id"]), [b"offer"])
        await w.upload(company, draft["bid_id"], sealed)
        await w.finish(company, draft["bid_id"], sealed)
    await w.open_all()
    path = f"/consultations/{w.procedure}/bidders"
    first = await w.call("GET", f"{path}?limit=1", BUYER, expect=200)
    second = await w.call("GET", path, BUYER, expect=200, params={"cursor": first["next"]})
    assert second["next"] is None
    for each in (*first["items"], *second["items"]):
        assert each["group"]["members"][1]["organisation"] == FOREIGN
        assert each["repeated"] == [MEMBER, FOREIGN]
        assert each["repetition_forbidden"]
    await w.call("GET", path, OTHER_BUYER, expect=403)


@pytest.mark.parametrize(
    "body",
    [
        {"group": GROUP | {"mandatary": BETA}},
        {"group": GROUP | {"members": [GROUP["members"][0], GROUP["members"][0]]}},
        {"group": GROUP | {"members": [GROUP["members"][0]]}},
        {"documents": [{"file": 1, "kind": "dc1"}, {"file": 1, "kind": "tax"}]},
        {"documents": [{"file": 1, "kind": "../dc1"}]},
        {"subcontractors": [{"organisation": "SIRET:21210231500019", "name": "Faux", "services": "Voirie"}]},
        {"subcontractors": [{"organisation": MEMBER, "name": "Ouche", "services": "Voirie", "amount": "-1"}]},
        {"unknown": 1},
    ],
)
async def test_faults_are_named_and_change_nothing(service_harness: HarnessFactory, body: dict[str, Any]) -> None:
    w = await world(service_harness)
    bid = (await w.draft(ALPHA, [b"offer"]))["bid_id"]
    await say(w, bid, body, expect=422)
    assert (await w.call("GET", f"/bids/{bid}/application", ALPHA, expect=200))["documents"] == []


FILES = [Announced(1, "dc1.pdf", "application", ("LOT-0001",)), Announced(2, "tax.pdf", "application", ("LOT-0001",))]
DAY = date(2026, 3, 20)


def problems(
    required: RequiredDocument, *documents: dict[str, Any], lots: tuple[str, ...] = ("LOT-0001",)
) -> list[str]:
    said = Application.model_validate({"documents": list(documents)})
    return [each.problem for each in findings([required], FILES, said, lots, DAY)]


def test_certificates_must_be_valid_on_the_deadline() -> None:
    tax = {"file": 2, "kind": "tax"}
    assert problems(TAX) == []
    assert problems(TAX, tax) == ["no-date"]
    assert problems(TAX, tax | {"valid_until": "2026-03-19"}) == ["out-of-date"]
    assert problems(TAX, tax | {"valid_until": "2026-03-20"}) == []


def test_each_lot_is_looked_at_and_the_wrong_envelope_is_told() -> None:
    dc1 = {"file": 1, "kind": "dc1"}
    assert problems(DC1, dc1, lots=("LOT-0001", "LOT-0002")) == ["missing"]
    assert problems(PRICES, lots=("LOT-0002",)) == []
    assert problems(PRICES, {"file": 1, "kind": "prices"}) == ["wrong-envelope"]
    assert problems(DC1, dc1, {"file": 7, "kind": "other"}) == ["unknown-file"]


RELIED = "SIRET:55208131766522"
DC2 = RequiredDocument(kind="dc2", label="Déclaration du candidat (DC2)", envelope="application", each_member=True)


def test_each_member_and_who_is_relied_upon_gives_his_own_document_for_his_lots() -> None:
    members = [
        {"organisation": MEMBER, "name": "Ouche BTP"},
        {"organisation": FOREIGN, "name": "Bouwbedrijf NV", "lots": ["LOT-0002"]},
    ]
    relied = {"organisation": RELIED, "name": "Grues du Sud", "services": "Levage", "relied_upon": True}
    said = {
        "group": GROUP | {"members": members}, "subcontractors": [relied, relied | {"organisation": "TVA:DE129273398", "relied_upon": False}],
        "documents": [{"file": 1, "kind": "dc2"}, {"file": 2, "kind": "dc2", "member": "SIRET:35600000000048"}],
    }  # fmt: skip
    files = [Announced(n, f"dc2-{n}.pdf", "application", ("LOT-0001", "LOT-0002")) for n in (1, 2)]
    found = findings([DC2], files, Application.model_validate(said), ("LOT-0001", "LOT-0002"), DAY, depositor=MEMBER)
    assert [(each.problem, each.lot, each.member) for each in found] == [
        ("unknown-member", None, "SIRET:35600000000048"),
        ("missing", "LOT-0001", RELIED), ("missing", "LOT-0002", FOREIGN), ("missing", "LOT-0002", RELIED),
    ]  # fmt: skip
    assert found[2].message == (
        "Il manque « Déclaration du candidat (DC2) » de Bouwbedrijf NV dans l'enveloppe de candidature pour LOT-0002."
    )
    assert (found[2].envelope, found[2].label) == ("application", "Déclaration du candidat (DC2)")


def test_a_bidder_alone_gives_what_each_member_would() -> None:
    said = Application.model_validate({"documents": [{"file": 1, "kind": "dc2"}]})
    assert findings([DC2], FILES, said, ("LOT-0001",), DAY, depositor=ALPHA) == []
    (lacking,) = findings([DC2], FILES, Application(), ("LOT-0001",), DAY, depositor=ALPHA)
    assert (lacking.problem, lacking.member) == ("missing", ALPHA)


def test_who_bids_twice_for_a_lot() -> None:
    alone = Application().companies(ALPHA, ["LOT-0001", "LOT-0002"])
    group = Application.model_validate({"group": GROUP | {"mandatary": MEMBER}}).companies(BETA, ["LOT-0001"])
    assert repeated([alone, group]) == []
    assert repeated([alone, group, {(FOREIGN, "LOT-0001")}]) == [(FOREIGN, "LOT-0001")]


@pytest.mark.parametrize(
    ("identifier", "fit"),
    [
        ("SIRET:44306184100047", True), ("SIRET:21210231500019", False), ("SIRET:35600000049837", True),
        ("SIRET:35600000049838", False), ("TVA:BE0403170701", True), ("TVA:BE403170701", False),
        ("TVA:DE123456789", True), ("TVA:DE12345678", False), ("TVA:FR40303265045", True),
        ("TVA:FR41303265045", False), ("TVA:EL123456789", True), ("TVA:GR123456789", False), ("TVA:US12345", False),
        ("TVA:NL123456789B01", True), ("TVA:ATU12345678", True), ("TVA:AT12345678", False),
        ("HORS-UE:CHACME SA", True), ("HORS-UE:DEACME GMBH", False), ("NATIONAL:NOR-974760673", True),
        ("RIDET:1234567890", True),
    ],
)  # fmt: skip
def test_identifiers_of_companies(identifier: str, fit: bool) -> None:
    assert (identifier_problem(identifier) is None) is fit
