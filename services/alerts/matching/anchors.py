"""Which term of a search to look it up by: the rarest of those that every match must contain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.alerts.matching.criteria import Criteria
from services.alerts.matching.notice import EVERY
from services.alerts.matching.words import phrase, stems, written

__all__ = ["Group", "anchors", "groups"]


@dataclass(frozen=True, slots=True)
class Group:
    """Keys of which a matching notice has at least one; `rank` breaks ties: words tell more than codes and places."""

    keys: frozenset[str]
    rank: int


def groups(criteria: Criteria) -> list[Group]:
    """Give each set of keys of which every match has at least one."""
    found = [Group(_stem_keys(word), 1) for term in criteria.words for word in written(term)]
    found += [Group(frozenset({f"e:{word}"}), 0) for term in criteria.phrases for word in phrase(term)]
    if criteria.any:
        first_words = (written(term)[0] for term in criteria.any)
        found.append(Group(frozenset().union(*map(_stem_keys, first_words)), 2))
    if criteria.cpv:
        found.append(Group(frozenset(f"c:{prefix}" for prefix in criteria.cpv), 3))
    if criteria.departments:
        found.append(Group(frozenset(f"d:{department}" for department in criteria.departments), 4))
    return found


def anchors(criteria: Criteria, frequency: Mapping[str, int]) -> frozenset[str]:
    """Give the keys to file a search under: those of its rarest group, by how many searches or notices have each key."""
    candidates = groups(criteria)
    if not candidates:
        return frozenset({EVERY})
    return min(candidates, key=lambda group: _cost(group, frequency)).keys


def _stem_keys(word: str) -> frozenset[str]:
    return frozenset(f"w:{stem}" for stem in stems(word))


def _cost(group: Group, frequency: Mapping[str, int]) -> tuple[int, int, int, list[str]]:
    """Estimate what filing here costs at each notice: how likely a notice has the key, times how many share it."""
    cost = sum(_prior(key) * (1 + frequency.get(key, 0)) for key in group.keys)
    return cost, group.rank, -min(map(len, group.keys)), sorted(group.keys)


def _prior(key: str) -> int:
    """Give how common a key is among notices, roughly, in thousandths: a word is rare, a CPV division or a department is not."""
    kind, _, code = key.partition(":")
    if kind == "c":
        return max(2, 1_000 >> 3 * len(code))
    return 20 if kind == "d" else 4
