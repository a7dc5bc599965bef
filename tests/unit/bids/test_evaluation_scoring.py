"""Scores, ranks and flags: exact, rounded once, with arithmetic that says the truth."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.bids.domain.submissions import country_of, submissions
from services.bids.evaluation.method import Method
from services.bids.evaluation.scoring import french, low_offers, missing, score

A, B, C, D = (UUID(int=number) for number in range(1, 5))


def method(formula: str = "proportional", **changes: Any) -> Method:  # noqa: ANN401
    criteria = [
        {"name": "Prix", "weight": "60", "formula": formula},
        {"name": "Qualité", "weight": "40", "out_of": "5"},
    ]
    return Method.model_validate({"criteria": criteria, "price": "Prix"} | changes)


def figures(**given: str) -> dict[tuple[UUID, str], Decimal]:
    return {(globals()[name], "Prix"): Decimal(each) for name, each in given.items()}


def marks(**given: str) -> dict[tuple[UUID, str], list[Decimal]]:
    return {(globals()[name], "Qualité"): [Decimal(each) for each in told.split()] for name, told in given.items()}


def test_proportional_points_are_rounded_half_up_and_say_whether_they_are_exact() -> None:
    first, second = score(method(), [A, B], figures(A="100", B="300"), marks(A="5", B="2 3 3"))
    assert [each.points for each in second.criteria] == [Decimal("20.00"), Decimal("21.33")]
    assert second.criteria[1].arithmetic == "40 × ((2 + 3 + 3) / 3) / 5 ≈ 21,33"
    assert first.criteria[0].arithmetic == "60 × 100 / 100 = 60"
    halves = Method.model_validate({"criteria": [{"name": "Q", "weight": "100", "out_of": "1000"}], "decimals": 0})
    (scored,) = score(halves, [A], {}, {(A, "Q"): [Decimal("5"), Decimal("20")]})
    assert scored.total == Decimal(1)  # 1.25
    (scored,) = score(halves, [A], {}, {(A, "Q"): [Decimal(25)]})
    assert scored.total == Decimal(3)  # 2.5: half up, not to the even one


def test_linear_points_never_fall_below_zero() -> None:
    told = {
        each.bid: each.criteria[0]
        for each in score(method("linear"), [A, B, C], figures(A="100", B="150", C="250"), marks(A="0", B="0", C="0"))
    }
    assert [told[each].points for each in (A, B, C)] == [Decimal(60), Decimal(30), Decimal(0)]
    assert told[C].arithmetic == "60 × (2 − 250 / 100), au moins 0 = 0"


def test_equal_totals_are_told_apart_by_the_decisive_criterion_else_share_their_rank() -> None:
    given = figures(A="100", B="200", C="100"), marks(A="0", B="3.75", C="0")
    ranked = score(method(), [A, B, C], *given)
    assert {each.bid: each.rank for each in ranked} == {A: 1, B: 3, C: 1}
    assert all(each.total == Decimal(60) for each in ranked)
    ties = {each.bid: each.tie for each in ranked}
    assert "l'acheteur motive son choix" in str(ties[A])
    assert "départagé sur « Prix » (30)" in str(ties[B])
    by_quality = score(method(tie="Qualité"), [A, B, C], *given)
    assert by_quality[0].bid == B


def test_low_offers_are_held_to_the_mean_of_the_others() -> None:
    flagged = low_offers(method(), [A, B, C], figures(A="70", B="100", C="100"))
    assert flagged == {A: "70 < 0,8 × 100 (moyenne des 2 autres offres) = 80"}
    assert low_offers(method(), [A, B, C], figures(A="80", B="100", C="100")) == {}
    assert low_offers(method(), [A, B], figures(A="1", B="100")) == {}
    assert low_offers(method(price=None), [A, B, C], figures(A="1", B="100", C="100")) == {}


def test_what_is_missing_is_named() -> None:
    assert missing(method(), [A, B], figures(A="1"), marks(B="1")) == [(A, "Qualité"), (B, "Prix")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"criteria": [{"name": "Prix", "weight": "60", "formula": "linear"}]},
        {"criteria": [{"name": "Prix", "weight": "50"}, {"name": "Prix", "weight": "50"}]},
        {"criteria": [{"name": "Prix", "weight": "100", "formula": "steps"}]},
        {"criteria": [{"name": "Q", "weight": "100", "parts": [{"name": "a", "weight": "99"}]}]},
        {"tie": "Autre"},
        {"price": "Qualité"},
    ],
)
def test_a_method_that_does_not_hold_together_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        method(**wrong)


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 50)), min_size=1, max_size=4))
def test_totals_add_what_is_shown_and_ranks_follow_them(bids: list[tuple[int, int]]) -> None:
    names = (A, B, C, D)[: len(bids)]
    prices = {(bid, "Prix"): Decimal(price) / 100 for bid, (price, _) in zip(names, bids, strict=True)}
    given = {(bid, "Qualité"): [Decimal(mark) / 10] for bid, (_, mark) in zip(names, bids, strict=True)}
    ranked = score(method(), names, prices, given)
    assert all(each.total == sum(one.points for one in each.criteria) <= 100 for each in ranked)
    assert [each.total for each in ranked] == sorted((each.total for each in ranked), reverse=True)
    assert ranked[0].rank == 1


def test_numbers_are_written_as_in_france() -> None:
    assert [french(Decimal(each)) for each in ("1234567.50", "0.10", "100", "20.00")] == [
        "1\u202f234\u202f567,5",
        "0,1",
        "100",
        "20",
    ]


def test_countries_and_sizes_are_counted_only_when_all_are_known() -> None:
    assert [country_of(each) for each in ("SIRET:55210025400001", "TVA:EL123456789", "HORS-UE:CH123", "NATIONAL:NOR-1", "NATIONAL:USA-1")] == [
        "FR", "GR", "CH", "NO", None,
    ]  # fmt: skip
    assert submissions(["SIRET:1", "HORS-UE:CH1"], {"SIRET:1": "micro"}) == {
        "t-esubm": 2,
        "t-oth-eea": 0,
        "t-no-eea": 1,
    }
    assert "t-no-eea" not in submissions(["NATIONAL:USA-1"], {})
    assert submissions(["TVA:DE1"], {"TVA:DE1": "large"})["t-sme"] == 0
