"""The index of saved searches finds what holding each search against the notice finds, whatever was added, replaced or removed before."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.matching import index as index_module
from services.alerts.matching import postings
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.features import Features, hashes
from services.alerts.matching.index import Index
from services.alerts.matching.match import match
from services.alerts.matching.notice import Subject

WORDS = [
    "école",
    "ecoles",
    "toiture",
    "piscine",
    "l'eau",
    "adaptée",
    "lot 2",
    "Jaurès",
    "AMO",
    "travaux de voirie",
    "haute-saône",
]
PHRASES = ["école toiture", "toiture piscine eau", "lot 2", "piscine", "toiture école piscine eau"]
CODES = ["45", "4526", "452", "71", "90000000", "7", "9", "33"]
DEPARTMENTS = ["21", "2A", "971", "25", "39", "70"]
BUYERS = [f"SIRET:{number:014}" for number in range(8)]


def some(values: list[str], most: int = 2) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=most)


CRITERIA = st.fixed_dictionaries(
    {},
    optional={
        "words": some(WORDS),
        "any": some(WORDS, 8),
        "phrases": some(PHRASES),
        "not": some([*WORDS, *PHRASES], 7),
        "cpv": some(CODES, 6),
        "departments": some(DEPARTMENTS, 6),
        "regions": some(["27", "94"]),
        "national": st.sampled_from([None, "only", "included", "excluded"]),
        "near": st.sampled_from([None, {"lat": 47.0, "lon": 5.0, "km": 50}, {"lat": 47.1, "lon": 5.1, "km": 0}]),
        "value_min": st.sampled_from([None, 10, "50.00"]),
        "value_max": st.sampled_from([None, 50, 100]),
        "unknown_value": st.booleans(),
        "natures": some(["works", "services"]),
        "buyers": some(BUYERS, 8),
        "not_buyers": some(BUYERS, 8),
        "deadline_days": st.sampled_from([None, 0, 10]),
        "phases": st.lists(st.sampled_from(["contract", "award", "answer"]), min_size=1, max_size=2),
        "either": st.booleans(),
    },
)
SUBJECTS = st.builds(
    replace,
    st.builds(
        Subject.told,
        some(WORDS, 5).map(" ".join),
        some(WORDS, 4).map(", ".join),
        cpv=some(["45261210", "71000000", "90000000"]).map(tuple),
        place=st.sampled_from([None, (47.1, 5.1), (48.8, 2.3)]),
        value=st.sampled_from([None, Decimal(10), Decimal(50), Decimal("50.000000000000000001"), Decimal(500)]),
        phase=st.sampled_from(["contract", "contract", "award"]),
    ),
    national=st.booleans(),
    remaining=st.sampled_from([None, timedelta(-1), timedelta(5), timedelta(days=90_000)]),
    terms=st.fixed_dictionaries(
        {},
        optional={
            "departments": some(DEPARTMENTS).map(frozenset),
            "regions": some(["27", "94"]).map(frozenset),
            "natures": some(["works", "services"]).map(frozenset),
            "buyers": some(BUYERS, 1).map(frozenset),
        },
    ),
)


def asked(given: dict[str, Any]) -> Criteria:
    """Give the search, with what the language refuses mended."""
    if given.get("either") and not (given.get("cpv") and (given.get("words") or given.get("any"))):
        given = {**given, "either": False}
    if given.get("value_min") == "50.00" and given.get("value_max") == 50:
        given = {**given, "value_min": "50"}
    return Criteria.model_validate(given)


SEARCHES = CRITERIA.map(asked)


def scanned(searches: dict[int, Criteria], subject: Subject) -> dict[int, Any]:
    return {name: reasons for name, each in searches.items() if (reasons := match(each, subject)) is not None}


def agree(index: Index[int], searches: dict[int, Criteria], subject: Subject) -> None:
    found = scanned(searches, subject)
    assert sorted(index.find(subject)) == sorted(found)
    assert dict(index.matches(subject)) == found
    assert (set(index), len(index)) == (set(searches), len(searches))


CHANGES = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), SEARCHES)), max_size=20)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sort and clear after a few changes, not after thousands."""
    monkeypatch.setattr(postings, "_TAIL", 5)
    monkeypatch.setattr(index_module, "_GONE", 3)


@given(CHANGES, st.lists(SUBJECTS, min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_an_index_that_changes_finds_what_a_full_scan_finds(
    changes: list[tuple[int, Criteria | None]], subjects: list[Subject]
) -> None:
    index, searches = Index[int](), dict[int, Criteria]()
    for step, (name, search) in enumerate(changes):
        if search is None:
            index.remove(name)
            searches.pop(name, None)
        else:
            index.add(name, search)
            searches[name] = search
        agree(index, searches, subjects[step % len(subjects)])


@given(st.lists(SEARCHES, max_size=20), SUBJECTS, st.booleans())
@settings(max_examples=100, deadline=None)
def test_an_index_built_from_what_is_stored_finds_the_same(
    criteria: list[Criteria], subject: Subject, frequent: bool
) -> None:
    searches = dict(enumerate(criteria))
    told = dict.fromkeys(subject.features(), 50) if frequent else {}
    index = Index[int](told, 100)
    index.build((name, json.dumps(each.canonical())) for name, each in searches.items())
    agree(index, searches, subject)


def test_rows_of_removed_searches_are_cleared_and_the_rest_stays() -> None:
    draw, index, searches = random.Random(7), Index[int](), dict[int, Criteria]()
    for number in range(3_000):
        words = draw.sample(range(60), 2)
        near = {"lat": 47, "lon": 5, "km": number % 90} if number % 3 == 0 else None
        search = Criteria.model_validate(
            {"words": [f"mot{words[0]}"], "any": [f"mot{word}" for word in range(words[1], words[1] + 6)], "near": near,
             "not": [f"mot{60 + number % 7 + other}" for other in range(6)]}
        )  # fmt: skip
        index.add(number % 300, search)
        searches[number % 300] = search
    assert index._columns.size < 700, "3,000 were added, 300 are left"
    for start in (0, 17, 40, 62):
        agree(
            index,
            searches,
            Subject.told(" ".join(f"mot{word}" for word in range(start, start + 20)), "", place=(47.2, 5.2)),
        )


def test_features_are_found_by_their_hashes_however_many_there_are() -> None:
    features = Features()
    names = [f"w:{number}" for number in range(30_000)]
    assert [features.number(name) for name in names] == list(range(30_000))
    assert [features.number(name) for name in names[::1_000]] == list(range(0, 30_000, 1_000))
    asked = [*names[::7], *(f"e:{number}" for number in range(5_000))]
    assert sorted(features.known(hashes(asked)).tolist()) == list(range(0, 30_000, 7))
    assert features.known(np.zeros(0, np.int64)).tolist() == []
