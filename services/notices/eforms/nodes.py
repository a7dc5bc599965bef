"""What the reading of a notice asks: the elements and the texts at a path, of the XML itself or of its branches, where a step is a look-up."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

from services.notices.eforms import xml
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.syntax import Tree, UnknownSyntaxError, parse
from services.notices.eforms.xml import Element

__all__ = ["Node", "find", "find_all", "text", "values"]

Node = TypeVar("Node", Element, Branch)
"""An element of the XML, or its branch."""
_EMPTY: Final[list[Branch]] = []
_Step = tuple[str, Callable[[Branch], bool] | None]


def find_all(node: Node, path: str) -> list[Node]:
    """Give the elements at a path. Of branches: names one below the other, each with `[@a='b']` or `[name/@a='b']` or nothing."""
    return _below(node, path) if isinstance(node, Branch) else xml.find_all(node, path)


def find(node: Node | None, path: str) -> Node | None:
    """Give the first element at a path, None if there is none."""
    found = find_all(node, path) if node is not None else None
    return found[0] if found else None


def text(node: Element | Branch | None, path: str = ".") -> str | None:
    """Give the text at a path with its blanks normalised, None if absent or empty."""
    if not isinstance(node, Branch):
        return xml.text(node, path)
    for found in _below(node, path):
        if clean := " ".join(found.text.split()):
            return clean
    return None


def values(node: Element | Branch | None, path: str = ".") -> list[str]:
    """Give the texts at a path, blanks normalised, empty ones left out."""
    if not isinstance(node, Branch):
        return xml.values(node, path)
    return [clean for found in _below(node, path) if (clean := " ".join(found.text.split()))]


def _below(branch: Branch, path: str) -> list[Branch]:
    found = [branch]
    for name, holds in _steps(path):
        if len(found) == 1:
            found = found[0].children.get(name, _EMPTY)
        else:
            found = [child for each in found for child in each.children.get(name, _EMPTY)]
        if holds is not None:
            found = [each for each in found if holds(each)]
        if not found:
            break
    return found


@cache
def _steps(path: str) -> tuple[_Step, ...]:
    """Give the steps of a path, none for `.`. Raises UnknownSyntaxError for what is looked up in the XML alone."""
    tree = parse(path)
    if tree[:2] != ("path", ("context",)):
        raise UnknownSyntaxError(path)
    return tuple(_step(step, path) for step in tree[2] if step != ("self", ()))


def _step(step: Tree, path: str) -> _Step:
    if step[0] != "child" or len(step[2]) > 1:
        raise UnknownSyntaxError(path)
    return step[1], _test(step[2][0], path) if step[2] else None


def _test(tree: Tree, path: str) -> Callable[[Branch], bool]:
    """Give the function of `@a='b'` and `name/@a='b'`."""
    if tree[:2] != ("compare", "=") or tree[2][:2] != ("path", ("context",)) or tree[3][0] != "literal":
        raise UnknownSyntaxError(path)
    kinds, names, value = [step[0] for step in tree[2][2]], [step[1] for step in tree[2][2]], tree[3][1]
    if kinds == ["attribute"]:
        return lambda branch: branch.attributes.get(names[0]) == value
    if kinds == ["child", "attribute"]:
        return lambda branch: any(
            each.attributes.get(names[1]) == value for each in branch.children.get(names[0], _EMPTY)
        )
    raise UnknownSyntaxError(path)
