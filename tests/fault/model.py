"""What must be true at the end, as pure functions over what was committed and what was seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from tests.fault.shop import is_sent

UNKNOWN = 0
"""Sender of what was received of a process that had died meanwhile."""
_MARKED_WITHIN = 10.0  # seconds from an answer to its mark, on a machine that is busy


class Change(NamedTuple):
    """One change of an aggregate: committed, published, seen or done, the same everywhere."""

    mark: str
    key: UUID
    place: int


class Sent(NamedTuple):
    """An effect outside the database, as its receiver saw it."""

    mark: str
    identity: str
    pid: int
    at: float


class Fault(NamedTuple):
    """Something we did; `pid` of the process that was killed, none when every process felt it."""

    kind: str
    at: float
    pid: int | None
    identity: str | None = None
    """The one effect it was done to."""


@dataclass(frozen=True)
class Seen:
    """All that was seen of the changes."""

    log: Sequence[Change]
    """The producer's event log, by position."""
    effects: Sequence[Change]
    """In the order they were written."""
    views: Mapping[UUID, tuple[int, int]]
    """Version and number of events handled, by aggregate."""
    feeds: Sequence[Sequence[Change]]
    """What each reader was given, in order."""
    sent: Sequence[Sent]
    done: frozenset[str] = frozenset()
    """Marks whose writer was told that they are committed."""
    undone: frozenset[str] = frozenset()
    """Marks whose writer was told that they are not."""
    faults: Sequence[Fault] = field(default=())


def violations(committed: Iterable[Change], public: Iterable[Change], seen: Seen) -> list[str]:
    """Give every broken promise, in words; none when all were kept."""
    truth, told = list(committed), list(public)
    marks = {change.mark for change in truth}
    found = [f"acknowledged but not in the truth: {mark}" for mark in seen.done - marks]
    found += [f"undone but in the truth: {mark}" for mark in seen.undone & marks]
    found += _each_once("log", truth, seen.log)
    found += _each_once("effects", truth, seen.effects)
    for number, feed in enumerate(seen.feeds):
        found += _each_once(f"feed {number}", told, feed)
    found += _views(truth, seen.views)
    return found + _sent(told, seen)


def _each_once(where: str, wanted: Sequence[Change], had: Sequence[Change]) -> list[str]:
    """Each change once, nothing else, and each aggregate's in order."""
    counts, expected = Counter(had), set(wanted)
    found = [f"{where}: lost {change}" for change in wanted if not counts[change]]
    found += [f"{where}: {count} times {change}" for change, count in counts.items() if count > 1]
    found += [f"{where}: never committed {change}" for change in counts if change not in expected]
    last: dict[UUID, int] = defaultdict(int)
    for change in had:
        if change.place < last[change.key]:
            found.append(f"{where}: {change} behind place {last[change.key]}")
        last[change.key] = max(last[change.key], change.place)
    return found


def _views(truth: Sequence[Change], views: Mapping[UUID, tuple[int, int]]) -> list[str]:
    wanted = {key: (count, count) for key, count in Counter(change.key for change in truth).items()}
    return [
        f"view of {key}: {views.get(key)} instead of {wanted.get(key)}"
        for key in wanted.keys() | views.keys()
        if wanted.get(key) != views.get(key)
    ]


def _sent(public: Sequence[Change], seen: Seen) -> list[str]:
    wanted = {change.mark for change in public if is_sent(change.place)}
    return sendings(wanted, seen.sent, seen.faults)


def sendings(wanted: Collection[str], sent: Sequence[Sent], faults: Sequence[Fault]) -> list[str]:
    """Give each broken promise about effects outside the database: at least once, one identity, no idle repeat."""
    had = {each.mark for each in sent}
    found = [f"never sent: {mark}" for mark in set(wanted) - had]
    found += [f"sent without need: {mark}" for mark in had - set(wanted)]
    names, marks = defaultdict(set), defaultdict(set)
    for each in sent:
        names[each.mark].add(each.identity)
        marks[each.identity].add(each.mark)
    found += [f"{mark} was sent as {name}" for mark, name in names.items() if len(name) > 1]
    found += [f"{name} was the name of {mark}" for name, mark in marks.items() if len(mark) > 1]
    return found + [f"sent again without a fault: {again}" for again, fault in repeats(sent, faults) if fault is None]


def repeats(sent: Sequence[Sent], faults: Sequence[Fault]) -> list[tuple[Sent, Fault | None]]:
    """Give each second sending with the fault that explains it; a fault explains one repeat of an effect.

    It is one of that very process, or one that all felt, between the receiver's answer and our mark.
    """
    last: dict[str, Sent] = {}
    used: set[tuple[str, Fault]] = set()
    found: list[tuple[Sent, Fault | None]] = []
    own_first = sorted(faults, key=lambda fault: fault.pid is None)
    for again in sorted(sent, key=lambda one: one.at):
        before = last.get(again.identity)
        last[again.identity] = again
        if before is not None:
            fault = next((f for f in own_first if (again.identity, f) not in used and _excuses(f, before, again)), None)
            used |= {(again.identity, fault)} if fault else set()
            found.append((again, fault))
    return found


def _excuses(fault: Fault, before: Sent, again: Sent) -> bool:
    """Between an answer and its mark; the time of an answer is known to half a second, the mark takes little."""
    if not before.at - 0.5 <= fault.at <= min(again.at, before.at + _MARKED_WITHIN):
        return False
    if fault.identity not in (None, again.identity):
        return False
    return fault.pid in (None, before.pid) or (before.pid == UNKNOWN and fault.kind == "kill")


def again_after(sent: Sequence[Sent], faults: Sequence[Fault]) -> dict[str, int]:
    """Count the repeats by the fault that explains them."""
    return dict(Counter(fault.kind if fault else "nothing" for _, fault in repeats(sent, faults)))
