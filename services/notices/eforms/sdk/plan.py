"""The rules of a subtype arranged as a tree of contexts, and one walk over a notice that asks each rule where it applies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Final

from services.notices.eforms.sdk import compiler, table
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.bundles import Bundle, Failure
from services.notices.eforms.sdk.ground import Ground
from services.notices.eforms.sdk.paths import Test
from services.notices.eforms.sdk.syntax import Tree, UnknownSyntaxError, parse_path
from services.notices.eforms.sdk.table import Rule
from services.notices.eforms.sdk.values import BLANKS

__all__ = ["EMPTY", "failures", "unsupported"]

EMPTY: Final = "element-not-empty"
"""The subject of the one rule that holds everywhere: no element is empty."""


@dataclass(slots=True)
class _Place:
    """A step in the tree of contexts."""

    below: dict[str, list[tuple[tuple[Test, ...], _Place]]] = field(default_factory=dict)
    attributes: dict[str, Bundle] = field(default_factory=dict)
    bundle: Bundle | None = None
    known: dict[tuple[str, tuple[Tree, ...]], _Place] = field(default_factory=dict)

    def step(self, name: str, conditions: tuple[Tree, ...]) -> _Place:
        """Give the place below, made if need be."""
        key = name, conditions
        if key not in self.known:
            self.known[key] = _Place()
            self.below.setdefault(name, []).append((tuple(map(compiler.holds, conditions)), self.known[key]))
        return self.known[key]

    def settle(self) -> None:
        """Give back the memory that only building took, here and below."""
        self.known = _KNOWN
        for steps in self.below.values():
            for _, place in steps:
                place.settle()


_KNOWN: Final[dict[tuple[str, tuple[Tree, ...]], _Place]] = {}
_NOWHERE: Final[list[tuple[tuple[Test, ...], _Place]]] = []


@dataclass(slots=True)
class _Plan:
    """The rules of a subtype."""

    root: _Place = field(default_factory=_Place)
    bundles: dict[str, Bundle] = field(default_factory=dict)
    """By their context, as it is written."""
    empty: Rule | None = None


@cache
def _plan(code: str) -> _Plan:
    plan = _Plan()
    for rule in table.rules(code):
        if rule.subject == EMPTY:
            plan.empty = rule
            continue
        bundle = plan.bundles.get(rule.context)
        if bundle is None:
            bundle = plan.bundles[rule.context] = _bundle(plan.root, parse_path(rule.context), code)
        bundle.add(rule)
    plan.root.settle()
    return plan


def _bundle(place: _Place, steps: tuple[Tree, ...], code: str) -> Bundle:
    for step in steps:
        if step[0] == "attribute":
            return place.attributes.setdefault(step[1], Bundle(code))
        if step[0] != "child":
            raise UnknownSyntaxError(step[0])
        place = place.step(step[1], step[2])
    if place.bundle is None:
        place.bundle = Bundle(code)
    return place.bundle


def unsupported(code: str) -> tuple[Rule, ...]:
    """Give the rules of a subtype that cannot be asked here."""
    return tuple(rule for bundle in _plan(code).bundles.values() for rule in bundle.arranged.unknown)


def failures(root: Branch, code: str, most: int) -> list[Failure]:
    """Give the rules of a subtype that do not hold, up to a little more than `most`.

    Raises TooMuchWorkError for a notice built to hold the checker up.
    """
    plan = _plan(code)
    walk = _Walk(Ground(root, code), plan.empty, most)
    walk.visit(root, [plan.root])
    return walk.found


class _Walk:
    """One walk over a notice, in the order of the document."""

    def __init__(self, ground: Ground, empty: Rule | None, most: int) -> None:
        self.found: list[Failure] = []
        self._ground = ground
        self._empty = empty
        self._most = most

    def visit(self, branch: Branch, places: list[_Place]) -> None:
        """Ask the rules of an element and of all below."""
        if len(places) == 1:
            self._ask(branch, places[0])
        elif places:
            self._ask_first_of_each_stage(branch, places)
        for name, children in branch.children.items():
            if len(self.found) > self._most:
                return
            if len(places) == 1:
                below = places[0].below.get(name, _NOWHERE)
            else:
                below = [step for place in places for step in place.below.get(name, _NOWHERE)]
            if len(below) == 1 and not below[0][0]:
                self._visit_all(children, below[0][1])
            else:
                for child in children:
                    self._enter(child, [place for tests, place in below if self._hold(tests, child)])

    def _visit_all(self, children: list[Branch], place: _Place) -> None:
        """Visit elements that one context alone matches."""
        places = [place]
        for child in children:
            if child.children:
                self.visit(child, places)
            else:
                if place.bundle is not None and not place.attributes:
                    place.bundle.check(child, self._ground, self.found)
                else:
                    self._ask(child, place)
                if not child.text or child.text.isspace():
                    self._note_empty(child)

    def _enter(self, child: Branch, places: list[_Place]) -> None:
        self.visit(child, places)
        if not child.children and (not child.text or child.text.isspace()):
            self._note_empty(child)

    def _note_empty(self, branch: Branch) -> None:
        if self._empty and not branch.text.strip(BLANKS):
            self.found.append((self._empty, branch))

    def _hold(self, tests: tuple[Test, ...], branch: Branch) -> bool:
        for test in tests:  # noqa: SIM110  # no generator a child
            if not test(branch, self._ground):
                return False
        return True

    def _ask(self, branch: Branch, place: _Place) -> None:
        if place.bundle is not None:
            place.bundle.check(branch, self._ground, self.found)
        if place.attributes:
            for name, bundle in place.attributes.items():
                if name in branch.attributes:
                    bundle.check_attribute(branch, name, self._ground, self.found)

    def _ask_first_of_each_stage(self, branch: Branch, places: list[_Place]) -> None:
        """Ask, of several contexts that match, the first of each stage: as the official files are read."""
        first: dict[str, int] = {}
        for bundle in (place.bundle for place in places if place.bundle):
            for stage, number in bundle.arranged.stages.items():
                first[stage] = min(number, first.get(stage, number))
        before, self.found = self.found, []
        for place in places:
            self._ask(branch, place)
            stages = place.bundle.arranged.stages if place.bundle else {}
            kept = (item for item in self.found if stages.get(item[0].stage, -1) == first.get(item[0].stage, -1))
            before.extend(kept)
            self.found = []
        self.found = before
