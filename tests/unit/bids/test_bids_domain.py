"""Which deposits count, legal time, standstill, state graphs, essential data: the rules, pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.calendar import french_date, french_hour, territory_of
from libs.common.errors import IllegalTransition
from libs.common.messages.bids import EssentialData
from libs.common.messages.notices import Buyer, Lot, Notice, Place
from services.bids.domain import states
from services.bids.domain.awards import (
    CriterionScore,
    Evaluation,
    Standstill,
    contract_number_problem,
    evaluation_faults,
    place_of,
)
from services.bids.domain.bids import Deposit, Standing, file_name_problem, lot_standings, standings
from services.bids.domain.essential import ITEMS, missing_items, wrong_values
from services.bids.domain.states import BID, CONTRACT, OPENING, BidState, ContractState, OpeningState, after
from services.bids.domain.time import is_late, standstill_end, to_second

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 3, 20, 11, tzinfo=UTC)
DRAWN = datetime(2026, 3, 20, 10, tzinfo=UTC)


def deposit(who: str, minutes: float, *lots: str, state: BidState = BidState.DEPOSITED) -> Deposit:
    at = NOON + timedelta(minutes=minutes)
    return Deposit(uuid4(), who, frozenset(lots or ("L1",)), at, int(minutes * 60) + 100_000, state)


def test_twelve_means_twelve_to_the_second() -> None:
    assert not is_late(NOON, NOON)
    assert not is_late(NOON + timedelta(microseconds=999_999), NOON)
    assert is_late(NOON + timedelta(seconds=1), NOON)
    assert to_second(NOON + timedelta(microseconds=999_999)) == NOON


def test_the_last_deposit_in_time_counts() -> None:
    first, second, other = deposit("a", -60), deposit("a", -1), deposit("b", -30)
    assert standings([second, other, first], NOON) == {
        first.bid: Standing.SUPERSEDED, second.bid: Standing.COUNTS, other.bid: Standing.COUNTS,
    }  # fmt: skip


def test_a_late_replacement_never_displaces_one_received_in_time() -> None:
    first, late = deposit("a", -60), deposit("a", 1)
    assert standings([first, late], NOON) == {first.bid: Standing.COUNTS, late.bid: Standing.LATE}
    assert standings([first, late], NOON + timedelta(hours=1)) == {
        first.bid: Standing.SUPERSEDED, late.bid: Standing.COUNTS,
    }  # fmt: skip


def test_a_withdrawal_brings_nothing_back() -> None:
    first, gone = deposit("a", -60), deposit("a", -10, state=BidState.WITHDRAWN)
    assert standings([first, gone], NOON) == {first.bid: Standing.SUPERSEDED, gone.bid: Standing.WITHDRAWN}


def test_lots_are_judged_apart() -> None:
    one, two = deposit("a", -60, "L1"), deposit("a", -10, "L2")
    assert set(standings([one, two], NOON).values()) == {Standing.COUNTS}


def test_deposits_of_one_second_keep_their_order() -> None:
    same = [Deposit(UUID(int=n), "a", frozenset({"L"}), NOON, n) for n in (1, 2, 3)]
    judged = standings(same, NOON)
    assert [judged[each.bid] for each in same] == [Standing.SUPERSEDED, Standing.SUPERSEDED, Standing.COUNTS]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(-90, 90),
            st.sets(st.sampled_from(["L1", "L2"]), min_size=1),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_no_lot_of_a_company_ever_counts_twice(drawn: list[tuple[str, int, set[str], bool]]) -> None:
    deposits = [
        Deposit(
            UUID(int=n), who, frozenset(lots), NOON + timedelta(minutes=minutes), n,
            BidState.WITHDRAWN if withdrawn else BidState.DEPOSITED,
        )
        for n, (who, minutes, lots, withdrawn) in enumerate(drawn)
    ]  # fmt: skip
    judged = lot_standings(deposits, NOON)
    assert len(judged) == len(deposits)
    counting: list[tuple[str, str]] = []
    for each in deposits:
        for lot, standing in judged[each.bid].items():
            assert (standing is Standing.WITHDRAWN) == (each.state is BidState.WITHDRAWN)
            assert (standing is Standing.LATE) <= (each.received_at > NOON)
            counting += [(each.depositor, lot)] if standing is Standing.COUNTS else []
    assert len(set(counting)) == len(counting)


def test_a_later_deposit_replaces_only_its_own_lots() -> None:
    first, second = deposit("a", -60, "L1", "L2"), deposit("a", -10, "L2")
    assert lot_standings([first, second], NOON) == {
        first.bid: {"L1": Standing.COUNTS, "L2": Standing.SUPERSEDED}, second.bid: {"L2": Standing.COUNTS},
    }  # fmt: skip
    assert set(standings([first, second], NOON).values()) == {Standing.COUNTS}
    assert standings([first, deposit("a", -30, "L1"), second], NOON)[first.bid] is Standing.SUPERSEDED


def test_where_deposits_add_up_only_time_and_withdrawal_matter() -> None:
    first, second, late = deposit("a", -60), deposit("a", -10), deposit("a", 1)
    gone = deposit("a", -5, state=BidState.WITHDRAWN)
    assert list(standings([first, second, late, gone], NOON, add_up=True).values()).count(Standing.COUNTS) == 2


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a/b", "a\\b", "C:x", "", " ", ".htaccess", "a.", "x" * 151, "a\x00b", "a\nb", "evil\u202efdp.exe",
     "a|b", "<script>", 'a"b', " a", "NUL*"],
)  # fmt: skip
def test_path_tricks_in_names_are_refused(name: str) -> None:
    assert file_name_problem(name) is not None


@pytest.mark.parametrize("name", ["offre.pdf", "Mémoire technique (v2) n°3.docx", "été 2026 - prix.xlsx", "a"])
def test_ordinary_names_pass(name: str) -> None:
    assert file_name_problem(name) is None


@pytest.mark.parametrize(
    ("sent", "until"),
    [
        (datetime(2026, 3, 20, 11, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)),  # summer time begins meanwhile
        (datetime(2026, 11, 21, 9, tzinfo=UTC), datetime(2026, 12, 2, 23, tzinfo=UTC)),
        (datetime(2026, 6, 30, 22, 30, tzinfo=UTC), datetime(2026, 7, 12, 22, tzinfo=UTC)),  # already 1 July in Paris
    ],
)
def test_standstill_is_eleven_days_date_to_date_in_legal_time(sent: datetime, until: datetime) -> None:
    assert standstill_end(sent, PARIS) == until
    first = until.astimezone(PARIS)
    assert (first.hour, first.minute) == (0, 0)
    assert (first.date() - sent.astimezone(PARIS).date()).days == 12


def test_adapted_procedure_has_no_standstill_and_the_reason_is_told() -> None:
    formal = Standstill.of(formal=True, sent_at=NOON, zone=PARIS)
    adapted = Standstill.of(formal=False, sent_at=NOON, zone=PARIS)
    assert formal.until is not None
    assert "R2182-1" in formal.reason
    assert adapted.until is None
    assert "Procédure adaptée" in adapted.reason


def test_hours_are_told_in_legal_time_with_their_zone() -> None:
    assert french_hour(NOON, PARIS) == "20 mars 2026 à 12:00:00 (CET, UTC+01:00)"
    assert french_date(datetime(2026, 8, 1, 12, tzinfo=UTC), PARIS) == "1er août 2026"
    assert territory_of("974").zone.key == "Indian/Reunion"
    assert territory_of("21").zone == territory_of(None).zone == PARIS


@pytest.mark.parametrize(
    ("graph", "first"),
    [(BID, BidState.DRAFT), (OPENING, OpeningState.STARTED), (CONTRACT, ContractState.PREPARED)],
)
def test_every_state_is_reached_and_every_other_step_is_refused(graph: dict[tuple[Any, str], Any], first: Any) -> None:  # noqa: ANN401
    reached, edge = {first}, {first}
    steps = {step for _, step in graph}
    while edge:
        edge = {graph[state, step] for state in edge for step in steps if (state, step) in graph} - reached
        reached |= edge
    assert reached == set(type(first).__members__.values())
    for state in reached:
        for step in steps:
            if (state, step) in graph:
                assert after(graph, state, step) == graph[state, step]
            else:
                with pytest.raises(IllegalTransition):
                    after(graph, state, step)
    assert all(state.value in states._WORDS for state in reached)


COMPLETE: dict[str, Any] = {
    "nature": "Marché", "ccag": "Travaux", "techniques": ["Sans objet"], "execution": ["Sans objet"],
    "price_types": ["Définitif ferme"], "price_form": "Unitaire", "innovative": False, "advance": False,
    "grouping": "Pas de groupement", "subcontracting": False, "social": ["Clause sociale"],
    "environmental": ["Clause environnementale"],
}  # fmt: skip


@given(st.sets(st.sampled_from(sorted(COMPLETE))))
def test_each_missing_item_of_the_essential_data_is_named(gone: set[str]) -> None:
    given_items = {name: value for name, value in COMPLETE.items() if name not in gone}
    assert set(missing_items(given_items)) == gone
    assert all(ITEMS[name].name for name in gone)


def test_the_rate_is_asked_when_there_is_an_advance_only() -> None:
    assert missing_items(COMPLETE | {"advance": True}) == ["advance_rate"]
    assert missing_items(COMPLETE | {"advance": True, "advance_rate": 0.05}) == []
    assert missing_items(COMPLETE | {"social": []}) == ["social"]


def test_values_are_the_official_ones() -> None:
    assert wrong_values(COMPLETE) == []
    assert wrong_values(COMPLETE | {"ccag": "FCS", "techniques": ["Sans objet", "Loterie"]}) == [
        ("ccag", "FCS"), ("techniques", "Loterie"),
    ]  # fmt: skip
    assert set(ITEMS) == set(EssentialData.model_fields)


def evaluation(bid: UUID, reasons: str = "motif") -> Evaluation:
    return Evaluation(bid, (CriterionScore("Prix", "40"),), "40", 1, reasons)


def test_scores_and_reasons_are_asked_for_each_bidder() -> None:
    one, two, stranger = uuid4(), uuid4(), uuid4()
    names = {one: "Alpha", two: "Beta"}
    assert evaluation_faults(names, [evaluation(one), evaluation(two)]) == []
    faults = evaluation_faults(names, [evaluation(one, " "), evaluation(stranger)])
    assert [each.message for each in faults][:2] == [
        "notes et motifs à donner pour le pli de Alpha", "notes et motifs à donner pour le pli de Beta",
    ]  # fmt: skip
    assert len(faults) == 3
    assert len(evaluation_faults(names, [evaluation(one), evaluation(one), evaluation(two)])) == 1


@pytest.mark.parametrize("number", ["", "x" * 17, " 1", "a;b", "\n"])
def test_contract_numbers_that_do_not_fit_are_refused(number: str) -> None:
    assert contract_number_problem(number) is not None


def test_contract_numbers_of_one_to_sixteen_characters_pass() -> None:
    assert contract_number_problem("1") is contract_number_problem("2026-EAU.01/LOT2") is None


def test_the_place_is_the_most_precise_the_notice_tells() -> None:
    lot = Lot(lot_id="L", title="t", nature="works", cpv=["45000000"], places=[Place(department="21")])
    notice = Notice(
        notice_id=uuid4(), version=1, kind="contract", subtype="OPP-070", title="t", procedure_type="open", formal=True,
        buyer=Buyer(organisation="SIRET:20003945800017", name="b"), nature="works", cpv=["45000000"],
        published_at=DRAWN, lots=[lot],
    )  # fmt: skip
    assert place_of(lot, notice) == ("21", "Code département")
    precise = lot.model_copy(update={"places": [Place(department="21"), Place(postal_code="21410")]})
    assert place_of(precise, notice) == ("21410", "Code postal")
    assert place_of(lot.model_copy(update={"places": []}), notice) is None
