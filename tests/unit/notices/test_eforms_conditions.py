"""How a condition of the SDK is answered, and how a path is looked up and told: on small trees of which every answer is plain."""

from __future__ import annotations

import gc
import re
from typing import Final

import pytest

from services.notices.eforms import nodes, xml
from services.notices.eforms.sdk import branches, bundles, compiler, paths, shapes, table, writer
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.ground import Ground
from services.notices.eforms.sdk.paths import Test
from services.notices.eforms.sdk.syntax import Tree, UnknownSyntaxError, parse
from services.notices.eforms.sdk.values import Day
from services.notices.eforms.sdk.wording import where
from tests.unit.notices.notices_samples import eforms

LOTS: Final = """
  <cac:Party><cbc:ID>ORG-0001</cbc:ID><cbc:ID>ORG-0002</cbc:ID></cac:Party>
  <cac:ProcurementProjectLot><cbc:ID schemeName="Lot">LOT-0001</cbc:ID>
    <cac:TenderingTerms><cbc:ID>ORG-0001</cbc:ID></cac:TenderingTerms></cac:ProcurementProjectLot>
  <cac:ProcurementProjectLot><cbc:ID schemeName="Part"> PAR-0001 </cbc:ID>
    <cac:TenderingTerms><cbc:ID>ORG-0003</cbc:ID></cac:TenderingTerms></cac:ProcurementProjectLot>
  <cac:ProcurementProjectLot><cbc:ID schemeName="Lot">LOT-0002</cbc:ID></cac:ProcurementProjectLot>"""


def notice() -> xml.Element:
    root = next(tag for tag, kind in xml.ROOTS.items() if kind == "CN")
    uri, _, name = root[1:].partition("}")
    prefixes = " ".join(f'xmlns:{prefix}="{each}"' for prefix, each in xml.NAMESPACES.items())
    return xml.parse(f'<{name} xmlns="{uri}" {prefixes}>{LOTS}</{name}>'.encode())


def called(_: Tree) -> Test:
    raise AssertionError("all of it should be written")


def holds(test: Test | None, root: Branch, place: Branch | None = None) -> bool:
    assert test is not None
    return test(place or root, Ground(root, "16"))


LOT: Final = "cac:ProcurementProjectLot"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (LOT, True),
        ("cac:TenderingProcess", False),
        (f"not({LOT})", False),
        (f"{LOT}/cac:TenderingTerms", True),
        (f"count({LOT}) < 2", False),
        (f"count({LOT}[cbc:ID/@schemeName='Part']) < 2", True),
        (f"count({LOT}/cac:TenderingProcess) = 0", True),
        (f"count({LOT}[cbc:ID/@schemeName='Group']) > 0", False),
        (f"{LOT}/cbc:ID/normalize-space(text()) = 'PAR-0001'", True),
        (f"{LOT}/cbc:ID = 'PAR-0001'", False),
        (f"{LOT}/cbc:ID = ('LOT-0002', 'LOT-0009')", True),
        (f"{LOT}[not(cac:TenderingTerms)]/cbc:ID/@schemeName = 'Part'", False),
        (f"{LOT} and cac:TenderingProcess", False),
        (f"cac:TenderingProcess or ({LOT} and not(cac:TenderingProcess))", True),
    ],
)
def test_a_condition_downward_is_written_whole_and_says_what_xpath_would(condition: str, expected: bool) -> None:
    root = branches.grow(notice())
    assert holds(writer.written(parse(condition), called, compiler.items), root) is expected
    assert holds(compiler.holds(parse(condition)), root) is expected


