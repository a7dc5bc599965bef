"""What is asked of the text of a notice, said once for the search index and for the matcher.

A clause holds when one of its alternatives does: all of the atoms of it. A search holds when all its clauses do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from libs.common.search.words import QUOTES, acronym, exact_words, forms, plain

__all__ = ["MAX_TERMS", "Atom", "Branch", "Clause", "Phrase", "Term", "TooManyTermsError", "Word", "asked", "clauses_of", "either",
           "one_of", "phrase", "positive", "terms_of", "unwanted"]  # fmt: skip

MAX_TERMS: Final = 50
"""Of one query: nobody types more."""
_TERM: Final = re.compile(r'(?P<negative>-)?(?:"(?P<phrase>[^"]+)"|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Word:
    """A word, whatever its ending and accents: one of these stems is in the notice."""

    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """These words, folded, side by side in this order; a single one is an exact word."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A CPV code that begins so."""

    prefix: str


Atom = Word | Phrase | Branch
All = tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing asked: all atoms of one of the alternatives must be there, or none of the alternatives may."""

    alternatives: tuple[All, ...]
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One thing in a query: words or a phrase, wanted or not."""

    words: str
    phrase: bool = False
    negative: bool = False


class TooManyTermsError(ValueError):
    """The query has more terms than are looked for: none is left out in silence."""


def terms_of(query: str) -> list[Term]:
    """Read a query: words, "phrases" (also « »), and `-` before what is not wanted. Raises TooManyTermsError."""
    found = []
    for match in _TERM.finditer(" ".join(query.translate(QUOTES).split())):
        words = plain(match["phrase"] or match["word"])
        if words:
            quoted = match["phrase"] is not None
            found.append(Term(words, phrase=quoted or " " in words, negative=match["negative"] is not None))
    if len(set(found)) > MAX_TERMS:
        raise TooManyTermsError(f"Au plus {MAX_TERMS} termes.", f"At most {MAX_TERMS} terms.")
    return found


def clauses_of(query: str) -> tuple[Clause, ...]:
    """Give a query in clauses; stop words that stand alone are left out. Raises TooManyTermsError."""
    return tuple(dict.fromkeys(_clauses(terms_of(query))))


def asked(term: str) -> Clause | None:
    """Give the clause of a term of a list: each of its words, those written as one (haute-saône) side by side.

    None for a term without any word.
    """
    atoms = _atoms(term)
    return Clause((atoms,)) if atoms else None


def phrase(term: str) -> Clause | None:
    """Give the clause of an exact phrase, None for one without any word."""
    words = tuple(exact_words(plain(term)))
    return Clause(((Phrase(words),),)) if words else None


def one_of(terms: Iterable[str]) -> Clause:
    """Give the clause that one of some terms holds."""
    return Clause(tuple(dict.fromkeys(atoms for atoms in map(_atoms, terms) if atoms)))


def unwanted(term: str) -> Clause | None:
    """Give the clause of a term that may not be there: a word by its stems, several words as an exact phrase."""
    found = phrase(term) if " " in plain(term) else asked(term)
    return Clause(found.alternatives, negative=True) if found else None


def either(clauses: Sequence[Clause], prefixes: Iterable[str]) -> Clause:
    """Give the clause that all of these clauses hold, or a CPV code begins so. The clauses are positive."""
    whole: list[All] = [()]
    for clause in clauses:
        whole = [(*before, *atoms) for before in whole for atoms in clause.alternatives]
    return Clause((*(each for each in whole if each), *((Branch(prefix),) for prefix in prefixes)))


def positive(clauses: Iterable[Clause]) -> list[Clause]:
    """Give what is wanted."""
    return [clause for clause in clauses if not clause.negative]


def _clauses(terms: Iterable[Term]) -> Iterator[Clause]:
    for term in terms:
        atom = Phrase(tuple(exact_words(term.words))) if term.phrase else _atom(term.words)
        if not term.phrase and isinstance(atom, Phrase) and acronym(term.words) is None:
            continue  # a stop word between others: whoever means it puts it in quotes
        yield Clause(((atom,),), negative=term.negative)


def _atoms(term: str) -> All:
    found: list[Atom] = []
    for part in term.split():
        words = plain(part)
        if words:
            found.append(Phrase(tuple(exact_words(words))) if " " in words else _atom(words))
    return tuple(dict.fromkeys(found))


def _atom(word: str) -> Atom:
    """Give the atom of a word: an acronym and a stop word are exact."""
    exact = acronym(word)
    if exact is not None:
        return Phrase((exact,))
    found = forms(word)
    return Word(found) if found else Phrase(tuple(exact_words(word)))
