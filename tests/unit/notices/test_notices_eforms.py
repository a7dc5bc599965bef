"""eForms notices are read and checked; the official examples decide where they are at hand."""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from lxml import etree

from libs.common import standards
from services.notices import drafting
from services.notices.content import public_notice
from services.notices.eforms import coherence, numbers, organisations, rules, schema, xml
from services.notices.eforms.check import CheckedNotice, check
from services.notices.eforms.model import ParsedNotice
from services.notices.eforms.problems import UnreadableNoticeError
from services.notices.eforms.reader import read
from tests.unit.notices.notices_samples import FOLDER, eforms

DEMO = sorted(FOLDER.glob("*.xml"))


def official(folder: str) -> list[Path]:
    """Give the official or real notices of a folder; skip where they are not on this machine."""
    base = standards.folder()
    found = sorted((base / "eforms" / folder).glob("*.xml")) if base else []
    if not found:
        pytest.skip("official eForms notices not available (HALLES_STANDARDS)")
    return found


def accepted(data: bytes) -> ParsedNotice:
    checked = check(data)
    assert checked.accepted, checked.problems
    assert checked.notice is not None
    return checked.notice


def terms(checked: CheckedNotice) -> set[str]:
    return {problem.term for problem in checked.problems}


def test_every_invalid_official_example_is_rejected_and_says_which_terms() -> None:
    for path in official("notices"):
        checked = check(path.read_bytes())
        if path.name.startswith("INVALID"):
            assert not checked.accepted, path.name
            assert any(term.startswith(("BT-", "OPT-")) for term in terms(checked)), path.name
        else:
            assert checked.accepted, (path.name, checked.problems[:3])


def test_every_real_notice_is_read_and_accepted_and_leads_to_a_publishable_content() -> None:
    for path in official("real"):
        notice = accepted(path.read_bytes())
        assert notice.title
        assert notice.buyers
        assert notice.cpv
        content = drafting.content_of(notice, notice.buyers[0], date(2026, 11, 21))
        assert notice.notice_id is not None
        told = public_notice(
            notice.notice_id, 1, content, published_at=datetime(2026, 11, 21, tzinfo=UTC), documents=[]
        )
        assert told.lots, path.name


def test_every_subtype_of_the_sdk_is_known_by_its_kind() -> None:
    codes = [*map(str, range(1, 41)), "CEI", *(f"E{n}" for n in range(1, 7)), "T01", "T02", "X01", "X02"]
    found = {code: rules.subtype(code) for code in codes}
    assert all(found.values())
    kinds = {
        code: ParsedNotice(document=subtype.document, form_type=subtype.form_type, notice_type=subtype.notice_type).kind
        for code, subtype in found.items()
        if subtype
    }
    assert (kinds["4"], kinds["16"], kinds["29"], kinds["38"]) == ("planning", "contract", "award", "change")
    assert (kinds["CEI"], kinds["E1"], kinds["E5"], kinds["X02"]) == ("contract", "planning", "award", "registration")
    assert rules.subtype("99") is None


def test_a_formal_open_procedure_is_read_in_full() -> None:
    notice = accepted(eforms(1))
    assert (notice.subtype, notice.procedure_type, notice.kind) == ("16", "open", "contract")
    assert notice.title == "Collecte des ordures ménagères résiduelles et des emballages recyclables"
    [buyer] = notice.buyers
    assert (buyer.organisation, buyer.legal_type, buyer.nuts) == ("SIRET:20009971100018", "la", "FRC11")
    [lot] = notice.lots
    assert lot.cpv == ("90511100", "90511400", "90512000")
    assert lot.value is not None
    assert (str(lot.value.value), lot.value.currency) == ("480000.00", "EUR")
    assert lot.duration_months == 36
    assert lot.deadline == datetime(2027, 1, 11, 11, tzinfo=UTC)
    assert [(criterion.kind, criterion.weight) for criterion in lot.criteria] == [
        ("price", 50.0),
        ("quality", 35.0),
        ("quality", 15.0),
    ]
    assert lot.documents_url == "https://marches.example/cc-trois-vallees"
    assert lot.electronic_submission == "required"


