"""The smallest tests, that conditions are full of, each as one function: is there a child, has it one of these codes."""

from __future__ import annotations

from typing import Final

from services.notices.eforms.sdk import shapes
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.ground import Ground
from services.notices.eforms.sdk.paths import Test
from services.notices.eforms.sdk.syntax import Tree
from services.notices.eforms.sdk.values import normal

__all__ = ["shortcut"]

_NONE: Final[list[Branch]] = []


def shortcut(tree: Tree) -> Test | None:
    """Give the function of a test of one or two plain steps; None for another."""
    if tree[0] == "compare":
        codes = shapes.codes(tree[3]) if tree[1] == "=" else None
        return _coded(tree[2], codes) if codes is not None else None
    if tree[:2] == ("call", "not"):
        return _absent(tree[2])
    return _present(tree)


def _steps(tree: Tree) -> tuple[tuple[str, str], ...]:
    """Give kind and name of the steps of a plain path downward, none for another expression."""
    if tree[:2] != ("path", ("context",)):
        return ()
    found = []
    for step in tree[2]:
        if step == shapes.TEXT_CALL:
            found.append(("text", ""))
        elif step[0] in {"child", "attribute"} and not step[2]:
            found.append((step[0], step[1]))
        else:
            return ()
    return tuple(found)


def _present(tree: Tree) -> Test | None:
    steps = _steps(tree)
    kinds, names = [kind for kind, _ in steps], [name for _, name in steps]
    if kinds == ["child"]:
        name = names[0]
        return lambda branch, _: name in branch.children
    if kinds == ["child", "child"]:
        first, second = names

        def present(branch: Branch, _: Ground) -> bool:
            for each in branch.children.get(first, _NONE):  # noqa: SIM110  # no generator for so many
                if second in each.children:
                    return True
            return False

        return present
    return None


def _absent(tree: Tree) -> Test | None:
    steps = _steps(tree)
    if len(steps) == 1 and steps[0][0] == "child":
        name = steps[0][1]
        return lambda branch, _: name not in branch.children
    present = _present(tree)
    return None if present is None else lambda branch, ground: not present(branch, ground)


def _coded(tree: Tree, codes: frozenset[str]) -> Test | None:
    """Know `@a = codes`, `child/@a = codes`, `child = codes` and `child/normalize-space(text()) = codes`."""
    steps = _steps(tree)
    kinds, names = [kind for kind, _ in steps], [name for _, name in steps]
    if kinds == ["attribute"]:
        name = names[0]
        return lambda branch, _: branch.attributes.get(name) in codes
    if kinds == ["child", "attribute"]:
        return _coded_attribute(names[0], names[1], codes)
    if kinds == ["child", "text"]:
        return _coded_text(names[0], codes)
    return None


def _coded_attribute(child: str, attribute: str, codes: frozenset[str]) -> Test:
    def coded(branch: Branch, _: Ground) -> bool:
        for each in branch.children.get(child, _NONE):  # noqa: SIM110
            if each.attributes.get(attribute) in codes:
                return True
        return False

    return coded


def _coded_text(child: str, codes: frozenset[str]) -> Test:
    def coded(branch: Branch, _: Ground) -> bool:
        for each in branch.children.get(child, _NONE):  # noqa: SIM110
            if each.text in codes or normal(each.text) in codes:
                return True
        return False

    return coded
