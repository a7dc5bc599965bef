"""The window of a publisher: one event of a key in flight, what is refused takes the later ones of its key aside."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from libs.common.bus.window import WINDOW, Row, Window


def rows(keys_in_order: str) -> list[Row]:
    return [Row(position, uuid4(), "t", key, "") for position, key in enumerate(keys_in_order, start=1)]


def test_a_window_lets_one_event_of_a_key_out_and_keeps_their_order() -> None:
    window, found = Window(0), rows("aabacb")
    window.add(found, 9)
    assert [row.position for row in window.sendable()] == [1, 3, 5]
    window.settle(found[0].id, None)
    assert [row.position for row in window.sendable()] == [2]
    assert window.settled == 1
    window.settle(found[2].id, None)
    window.settle(found[4].id, None)
    window.settle(found[1].id, None)
    assert [row.position for row in window.sendable()] == [6, 4]
    assert window.settled == 3
    for row in found[3], found[5]:
        assert window.settle(row.id, None)
    assert window.is_empty
    assert window.settled == 9


def test_a_refused_event_takes_the_later_ones_of_its_key_aside() -> None:
    window, found = Window(0), rows("aabaa")
    window.add(found[:4], 4)
    assert [row.position for row in window.sendable()] == [1, 3]
    window.settle(found[0].id, "refused")
    assert list(window.sendable()) == []
    window.add(found[4:], 5)
    assert list(window.sendable()) == [], "read before the first was written down"
    assert [(row.position, reason) for row, reason in window.aside] == [
        (1, "refused"),
        (2, "behind"),
        (4, "behind"),
        (5, "behind"),
    ]
    window.settle(found[2].id, None)
    assert window.settled == 5
    window.marked()
    window.add([replace(found[0], position=6)], 6)
    assert [row.position for row in window.sendable()] == [6], "the key is well again, or read as behind"


def test_a_window_has_a_size() -> None:
    window = Window(0)
    window.add([Row(position, uuid4(), "t", str(position), "") for position in range(1, 1001)], 1000)
    assert len(list(window.sendable())) == WINDOW
    assert not window.has_room
