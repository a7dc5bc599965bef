"""When a test can be left out: most hold at once when some child is absent, or when it is there."""

from __future__ import annotations

from services.notices.eforms.sdk import shapes
from services.notices.eforms.sdk.syntax import Tree

__all__ = ["Gates", "gates", "given"]

Gates = tuple[frozenset[str], frozenset[str]]
"""Children without any one of which an expression is sure to hold; children any one of which makes it sure to hold."""

_NEVER: Gates = (frozenset(), frozenset())


def gates(tree: Tree) -> Gates:
    """Give what makes an expression hold, by the children of its context; nothing where it must be asked."""
    if tree[0] == "or":
        return _union([gates(part) for part in tree[1:]])
    if tree[0] == "and":
        return _common([gates(part) for part in tree[1:]])
    if tree[0] == "every":
        first = _first_child(tree[1][0][1])
        return (frozenset({first}), frozenset()) if first else _NEVER
    if tree[:2] == ("call", "not"):
        return frozenset(_needs(tree[2])), frozenset()
    if tree[0] == "compare" and tree[2][:2] == ("call", "count") and tree[3][0] == "literal":
        return _counted(tree[1], tree[2][2], tree[3][1])
    return _NEVER


def given(tree: Tree, answered: tuple[str, str]) -> Tree:
    """Give what is left of an expression where its part `count(child) = 0`, or `> 0`, is known not to hold."""
    if tree[0] != "or":
        return tree
    parts = [part for part in tree[1:] if shapes.child_count(part) != answered]
    return parts[0] if len(parts) == 1 else ("or", *parts)


def _counted(sign: str, path: Tree, figure: object) -> Gates:
    first = _first_child(path)
    if first is None:
        return _NEVER
    if (sign, figure) in {("=", 0.0), ("<", 2.0)}:
        return frozenset({first}), frozenset()
    alone = len(path[2]) == 1 and not path[2][0][2]
    return (frozenset(), frozenset({first})) if (sign, figure) == (">", 0.0) and alone else _NEVER


def _union(parts: list[Gates]) -> Gates:
    return frozenset().union(*(part[0] for part in parts)), frozenset().union(*(part[1] for part in parts))


def _common(parts: list[Gates]) -> Gates:
    absent, present = parts[0]
    for part in parts[1:]:
        absent, present = absent & part[0], present & part[1]
    return absent, present


def _needs(tree: Tree) -> set[str]:
    """Give the children without any one of which an expression cannot hold."""
    if tree[0] == "and":
        return set().union(*(_needs(part) for part in tree[1:]))
    if tree[0] == "or":
        return set.intersection(*(_needs(part) for part in tree[1:]))
    if tree[0] == "compare":
        return _needs(tree[2]) | _needs(tree[3]) if tree[2][0] == "path" or tree[3][0] == "path" else set()
    first = _first_child(tree)
    return {first} if first else set()


def _first_child(tree: Tree) -> str | None:
    """Give the child that a path goes through first, None when it is no such path."""
    if tree[0] == "sequence" and len(tree) == 2:
        return _first_child(tree[1])
    if tree[0] != "path" or tree[1] != ("context",) or not tree[2]:
        return None
    step = tree[2][0]
    if step[0] != "child" or any(step[0] == "call" for step in tree[2]):
        return step[1] if step[0] == "child" and _gives_nothing_for_nothing(tree) else None
    return str(step[1])


def _gives_nothing_for_nothing(tree: Tree) -> bool:
    """A call as a step is asked for each item before it: none, no answer."""
    return all(step[0] != "call" or place > 0 for place, step in enumerate(tree[2]))
