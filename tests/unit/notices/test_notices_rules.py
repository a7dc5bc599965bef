"""The law as dated data: thresholds by buyer, nature and day, and what they ask of a notice."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from services.notices.rules import (
    RULES,
    BuyerKind,
    Situation,
    amount_on,
    buyer_kind,
    formal_threshold,
    is_formal,
    requirements,
    rules_on,
)

IN_2025, IN_2026 = date(2025, 6, 1), date(2026, 11, 21)


@pytest.mark.parametrize(
    ("on", "buyer", "nature", "amount"),
    [
        (IN_2025, BuyerKind.STATE, "services", 143_000),
        (IN_2025, BuyerKind.LOCAL, "supplies", 221_000),
        (IN_2025, BuyerKind.ENTITY, "services", 443_000),
        (IN_2025, BuyerKind.LOCAL, "works", 5_538_000),
        (IN_2026, BuyerKind.STATE, "supplies", 140_000),
        (IN_2026, BuyerKind.LOCAL, "services", 216_000),
        (IN_2026, BuyerKind.DEFENCE, "services", 432_000),
        (IN_2026, BuyerKind.STATE, "works", 5_404_000),
        (IN_2026, BuyerKind.LOCAL, "concession", 5_404_000),
    ],
)
def test_formal_thresholds(on: date, buyer: BuyerKind, nature: str, amount: int) -> None:
    rule = formal_threshold(on, buyer, nature)
    assert rule is not None
    assert rule.amount == amount
    assert "CCP" in rule.source


def test_thresholds_change_on_their_day() -> None:
    assert amount_on("no-publicity", date(2026, 3, 31), BuyerKind.LOCAL, "services") != amount_on(
        "no-publicity", date(2026, 4, 1), BuyerKind.LOCAL, "services"
    )
    assert formal_threshold(date(2023, 12, 31), BuyerKind.LOCAL, "services") is None
    assert formal_threshold(date(2028, 1, 1), BuyerKind.LOCAL, "services") is None


def test_no_two_rules_of_one_code_hold_for_the_same_buyer_nature_and_day() -> None:
    day = date(2024, 1, 1)
    while day < date(2028, 1, 1):
        for buyer in BuyerKind:
            for nature in ("works", "supplies", "services", "concession"):
                found = [rule.code for rule in RULES if rule.holds(day, buyer, nature)]
                assert len(found) == len(set(found)), (day, buyer, nature, found)
        day += timedelta(days=15)
    assert all(rule.source and rule.label for rule in rules_on(IN_2026))


def test_buyers_are_told_apart_by_their_legal_type() -> None:
    assert buyer_kind("cga") is BuyerKind.STATE
    assert buyer_kind("la") is BuyerKind.LOCAL
    assert buyer_kind("body-pl") is BuyerKind.LOCAL
    assert buyer_kind("pub-undert") is BuyerKind.ENTITY
    assert buyer_kind("la", "32014L0025") is BuyerKind.ENTITY
    assert buyer_kind("la", "32009L0081") is BuyerKind.DEFENCE
    assert buyer_kind(None) is BuyerKind.LOCAL


def situation(**changes: object) -> Situation:
    values: dict[str, object] = {"on": IN_2026, "buyer": BuyerKind.LOCAL, "nature": "services", "subtype": "E3"}
    return Situation(**(values | changes))  # type: ignore[arg-type]  # the fields of Situation


def test_a_procedure_is_formal_from_the_threshold_on_and_when_announced_so() -> None:
    assert not is_formal(situation(value=Decimal(215_999)))
    assert is_formal(situation(value=Decimal(216_000)))
    assert not is_formal(situation(value=Decimal(216_000), nature="works"))
    assert is_formal(situation(subtype="16", value=Decimal(50_000)))
    assert not is_formal(situation(subtype="20", value=Decimal(900_000)))
    assert not is_formal(situation(value=None))


def test_each_requirement_says_why_and_from_which_text() -> None:
    formal = {each.code: each for each in requirements(situation(subtype="16", value=Decimal(480_000)))}
    assert set(formal) == {"procedure", "publication", "documents", "period", "standstill", "essential-data"}
    assert "Journal officiel de l'Union européenne" in formal["publication"].text
    adapted = {each.code: each for each in requirements(situation(value=Decimal(70_000), nature="works"))}
    assert set(adapted) == {"procedure", "publication", "documents", "essential-data"}
    assert adapted["procedure"].met is True
    small = {each.code: each for each in requirements(situation(value=Decimal(30_000)))}
    assert set(small) == {"procedure", "publication"}
    assert all(each.source and each.text_en for each in (*formal.values(), *adapted.values()))
    assert requirements(situation(kind="award")) == ()


def test_an_adapted_notice_above_the_threshold_is_told_of_it() -> None:
    [procedure] = [each for each in requirements(situation(value=Decimal(300_000))) if each.code == "procedure"]
    assert procedure.met is False


def test_the_period_of_an_open_procedure_is_thirty_days_when_electronic() -> None:
    def met(days: int, *, electronic: bool = True) -> bool | None:
        asked = situation(subtype="16", deadline=IN_2026 + timedelta(days=days), electronic=electronic)
        [period] = [each for each in requirements(asked) if each.code == "period"]
        return period.met

    assert (met(30), met(29)) == (True, False)
    assert (met(35, electronic=False), met(34, electronic=False)) == (True, False)
