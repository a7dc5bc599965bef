"""The language of saved searches: what each criterion means, and that the index finds what a full scan finds."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.common.messages.notices import Buyer, Lot, LotResult, Place
from libs.common.search.places import Point, distance
from libs.common.search.words import exact_words, fold, plain, stems
from services.alerts.matching import postings
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.index import Index
from services.alerts.matching.match import match
from services.alerts.matching.needs import needs_of
from services.alerts.matching.notice import Subject
from services.alerts.matching.summary import summary, summary_en
from services.alerts.subject import phase_of, subject_of
from tests.unit.alerts.alerts_samples import BUYER, notice

TITLE = "Réfection de la toiture de l'ÉCOLE Jean-Jaurès"
TEXT = "Procédure adaptée. Travaux de couverture ; l’œuvre du lot 2 : rénovation énergétique"
SUBJECT = Subject.told(
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
    assert not holds(Subject.told("x", "", departments=("1",)), departments=["01"])


def test_value_bounds_are_inclusive_and_unknown_values_pass_only_when_asked() -> None:
    assert holds(value_min=90000, value_max=90000)
    assert not holds(value_min="90000.01")
    assert not holds(value_max="89999.99")
    unknown = Subject.told("x", "")
    assert not holds(unknown, value_min=1)
    assert holds(unknown, value_min=1, unknown_value=True)
    assert not holds(value_max=1, unknown_value=True)
    assert holds(unknown, words=["x"])


def test_near_is_the_great_circle_and_a_notice_without_place_fails() -> None:
    beaune = {"lat": 47.0260, "lon": 4.8400}
    far = distance(Point(47.0260, 4.8400), Point(47.3220, 5.0415))
    assert far == pytest.approx(36.25, abs=0.1)
    assert holds(near={**beaune, "km": far})
    assert not holds(near={**beaune, "km": far - 0.001})
    assert not holds(Subject.told("x", ""), near={**beaune, "km": 20000})


def test_distances_of_the_sphere() -> None:
    assert distance(Point(0, 0), Point(0, 180)) == pytest.approx(math.pi * 6371)
    assert distance(Point(90, 0), Point(-90, 0)) == pytest.approx(math.pi * 6371)
    assert distance(Point(48, 179.9), Point(48, -179.9)) < 20
    assert distance(Point(10, 10), Point(10, 10)) == 0


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
    award = Subject.told("école", "", phase="award")
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
    assert not Subject.told("a" * 200_000, "").words.holds(["b"])


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


def indexed(*searches: Criteria, frequency: dict[str, int] | None = None, notices: int = 0) -> Index[int]:
    index = Index[int](frequency, notices)
    for number, search in enumerate(searches):
        index.add(number, search)
    return index


def test_candidates_are_few_among_many_searches() -> None:
    index = indexed(*(asked(words=["travaux", f"mot{number}"], cpv=["45"]) for number in range(2_000)))
    subject = Subject.told("Travaux mot17", "mot1999", cpv=("45000000",))
    assert index.find(subject) == [17, 1999]
    assert index.candidates(subject) < 1_000
    told = indexed(
        *(asked(words=["travaux", f"mot{number}"], cpv=["45"]) for number in range(2_000)),
        frequency={"w:traval": 90, "w:travaux": 90, "c:45": 80},
        notices=100,
    )
    assert told.find(subject) == [17, 1999]
    assert told.candidates(subject) == 2, "filed under the rarest of what is known of notices"


def test_a_search_is_found_as_soon_as_it_is_added_and_no_more_once_removed() -> None:
    index, subject = indexed(asked(words=["pont"])), Subject.told("Pont", "")
    assert index.find(subject) == [0]
    index.add(1, asked(words=["ponts"]))
    assert index.find(subject) == [0, 1]
    index.add(0, asked(words=["tunnel"]))
    assert index.find(subject) == [1]
    index.remove(1)
    assert (index.find(subject), len(index), 1 in index) == ([], 1, False)


def test_an_index_stays_exact_when_it_grows_past_its_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "_TAIL", 2_000)
    index = Index[int]()
    for number in range(4_500):
        index.add(number, asked(words=[f"mot{number % 3_000}"]))
        if number in {10, 2_005, 4_100}:
            assert index.find(Subject.told("mot5 mot2003", "")) == [
                each for each in (5, 2_003, 3_005) if each <= number
            ]


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
    Subject.told,
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
    index = indexed(*searches.values())
    assert dict(index.matches(subject)) == scan
    assert index.find(subject) == list(scan)


@given(CRITERIA, SUBJECTS)
@settings(max_examples=150, deadline=None)
def test_every_match_has_a_term_of_every_required_group(criteria: dict[str, Any], subject: Subject) -> None:
    search = asked(**criteria)
    if match(search, subject) is not None:
        features = set(subject.features())
        needs = needs_of(search)
        assert all(group & features for group in needs.groups)
        assert not any(group & features for group in needs.forbidden)


@given(st.text(st.characters(max_codepoint=0x24F), max_size=80))
@settings(deadline=None)
def test_any_text_is_read_and_finds_its_own_words(text: str) -> None:
    subject, words = Subject.told(text, ""), plain(text)
    if words:
        assert subject.words.holds(exact_words(words))
        assert match(asked(words=[text]), subject) is not None
        assert match(asked(phrases=[text]), subject) is not None


def test_stems_join_what_french_separates() -> None:
    assert set(stems("adaptée")) & set(stems("ADAPTE"))
    assert set(stems("rénovation")) & set(stems("renovations"))
    assert fold("Œuvre À Ç") == "oeuvre a c"


def test_a_published_notice_is_read_with_its_lots_and_place() -> None:
    told = notice()
    subject = subject_of(told)
    assert holds(subject, words=["charpente"], cpv=["4526121"], departments=["21"], value_min=250000)
    (place,) = set(subject.points)
    assert place == pytest.approx((47.32, 5.04), abs=0.05)
    assert holds(subject, regions=["27"], communes=["21231"], buyers=[BUYER], procedures=["open"], natures=["works"])
    assert not holds(subject, not_buyers=[BUYER])
    assert holds(subject, deadline_days=30)
    assert not holds(subject, deadline_days=31)


def test_place_of_a_notice_is_that_of_the_buyer_when_it_names_none() -> None:
    lot = Lot(lot_id="LOT-0001", title="x", nature="works", cpv=["45000000"])
    buyer = Buyer(organisation=BUYER, name="Mairie", city="SEMUR EN AUXOIS", postal_code="21140", department="21")
    bare = subject_of(notice(departments=[], lots=[lot], buyer=buyer))
    assert bare.has("departments") == {"21"}
    assert bare.points[0] == pytest.approx((47.49, 4.33), abs=0.05)
    assert holds(bare, national="only")
    assert not holds(bare, words=["x"], national="excluded")
    assert holds(bare, departments=["35"], near={"lat": 0, "lon": 0, "km": 1}, national="included")
    assert not holds(bare, departments=["35"])
    abroad = notice(departments=[], lots=[lot], places=[Place(country="DEU", city="Dijon")],
                    buyer=Buyer(organisation=BUYER, name="x"))  # fmt: skip
    assert subject_of(abroad).points == ()


def test_acronyms_in_capitals_are_exact() -> None:
    told = Subject.told("Acquisition d'un SI pour le SDIS", "si besoin. D.C.E. en ligne, amo")
    for word, found in (("SI", True), ("SDIS", True), ("SDI", False), ("DCE", True), ("AMO", True), ("AMOS", False), ("D.C.E.", True)):  # fmt: skip
        assert holds(told, words=[word]) == found, word
    assert not holds(Subject.told("si besoin", ""), words=["SI"])
    assert holds(Subject.told("Toits", ""), words=["toit"]), "what is not in capitals has endings"


def test_words_or_codes_where_either_will_do() -> None:
    asked_for = {"words": ["toiture", "zinc"], "cpv": ["4526"], "either": True}
    assert holds(Subject.told("Toiture en zinc", ""), **asked_for)
    assert holds(Subject.told("Divers", "", cpv=("45261210",)), **asked_for)
    assert not holds(Subject.told("Toiture", ""), **asked_for)
    assert not holds(Subject.told("Toiture en zinc, piscine", ""), **asked_for, without=["piscine"])


def test_results_without_an_award_are_a_cancellation() -> None:
    lost = LotResult(lot_id="LOT-0001", outcome="unsuccessful")
    won = LotResult(lot_id="LOT-0002", outcome="awarded")
    assert phase_of(notice(kind="award", results=[lost])) == "cancellation"
    assert phase_of(notice(kind="award", results=[lost, won])) == "award"
    assert holds(subject_of(notice(kind="award", results=[lost])), cpv=["45"], phases=["cancellation"])
