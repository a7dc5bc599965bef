"""Expressions of the SDK compiled to functions: what they give (items) and whether they hold (tests)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import Final

from services.notices.eforms.sdk import paths, shapes, table, values
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.functions import FUNCTIONS
from services.notices.eforms.sdk.ground import Ground
from services.notices.eforms.sdk.paths import Items, Test
from services.notices.eforms.sdk.shortcuts import shortcut
from services.notices.eforms.sdk.syntax import Tree, UnknownSyntaxError, parse
from services.notices.eforms.sdk.values import Day, Value, atom, compare, normal
from services.notices.eforms.sdk.writer import written

__all__ = ["holds", "items"]


@cache
def holds(tree: Tree) -> Test:
    """Give the function that says whether an expression holds (its effective boolean value). Raises UnknownSyntaxError."""
    return shortcut(tree) or written(tree, _called, items) or _called(tree)


@cache
def _called(tree: Tree) -> Test:
    """Give the function of a test that calls the functions of its parts."""
    if tree[0] == "or" and (chosen := shapes.choice(tree)):
        return _choice(*chosen)
    if tree[0] == "or" and (begun := shapes.beginnings(tree)):
        return _begins(*begun)
    if tree[0] == "compare":
        return _comparison(tree)
    if tree[0] == "every":
        return _every(tree)
    if tree[0] == "call" and tree[1] in _TESTS:
        return _TESTS[tree[1]](*tree[2:])
    find = items(tree)
    return lambda branch, ground: _truth(find(branch, ground))


def _truth(found: list[Value]) -> bool:
    if not found:
        return False
    first = found[0]
    if isinstance(first, (bool, str)):
        return bool(first)
    return first != 0 and first == first if isinstance(first, float) else True  # noqa: PLR0124  # a NaN is not itself


def _choice(path: Tree, parts: dict[str, Tree]) -> Test:
    """Know `(path = 'a' and ...) or (path = 'b' and ...)`: the value chooses the one part that is asked."""
    find, tests = items(path), {code: holds(part) for code, part in parts.items()}

    def chosen(branch: Branch, ground: Ground) -> bool:
        for each in find(branch, ground):
            test = tests.get(atom(each))
            if test and test(branch, ground):
                return True
        return False

    return chosen


def _begins(path: Tree, starts: tuple[str, ...]) -> Test:
    """Know `starts-with(path, 'a') or starts-with(path, 'b')`."""
    find = items(path)
    return lambda branch, ground: any(str(atom(each)).startswith(starts) for each in find(branch, ground))


def _comparison(tree: Tree) -> Test:
    _, sign, left, right = tree
    for known in (_counted, _once, _listed, _shared):
        if found := known(sign, left, right):
            return found
    first, second = items(left), items(right)

    def differ(branch: Branch, ground: Ground) -> bool:
        mine = first(branch, ground)
        others = second(branch, ground) if mine else mine
        ground.spend(len(mine) * len(others))
        return any(compare(sign, one, other) for one in mine for other in others)

    return differ


def _counted(sign: str, left: Tree, right: Tree) -> Test | None:
    """Know `count(path) = 0`, `> 0` and `< 2`, which most rules begin with."""
    if left[:2] != ("call", "count") or right[0] != "literal" or shapes.once(left):
        return None
    find, bare = items(left[2]), items(shapes.bare(left[2]))
    alone = bare is find
    if (sign, right[1]) == ("=", 0.0):
        return lambda branch, ground: not bare(branch, ground) or not (alone or find(branch, ground))
    if (sign, right[1]) == (">", 0.0):
        return lambda branch, ground: bool(find(branch, ground))
    if (sign, right[1]) == ("<", 2.0):
        return lambda branch, ground: len(bare(branch, ground)) < 2 or (not alone and len(find(branch, ground)) < 2)
    return None


def _once(sign: str, left: Tree, right: Tree) -> Test | None:
    """Know `count(for $x in ., $y in path[. = $x] return $y) = 1`: the value is unique."""
    base = shapes.once(left)
    if base is None or (sign, right) != ("=", ("literal", 1.0)):
        return None
    counts = paths.keep(_counts(items(base)))
    return lambda branch, ground: counts(ground.root if base[1] == ("root",) else branch, ground)[0][branch.text] == 1


def _counts(find: Items) -> Items:
    return lambda branch, ground: [Counter(atom(each) for each in find(branch, ground))]


def _listed(sign: str, left: Tree, right: Tree) -> Test | None:
    """Know `path = 'code'` and `path = ('code', 'code')`."""
    codes = shapes.codes(right)
    if sign != "=" or codes is None or not shapes.is_text(left):
        return None
    if left == shapes.NORMAL:
        return lambda branch, _: normal(branch.text) in codes
    nodes = shapes.before_text(left)
    find = items(left if nodes is None else nodes)
    read = normal if nodes is not None else None

    def listed(branch: Branch, ground: Ground) -> bool:
        for each in find(branch, ground):
            value = each.text if isinstance(each, Branch) else each
            if (read(value) if read else value) in codes:
                return True
        return False

    return listed


def _shared(sign: str, left: Tree, right: Tree) -> Test | None:
    """Know `path = path` and `$variable = path` between texts: some value is in both."""
    if right[0] == "variable" and left[0] != "variable":
        left, right = right, left
    if sign != "=" or not shapes.is_text(right) or not (shapes.is_text(left) or left[0] == "variable"):
        return None
    first, second = items(left), items(right)
    stable = paths.is_free(right) and (left[0] == "variable" or shapes.is_stable(right))
    if stable:
        second = paths.texts_above(right, items)

    def share(branch: Branch, ground: Ground) -> bool:
        mine = first(branch, ground)
        if not mine:
            return False
        others = second(branch, ground)
        if stable:
            return any(atom(each) in others for each in mine)
        ground.spend(len(others) >> 3)
        return any(atom(each) == atom(other) for other in others for each in mine)

    return share


def _every(tree: Tree) -> Test:
    if alike := shapes.alike(tree):
        return _alike(*alike)
    if multilingual := shapes.multilingual(tree):
        return _spoken(*multilingual)
    if within := shapes.within(tree):
        return _within(*within)
    find, body = _bindings(tree[1]), holds(tree[2])

    def every(branch: Branch, ground: Ground) -> bool:
        return all(body(branch, ground) for _ in find(branch, ground))

    return every


def _within(source: Tree, target: Tree) -> Test:
    """Know `every $x in source satisfies $x = target` between texts."""
    find, texts = items(source), paths.texts_above(target, items)

    def within(branch: Branch, ground: Ground) -> bool:
        found = find(branch, ground)
        ground.spend(len(found))
        return not found or {atom(each) for each in found} <= texts(branch, ground)

    return within


def _spoken(kind: str, path: Tree) -> Test:
    """Know the rules that a text is in each language of the notice (B), and in no other (C)."""
    find = items(path)
    if kind == "B":
        return lambda branch, ground: ground.languages.issubset(find(branch, ground))
    return lambda branch, ground: ground.languages.issuperset(find(branch, ground))


def _bindings(bound: tuple[tuple[str, Tree], ...]) -> Callable[[Branch, Ground], Iterator[None]]:
    """Give a function that binds the variables of a loop, to each combination in turn."""
    sources = [(name, items(tree)) for name, tree in bound]

    def bind(branch: Branch, ground: Ground, position: int = 0) -> Iterator[None]:
        name, find = sources[position]
        found = find(branch, ground)
        ground.spend(len(found))
        for each in found:
            ground.names[name] = each
            if position + 1 < len(sources):
                yield from bind(branch, ground, position + 1)
            else:
                yield None

    return bind


def _alike(bound: tuple[tuple[str, Tree], ...], name: str) -> Test:
    """Know `every $a in X, $b in X, $c in Y[. = $a], $d in Y[. = $b] satisfies $c = $d`: all values are one."""
    find = _bindings(bound)

    def alike(branch: Branch, ground: Ground) -> bool:
        found = {_instant(ground.names[name]) for _ in find(branch, ground)}
        return len(found) < 2

    return alike


def _instant(value: Value) -> Value:
    return value.instant if isinstance(value, Day) else atom(value)


@cache
def items(tree: Tree) -> Items:
    """Give the function of what an expression gives. Raises UnknownSyntaxError."""
    if tree[0] not in _ITEMS:
        test = holds(tree)
        return lambda branch, ground: [test(branch, ground)]
    return _ITEMS[tree[0]](tree)


def _path(tree: Tree) -> Items:
    start = tree[1]
    first = None if start[0] in {"context", "root"} else items(start)
    return paths.select(first, tree, holds, items)


def _variable(tree: Tree) -> Items:
    name = tree[1]
    if name == "noticeSubType":
        return lambda _, ground: [ground.subtype]
    if not name.startswith("global-"):
        return lambda _, ground: [ground.names[name]]
    definition = parse(table.variables()[name])
    source = shapes.duplicates(definition)
    find = paths.keep(items(definition) if source is None else _repeated(items(source)))
    return lambda _, ground: find(ground.root, ground)


def _repeated(find: Items) -> Items:
    def repeated(branch: Branch, ground: Ground) -> list[Value]:
        found = find(branch, ground)
        counts = Counter([each.text for each in found])
        if len(counts) == len(found):
            return []
        return [each for each in found if counts[each.text] > 1]

    return repeated


def _list(tree: Tree) -> Items:
    codes = sorted(table.code_list(tree[1]))
    return lambda _branch, _ground: codes


def _sequence(tree: Tree) -> Items:
    parts = [items(part) for part in tree[1:]]
    return lambda branch, ground: [each for part in parts for each in part(branch, ground)]


def _for(tree: Tree) -> Items:
    find, body = _bindings(tree[1]), items(tree[2])
    return lambda branch, ground: [each for _ in find(branch, ground) for each in body(branch, ground)]


def _if(tree: Tree) -> Items:
    test, positive, negative = holds(tree[1]), items(tree[2]), items(tree[3])
    return lambda branch, ground: positive(branch, ground) if test(branch, ground) else negative(branch, ground)


def _kept_where(tree: Tree) -> Items:
    find, tests = items(tree[1]), [holds(test) for test in tree[2]]

    def kept(branch: Branch, ground: Ground) -> list[Value]:
        found = find(branch, ground)
        ground.spend(len(found))
        return [each for each in found if all(test(each, ground) for test in tests)]

    return kept


def _arithmetic(tree: Tree) -> Items:
    sign, left, right = tree[1], items(tree[2]), items(tree[3])

    def compute(branch: Branch, ground: Ground) -> list[Value]:
        pairs = product(left(branch, ground)[:1], right(branch, ground)[:1])
        return [value for one, other in pairs if (value := _computed(sign, atom(one), atom(other))) is not None]

    return compute


def _computed(sign: str, left: Value, right: Value) -> Value:
    """Compute; None for what XPath would not, and beyond the calendar."""
    try:
        if isinstance(left, Day):
            if isinstance(right, Day):
                return values.Seconds(left.instant - right.instant)
            return left.plus(right) if sign == "+" else None
        first, second = (value if isinstance(value, float) else values.number(str(value)) for value in (left, right))
        return {"+": first + second, "-": first - second, "*": first * second, "mod": _remainder(first, second)}[sign]
    except (ValueError, TypeError, OverflowError):
        return None


def _remainder(first: float, second: float) -> float:
    return math.fmod(first, second) if second and math.isfinite(first) else math.nan


def _literal(tree: Tree) -> Items:
    found = [tree[1]]
    return lambda _branch, _ground: found


def _call(tree: Tree) -> Items:
    name, arguments = tree[1], tree[2:]
    if name in _TESTS:
        test = holds(tree)
        return lambda branch, ground: [test(branch, ground)]
    if name not in FUNCTIONS:
        raise UnknownSyntaxError(f"function {name}")
    find = FUNCTIONS[name](*map(items, arguments))
    return _constant(find) if arguments and all(argument[0] == "literal" for argument in arguments) else find


def _constant(find: Items) -> Items:
    """Give a function that finds once for all what depends on no element."""
    known: list[list[Value]] = []

    def constant(branch: Branch, ground: Ground) -> list[Value]:
        if not known:
            known.append(find(branch, ground))
        return known[0]

    return constant


_ITEMS: Final[dict[str, Callable[[Tree], Items]]] = {
    "path": _path, "variable": _variable, "list": _list, "sequence": _sequence, "for": _for, "if": _if, "filter": _kept_where,
    "arithmetic": _arithmetic, "literal": _literal, "call": _call, "kept": lambda tree: paths.keep(items(tree[1])),
    "text": lambda _: lambda branch, _ground: [branch.text] if isinstance(branch, Branch) and branch.text else [],
}  # fmt: skip


def _not(argument: Tree) -> Test:
    test = holds(argument)
    return lambda branch, ground: not test(branch, ground)


def _matches(argument: Tree, pattern: Tree) -> Test:
    find, expression = items(argument), re.compile(table.pattern(pattern[1]))
    return lambda branch, ground: any(expression.search(each) for each in find(branch, ground))


def _starts_with(argument: Tree, start: Tree) -> Test:
    find, first = items(argument), start[1]
    return lambda branch, ground: any(str(atom(each)).startswith(first) for each in find(branch, ground))


_TESTS: Final[dict[str, Callable[..., Test]]] = {
    "not": _not, "boolean": holds, "matches": _matches, "starts-with": _starts_with,
    "true": lambda: lambda _branch, _ground: True, "false": lambda: lambda _branch, _ground: False,
}  # fmt: skip
