"""Notices in the old national form of the BOAMP: read as far as the form goes, refused with the reason where it does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.common import standards
from libs.common.messages.base import Money
from services.notices.disclosure import public_xml
from services.notices.eforms import terms, xml
from services.notices.legacy import boamp
from services.notices.legacy.contents import content_of
from services.notices.offline.files import Unit
from services.notices.offline.readings import prepare, verdict

BOAMP = {boamp.ROOT: "BOAMP"}
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
AWARD = """<?xml version="1.0" encoding="UTF-8"?>
<ANNONCE><GESTION>
 <REFERENCE><IDWEB>17-1</IDWEB><TYPE_AVIS><FAMILLE><FNS/></FAMILLE><NATURE><ATTRIBUTION/></NATURE></TYPE_AVIS></REFERENCE>
 <MARCHE><ANNONCE_ANTERIEUR><REFERENCE><IDWEB>16-9</IDWEB></REFERENCE></ANNONCE_ANTERIEUR></MARCHE>
 <INDEXATION><DATE_PUBLICATION>2017-01-13</DATE_PUBLICATION><DEP_PRESTATION>76</DEP_PRESTATION></INDEXATION></GESTION>
<DONNEES>
 <IDENTITE><DENOMINATION>Ville de Test</DENOMINATION><CORRESPONDANT>Mme Dupont</CORRESPONDANT><CP>76400</CP><VILLE>Test</VILLE>
  <MEL>maire@test.example</MEL></IDENTITE><TYPE_ORGANISME><COMMUNE/></TYPE_ORGANISME>
 <OBJET><TITRE_MARCHE>Aire de glisse</TITRE_MARCHE><TYPE_MARCHE><TRAVAUX/></TYPE_MARCHE></OBJET>
 <PROCEDURE><TYPE_PROCEDURE><PROCEDURE_ADAPTE/></TYPE_PROCEDURE></PROCEDURE>
 <ATTRIBUTION><DECISION><NUM_LOT>2016-52</NUM_LOT><TITULAIRE><DENOMINATION>Béton SARL</DENOMINATION></TITULAIRE>
  <RENSEIGNEMENT><NB_OFFRE_RECU>3</NB_OFFRE_RECU><MONTANT DEVISE="EUR">348852</MONTANT></RENSEIGNEMENT></DECISION></ATTRIBUTION>
</DONNEES></ANNONCE>"""


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
    [("<TRAVAUX/>", "<SERVICE/>", "BT-262"), ("17-1<", "<", "BT-701"), ("<ATTRIBUTION/></NATURE>", "<AUTRE/></NATURE>", "OPP-070"),
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


def test_real_notices_are_read_or_refused_for_their_lack_of_a_code() -> None:
    base = standards.folder()
    files = sorted((base / "notices" / "boamp-legacy").glob("*.xml")) if base else []
    if not files:
        pytest.skip("real notices of the BOAMP not available (HALLES_STANDARDS)")
    for file in files:
        checked = boamp.read(file.read_bytes()).checked
        assert {problem.term for problem in checked.problems} <= {"BT-262"}, file.name
        assert checked.notice is not None
        assert checked.notice.title
