"""Paths of the SDK's tests, compiled to functions over branches: one look-up a step, answers that climb or start at the root kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import chain, count
from typing import Final, TypeAlias

from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.ground import Ground
from services.notices.eforms.sdk.syntax import Tree, UnknownSyntaxError
from services.notices.eforms.sdk.values import Value, normal

__all__ = [
    "HERE",
    "Items",
    "Test",
    "climbs_of",
    "is_free",
    "keep",
    "keep_set",
    "remember",
    "repeats",
    "select",
    "texts_above",
]

Items: TypeAlias = Callable[[Branch, Ground], list[Value]]
Test: TypeAlias = Callable[[Branch, Ground], bool]
Compile: TypeAlias = Callable[[Tree], Value]

HERE: Final[Tree] = ("path", ("context",), (("self", ()),))
"""The expression `.`"""
_AXES: Final = {"child", "attribute", "parent", "self", "any", "preceding"}
_TEXT: Final[Tree] = ("call", "normalize-space", ("path", ("context",), (("text",),)))
_SERIAL: Final = count(1)
_SHORT: Final = 40  # letters of a period, with the name of its unit, that is worth being remembered
_REMEMBERED: Final = 1_000
_EMPTY: Final[list[Branch]] = []
_NOTHING: Final[frozenset[str]] = frozenset()


@cache
def is_free(tree: Value) -> bool:
    """Say whether an expression names no variable of a loop: its answer depends on its place alone."""
    if not isinstance(tree, tuple):
        return True
    if tree and tree[0] == "variable":
        return str(tree[1]).startswith("global-") or tree[1] == "noticeSubType"
    return all(is_free(part) for part in tree)


def keep(find: Items) -> Items:
    """Give a function that answers once for each place."""
    serial = next(_SERIAL)

    def kept(branch: Branch, ground: Ground) -> list[Value]:
        key = serial, id(branch)
        found = ground.kept.get(key)
        if found is None:
            found = ground.kept[key] = find(branch, ground)
        return found

    return kept


def remember(test: Test) -> Test:
    """Give a test of an element's own text and attributes that remembers its answers of this day: the same few periods come in every notice."""
    answers: dict[tuple[object, ...], bool] = {}

    def remembered(branch: Branch, ground: Ground) -> bool:
        key = ground.today, branch.text, *branch.attributes.items()
        holds = answers.get(key)
        if holds is None:
            holds = test(branch, ground)
            if len(answers) >= _REMEMBERED:
                answers.clear()
            if len("".join([branch.text, *chain(*branch.attributes.items())])) <= _SHORT:
                answers[key] = holds
        return holds

    return remembered


def keep_set(find: Items) -> Callable[[Branch, Ground], Value]:
    """Give a function that gives the texts found, as a set, built once for each list that was kept, or for each place."""
    serial = next(_SERIAL)

    def kept(branch: Branch, ground: Ground) -> Value:
        key = serial, id(branch)
        texts = ground.kept.get(key)
        if texts is None:
            found = find(branch, ground)
            shared = serial, id(found)
            texts = ground.kept.get(shared)
            if texts is None:
                texts = ground.kept[shared] = {each.text if isinstance(each, Branch) else each for each in found}
                ground.kept[0, id(found)] = found
            ground.kept[key] = texts
        return texts

    return kept


def texts_above(path: Tree, items: Compile) -> Callable[[Branch, Ground], Value]:
    """Give a function that gives the texts at a path as a set, built once for each place that the path climbs to."""
    climbs = climbs_of(path)
    if not climbs:
        return keep_set(items(path))
    parts = [_begun(part[2][climbs:]) for part in (path[1:] if path[0] == "sequence" else (path,))]
    texts = keep_set(items(parts[0] if len(parts) == 1 else ("sequence", *parts)))

    def above(branch: Branch, ground: Ground) -> Value:
        place: Branch | None = branch
        for _ in range(climbs):
            if place is None:
                return _NOTHING
            place = place.above
        return texts(place, ground) if place is not None else _NOTHING

    return above


def climbs_of(path: Tree) -> int:
    """Give how many steps a path climbs before anything else, or each path of a sequence."""
    if path[0] == "sequence":
        climbs = {climbs_of(part) for part in path[1:]}
        return climbs.pop() if len(climbs) == 1 else 0
    if path[:2] != ("path", ("context",)):
        return 0
    return next((count for count, step in enumerate(path[2]) if step != ("parent", ())), len(path[2]))


def select(start: Items | None, path: Tree, test: Compile, items: Compile) -> Items:
    """Give the function of a path: `start` gives where it begins, None for the context or the root."""
    steps, absolute, climbs = path[2], path[1] == ("root",), climbs_of(path)
    if not absolute and not climbs:
        return _compose(start, steps, test, items)
    below = steps[climbs:]
    rest = keep(items(_begun(below))) if is_free(path) else _compose(start, below, test, items)
    return _from_root(rest) if absolute else _climb(climbs, rest)


