"""What must be true at the end, as pure functions over what was committed and what was seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from tests.fault.shop import is_sent


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
    had = {sent.mark for sent in seen.sent}
    found = [f"never sent: {mark}" for mark in wanted - had]
    found += [f"sent without need: {mark}" for mark in had - wanted]
    identities: dict[str, set[str]] = defaultdict(set)
    for sent in seen.sent:
        identities[sent.mark].add(sent.identity)
    found += [f"{mark} was sent as {names}" for mark, names in identities.items() if len(names) > 1]
    return found + [f"sent again without a fault: {sent}" for sent in unexplained(seen.sent, seen.faults)]


def repeats(sent: Sequence[Sent]) -> list[tuple[Sent, Sent]]:
    """Give each second sending with the one before it."""
    last: dict[str, Sent] = {}
    found = []
    for one in sorted(sent, key=lambda one: one.at):
        if one.identity in last:
            found.append((last[one.identity], one))
        last[one.identity] = one
    return found


def unexplained(sent: Sequence[Sent], faults: Sequence[Fault]) -> list[Sent]:
    """Give the repeats that no fault explains: none between the receiver's answer and the next sending."""
    return [
        again
        for before, again in repeats(sent)
        if not any(before.at - 0.5 <= fault.at <= again.at and fault.pid in (None, before.pid) for fault in faults)
    ]
