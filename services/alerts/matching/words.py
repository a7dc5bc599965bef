"""French words as the search compares them: letter case, accents, plurals and endings do not count.

A stemmer needs the accents that people leave out in capitals or on a phone, so each word has two stems: that of the word
as written, and that of the word without accents. Two words are the same when they share one of their stems.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

__all__ = ["Text", "fold", "phrase", "read", "stems", "written"]

_WORD = re.compile(r"[^\W_]+(?:['’](?=[^\W_]))?")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l"})
_ELIDED = frozenset({"l", "d", "j", "m", "n", "s", "t", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu"})
"""What French puts before an apostrophe: « l'école » is the word « école »."""
_STEMMER = snowballstemmer.stemmer("french")
_LONGEST = 60
"""Letters; what is longer is no word, and would keep the stemmer busy."""
_GAP = 1_000
"""Distance between two parts of a text, so that no phrase runs from the title into the description."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, word by word: what matching needs of a notice."""

    stems: dict[str, str]
    """Each stem and the first word, as written, that has it."""
    places: dict[str, tuple[int, ...]]
    """Each word, folded, and its places in the text."""

    def holds(self, words: Sequence[str]) -> bool:
        """Tell whether these folded words stand side by side, in this order."""
        if not words:
            return False
        starts = self.places.get(words[0], ())
        others = [frozenset(self.places.get(word, ())) for word in words[1:]]
        return any(all(start + shift in other for shift, other in enumerate(others, 1)) for start in starts)


def fold(text: str) -> str:
    """Give the text in lower case, without accents or ligatures."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).translate(_LIGATURES)


@lru_cache(maxsize=200_000)
def stems(word: str) -> tuple[str, ...]:
    """Give the stems of a word: as written, and without its accents. One when both agree."""
    low = unicodedata.normalize("NFC", word.lower())
    plain = fold(low)
    if len(low) > _LONGEST:
        return (plain,)
    first, second = fold(_STEMMER.stemWord(low)), _STEMMER.stemWord(plain)
    return (first,) if first == second else (first, second)


def phrase(text: str) -> tuple[str, ...]:
    """Give the words of a phrase, folded, in order; elided articles left out."""
    return tuple(folded for _, folded in _words(text))


def written(text: str) -> tuple[str, ...]:
    """Give the words of a term as written, elided articles left out: « l'école » is « école »."""
    return tuple(word for word, _ in _words(text))


def read(*parts: str) -> Text:
    """Read a text made of parts: a title, a description."""
    found: dict[str, str] = {}
    places: dict[str, list[int]] = {}
    place = 0
    for part in parts:
        for written, folded in _words(part):
            for stem in stems(written):
                found.setdefault(stem, written)
            places.setdefault(folded, []).append(place)
            place += 1
        place += _GAP
    return Text(found, {word: tuple(at) for word, at in places.items()})


def _words(text: str) -> list[tuple[str, str]]:
    """Cut into words: as written, and folded. An upper-case « L'ÉCOLE » is cut like « l'école »."""
    words = []
    for token in _WORD.findall(unicodedata.normalize("NFKC", text).replace("ʼ", "’")):
        bare = token.rstrip("'’")
        folded = fold(bare)
        if bare != token and folded in _ELIDED:
            continue
        words.append((bare, folded))
    return words