def test_what_is_not_written_is_called_and_what_cannot_be_written_at_all_is_left() -> None:
    asked: list[Tree] = []

    def note(tree: Tree) -> Test:
        asked.append(tree)
        return lambda _branch, _ground: True

    climbing = parse("../cbc:ID != 'x'")
    root = branches.grow(notice())
    assert holds(writer.written(("or", parse("cac:TenderingProcess"), climbing), note, compiler.items), root)
    assert asked == [climbing]
    assert writer.written(climbing, note, compiler.items) is None


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"cac:Party/cbc:ID = {LOT}/cac:TenderingTerms/cbc:ID", True),
        (f"cac:Party/cbc:ID = /*/{LOT}/cac:TenderingTerms/cbc:ID", True),
        (f"cac:Party/cbc:ID = /*/{LOT}/cac:TenderingTerms/cbc:Name", False),
        (f"cac:Party/cbc:Name = /*/{LOT}/cac:TenderingTerms/cbc:ID", False),
        (f"{LOT}/cbc:ID/normalize-space(text()) = /*/{LOT}/cbc:ID/normalize-space(text())", True),
        (f"{LOT}[cbc:ID = 'LOT-0002']/cac:TenderingTerms/cbc:ID = /*/cac:Party/cbc:ID", False),
        (f"{LOT}/cbc:ID/@schemeName = /*/{LOT}/cbc:ID/@schemeName", True),
    ],
)
def test_a_text_sought_among_those_of_the_whole_notice_is_found_where_xpath_would(
    condition: str, expected: bool
) -> None:
    root = branches.grow(notice())
    assert holds(compiler.holds(parse(condition)), root) is expected
    assert holds(compiler._called(parse(condition)), root) is expected  # the same, by calls


@pytest.mark.parametrize(("kind", "expected"), [("Lot", [True, False, True]), ("Part", [False, True, False])])
def test_a_code_sought_from_below_is_that_of_the_own_section(kind: str, expected: list[bool]) -> None:
    root = branches.grow(notice())
    test = compiler.holds(parse(f"../cbc:ID/@schemeName = '{kind}'"))
    places = [
        each.children[f"{{{xml.NAMESPACES['cbc']}}}ID"][0]
        for each in root.children[f"{{{xml.NAMESPACES['cac']}}}ProcurementProjectLot"]
    ]
    ground = Ground(root, "16")
    assert [test(place, ground) for place in places] == expected


def test_texts_and_codes_of_a_condition_are_never_part_of_the_program() -> None:
    """A code that closes a quotation is a code."""
    root = branches.grow(notice())
    condition: Tree = ("compare", "=", parse("cac:Party/cbc:ID"), ("literal", "') or print('"))
    assert not holds(writer.written(condition, called, compiler.items), root)


CLIMBING: Final = f"(cbc:ID = ../{LOT}[cbc:ID/@schemeName='Lot']/cac:TenderingTerms/cbc:ID) or (cbc:ID = ../{LOT}[cbc:ID/@schemeName='Part']/cbc:ID)"


@pytest.mark.parametrize(("kind", "expected"), [("Lot", True), ("Part", False)])
def test_identifiers_sought_at_several_paths_of_one_place_are_sought_once(kind: str, expected: bool) -> None:
    """`a = b or a = c` is `a = (b, c)`; what climbs to different places, or names a variable, stays apart."""
    condition = parse(CLIMBING.replace("'Lot'", f"'{kind}'"))
    assert [part[3][0] for part in shapes.united(condition)] == ["sequence"]
    root = branches.grow(notice())
    party = root.children[f"{{{xml.NAMESPACES['cac']}}}Party"][0]
    assert holds(compiler.holds(condition), root, party) is expected
    assert holds(compiler.holds(("call", "not", condition)), root, party) is not expected


@pytest.mark.parametrize(
    "condition",
    [
        "cbc:ID = ../cbc:ID or cbc:ID = ../../cbc:ID",
        "cbc:ID = ../cbc:ID or cbc:Name = ../cbc:Name",
        "cbc:ID = /*/cbc:ID or cbc:ID = cac:Party/cbc:ID",
        "cbc:ID = ../cbc:ID[. = $other] or cbc:ID = ../cbc:Name[. = $other]",
        "cbc:ID = ../cbc:ID or cbc:ID != ../cbc:Name",
    ],
)
def test_what_is_not_sought_at_one_place_is_asked_apart(condition: str) -> None:
    assert set(shapes.united(parse(condition))) == set(parse(condition)[1:])