def test_the_content_of_a_notice_is_derived_under_the_rules_of_the_day() -> None:
    on = date(2026, 11, 21)
    formal, village, hospital = (accepted(eforms(number)) for number in (1, 2, 3))
    content = drafting.content_of(formal, formal.buyers[0], on)
    assert (content.formal, content.procedure_type, content.departments) == (True, "open", ["21"])
    content = drafting.content_of(village, village.buyers[0], on)
    assert (content.formal, content.procedure_type, content.departments) == (False, "adapted", ["35"])
    content = drafting.content_of(hospital, hospital.buyers[0], on)
    assert [lot.framework for lot in content.lots] == [True, True, True]
    assert content.documents_url is not None


def test_a_planning_notice_keeps_its_parts_and_gets_a_procedure_of_its_own() -> None:
    notice = accepted(eforms(4))
    assert (notice.kind, notice.parts, [part.lot_id for part in notice.lots]) == ("planning", True, ["PAR-0001"])
    assert notice.procedure_id is None
    assert drafting.procedure_id_of(notice) == drafting.procedure_id_of(accepted(eforms(4)))


def test_the_demo_notices_are_valid_against_the_official_schema() -> None:
    if not schema.available():
        pytest.skip("official schema not available (HALLES_STANDARDS)")
    for path in DEMO:
        root = xml.parse(path.read_bytes())
        assert schema.faults(root, xml.ROOTS[root.tag]) == [], path.name


def test_the_demo_notices_keep_every_unconditional_rule_and_name_nobody_real() -> None:
    assert len(DEMO) == 5
    for path in DEMO:
        data = path.read_bytes()
        root = xml.parse(data)
        notice = read(root)
        assert notice.subtype is not None
        assert rules.faults(root, notice.subtype, 10) == [], path.name
        for organisation in notice.organisations.values():
            assert organisations.luhn(organisation.identifier or ""), path.name
        assert b".example" in data
        assert b".fr<" not in data


def test_results_are_flattened_by_lot() -> None:
    [path] = [path for path in official("notices") if path.name == "can_24_minimal.xml"]
    [result] = accepted(path.read_bytes()).results
    assert (result.lot_id, result.outcome, result.tenders_received) == ("LOT-0000", "awarded", 3)
    assert result.value is not None
    assert str(result.value.value) == "95414.00"
    assert (result.contract_reference, len(result.winners)) == ("SCN DEF:2020-12", 1)
    assert result.signed_at == datetime(2019, 9, 2, 22, tzinfo=UTC)


def test_a_text_in_several_languages_is_read_in_the_notices_own_then_in_french() -> None:
    first = b'<cbc:Name languageID="FRA">Collecte des ordures m\xc3\xa9nag\xc3\xa8res'
    german = b'<cbc:Name languageID="DEU">M\xc3\xbcllabfuhr</cbc:Name>' + first
    assert (accepted(eforms(1).replace(first, german)).title or "").startswith("Collecte")
    both = eforms(1).replace(first, german).replace(b">FRA</cbc:NoticeLanguageCode>", b">DEU</cbc:NoticeLanguageCode>")
    assert read(xml.parse(both)).title == "Müllabfuhr"
    other = eforms(1).replace(first, german).replace(b">FRA</cbc:NoticeLanguageCode>", b">SPA</cbc:NoticeLanguageCode>")
    assert (read(xml.parse(other)).title or "").startswith("Collecte")


@pytest.mark.parametrize(
    ("identifier", "country", "expected"),
    [
        ("20009971100018", "FRA", "SIRET:20009971100018"),
        (" 200 099 711 00018\n", "FRA", "SIRET:20009971100018"),
        ("20009971100018", None, "SIRET:20009971100018"),
        ("200099711", "FRA", "NATIONAL:FRA-200099711"),
        ("974760673", "NOR", "NATIONAL:NOR-974760673"),
        ("12345678901234", "DEU", "NATIONAL:DEU-12345678901234"),
        (None, "LUX", "NATIONAL:LUX-Buyer Org"),
        (None, None, "NATIONAL:ZZZ-Buyer Org"),
        ("x" * 200, "POL", "NATIONAL:POL-" + "x" * 60),
        ("\u0661" * 14, "FRA", "NATIONAL:FRA-" + "\u0661" * 14),
    ],
)
def test_every_organisation_gets_a_name_on_the_platform(
    identifier: str | None, country: str | None, expected: str
) -> None:
    assert organisations.identify(identifier, country, "Buyer Org") == expected


