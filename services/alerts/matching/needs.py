"""What every match of a search must have, as sets of features: what searches are filed under, and what sorts most out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from libs.common.search.clauses import Atom, Branch, Clause, Phrase, Word
from services.alerts.matching.criteria import PLACES, Criteria, asked, phrase, unwanted
from services.alerts.matching.match import CODES
from services.alerts.matching.notice import NATIONAL

__all__ = ["Needs", "needs_of"]

_TERMS: Final[dict[str, Callable[[str], Clause]]] = {"words": asked, "phrases": phrase, "not": unwanted}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a search requires of the features of a notice (`Subject.features`)."""

    groups: tuple[frozenset[str], ...]
    """At least one of each group."""
    forbidden: frozenset[str]
    """None of these."""
    whole: bool
    """Whether this says all that the search asks of words and codes; else what is found must be held against it."""


def needs_of(criteria: Criteria) -> Needs:
    """Give what a search requires; its phases, value, distance and days are not among it."""
    groups = [*_codes(criteria), *_places(criteria)]
    forbidden = {f"buyers:{code}" for code in criteria.not_buyers}
    if criteria.national == "excluded":
        forbidden.add(NATIONAL)
    whole = True
    for criterion, wanted, clause in criteria.text():
        found, exact = _of_term(criterion, wanted) if criterion in _TERMS else _clause(clause)
        whole &= exact
        if not clause.negative:
            groups += found
        elif exact:
            forbidden |= found[0]
    return Needs(tuple(dict.fromkeys(groups)), frozenset(forbidden), whole)


@lru_cache(maxsize=200_000)
def _of_term(criterion: str, term: str) -> tuple[list[frozenset[str]], bool]:
    """Give the groups of one term: many searches share them, in memory too."""
    return _clause(_TERMS[criterion](term))


def _codes(criteria: Criteria) -> Iterator[frozenset[str]]:
    for name in CODES:
        if values := getattr(criteria, name):
            yield frozenset(f"{name}:{value}" for value in values)
    if criteria.cpv and not criteria.either:
        yield frozenset(f"c:{prefix}" for prefix in criteria.cpv)


def _places(criteria: Criteria) -> Iterator[frozenset[str]]:
    beside = {NATIONAL} if criteria.national == "included" else set()
    for name in PLACES:
        if values := getattr(criteria, name):
            yield frozenset({f"{name}:{value}" for value in values} | beside)
    if criteria.national == "only":
        yield frozenset({NATIONAL})


def _clause(clause: Clause) -> tuple[list[frozenset[str]], bool]:
    """Give the groups of a clause, and whether they say all of it."""
    exact = all(_is_exact(atom) for atoms in clause.alternatives for atom in atoms)
    if len(clause.alternatives) == 1:
        atoms = clause.alternatives[0]
        groups = [group for atom in atoms for group in _groups(atom)]
        return groups, exact and (len(groups) == 1 or not clause.negative)
    telling = [_groups(atoms[0])[0] for atoms in clause.alternatives]
    single = all(len(atoms) == 1 for atoms in clause.alternatives)
    return [frozenset().union(*telling)], exact and single


def _groups(atom: Atom) -> list[frozenset[str]]:
    """Give the groups of an atom; a long phrase has all its pairs of neighbours."""
    match atom:
        case Word(forms):
            return [frozenset(f"w:{form}" for form in forms)]
        case Phrase((word,)):
            return [frozenset({f"e:{word}"})]
        case Phrase(words):
            return [frozenset({f"e:{one} {other}"}) for one, other in pairwise(words)]
        case Branch(prefix):
            return [frozenset({f"c:{prefix}"})]


def _is_exact(atom: Atom) -> bool:
    return not isinstance(atom, Phrase) or len(atom.words) <= 2