PATHS: Final = (
    ".", "cac:Party", "cac:Party/cbc:ID", f"{LOT}/cac:TenderingTerms/cbc:ID", f"{LOT}/cbc:ID[@schemeName='Lot']",
    f"{LOT}[cbc:ID/@schemeName='Part']/cac:TenderingTerms/cbc:ID", f"{LOT}[cbc:ID/@schemeName='Group']", "cbc:Nothing/cbc:ID",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_path_finds_in_the_branches_what_it_finds_in_the_xml(path: str) -> None:
    root = notice()
    grown = branches.grow(root)
    assert [each.text for each in nodes.find_all(grown, path)] == [
        each.text or "" for each in nodes.find_all(root, path)
    ]
    assert nodes.values(grown, path) == nodes.values(root, path)
    assert nodes.text(grown, path) == nodes.text(root, path)
    first, plain = nodes.find(grown, path), nodes.find(root, path)
    assert (first.tag if first else None) == (plain.tag if plain is not None else None)


def test_a_path_from_nowhere_gives_nothing() -> None:
    assert nodes.find(None, "cbc:ID") is None
    assert nodes.text(None, "cbc:ID") is None
    assert nodes.values(None, "cbc:ID") == []


@pytest.mark.parametrize("path", ["../cbc:ID", "/*/cbc:ID", "cbc:ID[1]", "cbc:ID[@a='b'][@c='d']", "cbc:ID[@a!='b']"])
def test_a_path_of_another_kind_is_refused_of_branches(path: str) -> None:
    with pytest.raises(UnknownSyntaxError):
        nodes.find_all(branches.grow(notice()), path)


def defaulted(data: bytes, prefix: str) -> bytes:
    """Give a notice whose elements of a prefix stand in a default namespace instead."""
    uri = xml.NAMESPACES[prefix]
    text = re.sub(rf"<{prefix}:(\w+)", rf'<\1 xmlns="{uri}"', data.decode())
    return text.replace(f"</{prefix}:", "</").encode()


@pytest.mark.parametrize("prefix", ["cbc", "cac", "efac"])
def test_a_place_is_told_the_same_whatever_prefix_the_notice_declares(prefix: str) -> None:
    """Libxml2 writes `*[3]` for the third neighbour of any name in a default namespace."""
    data = eforms(3)
    usual, other = xml.parse(data), xml.parse(defaulted(data, prefix))
    told = [xml.where(each) for each in usual.iter()]
    assert [xml.where(each) for each in other.iter()] == told
    assert len(set(told)) == len(told)
    assert f"/ContractNotice/{LOT}[2]/cbc:ID" in told


def test_a_branch_tells_its_place_as_its_element_does() -> None:
    root = xml.parse(eforms(3))
    places: dict[Branch, str] = {}
    grown = {where(each, places) for each in below(branches.grow(root))}
    assert grown == {xml.where(each) for each in root.iter()}


def below(branch: Branch) -> list[Branch]:
    return [branch, *(each for same in branch.children.values() for child in same for each in below(child))]


def test_an_attribute_is_told_below_its_element() -> None:
    lot = branches.grow(notice()).children[f"{{{xml.NAMESPACES['cac']}}}ProcurementProjectLot"][1]
    identifier = lot.children[f"{{{xml.NAMESPACES['cbc']}}}ID"][0].attribute("schemeName")
    assert where(identifier, {}) == f"/ContractNotice/{LOT}[2]/cbc:ID/@schemeName"


def test_branches_that_were_let_go_are_freed_at_once() -> None:
    """Elements that point at each other would wait for a look for garbage, which took a tenth of the time of an import."""
    gc.collect()
    gc.disable()
    try:
        grown = branches.grow(notice())
        branches.fell(grown)
        del grown
        left = sum(isinstance(each, Branch) for each in gc.get_objects())
    finally:
        gc.enable()
    assert left == 0


PERIOD: Final = (
    "$T + (for $F in . return (if ($F/@unitCode='DAY') then xs:dayTimeDuration(concat('P', $F/number(), 'D'))"
    " else xs:yearMonthDuration(concat('P', $F/number(), 'M')))) <= $T + xs:yearMonthDuration('P2M')"
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"for $T in (current-date()) return ({PERIOD})", True),
        (f"for $T in (current-date()) return ({PERIOD.replace('in .', 'in cbc:DurationMeasure')})", False),
        (f"for $T in (current-date()) return ({PERIOD.replace('$F/number()', '$global-lot-ids')})", False),
        ("../cbc:EndDate/xs:date(text()) > current-date()", False),
        ("number(normalize-space(.)) <= 9999", False),
    ],
)
def test_only_a_period_that_looks_nowhere_else_may_be_remembered(condition: str, expected: bool) -> None:
    assert shapes.is_own_period(parse(condition)) is expected


