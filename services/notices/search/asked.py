"""The words of a search: read once, then asked of the index and of PostgreSQL in the same lexemes.

Each word is asked as its French stem without accents, as the stem of the word without accents, and as that word: notices hold
the first two of each of theirs. A stem is stemmed again, for the feminine without accent ("renovee" -> "renove" -> "renov").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from services.notices.search.text import QUOTES, fold, plain

__all__ = ["MAX_TERMS", "Clause", "Lexemes", "Term", "analyzer", "clauses_of", "positive", "terms_of", "tsquery_of"]

MAX_TERMS: Final = 20
_TERM: Final = re.compile(r'(?P<negative>-)?(?:"(?P<phrase>[^"]+)"|(?P<word>[^\s"]+))')
Lexemes = tuple[tuple[int, str], ...]
"""Lexemes one after the other, each with its place: a stop word in between leaves a gap."""

_STOP_WORDS: Final = """
au aux avec ce ces dans de des du elle en et eux il je la le leur lui ma mais me même mes moi mon ne nos notre nous on ou par
pas pour qu que qui sa se ses son sur ta te tes toi ton tu un une vos votre vous c d j l à m n s t y été étée étées étés étant
étante étants étantes suis es est sommes êtes sont serai seras sera serons serez seront serais serait serions seriez seraient
étais était étions étiez étaient fus fut fûmes fûtes furent sois soit soyons soyez soient fusse fusses fût fussions fussiez
fussent ayant ayante ayantes ayants eu eue eues eus ai as avons avez ont aurai auras aura aurons aurez auront aurais aurait
aurions auriez auraient avais avait avions aviez avaient eut eûmes eûtes eurent aie aies ait ayons ayez aient eusse eusses eût
eussions eussiez eussent
"""
"""Those of the Snowball project, which PostgreSQL's French configuration leaves out too."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked: words or a phrase, wanted or not."""

    words: str
    phrase: bool = False
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing asked, in lexemes: any of the alternatives must be there, or none of them may."""

    alternatives: tuple[Lexemes, ...]
    negative: bool = False


def terms_of(query: str) -> list[Term]:
    """Read a search: words, "phrases" (also « »), and `-` before what is not wanted. At most MAX_TERMS terms are kept.

    What holds several words without a blank (l'école, haute-saône, 2026-014) is a phrase.
    """
    found = []
    for match in _TERM.finditer(" ".join(query.translate(QUOTES).split())):
        words = plain(match["phrase"] or match["word"])
        if words:
            phrase = match["phrase"] is not None or " " in words
            found.append(Term(words, phrase=phrase, negative=match["negative"] is not None))
    return found[:MAX_TERMS]


def clauses_of(query: str) -> tuple[Clause, ...]:
    """Give a search in lexemes; terms of stop words alone are left out."""
    found = (Clause(_alternatives(term.words), negative=term.negative) for term in terms_of(query))
    return tuple(dict.fromkeys(clause for clause in found if clause.alternatives))


def tsquery_of(clauses: Sequence[Clause]) -> str | None:
    """Give the same as text of a tsquery; None where nothing is asked."""
    return " & ".join(_clause(clause) for clause in clauses) or None


@cache
def analyzer() -> TextAnalyzer:
    """Give what makes lexemes of a text, in the index and here: words, lower case, French stems, then no accents."""
    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
    stems = builder.filter(Filter.custom_stopword(_STOP_WORDS.split())).filter(Filter.stemmer("french"))
    return stems.filter(Filter.ascii_fold()).build()


def _alternatives(words: str) -> tuple[Lexemes, ...]:
    kept = [word for word in words.split() if analyzer().analyze(word)]
    if len(kept) == 1:
        return tuple(((0, lexeme),) for lexeme in dict.fromkeys(_forms(kept[0])))
    if not kept:
        return ()
    return tuple(dict.fromkeys(phrase for phrase in (_phrase(words), _phrase(fold(words))) if phrase))


def _forms(word: str) -> Iterator[str]:
    folded = fold(word)
    stems = [*analyzer().analyze(word), *analyzer().analyze(folded)]
    yield from stems
    yield folded
    for stem in stems:
        yield from analyzer().analyze(stem)


def _phrase(words: str) -> Lexemes:
    tokens = analyzer().pre_tokenize(words).tokens
    return tuple((token.position - tokens[0].position, token.text) for token in tokens)


def _clause(clause: Clause) -> str:
    either = " | ".join(_in_order(lexemes) for lexemes in clause.alternatives)
    return f"!({either})" if clause.negative else f"({either})"


def _in_order(lexemes: Lexemes) -> str:
    text, place = "", 0
    for position, lexeme in lexemes:
        text += (f" <{position - place}> " if text else "") + _quoted(lexeme)
        place = position
    return text


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def positive(clauses: Iterable[Clause]) -> list[Clause]:
    """Give what is wanted."""
    return [clause for clause in clauses if not clause.negative]