def test_siret_keys_are_checked_with_the_exception_of_the_post_office() -> None:
    assert organisations.luhn("20009971100018")
    assert not organisations.luhn("20009971100019")
    assert organisations.luhn("35600000000048")
    assert organisations.luhn("35600000000001")
    assert not organisations.luhn("not a number")


def test_a_deadline_is_read_with_its_zone() -> None:
    assert numbers.instant("2027-01-11+01:00", "12:00:00+01:00") == datetime(2027, 1, 11, 11, tzinfo=UTC)
    assert numbers.instant("2027-07-11+02:00", end_of_day=True) == datetime(2027, 7, 11, 21, 59, 59, tzinfo=UTC)
    assert numbers.instant("2027-02-30+01:00") is None
    assert numbers.instant("0001-01-01+14:00") is None
    assert numbers.instant("yesterday") is None
    assert numbers.instant(None) is None


def test_an_older_notice_is_taken_with_a_warning_and_a_current_one_held_to_every_rule() -> None:
    incomplete = re.sub(rb"<cbc:SubmissionMethodCode[^>]*esubmission[^<]*</cbc:SubmissionMethodCode>", b"", eforms(1))
    older = check(incomplete)
    assert older.accepted
    assert {"OPT-002", "BT-17"} <= {problem.term for problem in older.warnings}
    assert "BT-17" in terms(check(incomplete.replace(b"eforms-sdk-1.13", b"eforms-sdk-1.15")))


@pytest.mark.parametrize("version", [b"1.3", b"1.13", b"1.15", b"1.16", b"2.0"])
def test_what_every_version_asks_for_is_asked_whatever_the_version(version: bytes) -> None:
    whole = eforms(1).replace(b"eforms-sdk-1.13", b"eforms-sdk-" + version)
    assert check(whole).accepted
    without = check(whole.replace(b"<cbc:VersionID>01</cbc:VersionID>", b""))
    [missing] = [problem for problem in without.problems if problem.term == "BT-757"]
    assert missing.path == "/ContractNotice/cbc:VersionID"
    assert "ajoutez cbc:VersionID" in missing.message
    for lost, term in ((b"cbc:IssueDate", "BT-05"), (b"cbc:ContractFolderID", "BT-04"), (b"cbc:Description", "BT-24")):
        found = check(re.sub(rb"<" + lost + rb"\b[^>]*>[^<]*</" + lost + rb">", b"", whole))
        assert term in terms(found), (version, term)


@pytest.mark.parametrize(
    ("customisation", "says"),
    [
        ("eforms-sdk-1.3", "plus ancienne"),
        ("eforms-sdk-1.10.2", "plus ancienne"),
        ("eforms-sdk-1.16", "plus récente"),
        ("eforms-sdk-2.0", "plus récente"),
        ("eforms-sdk-1.7#extended#urn:fdc:x:eforms:national", "extension nationale"),
        ("eforms-sdk-1.15#extended#urn:x", "extension nationale"),
        ("eforms-de-1.1", "extension nationale"),
        ("urn:x:eforms-de:1.2", "extension nationale"),
    ],
)
def test_another_version_or_extension_is_read_with_a_warning(customisation: str, says: str) -> None:
    """A code of another version's list is no fault: neither ours nor theirs holds all codes."""
    unknown = eforms(1).replace(b">open</cbc:ProcedureCode>", b">opened</cbc:ProcedureCode>")
    checked = check(unknown.replace(b"eforms-sdk-1.13", customisation.encode()))
    assert checked.accepted, checked.problems
    assert any(says in warning.message for warning in checked.warnings if warning.term == "OPT-002")
    assert "BT-105" in {warning.term for warning in checked.warnings}


@pytest.mark.parametrize(
    ("subtype", "lots"), [("N1", False), ("N3", False), ("N4", True), ("N16", True), ("N29", True)]
)
def test_a_national_notice_on_a_buyer_profile_needs_no_lot(subtype: str, *, lots: bool) -> None:
    document = {"N16": "CN", "N29": "CAN"}.get(subtype, "PIN")
    notice = ParsedNotice(
        document, "eforms-sdk-1.7#urn:x", (1, 7), subtype=subtype, title="Titre", notice_id=UUID(int=1)
    )
    assert ("BT-137" in {fault.term for fault in coherence.faults(notice)}) is lots


@pytest.mark.parametrize("customisation", ["", "1.10", "eforms-sdk-1", "EFORMS-SDK-1.13", "eforms-sdk-1.15.1"])
def test_a_customisation_that_names_no_version_is_refused(customisation: str) -> None:
    assert "OPT-002" in terms(check(eforms(1).replace(b"eforms-sdk-1.13", customisation.encode())))