def measure(text: str, **attributes: str) -> Branch:
    return Branch("DurationMeasure", text, None, attributes)


def test_a_period_is_remembered_by_its_text_its_unit_and_the_day() -> None:
    asked: list[Branch] = []

    def test(branch: Branch, ground: Ground) -> bool:
        asked.append(branch)
        return compiler.holds(parse(f"boolean(for $T in (current-date()) return ({PERIOD}))"))(branch, ground)

    today, remembered = Ground(measure(""), "16"), paths.remember(test)
    days = measure("62", unitCode="DAY")
    answers = [remembered(days, today), remembered(measure("62", unitCode="DAY"), today)]
    assert (answers[0], len(asked)) == (answers[1], 1)
    assert not remembered(measure("62", unitCode="MONTH"), today)
    assert not remembered(measure("99", unitCode="DAY"), today)
    assert len(asked) == 3
    tomorrow = Ground(measure(""), "16")
    tomorrow.today = Day(today.today.ordinal + 1, 0)
    remembered(days, tomorrow)
    assert len(asked) == 4


def test_a_long_text_is_never_remembered_and_few_are_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Branch] = []

    def test(branch: Branch, _: Ground) -> bool:
        asked.append(branch)
        return True

    monkeypatch.setattr(paths, "_REMEMBERED", 2)
    ground, remembered = Ground(measure(""), "16"), paths.remember(test)
    for each in (long := measure("9" * 50), long, measure("1", unitCode="x" * 50), measure("1", unitCode="x" * 50)):
        assert remembered(each, ground)
    assert len(asked) == 4
    for text in ("1", "2", "3", "1"):
        remembered(measure(text), ground)
    assert len(asked) == 8, "the third makes room, the first is asked again"


@pytest.mark.parametrize("condition", ["number('10') <= 9", "cbc:None/number() < number('2')"])
def test_what_names_no_element_is_computed_once_and_is_still_right(condition: str) -> None:
    test, root = compiler.holds(parse(condition)), branches.grow(notice())
    assert [holds(test, root), holds(test, root)] == [False, False]


@pytest.mark.parametrize(
    ("text", "failing"), [("DAY", 0), ("YEAR", 1), (" DAY", 1), ("DAY ", 1), ("day", 2), ("MONTHLY", 2), ("", 2)]
)
def test_a_code_that_is_asked_for_is_taken_at_sight_any_other_text_is_held_to_each_rule(
    text: str, failing: int
) -> None:
    """`YEAR` is in the list and too long, `DAY` with a blank is in the list and not trimmed."""
    rules = [
        table.Rule(number, "3b", "BT-X", False, "/*/x", test)
        for number, test in enumerate(
            (
                r"replace(replace(.,'\s+$',''),'^\s+','') eq .",
                "normalize-space(.) = ('DAY', 'YEAR')",
                "matches(normalize-space(.),'^[A-Z]{3}$')",
            )
        )
    ]
    bundle = bundles.Bundle("16")
    for rule in rules:
        bundle.add(rule)
    found: list[bundles.Failure] = []
    bundle.check(measure(text), Ground(measure(""), "16"), found)
    assert (len(found), bundle.arranged.enough) == (failing, frozenset({"DAY"}))


def test_an_attribute_with_a_good_code_and_another_rule_is_still_held_to_that_one() -> None:
    bundle = bundles.Bundle("16")
    for number, test in enumerate(("normalize-space(.) = ('DAY', 'YEAR')", "../cbc:ID")):
        bundle.add(table.Rule(number, "3b", "BT-X", False, "/*/x/@unitCode", test))
    found: list[bundles.Failure] = []
    bundle.check_attribute(measure("1", unitCode="DAY"), "unitCode", Ground(measure(""), "16"), found)
    assert [rule.number for rule, _ in found] == [1]
    assert bundle.arranged.good == {"DAY", "YEAR"}
