"""The modification of a contract: each ground with its limit, to the cent; what is cumulated, what is not; contracts and concessions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from libs.common.messages.base import Money
from libs.common.messages.notices import Change, LotResult, Modification
from services.notices import modifications, rules
from services.notices.content import NoticeContent
from services.notices.modifications import Told
from services.notices.rules import BuyerKind, Modified, Requirement
from tests.unit.notices.notices_samples import content

ON = date(2026, 11, 22)
LARGE = Decimal(10_000_000)
REASONS = ("add-wss", "mod-cir", "mod-minv", "mod-nons", "mod-repl", "mod-rev")


def case(
    ground: str, value: str | None, *earlier: tuple[str, str], nature: str = "services", **said: object
) -> Modified:
    """Give a contract of 100,000 euros about to be modified."""
    before = tuple((reason, Decimal(amount)) for reason, amount in earlier)
    given = {"on": ON, "buyer": BuyerKind.LOCAL, "initial": Decimal(100_000)} | said
    return Modified(nature=nature, ground=ground, earlier=before, value=Decimal(value) if value else None, **given)  # type: ignore[arg-type]


def amount(modified: Modified) -> Requirement | None:
    found = {each.code: each for each in rules.modification_requirements(modified)}
    return found.get("modification-amount")


def allowed(modified: Modified) -> bool | None:
    found = amount(modified)
    assert found is not None
    return found.met


@pytest.mark.parametrize("ground", ["add-wss", "mod-cir"])
def test_additional_works_and_unforeseen_circumstances_take_half_of_the_contract_each_time(ground: str) -> None:
    assert allowed(case(ground, "150000")) is True, "at most: half itself is allowed (R2194-3)"
    assert allowed(case(ground, "150000.01")) is False
    assert allowed(case(ground, "200000", (ground, "50000"))) is True, "the limit is for each modification"
    assert allowed(case(ground, "200000.01", (ground, "50000"))) is False
    assert allowed(case(ground, "40000")) is True, "a contract that shrinks does not grow beyond"
    assert amount(case(ground, "900000", buyer=BuyerKind.ENTITY)) is None, "contracting authorities alone (R2194-3)"


def test_the_initial_amount_is_the_updated_one_where_the_contract_has_a_price_clause() -> None:
    assert allowed(case("add-wss", "155000", updated=Decimal(110_000))) is True
    assert allowed(case("add-wss", "155000.01", updated=Decimal(110_000))) is False


@pytest.mark.parametrize(("nature", "most"), [("services", "110000"), ("supplies", "110000"), ("works", "115000")])
def test_small_modifications_stay_strictly_below_their_share(nature: str, most: str) -> None:
    assert allowed(case("mod-minv", str(Decimal(most) - Decimal("0.01")), nature=nature)) is True
    assert allowed(case("mod-minv", most, nature=nature)) is False, "below, not at most (R2194-8)"
    assert allowed(case("mod-minv", "85000", nature=nature)) is False, "a large cut is no small amount"


def test_small_modifications_are_cumulated_with_those_of_their_ground_alone() -> None:
    assert allowed(case("mod-minv", "109999", ("mod-minv", "6000"))) is True
    assert allowed(case("mod-minv", "110000", ("mod-minv", "6000"))) is False
    assert allowed(case("mod-minv", "139999", ("add-wss", "30000"))) is True
    assert allowed(case("mod-minv", "109000", ("mod-minv", "9000"), ("mod-minv", "-5000"))) is True, "the net sum"


def test_small_modifications_stay_below_the_european_threshold_of_the_day() -> None:
    assert allowed(case("mod-minv", "10215999.99", initial=LARGE)) is True
    assert allowed(case("mod-minv", "10216000", initial=LARGE)) is False
    assert allowed(case("mod-minv", "10218000", on=date(2025, 6, 1), initial=LARGE)) is True, "221,000 in 2024 and 2025"
    assert allowed(case("mod-minv", "10139999", buyer=BuyerKind.STATE, initial=LARGE)) is True
    assert allowed(case("mod-minv", "10140000", buyer=BuyerKind.STATE, initial=LARGE)) is False


def test_the_arithmetic_is_shown_with_its_articles() -> None:
    found = amount(case("mod-minv", "112000", ("mod-minv", "4000"), nature="services"))
    assert found is not None
    assert "4\u202f000,00 € + 8\u202f000,00 € = 12\u202f000,00 €, soit 12 % de 100\u202f000,00 €" in found.text
    assert "moins de 10 % du montant initial et du seuil européen de 216\u202f000,00 € (10\u202f000,00 €)" in found.text
    assert "R2194-8 et R2194-9 CCP" in found.source
    found = amount(case("add-wss", "180000", ("mod-rev", "10000")))
    assert found is not None
    assert "180\u202f000,00 € − 110\u202f000,00 € = 70\u202f000,00 €, soit 70 %" in found.text
    assert found.text_en


@pytest.mark.parametrize("ground", ["mod-rev", "mod-nons", "mod-repl"])
def test_other_grounds_have_conditions_and_no_amount(ground: str) -> None:
    found = rules.modification_requirements(case(ground, "900000"))
    assert [(each.code, each.met) for each in found] == [("modification-ground", None)]
    assert "L2194-1 CCP" in found[0].source


@pytest.mark.parametrize("ground", REASONS)
def test_concessions_have_the_same_grounds_in_their_own_chapter(ground: str) -> None:
    found = rules.modification_requirements(case(ground, "109999", concession=True))
    assert found
    assert all("3135" in each.source and "2194" not in each.source for each in found)
    if ground == "mod-minv":
        assert allowed(case(ground, "110000", concession=True, nature="works")) is False, "10 % for works too (R3135-8)"


def test_what_is_not_known_is_left_to_the_buyer_and_what_was_before_the_code_is_not_judged() -> None:
    for unknown in (case("add-wss", None), case("mod-minv", "900000", initial=None)):
        found = amount(unknown)
        assert found is not None
        assert found.met is None
    assert rules.modification_requirements(case("add-wss", "900000", on=date(2019, 3, 31))) == ()
    assert rules.modification_requirements(case("unheard-of", "900000")) == ()


def test_a_formal_contract_is_modified_in_the_official_journal() -> None:
    codes = [
        {each.code for each in rules.modification_requirements(case(ground, "101000", formal=formal))}
        for ground, formal in (("add-wss", True), ("mod-cir", True), ("add-wss", False), ("mod-minv", True))
    ]
    assert ["modification-notice" in each for each in codes] == [True, True, False, False]


AWARD = content(
    kind="award",
    results=[
        LotResult(lot_id="LOT-0001", outcome="awarded", value=Money(amount=Decimal(100_000)), contract_number="A"),
        LotResult(lot_id="LOT-0001", outcome="awarded", value=Money(amount=Decimal(7)), contract_number="B"),
    ],
)


def change(
    value: str | None, reason: str = "mod-minv", corrects: int | None = None, number: str = "A"
) -> NoticeContent:
    return AWARD.model_copy(
        update={
            "kind": "change",
            "change": Change(notice_id=UUID(int=corrects)) if corrects else None,
            "modification": Modification(
                lot_id="LOT-0001",
                contract_number=number,
                reason=reason,
                value=Money(amount=Decimal(value)) if value else None,
            ),
        }
    )


def told(*contents: NoticeContent) -> list[Told]:
    return [Told(UUID(int=place), each) for place, each in enumerate(contents, start=1)]


def test_a_modification_is_measured_by_the_award_and_those_before_it() -> None:
    basis = modifications.basis_of(
        change("110000"), told(AWARD, change("103000"), change("101000", "add-wss"), change(None))
    )
    assert basis is not None
    assert (basis.initial.amount, [each.amount for each in basis.earlier]) == (
        Decimal(100_000),
        [Decimal(3_000), Decimal(-2_000), Decimal(0)],
    )
    other = modifications.basis_of(change("8", number="B"), told(AWARD, change("103000")))
    assert other is not None
    assert (other.initial.amount, len(other.earlier)) == (Decimal(7), 0)


def test_a_correction_counts_in_the_place_of_what_it_corrects() -> None:
    corrected = AWARD.model_copy(
        update={
            "kind": "change",
            "change": Change(notice_id=UUID(int=1)),
            "results": [AWARD.results[0].model_copy(update={"value": Money(amount=Decimal(90_000))})],
        }
    )
    basis = modifications.basis_of(
        change("95000"), told(AWARD, corrected, change("93000"), change("92000", corrects=3))
    )
    assert basis is not None
    assert (basis.initial.amount, [each.amount for each in basis.earlier]) == (Decimal(90_000), [Decimal(2_000)])


def test_without_an_award_in_euros_nothing_is_measured() -> None:
    assert modifications.basis_of(change("1"), []) is None
    foreign = AWARD.model_copy(
        update={"results": [AWARD.results[0].model_copy(update={"value": Money(amount=Decimal(9), currency="CHF")})]}
    )
    assert modifications.basis_of(change("1"), told(foreign)) is None
    assert modifications.faults(change("900000"), ON) == []
