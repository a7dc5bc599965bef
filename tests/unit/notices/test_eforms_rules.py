"""Every rule of the SDK is asked, gives what the official reports give, and is told in words that help."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from libs.common import standards
from services.notices.eforms import rules, xml
from services.notices.eforms.check import check
from services.notices.eforms.problems import Problem
from services.notices.eforms.sdk import branches, conditions, plan, shapes, syntax, table, wording
from tests.unit.notices.notices_samples import eforms

SUBTYPES = [*map(str, range(1, 41)), "CEI", *(f"E{n}" for n in range(1, 7)), "T01", "T02", "X01", "X02"]
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
CURRENT = b"eforms-sdk-1.15"
Told = Counter[tuple[str, str]]
"""What a rule asks (its test without literals) and where it does not hold."""


def sdk() -> Path:
    folder = standards.folder()
    if folder is None or not (folder / "eforms" / "sdk").is_dir():
        pytest.skip("official eForms SDK not available (HALLES_STANDARDS)")
    return folder / "eforms"


def current(number: int = 1) -> bytes:
    """Give a notice of the demo as if written for our SDK version: held to every rule."""
    return eforms(number).replace(b"eforms-sdk-1.13", CURRENT)


def problem(data: bytes, term: str) -> Problem:
    found = [problem for problem in check(data).problems if problem.term == term]
    assert found, (term, check(data).problems)
    return found[0]


def test_every_expression_of_every_subtype_is_understood() -> None:
    assert {code: plan.unsupported(code) for code in SUBTYPES if plan.unsupported(code)} == {}
    assert all(len(table.rules(code)) > 1_500 for code in SUBTYPES)


def test_every_condition_of_the_field_model_has_its_rule() -> None:
    model = json.loads((sdk() / "sdk" / "fields.json").read_text("utf-8"))
    asked = {
        (code, rule.subject, found[0], found[2] is not None)
        for code in SUBTYPES
        for rule in table.rules(code)
        if rule.subject != plan.EMPTY and (found := conditions.presence(syntax.parse(rule.test)))
    }
    wanted = {
        (code, field["id"], sign, "condition" in constraint)
        for field in model["fields"]
        for kind, sign in (("mandatory", ">"), ("forbidden", "="))
        for constraint in field.get(kind, {}).get("constraints", ())
        if constraint["value"]
        for code in constraint["noticeTypes"]
    }
    assert len(wanted) > 30_000
    assert wanted <= asked


def test_every_value_rule_of_the_field_model_has_its_rule() -> None:
    model = json.loads((sdk() / "sdk" / "fields.json").read_text("utf-8"))
    listed, shaped, bounded = (set() for _ in range(3))
    for code in SUBTYPES:
        for rule in table.rules(code):
            tree = syntax.parse(rule.test) if rule.subject != plan.EMPTY else ()
            if tree[:3] == ("call", "matches", shapes.NORMAL):
                shaped.add(rule.subject)
            elif tree[0:1] == ("compare",) and tree[2] == shapes.NORMAL:
                listed.add(rule.subject)
            elif "string-length" in rule.test:
                bounded.add(rule.subject)
    twins = {"OPA-36-Lot-Number", "OPA-36-Part-Number", "OPA-98-Lot-Number"}  # at the path of another field
    fields = {field["id"]: field for field in model["fields"] if field["id"] not in twins}
    assert {name for name, field in fields.items() if "pattern" in field} - shaped == set()
    assert {name for name, field in fields.items() if "maxLength" in field} - bounded == set()
    unlisted = {name for name, field in fields.items() if "codeList" in field} - listed
    assert all("postcode" in name or fields[name]["codeList"]["value"]["id"] for name in unlisted)
    assert len(unlisted) < 40, unlisted


def asked_of(failing: str, place: str) -> tuple[str, str]:
    kind = "matches" if failing.startswith("matches") else re.sub(r"#[\w-]+|\('[^()]*'\)|'[^']*'|[\s()]", "", failing)
    return kind, re.sub(r"^/\w+:", "/", place)


def official(report: Path) -> Told:
    """Give the rules that an official report says do not hold."""
    failed = etree.parse(report).iterfind(f".//{SVRL}failed-assert")
    found: Told = Counter()
    for item in failed:
        spelled = item.get("test", "") if item.get("id") != plan.EMPTY else plan.EMPTY
        found[asked_of(" ".join(spelled.split()), item.get("location", ""))] += 1
    return found


def ours(notice: Path) -> Told:
    """Give the rules that do not hold, remarks left out but those that are warnings in the official files too."""
    root = xml.parse(notice.read_bytes())
    code = xml.text(root, ".//efac:NoticeSubType/cbc:SubTypeCode") or ""
    found: Told = Counter()
    places: dict[branches.Branch, str] = {}
    for rule, branch in plan.failures(branches.grow(root), code, 10_000):
        if rule.warning and "lawful" not in rule.test:
            continue
        spelled = plan.EMPTY if rule.subject == plan.EMPTY else rule.test.replace("~", syntax.EXTENSION)
        found[asked_of(spelled, wording.where(branch, places))] += 1
    return found


def test_what_does_not_hold_is_what_the_official_reports_say() -> None:
    """Compared rule by rule and place by place; three rules were worded anew between the reports and the rules."""
    folder = sdk()
    same = 0
    missed: list[tuple[str, str]] = []
    more: list[tuple[str, str]] = []
    for report in sorted((folder / "reports").glob("*.svrl")):
        said, found = official(report), ours(folder / "notices" / f"{report.stem}.xml")
        same += (said & found).total()
        missed += (said - found).elements()
        more += (found - said).elements()
    assert same > 350
    reworded = ("ActivityTypeCode", "PartyTypeCode", "PresentationPeriod")
    assert [item for item in missed if not any(word in item[0] for word in reworded)] == []
    assert [item for item in more if not any(word in item[0] for word in reworded)] == []
    assert len(missed) == len(more)


def test_a_missing_term_says_its_name_its_place_and_what_to_add() -> None:
    found = problem(current().replace(b"<cbc:VersionID>01</cbc:VersionID>", b""), "BT-757")
    assert found.path == "/ContractNotice/cbc:VersionID"
    assert found.message.startswith("BT-757 (")
    assert "manque : ajoutez cbc:VersionID sous /ContractNotice" in found.message
    assert "is missing" in found.message_en


def test_a_term_that_conditions_make_mandatory_says_on_what_it_depends() -> None:
    data = re.sub(
        rb"<cac:TenderSubmissionDeadlinePeriod>.*?</cac:TenderSubmissionDeadlinePeriod>", b"", current(), flags=re.S
    )
    found = problem(data, "BT-131")
    assert "BT-105" in found.message
    assert found.path.endswith("cac:TenderSubmissionDeadlinePeriod/cbc:EndDate")


def test_a_term_that_conditions_forbid_says_on_what_it_depends() -> None:
    place = b"<cbc:CountrySubentityCode"
    data = current().replace(place, b"<cbc:Region>anyw</cbc:Region>" + place)
    found = [item for item in check(data).problems if item.term in {"BT-727", "BT-5071"}]
    assert found
    assert any("supprimez" in item.message and "vu BT-" in item.message for item in found), found


def test_a_forbidden_term_is_named_with_what_to_remove() -> None:
    data = current().replace(
        b"<cbc:RegulatoryDomain", b"<cbc:PlannedDate>2027-01-01Z</cbc:PlannedDate><cbc:RegulatoryDomain"
    )
    found = problem(data, "BT-127")
    assert "n'a pas sa place" in found.message
    assert "supprimez cbc:PlannedDate" in found.message


def test_a_missing_section_says_which_terms_it_holds() -> None:
    root = xml.parse(current())
    process = root.find("{*}TenderingProcess")
    assert process is not None
    root.remove(process)
    found = problem(etree.tostring(root), "ND-ProcedureTenderingProcess")
    assert "BT-105" in found.message


def test_an_organisation_that_is_not_described_is_named_whatever_the_version() -> None:
    lost = b"<cac:AppealReceiverParty>"
    for data in (current(), eforms(1)):
        assert lost in data
        head, _, tail = data.partition(lost)
        broken = head + lost + tail.replace(b"ORG-0", b"ORG-9", 1)
        assert "OPT-301" in {item.term for item in check(broken).problems}


def test_the_cpv_code_goes_with_the_nature_of_the_contract() -> None:
    data = current().replace(b">services</cbc:ProcurementTypeCode>", b">works</cbc:ProcurementTypeCode>")
    assert "nature" in problem(data, "BT-262").message


def test_an_amount_is_never_negative_and_a_date_has_its_zone() -> None:
    assert "négatif" in problem(current().replace(b">480000.00<", b">-480000.00<"), "BT-27").message
    older = eforms(1).replace(b"<cbc:EndDate>2027-01-11+01:00<", b"<cbc:EndDate>2027-01-11<")
    assert "fuseau" in problem(older, "BT-131").message


def test_a_text_is_in_the_languages_of_the_notice() -> None:
    data = current().replace(b'<cbc:Name languageID="FRA">Collecte', b'<cbc:Name languageID="DEU">Collecte', 1)
    assert any("langue" in item.message for item in check(data).problems if item.term == "BT-21")


def test_older_and_national_notices_are_held_to_less() -> None:
    unknown = b">open</cbc:ProcedureCode>", b">opened</cbc:ProcedureCode>"
    for customisation, refused in (
        (CURRENT, True),
        (b"eforms-sdk-1.3", False),
        (b"eforms-sdk-1.7#extended#urn:x", False),
    ):
        checked = check(eforms(1).replace(b"eforms-sdk-1.13", customisation).replace(*unknown))
        assert checked.accepted is not refused, customisation
        assert "BT-105" in {item.term for item in (*checked.problems, *checked.warnings)}


def test_rules_that_the_examples_of_their_own_version_do_not_keep_are_warnings() -> None:
    remarks = {rule.subject for rule in table.rules("29") if rule.warning}
    assert {"BT-13713-LotResult", "OPT-322-LotResult"} <= remarks
    assert len([rule for rule in table.rules("29") if rule.warning]) < 80


def test_a_rule_that_fails_a_hundred_times_is_told_once_a_place() -> None:
    found = rules.faults(xml.parse(current(3).replace(b">LOT-0002<", b">LOT-0001<")), "16", 1_000)
    assert len(found) == len(set(found))
    assert {"BT-137"} <= {item.term for item in found}
