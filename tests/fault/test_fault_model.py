"""The judge itself: it must see each kind of broken promise."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from tests.fault.model import Change, Fault, Seen, Sent, repeats, unexplained, violations

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
        (replace(KEPT, sent=[SENT, SENT._replace(at=12.0)]), "sent again without a fault"),
        (replace(KEPT, done=frozenset({"lost"})), "acknowledged but not in the truth"),
        (replace(KEPT, undone=frozenset({"k1"})), "undone but in the truth"),
    ],
)
def test_each_broken_promise_is_said(broken: Seen, said: str) -> None:
    assert any(said in violation for violation in violations(TRUTH, PUBLIC, broken))


def test_a_repeat_is_excused_by_the_death_of_its_own_sender_only() -> None:
    again = SENT._replace(pid=8, at=20.0)
    assert repeats([again, SENT]) == [(SENT, again)]
    assert unexplained([SENT, again], [Fault("kill", 11.0, 7)]) == []
    assert unexplained([SENT, again], [Fault("database restart", 11.0, None)]) == []
    for useless in (Fault("kill", 11.0, 9), Fault("kill", 5.0, 7), Fault("kill", 21.0, 7)):
        assert unexplained([SENT, again], [useless]) == [again]
