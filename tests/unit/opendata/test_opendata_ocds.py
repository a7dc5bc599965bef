"""OCDS releases: what they say, and that the official schemas accept them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common import standards
from libs.common.messages.base import Money
from libs.common.messages.bids import Party
from libs.common.messages.notices import Buyer
from services.opendata.ocds.model import LOTS_EXTENSION, Release
from services.opendata.ocds.official import package_faults, release_faults
from services.opendata.ocds.package import package
from services.opendata.ocds.release import Identity, contract_release, days_of, disclosed_release, tender_release
from tests.unit.opendata.opendata_samples import BUYER, PROCEDURE, WINNER, contract, notice

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OCID = f"ocds-halles-{PROCEDURE}"
FOLDER = standards.folder()
SCHEMAS = FOLDER / "ocds" if FOLDER and (FOLDER / "ocds").is_dir() else None
needs_schema = pytest.mark.skipif(SCHEMAS is None, reason="official OCDS schemas not at hand")


def identity(sequence: int = 1) -> Identity:
    return Identity(OCID, sequence, NOW)


def tender(**changes: object) -> Release:
    return tender_release(identity(), str(PROCEDURE), notice(**changes), first=True)


def award(**changes: object) -> Release:
    return contract_release(identity(2), contract(**changes), BUYER)


def test_tender_release_says_the_call() -> None:
    told = tender().to_json()
    assert told["ocid"] == OCID
    assert told["id"] == f"{OCID}-0001"
    assert told["tag"] == ["tender"]
    assert told["date"] == "2026-03-02T09:00:00.000Z"
    assert told["parties"] == [
        {
            "id": "FR-RCS-24210041000123",
            "name": "Communauté de communes de l'Auxois",
            "identifier": {
                "scheme": "FR-RCS",
                "id": "24210041000123",
                "legalName": "Communauté de communes de l'Auxois",
            },
            "address": {"locality": "Semur", "postalCode": "21140"},
            "roles": ["buyer", "procuringEntity"],
        }
    ]
    body: Any = told["tender"]
    assert body["procurementMethod"] == "open"
    assert body["mainProcurementCategory"] == "works"
    assert body["value"] == {"amount": 250000.0, "currency": "EUR"}
    assert body["items"][0]["classification"]["id"] == "45261210"
    assert body["items"][0]["relatedLot"] == body["lots"][0]["id"] == "LOT-0001"
    assert body["tenderPeriod"] == {"startDate": "2026-01-05T09:00:00Z", "endDate": "2026-02-09T11:00:00Z"}


def test_contract_release_says_award_and_contract_with_their_link() -> None:
    told: Any = award().to_json()
    assert told["tag"] == ["award", "contract"]
    assert told["awards"][0]["id"] == told["contracts"][0]["awardID"]
    assert told["awards"][0]["suppliers"] == [{"id": "FR-RCS-55204599900869", "name": "Toitures de l'Ouche"}]
    assert told["awards"][0]["relatedLots"] == ["LOT-0001"]
    assert told["contracts"][0]["value"] == {"amount": 245000.5, "currency": "EUR"}
    assert told["contracts"][0]["period"]["durationInDays"] == days_of(7) == 213
    assert {party["roles"][0] for party in told["parties"]} == {"buyer", "supplier"}


def test_a_buyer_that_is_its_own_supplier_is_one_party_with_both_roles() -> None:
    told = award(winners=[Party(organisation=BUYER, name="Régie")])
    assert len(told.parties) == 1
    assert told.parties[0].roles == ["buyer", "procuringEntity", "supplier"]


@pytest.mark.parametrize(
    ("kind", "first", "tag"),
    [("planning", True, "planning"), ("contract", False, "tenderUpdate"), ("change", False, "tenderAmendment")],
)
def test_later_notices_update_or_amend(kind: str, first: bool, tag: str) -> None:
    assert tender_release(identity(), str(PROCEDURE), notice(kind=kind), first=first).tag == [tag]


@pytest.mark.parametrize(
    ("kind", "tag"), [("planning", "planningUpdate"), ("contract", "tenderUpdate"), ("change", "tenderUpdate")]
)
def test_what_is_disclosed_on_its_day_is_an_update(kind: str, tag: str) -> None:
    release = disclosed_release(identity(), str(PROCEDURE), notice(kind=kind))
    assert release.tag == [tag]
    assert release_faults(release.to_json())[0] == []


@needs_schema
def test_releases_are_valid_for_the_official_schemas() -> None:
    for release in (tender(), award(), tender(kind="planning", deadline=None, value=None)):
        faults, judge = release_faults(release.to_json())
        assert faults == []
        assert judge == "OCDS 1.1.5 dereferenced-release-schema.json"
    bodies = [tender().to_json(), award().to_json()]
    told = package(
        bodies, uri="https://halles.test/x", published_at=NOW, publisher="Halles", next_uri="https://halles.test/y"
    )
    assert package_faults(told) == ([], "OCDS 1.1.5 release-package-schema.json")
    assert told["extensions"] == [LOTS_EXTENSION]


@needs_schema
def test_releases_are_valid_for_the_profile_that_holds_the_lots_extension() -> None:
    assert SCHEMAS is not None
    profile = json.loads((SCHEMAS / "eforms-profile" / "patched" / "release-schema.json").read_text(encoding="utf-8"))
    for release in (tender(), award()):
        assert [error.message for error in jsonschema_rs.Draft4Validator(profile).iter_errors(release.to_json())] == []


@needs_schema
def test_the_official_schema_is_really_asked() -> None:
    broken = tender().to_json() | {"tag": ["sold"]}
    assert release_faults(broken)[0]
    assert package_faults(package([], uri="https://halles.test/x", published_at=NOW, publisher="Halles"))[0]


def test_without_the_official_schema_it_says_own_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLES_STANDARDS", "/nonexistent")
    assert release_faults(tender().to_json()) == ([], "own model")
    assert package_faults({}) == ([], "own model")


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60)
SCHEMES = st.sampled_from(
    ["SIRET:12345678901234", "TVA:DE123456789", "HORS-UE:CHACME", "NATIONAL:NOR-974760673", WINNER]
)


@needs_schema
@given(
    title=TEXT,
    description=st.one_of(st.just(""), TEXT),
    amount=st.decimals(0, 10**12, places=2),
    procedure=st.sampled_from(
        ["open", "restricted", "neg-w-call", "neg-wo-call", "comp-dial", "adapted", "innovation"]
    ),
    organisation=SCHEMES,
)
@settings(max_examples=40, deadline=None)
def test_any_notice_and_contract_give_valid_releases(
    title: str, description: str, amount: Decimal, procedure: str, organisation: str
) -> None:
    money = Money(amount=amount)
    buyer = Buyer(organisation=organisation, name=title)
    call = tender(title=title, description=description, value=money, procedure_type=procedure, buyer=buyer)
    deal = contract_release(
        identity(2), contract(title=title, value=money, winners=[Party(organisation=organisation, name=title)]), BUYER
    )
    for release in (call, deal):
        assert release_faults(release.to_json())[0] == []
