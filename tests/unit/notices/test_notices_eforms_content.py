"""What an eForms notice says of its terms, its parties, its justifications and its life reaches the platform's content."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from libs.common import standards
from libs.common.messages.base import Money
from services.notices import drafting
from services.notices.content import NoticeContent
from services.notices.disclosure import public_xml
from services.notices.eforms import model, organisations, terms, xml
from services.notices.eforms.reader import read
from tests.unit.notices.notices_samples import eforms

DAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def content(data: bytes) -> NoticeContent:
    notice = read(xml.parse(data))
    return drafting.content_of(notice, notice.buyers[0], DAY)


def official(name: str) -> bytes:
    base = standards.folder()
    path = base / "eforms" / "notices" / name if base else Path("none")
    if not path.is_file():
        pytest.skip("official eForms notices not available (HALLES_STANDARDS)")
    return path.read_bytes()


def inside(data: bytes, before: str, added: str) -> bytes:
    written = data.decode()
    assert before in written
    return written.replace(before, added + before, 1).encode()


def test_the_terms_of_each_lot_are_read() -> None:
    told = content(official("cn_24_maximal_100_lots.xml"))
    found = told.lots[0].terms
    assert found is not None
    assert (found.restricted_documents, found.electronic_submission, found.eu_funded, found.gpa) == (
        False,
        "required",
        True,
        True,
    )
    assert (found.reserved_participation, found.reserved_execution) == (["res-pub-ser"], True)
    assert (found.electronic_ordering, found.electronic_payment, found.electronic_invoicing) == (True, True, "required")
    assert (found.electronic_catalogue, found.electronic_auction, found.languages) == ("allowed", True, ["ENG", "FRA"])
    assert (found.framework, found.framework_participants, found.dynamic_purchasing) == ("fa-w-rc", 10, "dps-list")
    assert (found.options, found.renewals) == ("Options description ---", 3)
    assert (found.strategic, found.social, found.environmental, found.innovative) == (
        ["env-imp"], ["acc-all"], ["clim-mitig"], ["proc-innov"],
    )  # fmt: skip
    assert found.performance == "Terms Performance ---"
    assert set(told.techniques) == {"framework", "dynamic-purchasing", "electronic-catalogue", "electronic-auction"}
    assert told.lots[0].deadline is not None
    assert max(lot.deadline for lot in told.lots if lot.deadline) == told.deadline
    assert told.review is not None
    assert told.contact is not None
    assert (told.review.name, told.contact.activity) == ("Pub Proc Appeal Adm", "econ-aff")
    assert told.features
    assert told.justification is not None
    assert told.justification.text == "Procedure Accelerated Justification ---"


def test_a_call_for_expressions_of_interest_has_a_deadline() -> None:
    base = standards.folder()
    files = sorted((base / "eforms" / "real").glob("*pin-cfc-social_2023-664435.xml")) if base else []
    if not files:
        pytest.skip("real eForms notices not available (HALLES_STANDARDS)")
    told = content(files[0].read_bytes())
    assert told.kind == "contract"
    assert not told.takes_bids
    assert told.deadline is not None


def test_results_keep_every_winner_the_reason_and_the_contract() -> None:
    told = content(official("can_24_maximal.xml"))
    awarded = next(result for result in told.results if result.outcome == "awarded")
    failed = next(result for result in told.results if result.outcome == "unsuccessful")
    assert len(awarded.winners) > 1
    assert awarded.winners[0].organisation == awarded.winner
    assert awarded.contract_number
    assert failed.reason in {"no-rece", "all-rej"}
    assert told.previous


def test_a_direct_award_says_why_and_counts_as_awarded() -> None:
    told = content(official("veat_25.xml"))
    assert told.justification is not None
    assert told.justification.code == "exclusive"
    assert [result.outcome for result in told.results] == ["awarded"]


def test_a_modification_names_its_contract_its_reason_and_what_changes() -> None:
    told = content(official("E6_minimal.xml"))
    assert (told.kind, told.subtype, told.notice_type) == ("change", "E6", "can-modif")
    assert told.modification is not None
    assert (told.modification.reason, told.modification.description) == ("mod-cir", "Reasons why...\nExtension of ...")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("cn_23.xml", "concession"), ("can-social_23.xml", "concession"), ("cn_24_minimal.xml", "marche")],
)
def test_a_concession_is_told_from_a_contract(name: str, kind: str) -> None:
    assert content(official(name)).contract_kind == kind


def test_a_change_names_its_notice_its_reason_and_what_changes() -> None:
    changes = (
        "<efac:Changes><efbc:ChangedNoticeIdentifier>6a1f0c52-8d34-4b1e-9f6b-2d0c5e7a9101-01</efbc:ChangedNoticeIdentifier>"
        '<efac:Change><efbc:ChangeDescription languageID="FRA">Lot 2 ajouté</efbc:ChangeDescription></efac:Change>'
        '<efac:ChangeReason><cbc:ReasonCode listName="change-corig-justification">cor-buy</cbc:ReasonCode>'
        '<efbc:ReasonDescription languageID="FRA">Erreur</efbc:ReasonDescription></efac:ChangeReason></efac:Changes>'
    )
    told = content(inside(eforms(1), "<efac:NoticeSubType>", changes))
    assert told.kind == "change"
    assert told.change is not None
    assert str(told.change.notice_id) == "6a1f0c52-8d34-4b1e-9f6b-2d0c5e7a9101"
    assert (told.change.reason, told.change.description) == ("cor-buy", "Erreur\nLot 2 ajouté")


def test_the_correction_of_a_planning_notice_is_of_its_procedure() -> None:
    planning = read(xml.parse(eforms(4)))
    assert planning.notice_id is not None
    changes = f"<efac:Changes><efbc:ChangedNoticeIdentifier>{planning.notice_id}-01</efbc:ChangedNoticeIdentifier></efac:Changes>"
    correction = inside(eforms(4), "<efac:NoticeSubType>", changes).replace(
        str(planning.notice_id).encode() + b"</cbc:ID>", b"0b8e6c52-8d34-4b1e-9f6b-2d0c5e7a9999</cbc:ID>"
    )
    told = read(xml.parse(correction))
    assert told.notice_id != planning.notice_id
    assert drafting.procedure_id_of(told) == drafting.procedure_id_of(planning)


def test_a_planning_notice_says_when_the_next_one_is_expected() -> None:
    told = content(inside(eforms(4), "<cbc:NoticeLanguageCode", "<cbc:PlannedDate>2027-03-01+01:00</cbc:PlannedDate>"))
    assert told.planned_on == datetime(2027, 2, 28, 23, tzinfo=UTC)


def test_a_touch_point_is_the_organisation_under_another_address() -> None:
    data = eforms(1).decode()
    point = (
        "<efac:TouchPoint><cac:PartyIdentification><cbc:ID>TPO-0001</cbc:ID></cac:PartyIdentification>"
        "<cac:Contact><cbc:Name>Service des marchés</cbc:Name></cac:Contact></efac:TouchPoint></efac:Organization>"
    )
    buyer = "<cbc:ID>TPO-0001</cbc:ID></cac:PartyIdentification></cac:Party></cac:ContractingParty>"
    head, _, tail = data.partition("<cac:ContractingParty>")
    party, _, rest = tail.partition("</cac:ContractingParty>")
    reference = party.rpartition("<cbc:ID")[0]
    data = head.replace("</efac:Organization>", point, 1) + "<cac:ContractingParty>" + reference + buyer + rest
    told = content(data.encode())
    assert told.buyer.organisation == "SIRET:20009971100018"
    assert told.contact is not None
    assert told.contact.department == "Service des marchés"


@pytest.mark.parametrize(
    ("written", "is_department"),
    [("Service des marchés publics", True), ("Pôle Achats", True), ("Procurement team", True), ("Mme Camille Dupont", False),
     ("Jean Servicen", False), ("J. Marchand", False)],
)  # fmt: skip
def test_a_contact_point_is_read_when_it_names_a_department(written: str, is_department: bool) -> None:
    assert organisations.names_department(written) is is_department


def test_a_national_subtype_is_held_to_be_the_one_it_extends() -> None:
    national = (
        eforms(1).replace(b">16</cbc:SubTypeCode>", b">N16</cbc:SubTypeCode>").replace(b' listName="competition"', b"")
    )
    told = content(national)
    assert (told.kind, told.subtype, told.formal) == ("contract", "N16", True)
    assert [model.base_subtype(code) for code in ("N29", "E3", "16", None)] == ["29", "E3", "16", None]


def test_every_value_of_every_notice_is_given_back() -> None:
    unknown = '<x:Odd xmlns:x="urn:x">kept</x:Odd>'
    data = inside(eforms(1), "<cbc:NoticeLanguageCode", unknown)
    root = xml.parse(data)
    found = [terms.term_at(place) for place in terms.places(root)]
    values = [(item.text or "").strip() for item in root.iter() if (item.text or "").strip()]
    assert [term.value for term in found if "/@" not in term.path] == values
    [odd] = [term for term in found if term.value == "kept"]
    assert (odd.term, odd.label) == (None, None)
    named = {term.field for term in found}
    assert {"BT-03-notice", "BT-262-Lot", "BT-541-Lot-WeightNumber", "BT-5071-Lot"} & named >= {
        "BT-03-notice",
        "BT-262-Lot",
    }


def test_persons_are_left_out_for_the_public_and_the_buyer_s_contacts_are_not() -> None:
    natural = eforms(1).replace(
        b"<efac:Company>", b"<efbc:NaturalPersonIndicator>true</efbc:NaturalPersonIndicator><efac:Company>", 1
    )
    for data, hidden in ((eforms(1), set()), (natural, {"BT-503", "BT-506", "BT-501", "BT-513"})):
        public = [terms.term_at(place) for place in terms.places(xml.parse(public_xml(data, NOW)))]
        first = [term.term for term in public if "efac:Organization[1]" in term.path]
        assert not hidden & set(first)
        assert "BT-500" in first


def test_a_concession_says_what_it_is_worth_and_a_winner_who_it_is() -> None:
    told = content(official("can_23_contracts.xml"))
    revenues = [result.revenue for result in told.results if result.revenue]
    assert all(isinstance(revenue.users, Money) for revenue in revenues)
    winners = [winner for result in told.results for winner in result.winners]
    assert winners
    assert all(winner.country for winner in winners)
