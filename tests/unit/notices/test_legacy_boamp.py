"""Notices in the old national form of the BOAMP: read as far as the form goes, with a warning where it gave no CPV code."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from libs.common import standards
from libs.common.errors import InvalidInput
from libs.common.messages.base import Money
from libs.common.messages.notices import Lot
from services.notices.content import NoticeContent
from services.notices.disclosure import public_xml
from services.notices.duplicating import repeated
from services.notices.eforms import terms, xml
from services.notices.legacy import boamp
from services.notices.legacy.contents import content_of
from services.notices.offline.files import Unit
from services.notices.offline.readings import prepare, verdict
from tests.unit.notices.legacy_samples import BOAMP_AWARD as AWARD

BOAMP = {boamp.ROOT: "BOAMP"}
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def test_an_award_is_read_in_todays_terms() -> None:
    legacy = boamp.read(AWARD.encode())
    assert legacy.checked.accepted, legacy.checked.problems
    assert legacy.checked.notice is not None
    assert legacy.published_at == datetime(2017, 1, 12, 23, tzinfo=UTC)
    told = content_of(legacy, legacy.checked.notice)
    assert (told.kind, told.subtype, told.procedure_type, told.formal) == ("award", "E4", "adapted", False)
    assert (told.title, told.nature, told.cpv, told.departments) == ("Aire de glisse", "works", ["45000000"], ["76"])
    assert told.buyer.organisation == "NATIONAL:FRA-Ville de Test"
    [result] = told.results
    assert (result.outcome, result.winner_name, result.tenders_received) == ("awarded", "Béton SARL", 3)
    assert result.value == Money(amount="348852.00")
    former = boamp.read(AWARD.replace("17-1", "16-9").encode()).checked.notice
    assert former is not None
    assert legacy.follows == (former.notice_id,)


def test_the_tools_know_the_form_by_its_root() -> None:
    unit = Unit("old.xml", AWARD.encode())
    assert verdict(unit)["status"] == "accepted"
    assert type(prepare(unit, datetime(2026, 11, 20, tzinfo=UTC))).__name__ == "LegacyNotice"


@pytest.mark.parametrize(
    ("old", "new", "term"),
    [("17-1<", "<", "BT-701"), ("<ATTRIBUTION/></NATURE>", "<AUTRE/></NATURE>", "OPP-070"),
     ("2017-01-13", "hier", "BT-05"), ("Aire de glisse", "", "BT-21"), ("<ANNONCE>", "<!DOCTYPE a><ANNONCE>", "XML")],
)  # fmt: skip
def test_what_is_missing_is_told_by_term(old: str, new: str, term: str) -> None:
    problems = boamp.read(AWARD.replace(old, new, 1).encode()).checked.problems
    assert [problem.term for problem in problems] == [term]


def test_every_element_is_a_term_and_only_contacts_of_the_buyer_are_public() -> None:
    told = AWARD.replace("Béton SARL</DENOMINATION>", "Béton SARL</DENOMINATION><MEL>chef@beton.example</MEL>")
    root = xml.parse(told.encode(), BOAMP)
    everything = [terms.term_at(place) for place in terms.places(root)]
    public = [terms.term_at(place) for place in terms.places(xml.parse(public_xml(told.encode(), NOW), BOAMP))]
    assert {"chef@beton.example"} == {term.value for term in everything} - {term.value for term in public}
    assert {"Mme Dupont", "maire@test.example"} <= {term.value for term in public}, "the journal publishes them"


@pytest.mark.parametrize("nature", ["<SERVICE/>", "<FOURNITURES/>", ""])
def test_a_notice_without_a_cpv_code_is_kept_and_warned_of(nature: str) -> None:
    legacy = boamp.read(AWARD.replace("<TRAVAUX/>", nature).encode())
    assert legacy.checked.accepted, legacy.checked.problems
    [warning] = [each for each in legacy.checked.warnings if each.term == "BT-262"]
    assert "ses mots, son acheteur et son lieu" in warning.message
    assert legacy.checked.notice is not None
    told = content_of(legacy, legacy.checked.notice)
    assert (told.cpv, [lot.cpv for lot in told.lots]) == ([], [[]])
    assert NoticeContent.model_validate_json(told.model_dump_json()) == told
    with pytest.raises(InvalidInput, match="CPV"):
        repeated(told.model_copy(update={"kind": "contract"}))
    with pytest.raises(ValidationError):
        Lot.model_validate(told.lots[0].model_dump())


def test_a_code_of_no_list_stays_in_the_terms() -> None:
    coded = AWARD.replace("</OBJET>", "<CPV><PRINCIPAL>99999999-9</PRINCIPAL></CPV></OBJET>")
    legacy = boamp.read(coded.encode())
    assert any("99999999" in each.message for each in legacy.checked.warnings)
    assert legacy.checked.notice is not None
    assert content_of(legacy, legacy.checked.notice).cpv == []


DECISION = "<DECISION><NUM_LOT>{number}</NUM_LOT><INTITULE>Lot {number}</INTITULE>{said}</DECISION>"
WON = "<TITULAIRE><DENOMINATION>{name}</DENOMINATION></TITULAIRE>"


def test_decisions_on_several_lots_that_nothing_else_describes_make_these_lots() -> None:
    decisions = "".join(
        DECISION.format(number=number, said=said)
        for number, said in (("3", WON.format(name="A")), ("7", "<INFRUCTUEUX/>"), ("3", WON.format(name="B")))
    )
    legacy = boamp.read(re.sub("<DECISION>.*</DECISION>", decisions, AWARD, flags=re.DOTALL).encode())
    assert legacy.checked.notice is not None
    told = content_of(legacy, legacy.checked.notice)
    assert [(lot.lot_id, lot.title) for lot in told.lots] == [("LOT-0001", "Lot 3"), ("LOT-0002", "Lot 7")]
    results = [(each.lot_id, each.outcome, each.winner_name) for each in told.results]
    assert results == [
        ("LOT-0001", "awarded", "A"), ("LOT-0002", "unsuccessful", None), ("LOT-0001", "awarded", "B")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("nature", "status", "kind", "reason"),
    [
        ("APPEL_OFFRE", "INITIAL", "contract", None),
        ("APPEL_OFFRE", "RECTIFICATIF", "change", "cor-buy"),
        ("RECTIFICATIF", "INITIAL", "change", "cor-buy"),
        ("APPEL_OFFRE", "ANNULATION", "change", "cancel"),
        ("INTENTION_CONCLURE", "INITIAL", "award", None),
        ("QUALIFICATION", "INITIAL", "contract", None),
        ("PERIODIQUE", "INITIAL", "planning", None),
    ],
)
def test_the_nature_and_the_state_of_a_notice_say_what_it_is(nature: str, status: str, kind: str, reason: str) -> None:
    written = AWARD.replace("<ATTRIBUTION/></NATURE>", f"<{nature}/></NATURE><STATUT><{status}/></STATUT>")
    legacy = boamp.read(re.sub("<ATTRIBUTION>.*</ATTRIBUTION>", "", written, flags=re.DOTALL).encode())
    assert legacy.checked.accepted, legacy.checked.problems
    assert legacy.checked.notice is not None
    told = content_of(legacy, legacy.checked.notice)
    assert told.kind == kind
    assert (told.change.reason if told.change else None) == reason
    assert told.change is None or told.change.notice_id == legacy.follows[0]


def test_real_notices_of_the_old_form_are_read() -> None:
    base = standards.folder()
    files = sorted((base / "notices" / "boamp-legacy").glob("*.xml")) if base else []
    if not files:
        pytest.skip("real notices of the BOAMP not available (HALLES_STANDARDS)")
    for file in files:
        legacy = boamp.read(file.read_bytes())
        assert legacy.checked.accepted, (file.name, legacy.checked.problems)
        assert legacy.checked.notice is not None
        assert content_of(legacy, legacy.checked.notice).lots, file.name
