"""What every match of a search must have, as sets of features: what searches are filed under, and what sorts most out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from libs.common.search.clauses import Atom, Branch, Clause, Phrase, Word
from services.alerts.matching.criteria import PLACES, Criteria, asked, phrase, unwanted
from services.alerts.matching.match import CODES
from services.alerts.matching.notice import NATIONAL

__all__ = ["Choice", "Group", "Needs", "needs_of", "needs_of_definition"]

Group = frozenset[str]
"""Features of one thing that is asked, a word's forms or a code; one of them is enough. Many searches share it, in memory too."""
Choice = tuple[Group, ...]
"""Things of which one is enough."""
_NATIONAL: Final[Group] = frozenset({NATIONAL})
_TERMS: Final[dict[str, Callable[[str], Clause]]] = {"words": asked, "phrases": phrase, "not": unwanted}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a search requires of the features of a notice (`Subject.features`)."""

    required: tuple[Choice, ...]
    """At least one of each."""
    forbidden: tuple[Group, ...]
    """None of these."""
    whole: bool
    """Whether this says all that the search asks of words and codes; else what is found must be held against it."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """What is required, as sets of features: at least one of each."""
        return tuple(frozenset().union(*choice) for choice in self.required)


def needs_of(criteria: Criteria) -> Needs:
    """Give what a search requires; its phases, value, distance and days are not among it."""
    return needs_of_definition(criteria.canonical())


def needs_of_definition(definition: Mapping[str, Any]) -> Needs:
    """Give what a search requires, by its canonical form: quicker, an index reads a million of them."""
    required, whole = [*_codes(definition), *_places(definition)], True
    for found, exact in _either(definition) if definition.get("either") else _text(definition):
        required += found
        whole &= exact
    forbidden, exact = _forbidden(definition)
    return Needs(tuple(dict.fromkeys(required)), tuple(dict.fromkeys(forbidden)), whole and exact)


def _text(definition: Mapping[str, Any]) -> Iterator[tuple[Iterable[Choice], bool]]:
    for name in ("words", "phrases"):
        for term in definition.get(name, ()):
            groups, exact = _of_term(name, term)
            yield ((group,) for group in groups), exact
    if alternatives := definition.get("any"):
        yield _choice([_of_term("words", term) for term in alternatives])


def _forbidden(definition: Mapping[str, Any]) -> tuple[list[Group], bool]:
    """Give what may not be there, and whether it says all of it: a long phrase or several words of one term do not."""
    forbidden, whole = [_code("buyers", code) for code in definition.get("not_buyers", ())], True
    if definition.get("national") == "excluded":
        forbidden.append(_NATIONAL)
    for groups, exact in (_of_term("not", term) for term in definition.get("not", ())):
        if exact and len(groups) == 1:
            forbidden += groups
        else:
            whole = False
    return forbidden, whole


def _either(definition: Mapping[str, Any]) -> Iterator[tuple[Iterable[Choice], bool]]:
    """Give what is required where the words or the codes will do: one of the first things of each alternative."""
    for criterion, _, clause in Criteria.stored(dict(definition)).text():
        if criterion == "either":
            yield _choice([_of_atoms(atoms) for atoms in clause.alternatives])


def _choice(alternatives: Sequence[tuple[Choice, bool]]) -> tuple[Iterable[Choice], bool]:
    """Give that the first thing of one of some alternatives is required, and whether this says all."""
    if len(alternatives) == 1:
        groups, exact = alternatives[0]
        return ((group,) for group in groups), exact
    telling = dict.fromkeys(groups[0] for groups, _ in alternatives)
    return [tuple(telling)], all(exact and len(groups) == 1 for groups, exact in alternatives)


@lru_cache(maxsize=200_000)
def _of_term(criterion: str, term: str) -> tuple[Choice, bool]:
    """Give the groups of one term, all of them required, and whether they say all of it."""
    return _of_atoms(_TERMS[criterion](term).alternatives[0])


def _of_atoms(atoms: Iterable[Atom]) -> tuple[Choice, bool]:
    return tuple(group for atom in atoms for group in _groups(atom)), all(map(_is_exact, atoms))


def _codes(definition: Mapping[str, Any]) -> Iterator[Choice]:
    for name in CODES:
        if values := definition.get(name):
            yield tuple(_code(name, value) for value in values)
    if (prefixes := definition.get("cpv")) and not definition.get("either"):
        yield tuple(_code("c", prefix) for prefix in prefixes)


def _places(definition: Mapping[str, Any]) -> Iterator[Choice]:
    national = definition.get("national")
    beside = (_NATIONAL,) if national == "included" else ()
    for name in PLACES:
        if values := definition.get(name):
            yield (*(_code(name, value) for value in values), *beside)
    if national == "only":
        yield (_NATIONAL,)


@lru_cache(maxsize=50_000)
def _code(kind: str, code: str) -> Group:
    return frozenset({f"{kind}:{code}"})


def _groups(atom: Atom) -> list[Group]:
    """Give the groups of an atom; a long phrase has all its pairs of neighbours."""
    match atom:
        case Word(forms):
            return [frozenset(f"w:{form}" for form in forms)]
        case Phrase((word,)):
            return [frozenset({f"e:{word}"})]
        case Phrase(words):
            return [frozenset({f"e:{one} {other}"}) for one, other in pairwise(words)]
        case Branch(prefix):
            return [_code("c", prefix)]


def _is_exact(atom: Atom) -> bool:
    return not isinstance(atom, Phrase) or len(atom.words) <= 2
