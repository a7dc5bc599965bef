"""The law as dated data: thresholds by buyer, nature and day, and what they ask of a notice."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from services.notices.rules import (
    PERIODS,
    RULES,
    BuyerKind,
    Situation,
    amount_on,
    answers_due,
    applying,
    buyer_kind,
    channels,
    earliest_deadline,
    extension,
    formal_threshold,
    is_formal,
    periods_on,
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


def local(day: date, hour: int = 12) -> datetime:
    """Give an hour of a day in Paris (the days of these tests are in winter time)."""
    return datetime.combine(day, time(hour - 1), UTC)


@pytest.mark.parametrize(
    ("changes", "subject", "days"),
    [
        ({"electronic": False}, "tenders", 35),
        ({}, "tenders", 30),
        ({"urgent": True}, "tenders", 15),
        ({"planned": True}, "tenders", 15),
        ({"buyer": BuyerKind.ENTITY}, "tenders", 30),
        ({"procedure_type": "restricted"}, "requests", 30),
        ({"procedure_type": "restricted", "urgent": True}, "requests", 15),
        ({"procedure_type": "restricted"}, "tenders-after-invitation", 25),
        ({"procedure_type": "restricted", "electronic": False}, "tenders-after-invitation", 30),
        ({"procedure_type": "neg-w-call", "urgent": True}, "tenders-after-invitation", 10),
        ({"procedure_type": "comp-dial"}, "requests", 30),
        ({"procedure_type": "innovation"}, "requests", 30),
        ({"contract_kind": "concession"}, "tenders", 25),
        ({"contract_kind": "concession", "procedure_type": "restricted"}, "tenders-after-invitation", 17),
        ({}, "answers", 6),
        ({"urgent": True}, "answers", 4),
        ({}, "standstill", 11),
        ({"electronic": False}, "standstill", 16),
        ({}, "award-notice", 30),
        ({"contract_kind": "concession"}, "award-notice", 48),
    ],
)
def test_periods_of_the_law(changes: dict[str, object], subject: str, days: int) -> None:
    rule = applying(subject, situation(subtype="16", **changes))  # type: ignore[arg-type]  # one of the subjects
    assert rule is not None
    assert rule.days == days
    assert rule.source


def test_no_period_where_the_law_sets_none() -> None:
    assert applying("tenders", situation(procedure_type="adapted")) is None
    assert applying("tenders", situation(procedure_type="restricted")) is None
    assert earliest_deadline(situation(procedure_type="adapted", value=Decimal(50_000))) is None


def test_periods_are_dated() -> None:
    assert set(periods_on(IN_2026)) == set(PERIODS)
    assert periods_on(date(2018, 1, 1)) == ()


def test_the_days_of_an_open_procedure_are_whole_days() -> None:
    """Sent on Saturday 21 November 2026: 30 days lead to Monday 21 December, whose midnight is the bidders' own."""
    found = earliest_deadline(situation(subtype="16"))
    assert found is not None
    assert found.at == datetime(2026, 12, 21, 23, tzinfo=UTC)
    assert [step.day for step in found.steps] == [IN_2026, date(2026, 12, 21)]
    assert "lundi 21 décembre 2026" in found.text

    def met(deadline: datetime) -> bool | None:
        asked = requirements(situation(subtype="16", deadline=deadline))
        [period] = [each for each in asked if each.code == "period"]
        return period.met

    assert met(local(date(2026, 12, 21))) is False
    assert met(local(date(2026, 12, 22))) is True


def test_a_period_ends_after_the_holiday_of_the_place() -> None:
    sent = date(2026, 11, 26)  # 30 days: Saturday 26 December
    metropole = earliest_deadline(situation(subtype="16"), sent)
    strasbourg = earliest_deadline(situation(subtype="16", department="67"), sent)
    reunion = earliest_deadline(situation(subtype="16", department="974"), date(2026, 11, 20))  # Sunday 20 December
    assert metropole is not None
    assert strasbourg is not None
    assert reunion is not None
    assert metropole.at == datetime(2026, 12, 28, 23, tzinfo=UTC)
    assert "Saint-Étienne" in strasbourg.steps[2].text
    assert reunion.at == datetime(2026, 12, 21, 20, tzinfo=UTC), "midnight of Monday in La Réunion"


def test_answers_are_due_six_days_before_the_deadline_and_four_when_urgent() -> None:
    deadline = local(date(2026, 12, 18))
    due, urgent = answers_due(situation(deadline=deadline)), answers_due(situation(deadline=deadline, urgent=True))
    assert due is not None
    assert urgent is not None
    assert due.at == deadline - timedelta(days=6)
    assert urgent.at == deadline - timedelta(days=4)
    assert "R2132-6" in due.source
    assert answers_due(situation()) is None


def test_a_late_answer_proposes_an_extension_that_leaves_its_days() -> None:
    deadline = local(date(2026, 12, 18))
    asked = situation(deadline=deadline)
    assert extension(asked, deadline - timedelta(days=6)) is None, "in time"
    late = extension(asked, deadline - timedelta(days=2))
    assert late is not None
    assert late.at == local(date(2026, 12, 22))
    assert late.at - (deadline - timedelta(days=2)) >= timedelta(days=6)
    evening = extension(asked, deadline - timedelta(days=2) + timedelta(hours=5))
    assert evening is not None
    assert evening.at == local(date(2026, 12, 23)), "told after noon: one day more"


def test_a_major_change_proposes_more_whenever_it_comes() -> None:
    deadline = local(date(2026, 12, 18))
    early = extension(situation(deadline=deadline), deadline - timedelta(days=10), major=True)
    assert early is not None
    assert early.at == local(date(2026, 12, 23))
    assert extension(situation(deadline=deadline), deadline - timedelta(days=30), major=True) is None


@pytest.mark.parametrize(
    ("changes", "required", "one_of"),
    [
        ({"subtype": "16", "value": Decimal(480_000)}, ("joue", "boamp", "profile"), ()),
        ({"value": Decimal(216_000)}, ("joue", "boamp", "profile"), ()),
        ({"value": Decimal(500_000), "buyer": BuyerKind.ENTITY}, ("joue", "profile"), ()),
        ({"value": Decimal(215_999)}, ("profile",), ("boamp", "shal")),
        ({"value": Decimal(90_000)}, ("profile",), ("boamp", "shal")),
        ({"value": Decimal(89_999)}, ("profile",), ()),
        ({"value": Decimal(100_000), "buyer": BuyerKind.ENTITY}, ("profile",), ()),
        ({"subtype": "20", "value": Decimal(750_000)}, ("joue", "profile"), ()),
        ({"subtype": "20", "value": Decimal(749_999)}, ("profile",), ("boamp", "shal")),
        ({"contract_kind": "concession", "value": Decimal(6_000_000)}, ("joue", "profile"), ("boamp", "shal")),
        ({"contract_kind": "concession", "value": Decimal(600_000)}, ("profile",), ("boamp", "shal")),
    ],
)
def test_where_a_notice_is_published(
    changes: dict[str, object], required: tuple[str, ...], one_of: tuple[str, ...]
) -> None:
    found = channels(situation(**changes))
    assert (found.required, found.one_of) == (required, one_of)
    assert found.source
