"""Reading rules back: what a rule asks for, which business terms its condition names, and how a path is written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from services.notices.eforms.sdk import shapes, table
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.syntax import Tree, UnknownSyntaxError, parse, parse_path
from services.notices.eforms.sdk.table import Rule
from services.notices.eforms.xml import prefixed

__all__ = [
    "asked",
    "is_of_place",
    "presence",
    "reach",
    "referring",
    "spell",
    "subject_at",
    "subject_of",
    "terms",
    "wanted",
]

_MOST: Final = 6
_STEPS: Final = {"child", "attribute", "parent", "self", "any"}


def presence(tree: Tree) -> tuple[str, Tree, Tree | None] | None:
    """Give `>`, `=` or `<`, the path and the condition of `count(path) > 0 or condition`; None for another rule."""
    first, rest = (tree[1], tree[2:]) if tree[0] == "or" else (tree, ())
    if first[0] != "compare" or first[2][:2] != ("call", "count") or first[2][2][0] != "path":
        return None
    if (first[1], first[3]) not in {(">", ("literal", 0.0)), ("=", ("literal", 0.0)), ("<", ("literal", 2.0))}:
        return None
    return first[1], first[2][2], ("or", *rest) if rest else None


def spell(path: Tree) -> str:
    """Give a path as it is written, without the conditions of its steps but those on a list or scheme name."""
    return "/".join(_spelled(step) for step in path[2] if step[0] in _STEPS)


def _spelled(step: Tree) -> str:
    if step[0] in {"parent", "self", "any"}:
        return {"parent": "..", "self": ".", "any": "*"}[step[0]]
    name = f"@{step[1]}" if step[0] == "attribute" else prefixed(step[1])
    return name + "".join(_condition(test) for test in step[-1])


def _condition(test: Tree) -> str:
    """Give `[cbc:ID/@schemeName='Lot']`; nothing for a condition of another kind."""
    if test[:2] != ("compare", "=") or test[2][0] != "path" or test[3][0] != "literal":
        return ""
    return f"[{spell(test[2])}='{test[3][1]}']"


@cache
def _fields() -> dict[tuple[Tree, ...], str]:
    """Give the fields by the steps of their path."""
    found: dict[tuple[Tree, ...], str] = {}
    for field in table.fields().values():
        try:
            found.setdefault(parse_path(field.path), field.id)
        except UnknownSyntaxError:
            continue
    return found


@cache
def _fields_by_names() -> dict[tuple[str, ...], str]:
    """Give the fields and containers by the names along their path, whatever the conditions; the first of several."""
    found: dict[tuple[str, ...], str] = {}
    for steps, field in _fields().items():
        found.setdefault(tuple(step[1] for step in steps if step[0] == "child"), field)
    for node, (_, path) in table.nodes().items():
        found.setdefault(tuple(step[1] for step in parse_path(path)), node)
    return found


def subject_at(branch: Branch) -> str | None:
    """Give the field or the container that an element holds, None if none is known there."""
    names: list[str] = []
    place: Branch | None = branch
    while place is not None and place.above is not None:
        names.append(place.tag)
        place = place.above
    return subject_of(tuple(reversed(names)))


def subject_of(names: tuple[str, ...]) -> str | None:
    """Give the field or the container at a path, by the names of its elements below the root; None if none is known there."""
    return _fields_by_names().get(names)


@cache
def asked(rule: Rule) -> tuple[str, Tree, Tree | None] | None:
    """Give what `presence` gives of a rule."""
    return presence(parse(rule.test))


@cache
def is_of_place(rule: Rule) -> bool:
    """Say whether only the place tells one breach of a rule from another: an element is missing there, or has no place there."""
    return asked(rule) is not None and shapes.attribute(parse(rule.test)) is None


@cache
def terms(rule: Rule) -> tuple[str, ...]:
    """Give the business terms that the condition of a rule names, or the whole rule if it has none; a few at most."""
    found = asked(rule)
    tree = found[2] if found and found[2] else parse(rule.test)
    try:
        context = parse_path(rule.context)
    except UnknownSyntaxError:
        return ()
    named = (field for path in _paths(tree, context) if (field := _fields().get(path)))
    return tuple(dict.fromkeys(table.fields()[field].term for field in named))[:_MOST]


def _paths(tree: object, context: tuple[Tree, ...]) -> Iterator[tuple[Tree, ...]]:
    """Give each path of an expression as steps from the root."""
    if not isinstance(tree, tuple):
        return
    if tree and tree[0] == "path":
        base = () if tree[1] == ("root",) else context
        if tree[1] in {("context",), ("root",)}:
            yield _absolute(base, tree[2])
        return
    for part in tree:
        yield from _paths(part, context)


def _absolute(base: tuple[Tree, ...], steps: tuple[Tree, ...]) -> tuple[Tree, ...]:
    found = list(base)
    for step in steps:
        if step[0] == "parent" and found:
            found.pop()
        elif step[0] in {"child", "attribute"}:
            found.append(step)
    return tuple(found)


def referring(tree: Tree) -> Tree | None:
    """Give the path of the identifiers that a rule asks to name something of the notice, None if it asks nothing of the kind."""
    if tree[0] in {"or", "and"}:
        return referring(tree[1])
    if tree[0] == "every":
        name, source = tree[1][0]
        return tuple(source) if tree[2][:3] == ("compare", "=", ("variable", name)) else None
    if tree[:2] != ("compare", "=") or tree[2][:2] != ("path", ("context",)) or tree[3][0] not in {"path", "variable"}:
        return None
    return tuple(tree[2])


def reach(branch: Branch, path: Tree) -> list[str]:
    """Give the texts at a path below an element, whatever the conditions of its steps."""
    found = [branch]
    for step in path[2]:
        if step[0] == "child":
            found = [child for each in found for child in each.children.get(step[1], ())]
        elif step[0] in {"parent", "attribute"}:
            return []
    return [each.text.strip() for each in found]


@cache
def wanted(rule: Rule) -> tuple[str, ...]:
    """Give the first business terms that a missing container would hold."""
    found = asked(rule)
    if found is None:
        return ()
    steps = _absolute(parse_path(rule.context), found[1][2])
    below = (field for path, field in _fields().items() if path[: len(steps)] == steps)
    return tuple(dict.fromkeys(table.fields()[field].term for field in below))[:_MOST]
