"""The notice as the rules see it: each element with its children by name, so that a step of a path is one look-up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, cast, overload

from services.notices.eforms.xml import Element

__all__ = ["NONE", "Branch", "fell", "grow"]

NONE: Final[dict[str, list[Branch]]] = {}
_BARE: Final[dict[str, str]] = {}


class Branch:
    """An element, or an attribute where a rule is about one."""

    __slots__ = ("above", "attributes", "children", "tag", "text")

    def __init__(self, tag: str, text: str, above: Branch | None, attributes: dict[str, str] = _BARE) -> None:
        self.tag = tag
        self.text = text
        self.above = above
        self.attributes = attributes
        self.children: dict[str, list[Branch]] = NONE

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Give the value of an attribute, as an element of lxml does."""
        return self.attributes.get(name, default)

    def attribute(self, name: str) -> Branch:
        """Give an attribute as a branch of its own, for the rules about it."""
        return Branch(f"@{name}", self.attributes[name], self)


def grow(element: Element, above: Branch | None = None) -> Branch:
    """Give the branch of an element and of all below; depth was bounded by `xml.parse`. The XML itself is not held: it costs much to hold."""
    attributes = element.items()
    branch = Branch(
        element.tag,
        element.text or "",
        above,
        dict(cast("Iterable[tuple[str, str]]", attributes)) if attributes else _BARE,
    )
    if len(element):
        children: dict[str, list[Branch]] = {}
        for child in element:
            grown = grow(child, branch)
            if grown.tag in children:
                children[grown.tag].append(grown)
            else:
                children[grown.tag] = [grown]
        branch.children = children
    return branch


def fell(branch: Branch) -> None:
    """Let go of a branch and of all below, which are asked nothing more: where nothing points upward, Python frees it all at once."""
    branch.above = None
    for same in branch.children.values():
        for child in same:
            if child.children:
                fell(child)
            else:
                child.above = None