def test_a_wrong_code_date_or_length_is_named_with_what_is_accepted() -> None:
    current = eforms(1).replace(b"eforms-sdk-1.13", b"eforms-sdk-1.15")
    wrong = {
        b">services</cbc:ProcurementTypeCode>": (
            b">service</cbc:ProcurementTypeCode>",
            "BT-23",
            "services, supplies, works",
        ),
        b"<cbc:EndDate>2027-01-11+01:00<": (b"<cbc:EndDate>2027-01-11<", "BT-131", "fuseau"),
        b"FRC11<": (b"FRC1<", "BT-5071", "NUTS de niveau 3"),
        b">Collecte des ordures": (b">" + b"a" * 400 + b"Collecte des ordures", "BT-21", "400 au plus"),
        b">Prix<": (b"><", "BT-734", "est vide"),
    }
    for old, (new, term, says) in wrong.items():
        found = [problem for problem in check(current.replace(old, new)).problems if problem.term == term]
        assert found, term
        assert says in found[0].message, found[0]


def test_two_lots_with_one_identifier_or_none_at_all_are_refused() -> None:
    twice = eforms(3).replace(b">LOT-0002</cbc:ID>", b">LOT-0001</cbc:ID>")
    assert "BT-137" in terms(check(twice))
    root = xml.parse(eforms(1))
    [lot] = xml.find_all(root, "cac:ProcurementProjectLot")
    root.remove(lot)
    assert "BT-137" in terms(check(etree.tostring(root)))


def test_without_the_official_schema_our_own_model_checks_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HALLES_STANDARDS", str(tmp_path / "absent"))
    checked = check(eforms(1))
    assert checked.accepted
    assert any("notre propre modèle" in problem.message for problem in checked.warnings)
    foreign = eforms(1).replace(b"<cbc:NoticeLanguageCode>", b'<x:secret xmlns:x="urn:x"/><cbc:NoticeLanguageCode>')
    foreign = foreign.replace(b"eforms-sdk-1.13", b"eforms-sdk-1.15")
    assert "XSD" in terms(check(foreign))


def test_no_document_type_passes_wherever_it_stands() -> None:
    for prolog in (b"", b"<!-- a -->", b"<?a b?>\n", b"\n <!-- a --><?b?><!-- c -->"):
        with pytest.raises(UnreadableNoticeError, match="DTD"):
            xml.parse(prolog + b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>")
    assert check(b"<!-- <!DOCTYPE x> -->" + eforms(1).partition(b"?>")[2]).accepted


def test_a_byte_order_mark_is_read() -> None:
    assert check(b"\xef\xbb\xbf" + eforms(1)).accepted


def test_depth_and_size_are_bounded() -> None:
    root, _, tail = eforms(1).partition(b"<ext:UBLExtensions>")
    deep = root + b"<cbc:Note>" * 70 + b"</cbc:Note>" * 70 + b"<ext:UBLExtensions>" + tail
    assert "niveaux" in check(deep).problems[0].message
    assert "taille maximale" in check(b" " * (xml.MAX_BYTES + 1)).problems[0].message


def test_a_damaged_notice_never_breaks_the_checker() -> None:
    """Random cuts and swaps of real structure: any verdict is fine, an exception is not."""
    dice = random.Random(20261121)
    whole = eforms(3)
    for _ in range(150):
        start = dice.randrange(len(whole))
        length = dice.randrange(1, 400)
        damaged = whole[:start] + whole[start + length :]
        if dice.random() < 0.5:
            damaged = damaged.replace(b"LOT-0002", b"").replace(b"ORG-0001", b"ORG-9999", 1)
        assert check(damaged).problems or check(damaged).accepted


def test_removing_any_element_never_breaks_the_reader() -> None:
    for number in range(1, 6):
        elements = len(list(xml.parse(eforms(number)).iter()))
        for position in range(1, elements, 7):
            root = xml.parse(eforms(number))
            element = list(root.iter())[position]
            parent = element.getparent()
            assert parent is not None
            parent.remove(element)
            checked = check(etree.tostring(root))
            if checked.accepted and checked.notice:
                drafting.content_of(checked.notice, checked.notice.buyers[0], date(2026, 11, 21))
