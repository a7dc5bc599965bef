"""The tree of a batch: hashing of RFC 6962, 2.1, over a number of leaves that is a power of two.

The tree is filled up with leaves made from a seed, and all leaves are sorted: neither the length of a path nor the place of
a leaf tells how much happened on the platform within the half second. Who has the seed recomputes the filling leaves, so
none of them stands for a fact that was removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

__all__ = ["SMALLEST", "fill", "head_of", "path", "root", "root_of"]

SMALLEST = 16
"""Leaves of the smallest tree."""
_FILLING = b"halles-fill-1"


def fill(leaves: Sequence[bytes], seed: bytes) -> tuple[bytes, ...]:
    """Give all the leaves of a batch, sorted: those of the facts, and those that fill the tree."""
    size = SMALLEST
    while size < len(leaves):
        size *= 2
    filling = (_filling(seed, number) for number in range(size - len(leaves)))
    return tuple(sorted((*leaves, *filling)))


def root(leaves: Sequence[bytes]) -> bytes:
    """Give the root of a tree of 2^n leaves."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[bytes], position: int) -> tuple[bytes, ...]:
    """Give the hashes that lead from a leaf to the root, from below."""
    level, place, found = list(leaves), position, []
    while len(level) > 1:
        found.append(level[place ^ 1])
        level, place = _above(level), place // 2
    return tuple(found)


def root_of(leaf: bytes, position: int, siblings: Sequence[bytes]) -> bytes:
    """Give the root that a path leads to. Raises ValueError for a position that such a tree has not."""
    if not 0 <= position < 2 ** len(siblings):
        raise ValueError("the path is not of that position")
    found = leaf
    for height, sibling in enumerate(siblings):
        found = _node(sibling, found) if position >> height & 1 else _node(found, sibling)
    return found


def head_of(previous: bytes, tree: bytes) -> bytes:
    """Give the head of the chain after a batch: SHA-256 of the head before and the root of its tree."""
    return sha256(previous + tree).digest()


def _above(level: Sequence[bytes]) -> list[bytes]:
    return [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _filling(seed: bytes, number: int) -> bytes:
    return sha256(b"\x00" + _FILLING + seed + number.to_bytes(4, "big")).digest()