def _begun(steps: tuple[Tree, ...]) -> Tree:
    """Give the path of these steps, its beginning kept down to the last condition: a hundred rules look from one place at `Lot[it is a lot]/...`."""
    last = max((place for place, step in enumerate(steps[:-1], 1) if step[0] == "child" and step[2]), default=0)
    if not last:
        return ("path", ("context",), steps or HERE[2])
    return ("path", ("kept", ("path", ("context",), steps[:last])), steps[last:])


def _from_root(rest: Items) -> Items:
    return lambda _, ground: rest(ground.root, ground)


def _climb(climbs: int, rest: Items) -> Items:
    def climb(branch: Branch, ground: Ground) -> list[Value]:
        place: Branch | None = branch
        for _ in range(climbs):
            if place is None:
                return []
            place = place.above
        return rest(place, ground) if place is not None else []

    return climb


def _compose(start: Items | None, steps: tuple[Tree, ...], test: Compile, items: Compile) -> Items:
    """Give the function of steps one after the other; plain steps downward in one go."""
    find = start
    position = 0
    while position < len(steps):
        plain = _plain(steps, position)
        if plain:
            find = _descend(find, plain)
            position += len(plain)
        else:
            step = steps[position]
            if step == _TEXT:
                find = _texts(find or _self)
            else:
                find = (
                    _step(find or _self, step, test, items) if step[0] in _AXES else _each(find or _self, items(step))
                )
            position += 1
    return find or _self


def _plain(steps: tuple[Tree, ...], position: int) -> tuple[str, ...]:
    names = []
    for step in steps[position:]:
        if step[0] != "child" or step[2]:
            break
        names.append(step[1])
    return tuple(names)


def _self(branch: Branch, _: Ground) -> list[Value]:
    return [branch]


def _descend(start: Items | None, names: tuple[str, ...]) -> Items:
    if start is None and len(names) == 1:
        name = names[0]
        return lambda branch, _: branch.children.get(name, _EMPTY)

    def descend(branch: Branch, ground: Ground) -> list[Value]:
        found = start(branch, ground) if start else [branch]
        for name in names:
            if not found:
                return found
            if len(found) == 1:
                found = found[0].children.get(name, _EMPTY)
            else:
                found = [child for each in found for child in each.children.get(name, _EMPTY)]
        return found

    return descend


def _texts(find: Items) -> Items:
    return lambda branch, ground: [normal(each.text) for each in find(branch, ground)]


def _each(find: Items, then: Items) -> Items:
    return lambda branch, ground: [each for found in find(branch, ground) for each in then(found, ground)]


def _step(start: Items, step: Tree, test: Compile, items: Compile) -> Items:
    kind = step[0]
    find = _axis(start, kind, step[1] if kind in {"child", "attribute", "preceding"} else "")
    for condition in step[-1]:
        values = repeats(step, condition)
        find = _filter(find, test(condition)) if values is None else _repeated(find, items(values))
    return find


def _axis(start: Items, kind: str, name: str) -> Items:
    if kind == "child":
        return lambda branch, ground: [
            child for each in start(branch, ground) for child in each.children.get(name, _EMPTY)
        ]
    if kind == "attribute":
        return lambda branch, ground: [
            value for each in start(branch, ground) if (value := each.attributes.get(name)) is not None
        ]
    if kind == "self":
        return start
    if kind == "parent":
        return lambda branch, ground: list(
            dict.fromkeys(each.above for each in start(branch, ground) if each.above is not None)
        )
    if kind == "any":
        return lambda branch, ground: [
            child for each in start(branch, ground) for same in each.children.values() for child in same
        ]
    raise UnknownSyntaxError(f"axis {kind}")


def _filter(start: Items, test: Test) -> Items:
    def keep_those(branch: Branch, ground: Ground) -> list[Value]:
        found = start(branch, ground)
        if not found:
            return found
        ground.spend(len(found))
        return [each for each in found if test(each, ground)]

    return keep_those


def repeats(step: Tree, condition: Tree) -> Tree | None:
    """Give `p` of `X[p = preceding-sibling::X/p]`, None when the condition is another."""
    if step[0] != "child" or condition[:2] != ("compare", "=") or condition[2][:2] != ("path", ("context",)):
        return None
    before: Tree = ("path", ("context",), (("preceding", step[1], ()), *condition[2][2]))
    return condition[2] if condition[3] == before else None


def _repeated(start: Items, values: Items) -> Items:
    """Give those of which a value is that of an earlier one, of the same parent."""

    def find(branch: Branch, ground: Ground) -> list[Value]:
        seen: set[tuple[int, str]] = set()
        repeated: list[Value] = []
        those = start(branch, ground)
        if len(those) < 2:
            return repeated
        for each in those:
            found = {(id(each.above), _text(value)) for value in values(each, ground)}
            if found & seen:
                repeated.append(each)
            seen |= found
        return repeated

    return find


def _text(value: Value) -> str:
    return str(value.text if isinstance(value, Branch) else value)
