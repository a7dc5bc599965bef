"""The language of saved searches: what each criterion means, and that the index finds what a full scan finds."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.common import standards
from libs.common.messages.notices import Buyer, Lot, Place
from services.alerts.matching.anchors import anchors, groups
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.index import Index
from services.alerts.matching.match import distance_km, match
from services.alerts.matching.notice import EVERY, Subject
from services.alerts.matching.summary import summary, summary_en
from services.alerts.matching.words import fold, phrase, read, stems
from services.alerts.subject import coordinates, departments, subject_of
from services.alerts.tool import match_files
from tests.unit.alerts.alerts_samples import BUYER, notice

TITLE = "Réfection de la toiture de l'ÉCOLE Jean-Jaurès"
TEXT = "Procédure adaptée. Travaux de couverture ; l’œuvre du lot 2 : rénovation énergétique"
SUBJECT = Subject.of(
    TITLE,
    TEXT,
    cpv=("45261210-9", "71000000"),
    departments=("21", "2A"),
    place=(47.3220, 5.0415),
    value=Decimal(90000),
)


def asked(**criteria: object) -> Criteria:
    """`not` is a word of Python: `without` here."""
    given = {("not" if name == "without" else name): value for name, value in criteria.items()}
    return Criteria.model_validate(given)


def holds(subject: Subject = SUBJECT, **criteria: object) -> bool:
    return match(asked(**criteria), subject) is not None


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("école", True), ("ecole", True), ("Écoles", True), ("ECOLES", True), ("l'école", True), ("l’ecole", True),
        ("adapté", True), ("adaptée", True), ("adaptes", True), ("ADAPTEES", True),
        ("oeuvre", True), ("œuvres", True), ("rénové", True), ("renovations", True), ("couvertures", True),
        ("jean-jaurès", True), ("jaures jean", True), ("écologie", False), ("col", False), ("piscine", False), ("école piscine", False),
    ],
)  # fmt: skip
def test_a_word_is_found_whatever_its_ending_case_and_accents(word: str, found: bool) -> None:
    assert holds(words=[word]) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("réfection de la toiture", True), ("REFECTION DE LA TOITURE", True), ("toiture de l'école", True),
        ("toiture de école", True), ("réfections de la toiture", False), ("toiture réfection", False),
        ("Jaurès Procédure", False), ("lot 2", True), ("2 : rénovation", True),
    ],
)  # fmt: skip
def test_a_phrase_is_exact_but_for_case_accents_and_elided_articles(text: str, found: bool) -> None:
    assert holds(phrases=[text]) == found


def test_all_words_one_of_any_and_none_of_not() -> None:
    assert holds(words=["toiture", "lot"])
    assert not holds(words=["toiture", "piscine"])
    assert holds(any=["piscine", "couverture"])
    assert not holds(any=["piscine", "patinoire"])
    assert not holds(words=["toiture"], without=["adapté"])
    assert holds(words=["toiture"], without=["piscine"])
    assert holds(words=["toiture"], without=["toiture de la réfection"]), "several words are an exact phrase"
    assert not holds(words=["toiture"], without=["réfection de la toiture"])


@pytest.mark.parametrize(
    ("cpv", "found"), [("45", True), ("452612", True), ("45261210", True), ("45261", True), ("45200000", False), ("71000000", True), ("7", True), ("90", False)]
)  # fmt: skip
def test_cpv_is_a_literal_prefix_zeros_counted(cpv: str, found: bool) -> None:
    assert holds(cpv=[cpv]) == found
    assert holds(cpv=[cpv, "71"])


def test_departments_are_text() -> None:
    assert holds(departments=["2A"])
    assert holds(departments=["29", "21"])
    assert not holds(departments=["29", "2B"])
    assert not holds(Subject.of("x", "", departments=("1",)), departments=["01"])


def test_value_bounds_are_inclusive_and_unknown_values_pass_only_when_asked() -> None:
    assert holds(value_min=90000, value_max=90000)
    assert not holds(value_min="90000.01")
    assert not holds(value_max="89999.99")
    unknown = Subject.of("x", "")
    assert not holds(unknown, value_min=1)
    assert holds(unknown, value_min=1, unknown_value=True)
    assert not holds(value_max=1, unknown_value=True)
    assert holds(unknown, words=["x"])


def test_near_is_the_great_circle_and_a_notice_without_place_fails() -> None:
    beaune = {"lat": 47.0260, "lon": 4.8400}
    far = distance_km((47.0260, 4.8400), (47.3220, 5.0415))
    assert far == pytest.approx(36.25, abs=0.1)
    assert holds(near={**beaune, "km": far})
    assert not holds(near={**beaune, "km": far - 0.001})
    assert not holds(Subject.of("x", ""), near={**beaune, "km": 20000})


def test_distances_of_the_sphere() -> None:
    assert distance_km((0, 0), (0, 180)) == pytest.approx(math.pi * 6371)
    assert distance_km((90, 0), (-90, 0)) == pytest.approx(math.pi * 6371)
    assert distance_km((48, 179.9), (48, -179.9)) < 20
    assert distance_km((10, 10), (10, 10)) == 0


def test_every_criterion_given_must_hold_and_says_why() -> None:
    reasons = match(asked(words=["école"], cpv=["45"], departments=["21"], value_max=100000), SUBJECT)
    assert reasons is not None
    assert {(reason.criterion, reason.wanted, reason.found) for reason in reasons} == {
        ("words", "école", "ÉCOLE"),
        ("cpv", "45", "45261210"),
        ("departments", "21", "21"),
        ("value", "..100000", "90000"),
    }
    assert not holds(words=["école"], cpv=["90"])


def test_award_notices_only_when_asked_for() -> None:
    award = Subject.of("école", "", phase="award")
    assert not holds(award, words=["école"])
    assert holds(award, words=["école"], phases=["award"])


def test_equal_searches_have_one_digest() -> None:
    one = asked(words=["toiture", "école"], cpv=["45"], value_min="10.0")
    other = asked(
        words=["école", "toiture", "toiture"],
        cpv=["45", "45"],
        value_min="10.0",
        departments=None,
        phases=["planning", "contract", "change"],
    )
    assert one.digest() == other.digest()
    assert one.digest() != asked(words=["toiture"]).digest()
    assert Criteria.model_validate(one.canonical()) == one


@pytest.mark.parametrize(
    "criteria",
    [{}, {"not": ["x"]}, {"value_min": 1, "unknown_value": True}, {"unknown_value": True}],
)
def test_a_search_of_nothing_is_not_selective(criteria: dict[str, Any]) -> None:
    assert not asked(**criteria).selective


@pytest.mark.parametrize(
    "criteria",
    [
        {"words": ["a"] * 3, "sector": 1}, {"words": ["!!!"]}, {"words": "école"}, {"cpv": ["123456789"]}, {"cpv": ["(a+)+$"]},
        {"near": {"lat": float("nan"), "lon": 0, "km": 1}}, {"near": {"lat": 1, "lon": 0, "km": -1}}, {"value_min": float("inf")},
        {"words": [f"mot{number}" for number in range(501)]}, {"words": ["x" * 201]}, {"departments": ["Paris"]},
    ],
)  # fmt: skip
def test_what_the_language_does_not_say_is_refused(criteria: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked(**criteria)


def test_a_catastrophic_pattern_is_just_words() -> None:
    assert not holds(words=["(a+)+$", "x" * 200])
    assert read("a" * 200_000).holds(("b",)) is False


def test_summary_says_it_all() -> None:
    criteria = asked(
        any=["a", "b"], phrases=["c d"], near={"lat": 47, "lon": 5, "km": 20}, value_max=5, unknown_value=True
    )
    assert summary(criteria) == (
        "contient au moins un mot parmi « a », « b » ; contient l'expression « c d » ; à 20 km au plus de 47.0000, 5.0000"
        " ; au plus 5 € HT ou montant inconnu"
    )
    assert summary(asked(words=["a"], phases=["award"])) == "contient « a » (attributions)"
    assert "within 20 km" in summary_en(criteria)


def test_anchor_is_the_rarest_required_group() -> None:
    criteria = asked(words=["toiture", "école"], cpv=["45", "71"], departments=["21"])
    assert anchors(criteria, {}) == {"w:toitur"}
    assert anchors(criteria, {"w:toitur": 9, "w:ecol": 3, "c:45": 1, "c:71": 3}) == {"w:ecol"}
    assert anchors(criteria, {"w:toitur": 99, "w:ecol": 99}) == {"d:21"}
    precise = asked(words=["travaux"], cpv=["45214200"])
    assert anchors(precise, {"w:traval": 50}) == {"c:45214200"}
    assert anchors(asked(value_min=3), {}) == {EVERY}


def test_candidates_are_few_among_many_searches() -> None:
    searches = {number: asked(words=["travaux", f"mot{number}"], cpv=["45"]) for number in range(2_000)}
    subject = Subject.of("Travaux mot17", "mot1999", cpv=("45000000",))
    assert [name for name, _ in Index(searches).candidates(subject)] == [17, 1999]


WORDS = st.sampled_from(
    ["école", "ecoles", "toiture", "piscine", "l'eau", "adaptée", "adapté", "lot 2", "œuvre", "Jaurès"]
)
TERMS = st.lists(WORDS, max_size=2)
CRITERIA = st.fixed_dictionaries(
    {},
    optional={
        "words": TERMS,
        "any": TERMS,
        "phrases": TERMS,
        "not": TERMS,
        "cpv": st.lists(st.sampled_from(["45", "4526", "71", "90000000"]), max_size=2),
        "departments": st.lists(st.sampled_from(["21", "2A", "971"]), max_size=2),
        "near": st.sampled_from([None, {"lat": 47.0, "lon": 5.0, "km": 50}]),
        "value_min": st.sampled_from([None, 10, 100]),
        "unknown_value": st.booleans(),
    },
)
SUBJECTS = st.builds(
    Subject.of,
    st.lists(WORDS, max_size=4).map(" ".join),
    st.lists(WORDS, max_size=4).map(", ".join),
    cpv=st.lists(st.sampled_from(["45261210", "71000000", "90000000"]), max_size=2).map(tuple),
    departments=st.lists(st.sampled_from(["21", "2A"]), max_size=2).map(tuple),
    place=st.sampled_from([None, (47.1, 5.1), (48.8, 2.3)]),
    value=st.sampled_from([None, Decimal(10), Decimal(50), Decimal(500)]),
)


@given(st.lists(CRITERIA, max_size=12), SUBJECTS)
@settings(max_examples=150, deadline=None)
def test_index_finds_exactly_what_a_full_scan_finds(criteria: list[dict[str, Any]], subject: Subject) -> None:
    searches = dict(enumerate(asked(**each) for each in criteria))
    scan = {name: reasons for name, search in searches.items() if (reasons := match(search, subject)) is not None}
    assert dict(Index(searches).matches(subject)) == scan


@given(CRITERIA, SUBJECTS)
@settings(max_examples=150, deadline=None)
def test_every_match_has_a_term_of_every_required_group(criteria: dict[str, Any], subject: Subject) -> None:
    search = asked(**criteria)
    if match(search, subject) is not None:
        terms = set(subject.terms())
        assert all(group.keys & terms for group in groups(search))


@given(st.text(st.characters(max_codepoint=0x24F), max_size=80))
@settings(deadline=None)
def test_any_text_is_read_and_finds_its_own_words(text: str) -> None:
    subject = Subject.of(text, "")
    words = phrase(text)
    if words:
        assert subject.text.holds(words)
        assert match(asked(words=[" ".join(words)[:200]]), subject) is not None or len(" ".join(words)) > 200


def test_stems_join_what_french_separates() -> None:
    assert set(stems("adaptée")) & set(stems("ADAPTE"))
    assert set(stems("rénovation")) & set(stems("renovations"))
    assert fold("Œuvre À Ç") == "oeuvre a c"


def test_a_published_notice_is_read_with_its_lots_and_place() -> None:
    told = notice()
    subject = subject_of(told)
    assert holds(subject, words=["charpente"], cpv=["4526121"], departments=["21"], value_min=250000)
    place = coordinates(told)
    assert place == pytest.approx((47.32, 5.04), abs=0.05)


def test_place_of_a_notice_is_that_of_the_buyer_when_it_names_none() -> None:
    lot = Lot(lot_id="LOT-0001", title="x", nature="works", cpv=["45000000"])
    bare = notice(
        departments=[],
        lots=[lot],
        buyer=Buyer(organisation=BUYER, name="Mairie", city="SEMUR EN AUXOIS", postal_code="21140", department="21"),
    )
    assert departments(bare) == ("21",)
    assert coordinates(bare) == pytest.approx((47.49, 4.33), abs=0.05)
    abroad = notice(
        departments=[],
        lots=[lot],
        places=[Place(country="DEU", city="Dijon")],
        buyer=Buyer(organisation=BUYER, name="x"),
    )
    assert coordinates(abroad) is None


def run(tmp_path: Path, searches: list[str], notices: list[str]) -> tuple[int, list[dict[str, Any]], str]:
    (tmp_path / "s.jsonl").write_text("\n".join(searches), encoding="utf-8")
    (tmp_path / "n.jsonl").write_text("\n".join(notices), encoding="utf-8")
    answer = CliRunner().invoke(
        match_files, ["--searches", str(tmp_path / "s.jsonl"), "--notices", str(tmp_path / "n.jsonl")]
    )
    return answer.exit_code, [json.loads(line) for line in answer.stdout.splitlines()], answer.stderr


def test_tool_prints_one_object_a_match(tmp_path: Path) -> None:
    searches = [
        '{"id": "s1", "words": ["école"], "departments": ["21"]}',
        '{"id": "s2", "any": null, "value_min": 10, "unknown_value": true}',
        "",
        '{"id": 3, "near": {"lat": 47.3, "lon": 5, "km": 10}, "cpv": ["452"]}',
    ]
    notices = [
        '{"id": "n1", "title": "Écoles", "description": null, "cpv": ["45214200-2"], "departments": ["21"], "lat": 47.3, "lon": 5.01, "value": 9.5, "more": 1}',
        '{"id": 2, "title": "Pont", "description": "", "cpv": [], "departments": [], "lat": null, "lon": null, "value": null}',
    ]
    code, lines, _ = run(tmp_path, searches, notices)
    assert code == 0
    assert [(line["notice"], line["search"]) for line in lines] == [("n1", "s1"), ("n1", 3), (2, "s2")]
    assert lines[0]["reasons"][1] == {"criterion": "words", "wanted": "école", "found": "Écoles"}


@pytest.mark.parametrize(
    ("searches", "notices", "told"),
    [
        (["{"], [], "s.jsonl:1"),
        (['{"id": "a"}', '{"words": ["x"]}'], [], "s.jsonl:2: id manquant"),
        (['{"id": "a"}', '{"id": "a"}'], [], "s.jsonl:2: id 'a' déjà pris"),
        (['{"id": "a", "mots": ["x"]}'], [], "s.jsonl:1: mots"),
        (['{"id": "a"}'], ["[]"], "n.jsonl:1: un objet"),
        (['{"id": "a"}'], ['{"id": "n", "lat": 100}'], "n.jsonl:1: lat"),
    ],
)
def test_tool_tells_which_line_is_wrong(tmp_path: Path, searches: list[str], notices: list[str], told: str) -> None:
    code, _, errors = run(tmp_path, searches, notices)
    assert code == 2
    assert told in errors


TED = (standards.folder() or Path()) / "notices" / "ted.jsonl"


@pytest.mark.skipif(not TED.is_file(), reason="real notices not at hand")
def test_real_notices_answer_searches_made_of_their_own_words() -> None:
    with TED.open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    french = [line for line in lines if line["country"] == "FR" and line.get("title")][:150]
    subjects = [Subject.of(line["title"], line.get("description") or "", cpv=tuple(line["cpv"])) for line in french]
    searches = {}
    for number, line in enumerate(french):
        words = sorted(set(phrase(line["title"])), key=len)[-2:]
        searches[number] = asked(words=words, cpv=[code[:3] for code in line["cpv"][:1]])
    index = Index(searches)
    for number, subject in enumerate(subjects):
        found = {name for name, _ in index.matches(subject)}
        assert number in found
        assert found == {name for name, search in searches.items() if match(search, subject) is not None}
