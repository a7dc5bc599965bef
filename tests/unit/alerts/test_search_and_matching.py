"""The search of published notices and the matching of saved searches find the same, whatever is asked."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.common import standards
from libs.common.messages.base import Money
from libs.common.messages.notices import Buyer, LotResult, LotTerms, Place
from libs.common.search.places import Point
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.index import Index
from services.alerts.matching.match import match
from services.alerts.matching.notice import Subject
from services.alerts.subject import subject_of
from services.notices.content import NoticeContent, public_notice
from services.notices.search import criteria as asked_of_search
from services.notices.search.criteria import National, Sort
from services.notices.search.fields import IndexRow
from services.notices.search.index import TantivyIndex
from tests.bench.notices.crowd import Crowd
from tests.store.notices.test_search_oracle import WORDS, text
from tests.unit.notices.notices_samples import BEFORE, HOSPITAL, INTERCOMMUNALITY
from tests.unit.notices.search_samples import BEAUNE, DIJON, RENNES, said

MADE, REAL = 100, 80
TED = (standards.folder() or Path()) / "notices" / "ted.jsonl"
OTHERS = ["SI", "AMO", "S.I.", "été", "d'été", "data center", "n°", "eau-potable"]
CODES = ("45233140", "45214200", "90511100", "71200000", "30192000")
_STANDING = ("planning", "open", "suspended", "closed", "awarded")
DEPARTMENTS = ["21", "35", "2A", "75", "69"]


def made(draw: random.Random) -> NoticeContent:
    kind = draw.choice(("contract", "contract", "planning", "change", "award"))
    won = LotResult(lot_id="LOT-0001", outcome=draw.choice(("awarded", "unsuccessful")), winner_name="Toits SARL")
    terms = draw.choice((None, LotTerms(social=["other"]), LotTerms(strategic=["env-imp"])))
    return said(
        f"{text(draw, draw.randrange(2, 6))} {draw.choice(OTHERS)}",
        description=text(draw, draw.randrange(14)),
        cpv=draw.sample(CODES, draw.randrange(1, 3)),
        places=draw.choice(([], [DIJON], [BEAUNE], [RENNES], [DIJON, RENNES], [Place(country="DEU", city="Bonn")])),
        departments=draw.choice(([], ["21"], ["2A"])),
        buyer=Buyer(organisation=draw.choice((INTERCOMMUNALITY, HOSPITAL)), name="Acheteur", city="Dijon", department="21"),
        kind=kind,
        results=[won] if kind == "award" else [],
        procedure_type=draw.choice(("open", "adapted")),
        techniques=draw.choice(([], ["framework"])),
        language=draw.choice(("FRA", "ENG")),
        terms=terms,
        value=draw.choice((None, Money(amount=Decimal(draw.choice((10_000, 40_000, 40_001, 900_000)))))),
        deadline=draw.choice((None, BEFORE + timedelta(days=draw.randrange(1, 60)))),
    )  # fmt: skip


def published() -> list[tuple[UUID, NoticeContent]]:
    draw = random.Random(2026)
    contents = [made(draw) for _ in range(MADE)]
    if TED.is_file():
        real = Crowd(TED).notices(REAL)
        contents += [NoticeContent.model_validate(json.loads(content)) for _, _, _, content, _ in real]
    return [(UUID(int=number), content) for number, content in enumerate(contents, 1)]


NOTICES = published()
SUBJECTS: dict[UUID, Subject] = {
    number: subject_of(public_notice(number, 1, content, published_at=BEFORE, documents=[]), at=BEFORE)
    for number, content in NOTICES
}


@pytest.fixture(scope="module")
def index() -> TantivyIndex:
    built = TantivyIndex()
    built.add(
        IndexRow(number, number, content.buyer.organisation, BEFORE, content.deadline, content.model_dump(mode="json"), "open")
        for number, content in NOTICES
    )  # fmt: skip
    built.built()
    assert built.size == len(NOTICES)
    return built


def of_search(criteria: Criteria, phase: str) -> asked_of_search.Criteria:
    """Ask the search for the same, in one phase."""
    near, days = criteria.near, criteria.deadline_days
    return asked_of_search.Criteria(
        words=tuple(clause for _, _, clause in criteria.text()),
        cpv=() if criteria.either else tuple(criteria.cpv),
        regions=tuple(criteria.regions),
        departments=tuple(criteria.departments),
        communes=tuple(criteria.communes),
        near=asked_of_search.Near(Point(near.lat, near.lon), near.km) if near else None,
        national=National(criteria.national) if criteria.national else None,
        value_min=criteria.value_min,
        value_max=criteria.value_max,
        unknown_value=criteria.unknown_value,
        procedure_types=tuple(criteria.procedures),
        natures=tuple(criteria.natures),
        contracts=tuple(criteria.contracts),
        techniques=tuple(criteria.techniques),
        phases=("cancelled",) if phase == "cancellation" else _STANDING,
        kinds=() if phase == "cancellation" else (phase,),
        buyers=tuple(criteria.buyers),
        other_buyers=tuple(criteria.not_buyers),
        deadline_after=_after(days),
        clauses=tuple(criteria.clauses),
        languages=tuple(criteria.languages),
    )


def _after(days: int | None) -> datetime | None:
    return None if days is None else BEFORE + timedelta(days=days)


def found_by_search(index: TantivyIndex, criteria: Criteria) -> set[UUID]:
    pages = (
        index.page(of_search(criteria, phase), Sort.PUBLISHED, None, len(NOTICES))
        for phase in criteria.phases
        if phase != "answer"  # an answer is no notice
    )
    return {hit.notice_id for page in pages for hit in page.hits}


def _of_notices() -> list[str]:
    """Give words and neighbours that stand in the notices, as somebody would copy them."""
    draw, found = random.Random(7), []
    for _, content in NOTICES[::2]:
        words = f"{content.title} {content.description}".split()
        at = draw.randrange(len(words))
        found += [words[at], " ".join(words[at : at + draw.randrange(2, 5)])]
    return [term[:200] for term in found if any(letter.isalnum() for letter in term)]


TERM = st.sampled_from([*WORDS, *OTHERS, *_of_notices(), "renovee", "ECOLES", "eau potable", "Travaux"])
TERMS = st.lists(TERM, max_size=2)
NEAR = st.sampled_from([(47.32, 5.04, 1), (47.32, 5.04, 60), (48.1, -1.68, 20), (48.85, 2.35, 150)])
ASKED = st.fixed_dictionaries(
    {"phases": st.lists(st.sampled_from(["planning", "contract", "change", "award", "cancellation"]), min_size=1)},
    optional={
        "words": st.lists(TERM, max_size=1),
        "any": TERMS,
        "phrases": st.lists(TERM, max_size=1),
        "not": TERMS,
        "cpv": st.lists(st.sampled_from(["45", "452", "45233140", "90", "71", "79", "33"]), max_size=3),
        "either": st.booleans(),
        "departments": st.lists(st.sampled_from(DEPARTMENTS), max_size=3),
        "regions": st.lists(st.sampled_from(["27", "53", "11"]), max_size=2),
        "communes": st.lists(st.sampled_from(["21231", "21054", "35238"]), max_size=2),
        "near": NEAR.map(lambda each: dict(zip(("lat", "lon", "km"), each, strict=True))),
        "national": st.sampled_from(["only", "included", "excluded"]),
        "value_min": st.sampled_from([0, 10_000, 40_000]),
        "value_max": st.sampled_from([40_000, 40_001, 1_000_000]),
        "unknown_value": st.booleans(),
        "procedures": st.lists(st.sampled_from(["open", "adapted"]), max_size=1),
        "natures": st.lists(st.sampled_from(["works", "services"]), max_size=1),
        "techniques": st.sampled_from([[], ["framework"]]),
        "clauses": st.lists(st.sampled_from(["social", "environmental"]), max_size=1),
        "languages": st.lists(st.sampled_from(["FRA", "ENG"]), max_size=1),
        "buyers": st.lists(st.sampled_from([INTERCOMMUNALITY, HOSPITAL]), max_size=1),
        "not_buyers": st.lists(st.sampled_from([INTERCOMMUNALITY, HOSPITAL]), max_size=1),
        "deadline_days": st.sampled_from([0, 10, 30]),
    },
)


def sparse(values: dict[str, Any], draw: random.Random) -> Criteria:
    """Keep a few of the criteria drawn: all of them together find nothing."""
    kept = draw.sample(sorted(values), min(len(values), draw.randrange(1, 5)))
    asked = {name: value for name, value in values.items() if name in {*kept, "phases"}}
    asked["either"] = (
        bool(asked.get("either")) and bool(asked.get("cpv")) and bool(asked.get("words") or asked.get("any"))
    )
    if "value_min" not in asked and "value_max" not in asked:
        asked.pop("unknown_value", None)
    return Criteria.model_validate(asked)


SEEN: Counter[str] = Counter()


@given(st.lists(st.tuples(ASKED, st.randoms(use_true_random=False)), min_size=5, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_search_and_matching_find_the_same(
    index: TantivyIndex, drawn: list[tuple[dict[str, Any], random.Random]]
) -> None:
    asked, shard = [sparse(*each) for each in drawn], Index[int]()
    for number, criteria in enumerate(asked):
        shard.add(number, criteria)
    matched = {notice: shard.find(subject) for notice, subject in SUBJECTS.items()}
    for number, criteria in enumerate(asked):
        searched = found_by_search(index, criteria)
        assert {notice for notice, found in matched.items() if number in found} == searched, criteria.canonical()
        SEEN["some" if searched else "none"] += 1


def test_most_of_what_is_compared_finds_something() -> None:
    assert SEEN["some"] > SEEN["none"] / 4, "or nothing is compared"


@pytest.mark.parametrize("criteria", [
    {"words": ["ecoles"]}, {"phrases": ["eau potable"]}, {"words": ["SI"]}, {"words": ["D.C.E."]}, {"words": ["haute-saône"]},
    {"phrases": ["réseau de chaleur"]}, {"any": ["voirie", "hôpital forêt"]}, {"words": ["rénovation"], "not": ["eau potable"]},
    {"words": ["travaux"], "cpv": ["90"], "either": True}, {"near": {"lat": 47.32, "lon": 5.04, "km": 50}, "national": "included"},
    {"phrases": ["de"]}, {"words": ["sur"]}, {"cpv": ["45"], "value_min": 40_000, "value_max": 40_000, "unknown_value": True},
], ids=str)  # fmt: skip
def test_search_and_matching_find_the_same_by_name(index: TantivyIndex, criteria: dict[str, Any]) -> None:
    asked = Criteria.model_validate({**criteria, "phases": ["planning", "contract", "change", "award", "cancellation"]})
    searched = found_by_search(index, asked)
    assert {number for number, subject in SUBJECTS.items() if match(asked, subject) is not None} == searched
    assert searched or criteria == {"phrases": ["réseau de chaleur"]}
