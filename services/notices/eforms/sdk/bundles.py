"""The rules of one context, arranged so that the usual ones cost a look-up and the others are asked only where they can fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Final

from services.notices.eforms.sdk import compiler, gates, paths, shapes, table
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.ground import Ground
from services.notices.eforms.sdk.paths import Test
from services.notices.eforms.sdk.syntax import Tree, UnknownSyntaxError, parse
from services.notices.eforms.sdk.table import Rule
from services.notices.eforms.sdk.values import BLANKS, normal

__all__ = ["Bundle", "Failure"]

Failure = tuple[Rule, Branch]
"""A rule that does not hold, and where."""
Asked = tuple[Test, Rule]
Guarded = tuple[frozenset[str], frozenset[str], Test, Rule]
"""A rule to ask only where all of some children are there, and none of some others."""
_LENGTH: Final = ("call", "string-length", shapes.NORMAL)


_NOTHING: Final[dict[type, object]] = {list: [], dict: {}}


@dataclass(slots=True)
class _Child:
    """The rules that matter where there is a child of some name."""

    forbidden: list[Rule] = field(default_factory=list)
    single: list[Rule] = field(default_factory=list)
    languages: list[Asked] = field(default_factory=list)
    """Of a text in several languages: they hold where there is one text, in the one language of the notice."""
    asked: list[Asked] = field(default_factory=list)
    guarded: list[Guarded] = field(default_factory=list)


@dataclass(slots=True)
class _NoChild:
    """The rules that matter where there is no child of some name."""

    required: list[Rule] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)


@dataclass(slots=True)
class Bundle:
    """The rules of one context of a subtype, arranged when the first notice comes that has it: most never do."""

    _subtype: str
    _rules: list[Rule] = field(default_factory=list)
    _arranged: _Arranged | None = None
    check: Callable[[Branch, Ground, list[Failure]], None] = field(init=False)
    """Adds the rules that do not hold at a place."""

    def __post_init__(self) -> None:
        self.check = self._check_first

    def add(self, rule: Rule) -> None:
        """Take a rule, before any is asked."""
        self._rules.append(rule)

    def _check_first(self, branch: Branch, ground: Ground, failures: list[Failure]) -> None:
        """Arrange the rules, ask them, and have them asked without a detour from now on."""
        self.check = self.arranged.check
        self.check(branch, ground, failures)

    def check_attribute(self, branch: Branch, name: str, ground: Ground, failures: list[Failure]) -> None:
        """Add the rules that do not hold of an attribute; one of the codes that are asked for is no branch of its own."""
        if branch.attributes[name] not in (self._arranged or self.arranged).enough:
            self.check(branch.attribute(name), ground, failures)

    @property
    def arranged(self) -> _Arranged:
        """The rules, ready to be asked: one object for all subtypes that ask the same."""
        if self._arranged is None:
            self._arranged = _arranged(tuple(self._rules), tuple(_folded(rule, self._subtype) for rule in self._rules))
        return self._arranged


def _folded(rule: Rule, subtype: str) -> Tree | None:
    """Give the expression of a rule where the subtype makes another of it; None where it is as it is written."""
    try:
        tree = parse(rule.test)
    except UnknownSyntaxError:
        return None
    folded = shapes.fold(tree, subtype)
    return None if folded == tree else folded


@cache
def _arranged(rules: tuple[Rule, ...], folded: tuple[Tree | None, ...]) -> _Arranged:
    arranged = _Arranged()
    for rule, tree in zip(rules, folded, strict=True):
        try:
            arranged.add(rule, tree or parse(rule.test))
        except UnknownSyntaxError:
            arranged.unknown.append(rule)
    arranged.settle()
    return arranged


@dataclass(slots=True)
class _Arranged:
    """The rules of one context by what they look at."""

    stages: dict[str, int] = field(default_factory=dict)
    """Where the first rule of each stage stands in the official files: of two contexts that match, the first counts."""
    unknown: list[Rule] = field(default_factory=list)
    """Those whose expression cannot be read."""
    codes: list[tuple[frozenset[str], Rule]] = field(default_factory=list)
    lengths: list[tuple[float, Rule]] = field(default_factory=list)
    patterns: list[tuple[re.Pattern[str], Rule]] = field(default_factory=list)
    trimmed: list[Rule] = field(default_factory=list)
    attributes: list[tuple[str, Rule]] = field(default_factory=list)
    children: dict[str, _Child] = field(default_factory=dict)
    without: dict[str, _NoChild] = field(default_factory=dict)
    always: list[Asked] = field(default_factory=list)
    valued: bool = False
    """Whether there is any rule about the value."""
    good: frozenset[str] = frozenset()
    """Texts of which every rule about the value is known to hold: the codes that are asked for."""
    enough: frozenset[str] = frozenset()
    """The same, where there is no other rule."""

    def add(self, rule: Rule, tree: Tree) -> None:
        """Arrange a rule. Raises UnknownSyntaxError."""
        self.stages.setdefault(rule.stage, rule.number)
        if self._is_about_the_value(rule, tree) or self._is_about_a_child(rule, tree):
            return
        absent, present = gates.gates(tree)
        if absent:
            self._guard(rule, tree, absent, present)
        elif present:
            name = min(present)
            test = compiler.holds(gates.given(tree, (">", name)))
            self.without.setdefault(name, _NoChild()).asked.append((test, rule))
        else:
            test = compiler.holds(tree)
            self.always.append((paths.remember(test) if shapes.is_own_period(tree) else test, rule))

    def settle(self) -> None:
        """Find the texts that are sure to be good, and give back the memory of what stayed empty: there are hundreds of contexts to a subtype."""
        self.valued = bool(self.trimmed or self.codes or self.lengths or self.patterns)
        if self.codes:
            self.good = frozenset(filter(self._is_good, frozenset.intersection(*(codes for codes, _ in self.codes))))
        if not (self.attributes or self.children or self.without or self.always):
            self.enough = self.good
        parts: list[_Child | _NoChild | _Arranged] = [*self.children.values(), *self.without.values(), self]
        for part in parts:
            for name in (item.name for item in fields(part)):
                if not getattr(part, name) and type(getattr(part, name)) in _NOTHING:
                    setattr(part, name, _NOTHING[type(getattr(part, name))])

    def _guard(self, rule: Rule, tree: Tree, absent: frozenset[str], present: frozenset[str]) -> None:
        """Arrange a rule that can fail only where there are some children."""
        name = min(absent)
        child = self.children.setdefault(name, _Child())
        test = compiler.holds(gates.given(tree, ("=", name)))
        if shapes.is_about_languages(tree):
            child.languages.append((test, rule))
        elif len(absent) > 1 or present:
            child.guarded.append((absent - {name}, present, test, rule))
        else:
            child.asked.append((test, rule))

    def _is_about_the_value(self, rule: Rule, tree: Tree) -> bool:
        """Arrange a rule about the text or the attributes of the element itself; False when it is another."""
        if tree[0] == "compare" and tree[2] == shapes.NORMAL and (codes := shapes.codes(tree[3])):
            self.codes.append((codes, rule))
        elif tree[:3] == ("compare", "<=", _LENGTH):
            self.lengths.append((tree[3][1], rule))
        elif tree[:3] == ("call", "matches", shapes.NORMAL):
            self.patterns.append((re.compile(table.pattern(tree[3][1])), rule))
        elif tree == shapes.IS_TRIMMED:
            self.trimmed.append(rule)
        elif (name := shapes.attribute(tree)) is not None:
            self.attributes.append((name, rule))
        else:
            return False
        return True

    def _is_about_a_child(self, rule: Rule, tree: Tree) -> bool:
        """Arrange a rule about whether there is a child of a name; False when it is another."""
        found = shapes.child_count(tree)
        if found is None:
            return False
        sign, name = found
        if sign == ">":
            self.without.setdefault(name, _NoChild()).required.append(rule)
        else:
            child = self.children.setdefault(name, _Child())
            (child.forbidden if sign == "=" else child.single).append(rule)
        return True

    def check(self, branch: Branch, ground: Ground, failures: list[Failure]) -> None:
        """Add the rules that do not hold here."""
        if self.valued and branch.text not in self.good:
            self._check_value(branch, failures)
        for name, rule in self.attributes:
            if name not in branch.attributes:
                failures.append((rule, branch))
        if self.children:
            self._check_children(branch, ground, failures)
        if self.without:
            self._check_absent(branch, ground, failures)
        for test, rule in self.always:
            if not test(branch, ground):
                failures.append((rule, branch))

    def _check_value(self, branch: Branch, failures: list[Failure]) -> None:
        text = branch.text
        if self.trimmed and text != text.strip(BLANKS):
            failures.extend((rule, branch) for rule in self.trimmed)
        for codes, rule in self.codes:
            if normal(text) not in codes:
                failures.append((rule, branch))
        for longest, rule in self.lengths:
            if len(text) > longest and len(normal(text)) > longest:
                failures.append((rule, branch))
        for pattern, rule in self.patterns:
            if not pattern.search(normal(text)):
                failures.append((rule, branch))

    def _is_good(self, code: str) -> bool:
        found: list[Failure] = []
        self._check_value(Branch("", code, None), found)
        return code == normal(code) and not found

    def _check_children(self, branch: Branch, ground: Ground, failures: list[Failure]) -> None:
        known, there = self.children, branch.children.keys()
        for name, same in branch.children.items():
            rules = known.get(name)
            if rules is None:
                continue
            if rules.forbidden:
                failures.extend((rule, branch) for rule in rules.forbidden)
            if rules.single and len(same) > 1:
                failures.extend((rule, branch) for rule in rules.single)
            if rules.languages and (len(same) > 1 or same[0].attributes.get("languageID") != ground.language):
                failures.extend((rule, branch) for test, rule in rules.languages if not test(branch, ground))
            for test, rule in rules.asked:
                if not test(branch, ground):
                    failures.append((rule, branch))
            for needed, enough, test, rule in rules.guarded:
                if needed <= there and enough.isdisjoint(there) and not test(branch, ground):
                    failures.append((rule, branch))

    def _check_absent(self, branch: Branch, ground: Ground, failures: list[Failure]) -> None:
        present = branch.children
        for name, rules in self.without.items():
            if name not in present:
                failures.extend([(rule, branch) for rule in rules.required])
                failures.extend([(rule, branch) for test, rule in rules.asked if not test(branch, ground)])
