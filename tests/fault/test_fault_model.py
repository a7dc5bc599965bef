"""The judge itself: it must see each kind of broken promise."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from tests.fault.model import UNKNOWN, Change, Fault, Seen, Sent, repeats, violations

KEY, OTHER = UUID(int=2), UUID(int=3)
TRUTH = [*(Change(f"k{place}", KEY, place) for place in range(1, 6)), Change("o1", OTHER, 1)]
PUBLIC = TRUTH[:5]
SENT = Sent("k4", "identity", 7, 10.0)
KEPT = Seen(
    log=TRUTH, effects=TRUTH, views={KEY: (5, 5), OTHER: (1, 1)}, feeds=[PUBLIC], sent=[SENT],
    done=frozenset({"k1"}), undone=frozenset({"x1"}),
)  # fmt: skip


def test_nothing_is_said_when_all_promises_were_kept() -> None:
    assert violations(TRUTH, PUBLIC, KEPT) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (replace(KEPT, effects=TRUTH[1:]), "effects: lost"),
        (replace(KEPT, effects=[*TRUTH, TRUTH[-1]]), "effects: 2 times"),
        (replace(KEPT, effects=[TRUTH[1], TRUTH[0], *TRUTH[2:]]), "behind place 2"),
        (replace(KEPT, effects=[*TRUTH, Change("x1", OTHER, 2)]), "effects: never committed"),
        (replace(KEPT, log=TRUTH[:-1]), "log: lost"),
        (replace(KEPT, views={KEY: (5, 6), OTHER: (1, 1)}), "view of"),
        (replace(KEPT, views={KEY: (4, 5), OTHER: (1, 1)}), "view of"),
        (replace(KEPT, feeds=[PUBLIC, PUBLIC[:3]]), "feed 1: lost"),
        (replace(KEPT, feeds=[TRUTH]), "feed 0: never committed"),
        (replace(KEPT, feeds=[[*PUBLIC, PUBLIC[0]]]), "feed 0: 2 times"),
        (replace(KEPT, sent=[]), "never sent: k4"),
        (replace(KEPT, sent=[SENT, Sent("k1", "another", 7, 11.0)]), "sent without need: k1"),
        (replace(KEPT, sent=[SENT, Sent("k4", "another", 7, 11.0)]), "k4 was sent as"),
        (replace(KEPT, sent=[SENT, SENT._replace(mark="k8")]), "was the name of"),
        (replace(KEPT, sent=[SENT, SENT._replace(at=12.0)]), "sent again without a fault"),
        (replace(KEPT, done=frozenset({"lost"})), "acknowledged but not in the truth"),
        (replace(KEPT, undone=frozenset({"k1"})), "undone but in the truth"),
    ],
)
def test_each_broken_promise_is_said(broken: Seen, said: str) -> None:
    assert any(said in violation for violation in violations(TRUTH, PUBLIC, broken))


def test_a_repeat_is_excused_by_the_death_of_its_own_sender_only() -> None:
    again = SENT._replace(pid=8, at=30.0)
    for fault in (Fault("kill", 11.0, 7), Fault("database restart", 11.0, None)):
        assert repeats([again, SENT], [fault]) == [(again, fault)]
    for useless in (Fault("kill", 11.0, 9), Fault("kill", 5.0, 7), Fault("kill", 25.0, 7), Fault("kill", 31.0, 7)):
        assert repeats([SENT, again], [useless]) == [(again, None)]


def test_a_fault_excuses_one_repeat_of_an_effect() -> None:
    sent = [SENT, SENT._replace(at=10.2), SENT._replace(at=10.4)]
    fault = Fault("database restart", 10.1, None)
    assert [found for _, found in repeats(sent, [fault])] == [fault, None]


def test_a_lost_answer_excuses_the_repeat_of_its_own_effect_only() -> None:
    again = SENT._replace(at=12.0)
    for name, excused in (("identity", True), ("another", False)):
        [(_, fault)] = repeats([SENT, again], [Fault("answer lost", 10.1, 7, name)])
        assert (fault is not None) is excused


def test_a_sender_that_died_unseen_may_have_been_any_that_was_killed_then() -> None:
    unseen, again = SENT._replace(pid=UNKNOWN), SENT._replace(pid=8, at=20.0)
    assert repeats([unseen, again], [Fault("kill", 10.1, 7)])[0][1] is not None
    assert repeats([unseen, again], [Fault("answer lost", 10.1, 7)])[0][1] is None
