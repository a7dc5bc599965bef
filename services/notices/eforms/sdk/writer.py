"""Conditions written as one Python expression each: their `and`, `or`, `not`, codes, counts and paths downward cost no call; the rest is called."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Final, cast

from services.notices.eforms.sdk import shapes
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.paths import Items, Test, climbs_of, is_free, repeats, texts_above
from services.notices.eforms.sdk.syntax import Tree
from services.notices.eforms.sdk.values import normal

__all__ = ["written"]

_EMPTY: Final[list[Branch]] = []
_COUNTS: Final = {("=", 0.0): "(not {})", (">", 0.0): "bool({})", ("<", 2.0): "(len({}) < 2)"}


def written(tree: Tree, called: Callable[[Tree], Test], items: Callable[[Tree], Items]) -> Test | None:
    """Give the function of a condition; None where nothing of it can be written. `called` and `items` give the functions of what cannot be."""
    writer = _Writer(called, items)
    source = writer.test(tree, "here")
    if source is None:
        return None
    code = f"lambda here, ground: {source}"
    return cast("Test", eval(code, writer.names))  # noqa: S307  # what was written here, of the committed tables


class _Writer:
    """Writes one expression; `here` is the name of the element at which a part of it stands."""

    def __init__(self, called: Callable[[Tree], Test], items: Callable[[Tree], Items]) -> None:
        self.names: dict[str, object] = {"NONE": _EMPTY, "normal": normal}
        """What the expression names: code lists, and functions of what is not written."""
        self._called = called
        self._items = items
        self._serial = count(1)

    def test(self, tree: Tree, here: str) -> str | None:
        """Write whether an expression holds; None for what is not written."""
        if tree[0] == "or" and (shapes.choice(tree) or shapes.beginnings(tree)):
            return None
        if tree[0] in {"or", "and"}:
            asked = shapes.united(tree) if tree[0] == "or" else tree[1:]
            parts = [self._part(part, here) for part in shapes.cheapest_first(asked)]
            return f"({f' {tree[0]} '.join(parts)})"
        if tree[:2] == ("call", "not"):
            return f"(not {self._part(tree[2], here)})"
        if tree[0] == "path":
            return self._present(tree, here)
        if tree[0] == "compare":
            return self._counted(tree, here) or self._coded(tree, here) or self._met(tree, here)
        return None

    def _part(self, tree: Tree, here: str) -> str:
        """Write a part of an expression, or the call of its function."""
        return self.test(tree, here) or f"{self._name(self._called(tree))}({here}, ground)"

    def _name(self, value: object) -> str:
        name = f"n{next(self._serial)}"
        self.names[name] = value
        return name

    def _present(self, tree: Tree, here: str) -> str | None:
        """Write whether there is something at a path of elements."""
        if len(tree[2]) == 1 and tree[1] == ("context",) and tree[2][0][0] == "child" and not tree[2][0][2]:
            return f"({tree[2][0][1]!r} in {here}.children)"
        found = self._elements(tree, here)
        return f"bool({found})" if found else None

    def _counted(self, tree: Tree, here: str) -> str | None:
        """Write `count(path) = 0`, `> 0` and `< 2`."""
        _, sign, left, right = tree
        if left[:2] != ("call", "count") or right[0] != "literal" or (sign, right[1]) not in _COUNTS:
            return None
        found = self._elements(left[2], here)
        return _COUNTS[sign, right[1]].format(found) if found else None

    def _coded(self, tree: Tree, here: str) -> str | None:
        """Write `path = codes`, of texts or of an attribute."""
        _, sign, left, right = tree
        codes = shapes.codes(right)
        if sign != "=" or codes is None:
            return None
        if left == shapes.NORMAL:
            return f"(normal({here}.text) in {self._name(codes)})"
        if climbs_of(left) and shapes.is_text(left) and is_free(left):
            found: str | None = self._above(left, here)
        else:
            found = self._texts(left, here)
        return f"(not {self._name(codes)}.isdisjoint({found}))" if found else None

    def _met(self, tree: Tree, here: str) -> str | None:
        """Write `path = path` where the texts at the second, which climbs or starts at the root, are kept as a set."""
        _, sign, left, right = tree
        if sign != "=" or right[0] == "variable" or not (shapes.is_text(right) and shapes.is_stable(right)):
            return None
        found = self._texts(left, here) if shapes.is_text(left) else None
        mine = f"m{next(self._serial)}"
        return f"(bool({mine} := {found}) and not {self._above(right, here)}.isdisjoint({mine}))" if found else None

    def _above(self, path: Tree, here: str) -> str:
        """Write the call of what keeps the texts at a path that many elements share."""
        return f"{self._name(texts_above(path, self._items))}({here}, ground)"

    def _texts(self, path: Tree, here: str) -> str | None:
        """Write the list of the texts at a path downward; None for another expression."""
        if path[0] != "path":
            return None
        steps, last = path[2], path[2][-1]
        if last == shapes.TEXT_CALL:
            return self._elements((*path[:2], steps[:-1]), here, "normal({}.text)")
        if last[0] == "attribute" and not last[2]:
            return self._elements((*path[:2], steps[:-1]), here, f"{{}}.attributes.get({last[1]!r})")
        return self._elements(path, here, "{}.text") if last[0] in {"child", "self"} else None

    def _elements(self, tree: Tree, here: str, told: str = "{}") -> str | None:
        """Write the list of what is told of the elements at a path downward; None for another path."""
        steps = [step for step in tree[2] if step != ("self", ())]
        if tree[:2] != ("path", ("context",)) or not all(map(_is_written, steps)):
            return None
        clauses, each = [], here
        for _, name, conditions in steps:
            above, each = each, f"e{next(self._serial)}"
            clauses.append(f"for {each} in {above}.children.get({name!r}, NONE)")
            clauses.extend(f"if {self._part(condition, each)}" for condition in conditions)
        if not clauses:
            return f"[{told.format(here)}]"
        return f"({steps[0][1]!r} in {here}.children and [{told.format(each)} {' '.join(clauses)}] or NONE)"


def _is_written(step: Tree) -> bool:
    return step[0] == "child" and not any(repeats(step, condition) for condition in step[2])
