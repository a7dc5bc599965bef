"""Essential data: the record, our own model against the official schema, the rules, the tool."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common import standards
from libs.common.messages.base import Money
from libs.common.messages.bids import Party
from services.opendata.decp import official, rules, xml
from services.opendata.decp.build import compact
from services.opendata.decp.check import check, check_document
from services.opendata.decp.record import envelope, procedure_name, record
from services.opendata.decp.table import SCHEMA, TABLE_PATH, name_of, values_of
from services.opendata.domain import exemption, uid_of
from services.opendata.tool import check_files
from tests.unit.opendata.opendata_samples import BUYER, NOTIFIED, contract, essential

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FOLDER = standards.folder()
needs_schema = pytest.mark.skipif(
    FOLDER is None or not (FOLDER / "decp" / "schema" / SCHEMA).is_file(), reason="official DECP schema not at hand"
)
Marche = dict[str, Any]


def schema() -> dict[str, Any]:
    assert FOLDER is not None
    loaded: dict[str, Any] = json.loads((FOLDER / "decp" / "schema" / SCHEMA).read_text(encoding="utf-8"))
    return loaded


def examples() -> list[Path]:
    return sorted((FOLDER / "decp" / "examples-officiels" / "json").glob("*.json")) if FOLDER else []


def sample() -> Marche:
    return record(contract(), buyer_siret="24210041000123", published_at=NOW)


def test_record_of_a_contract_is_valid_and_says_what_was_told() -> None:
    made = sample()
    assert check(made) == []
    assert rules.blocking(made) == []
    assert rules.doubts(made) == []
    assert made["id"] == "2026-T-014"
    assert made["acheteur"] == {"id": "24210041000123"}
    assert made["dateNotification"] == "2026-03-02", "the legal date is that of Paris"
    assert made["montant"] == 245000.5
    assert made["procedure"] == "Appel d'offres ouvert"
    assert made["titulaires"] == [{"titulaire": {"typeIdentifiant": "SIRET", "id": "55204599900869"}}]
    assert "origineUE" not in made, "what nobody said is left out"


@needs_schema
def test_record_is_valid_for_the_official_schema() -> None:
    problems, judge = official.validate(envelope([sample()]))
    assert (problems, judge) == ([], SCHEMA)


def test_without_the_official_schema_our_own_model_judges_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLES_STANDARDS", "/nonexistent")
    assert official.validate(envelope([sample()])) == ([], "own model")
    wrong = sample() | {"ccag": "Autre"}
    problems, judge = official.validate(envelope([wrong]))
    assert [problem.name for problem in problems] == ["CCAG de référence"]
    assert judge == "own model"


def test_an_absent_schema_makes_xml_unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLES_STANDARDS", "/nonexistent")
    assert xml.faults(sample()) is None


@needs_schema
def test_committed_table_is_that_of_the_official_schema() -> None:
    assert json.loads(TABLE_PATH.read_text(encoding="utf-8")) == compact(schema())


@needs_schema
@pytest.mark.parametrize("path", examples(), ids=lambda path: path.name)
def test_official_examples_are_valid_for_our_own_model(path: Path) -> None:
    assert check_document(json.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.skipif(xml.faults(sample()) is None, reason="official DECP XSD not at hand")
def test_xml_of_a_record_is_valid_for_the_official_xsd() -> None:
    assert xml.faults(sample()) == []
    many = record(contract(title="A & B <c> \x0b fin"), buyer_siret="24210041000123", published_at=NOW)
    assert xml.faults(many) == []
    assert xml.faults(sample() | {"ccag": "Autre"})


ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, "", "x", "Sans objet", 0, 1, -1, 0.5, 1.0, 2, True, [], {}, "2024-02-03", "123", "a" * 17, [None]]
)
ITEMS = sorted(
    {*sample(), "idAccordCadre", "modifications", "actesSousTraitance", "origineUE", "tauxAvance", "inconnu"}
)


def _paths(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    entries: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    return (
        [at, *(path for step, member in entries for path in _paths(member, (*at, step)))]
        if at
        else [path for step, member in entries for path in _paths(member, (step,))]
    )


def _change(marche: Marche, path: tuple[str | int, ...], value: object, *, remove: bool) -> None:
    target: Any = marche
    for step in path[:-1]:
        target = target[step]
    if remove:
        del target[path[-1]]
    else:
        target[path[-1]] = value


@needs_schema
@given(st.data())
@settings(max_examples=300, deadline=None)
def test_own_model_and_official_schema_agree_on_damaged_records(data: st.DataObject) -> None:
    marche = copy.deepcopy(_example())
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(_paths(marche)))
        if (
            len(path) >= 2
            and path[-2] in {"titulaires", "modifications", "actesSousTraitance"}
            and isinstance(path[-1], int)
        ):
            continue  # the schema lets an entry be anything but an object; we do not
        _change(marche, path, data.draw(ODD), remove=data.draw(st.booleans()))
    marche |= {data.draw(st.sampled_from(ITEMS)): data.draw(ODD)} if data.draw(st.booleans()) else {}
    document = envelope([marche])
    theirs = jsonschema_rs.is_valid(schema(), document)
    assert (check_document(document) == []) == theirs, marche


def _example() -> Marche:
    path = next(path for path in examples() if path.name == "marches_avec_modifications.json")
    marche: Marche = json.loads(path.read_text(encoding="utf-8"))["marches"]["marche"][0]
    return marche


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"ccag": "CCAG-Travaux 2021"}, "CCAG de référence"),
        ({"number": "x" * 16, "title": "t" * 1001}, "Objet du marché"),
        ({"value": Money(amount=Decimal("0.50"))}, "Montant forfaitaire ou estimé maximum HT"),
        ({"value": Money(amount=Decimal(50000), currency="NOK")}, "Montant forfaitaire ou estimé maximum HT"),
        ({"procedure_type": "innovation"}, "Procédure de passation du marché"),
        (
            {"winners": [Party(organisation="NATIONAL:BEL-0403170701", name="Sans numéro de TVA")]},
            "Type d'identifiant du titulaire",
        ),
        ({"place_code_kind": "NUTS"}, "Type de code du lieu d'exécution"),
        ({"techniques": ["Enchères"]}, "technique"),
        ({"origin_eu": 0.2, "origin_france": 0.3}, "Part des produits provenant de l'Union européenne"),
    ],
)
def test_a_missing_or_wrong_item_is_told_by_its_french_name(change: dict[str, Any], name: str) -> None:
    data = {key: value for key, value in change.items() if key in {"ccag", "techniques", "origin_eu", "origin_france"}}
    rest = {key: value for key, value in change.items() if key not in data}
    made = record(contract(essential=essential(**data), **rest), buyer_siret="24210041000123", published_at=NOW)
    problems = check(made) + rules.blocking(made)
    assert name in {problem.name for problem in problems}
    assert all(problem.message and problem.message_en for problem in problems)


@pytest.mark.parametrize(
    ("procedure_type", "formal", "name"),
    [
        ("open", True, "Appel d'offres ouvert"),
        ("open", False, "Procédure adaptée"),
        ("adapted", False, "Procédure adaptée"),
        ("restricted", True, "Appel d'offres restreint"),
        ("neg-w-call", True, "Procédure avec négociation"),
        ("comp-dial", True, "Dialogue compétitif"),
        ("neg-wo-call", False, "Marché passé sans publicité ni mise en concurrence préalable"),
        ("innovation", True, None),
    ],
)
def test_procedure_has_the_name_of_the_format(procedure_type: str, formal: bool, name: str | None) -> None:
    assert procedure_name(procedure_type, formal=formal) == name
    assert name is None or name in values_of("procedure")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"techniques": {"technique": ["Sans objet", "Concours"]}}, "/techniques/technique"),
        ({"attributionAvance": False, "tauxAvance": 0.1}, "/tauxAvance"),
        ({"codeCPV": "99999999"}, "/codeCPV"),
        ({"titulaires": [{"titulaire": {"typeIdentifiant": "SIRET", "id": "214356"}}]}, "/titulaires/0/titulaire/id"),
        ({"datePublicationDonnees": "2026-02-01"}, "/datePublicationDonnees"),
        ({"modifications": [{"modification": {"id": 2}}, {"modification": {"id": 2}}]}, "/modifications"),
    ],
)
def test_what_looks_wrong_is_told_without_holding_back(change: Marche, pointer: str) -> None:
    assert [problem.pointer for problem in rules.doubts(sample() | change)] == [pointer]


def test_a_day_that_does_not_exist_blocks() -> None:
    assert [problem.pointer for problem in rules.blocking(sample() | {"dateNotification": "2026-02-30"})] == [
        "/dateNotification"
    ]


def test_name_of_an_unknown_path_is_that_of_the_nearest_item() -> None:
    assert name_of(("lieuExecution", "typeCode", "x")) == "Type de code du lieu d'exécution"


@pytest.mark.parametrize(
    ("total", "buyer", "due"),
    [("40000", BUYER, True), ("39999.99", BUYER, False), ("90000", "NATIONAL:NOR-974760673", False)],
)
def test_data_are_due_from_40_000_euros_for_buyers_with_a_siret(total: str, buyer: str, due: bool) -> None:
    told = exemption(contract(procedure_total=Money(amount=Decimal(total))), buyer, NOTIFIED.date())
    assert (told is None) == due
    assert told is None or (told.reason and told.reason_en)


def test_contracts_before_the_format_have_none() -> None:
    assert exemption(contract(), BUYER, datetime(2023, 12, 31, tzinfo=UTC).date()) is not None


def test_uid_is_the_siret_and_the_number() -> None:
    assert uid_of(BUYER, "2026/14") == "242100410001232026-14"


def run_tool(*paths: Path) -> tuple[int, list[dict[str, Any]]]:
    answer = CliRunner().invoke(check_files, [str(path) for path in paths])
    return answer.exit_code, [json.loads(line) for line in answer.stdout.splitlines()]


def test_tool_says_what_is_wrong_in_each_file(tmp_path: Path) -> None:
    files: dict[str, Callable[[], str]] = {
        "good.json": lambda: json.dumps(envelope([sample()])),
        "wrong.json": lambda: json.dumps(envelope([sample() | {"ccag": "Autre"}])),
        "day.json": lambda: json.dumps(envelope([sample() | {"dateNotification": "2026-02-30"}])),
        "broken.json": lambda: "{",
        "nan.json": lambda: '{"marches": {"marche": [{"montant": NaN}]}}',
        "list.json": lambda: "[]",
        "deep.json": lambda: "[" * 100_000,
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content(), encoding="utf-8")
    code, lines = run_tool(*(tmp_path / name for name in files), tmp_path / "absent.json")
    assert code == 1
    statuses = ["valid", "invalid", "invalid", *["unreadable"] * 5]
    assert [line["status"] for line in lines] == statuses
    assert lines[1]["problems"][0]["item"] == "CCAG de référence"
    assert lines[1]["problems"][0]["path"] == "/marches/marche/0/ccag"
    assert run_tool(tmp_path / "good.json")[0] == 0


@needs_schema
def test_tool_accepts_the_official_examples() -> None:
    code, lines = run_tool(*examples())
    assert code == 0
    assert {line["validated_with"] for line in lines} == {SCHEMA}


def test_tool_tells_the_old_format_and_repeats_no_value(tmp_path: Path) -> None:
    old = {"marches": [{"id": "2018COs68fWklM00", "_type": "Marché"}] * 500}
    strange = {"marches": {"marche": [sample() | {"titulaires": ["SECRET" * 1000]}]}}
    for name, document in (("old.json", old), ("strange.json", strange)):
        (tmp_path / name).write_text(json.dumps(document), encoding="utf-8")
    code, lines = run_tool(tmp_path / "old.json", tmp_path / "strange.json")
    assert code == 1
    assert [problem["path"] for problem in lines[0]["problems"]] == ["/marches"]
    assert "avant 2024" in lines[0]["problems"][0]["message"]
    assert "SECRET" not in json.dumps(lines[1])


def test_many_faults_are_told_fast(tmp_path: Path) -> None:
    (tmp_path / "many.json").write_text(json.dumps(envelope([{"id": str(n)} for n in range(2_000)])), encoding="utf-8")
    _, lines = run_tool(tmp_path / "many.json")
    assert lines[0]["count"]["problems"] == 2_000 * 23
    assert len(lines[0]["problems"]) == 1_000
