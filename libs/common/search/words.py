"""French words as searches compare them: letter case, accents, plurals and endings do not count.

The trap: the French stemmer needs accents ("adapté", "adaptée" -> "adapt"; "adaptee" -> "adapte"), and people leave them out.
So each word of a notice has two stems, of the word as written and of the word without accents, and a word that is asked is
looked for as both, as itself, and as the stems of those: "renovee" -> "renove" -> "renov".
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

__all__ = ["QUOTES", "STOP_WORDS", "acronym", "analyzer", "capitals", "exact_words", "fold", "forms", "plain", "stems"]

QUOTES: Final = str.maketrans({"«": '"', "»": '"', "“": '"', "”": '"', "’": "'", "ʼ": "'"})
_LIGATURES: Final = (("œ", "oe"), ("Œ", "OE"), ("æ", "ae"), ("Æ", "AE"), ("ø", "o"), ("Ø", "O"), ("ł", "l"), ("Ł", "L"),
                     ("ß", "ss"), ("’", "'"))  # fmt: skip
_MARKS: Final = re.compile("[\u0300-\u036f]+")
_INITIALS: Final = re.compile(r"(?<!\w)(?:[^\W\d_]\.){2,}(?:[^\W\d_](?!\w))?")
_ELIDED: Final = re.compile(r"(?<!\w)(?:[ldjmnstc]|(?:jusqu|lorsqu|puisqu|quoiqu|qu))['’ʼ](?=\w)", re.IGNORECASE)
"""What French puts before an apostrophe: « l'école » is the word « école »."""
_SEPARATORS: Final = re.compile(r"[\W_]+")
_ACRONYM: Final = re.compile(r"(?=.*[A-Z].*[A-Z])[A-Z0-9]{2,5}")
_LONGEST: Final = 60
"""Letters; what is longer is no word, and is only found as it is."""

STOP_WORDS: Final = frozenset(
    [
        "au",
        "aux",
        "avec",
        "ce",
        "ces",
        "dans",
        "de",
        "des",
        "du",
        "elle",
        "en",
        "et",
        "eux",
        "il",
        "je",
        "la",
        "le",
        "leur",
        "lui",
        "ma",
        "mais",
        "me",
        "même",
        "mes",
        "moi",
        "mon",
        "ne",
        "nos",
        "notre",
        "nous",
        "on",
        "ou",
        "par",
        "pas",
        "pour",
        "qu",
        "que",
        "qui",
        "sa",
        "se",
        "ses",
        "son",
        "sur",
        "ta",
        "te",
        "tes",
        "toi",
        "ton",
        "tu",
        "un",
        "une",
        "vos",
        "votre",
        "vous",
        "c",
        "d",
        "j",
        "l",
        "à",
        "m",
        "n",
        "s",
        "t",
        "y",
        "été",
        "étée",
        "étées",
        "étés",
        "étant",
        "étante",
        "étants",
        "étantes",
        "suis",
        "es",
        "est",
        "sommes",
        "êtes",
        "sont",
        "serai",
        "seras",
        "sera",
        "serons",
        "serez",
        "seront",
        "serais",
        "serait",
        "serions",
        "seriez",
        "seraient",
        "étais",
        "était",
        "étions",
        "étiez",
        "étaient",
        "fus",
        "fut",
        "fûmes",
        "fûtes",
        "furent",
        "sois",
        "soit",
        "soyons",
        "soyez",
        "soient",
        "fusse",
        "fusses",
        "fût",
        "fussions",
        "fussiez",
        "fussent",
        "ayant",
        "ayante",
        "ayantes",
        "ayants",
        "eu",
        "eue",
        "eues",
        "eus",
        "ai",
        "as",
        "avons",
        "avez",
        "ont",
        "aurai",
        "auras",
        "aura",
        "aurons",
        "aurez",
        "auront",
        "aurais",
        "aurait",
        "aurions",
        "auriez",
        "auraient",
        "avais",
        "avait",
        "avions",
        "aviez",
        "avaient",
        "eut",
        "eûmes",
        "eûtes",
        "eurent",
        "aie",
        "aies",
        "ait",
        "ayons",
        "ayez",
        "aient",
        "eusse",
        "eusses",
        "eût",
        "eussions",
        "eussiez",
        "eussent",
    ]
)
"""Those of the Snowball project, which PostgreSQL's French configuration leaves out too."""
HOMONYMS: Final = STOP_WORDS | frozenset(
    ["si", "or", "car", "ni", "cet", "plus", "tout", "tous", "sans", "sous", "vers", "chez", "lors", "ses", "ceux"]
)
"""Words that say nothing unless they are in capitals: SI is a système d'information, « si » is not."""


def fold(text: str) -> str:
    """Give the text in lower case, without accents nor ligatures."""
    if text.isascii():
        return text.lower()
    for ligature, letters in _LIGATURES:
        text = text.replace(ligature, letters)
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).lower()


def plain(text: str) -> str:
    """Give the words of a text, a blank between them; an acronym written with points is one word: D.C.E. is DCE.

    Elided articles are left out: « l'école » is « école ».
    """
    joined = _INITIALS.sub(lambda match: match[0].replace(".", "") + " ", text) if "." in text else text
    whole = _ELIDED.sub(" ", joined) if "'" in joined or "’" in joined or "ʼ" in joined else joined
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFC", whole)).strip()


@lru_cache(maxsize=300_000)
def stems(word: str) -> tuple[str, ...]:
    """Give what a notice that holds this word is found by: one or two stems; none for a stop word."""
    if len(word) > _LONGEST:
        return (fold(word),)
    found = dict.fromkeys([*analyzer().analyze(word), *analyzer().analyze(_flat(word))])
    return tuple(found)


@lru_cache(maxsize=100_000)
def forms(word: str) -> tuple[str, ...]:
    """Give what a word that is asked is looked for as: one of these must be a stem in the notice; none for a stop word."""
    if not analyzer().analyze(word):
        return ()
    if len(word) > _LONGEST:
        return (fold(word),)
    first = [*analyzer().analyze(word), *analyzer().analyze(_flat(word))]
    again = [stem for each in first for stem in analyzer().analyze(each)]
    return tuple(dict.fromkeys([*first, _flat(word), *again]))


def exact_words(text: str) -> list[str]:
    """Give the words of a plain text as exact phrases compare them: folded, all of them, in their order."""
    return [_flat(word) for word in text.split()]


def capitals(text: str) -> list[str]:
    """Give the words of a plain text in capitals that in small letters would say nothing: SI, EST."""
    return [word for word in dict.fromkeys(text.split()) if word.isupper() and word.lower() in HOMONYMS]


def acronym(word: str) -> str | None:
    """Give how a word of two to five capitals (AMO, SIG, DCE) is looked for: exactly, without endings; None for another.

    One that is also a small word (SI, EST) is found in capitals only, as this gives it; the others whatever their case.
    """
    if not _ACRONYM.fullmatch(word):
        return None
    return word if word.lower() in HOMONYMS else word.lower()


@cache
def analyzer() -> TextAnalyzer:
    """Give what makes lexemes of a text: words, lower case, French stems, then no accents."""
    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
    stemmed = builder.filter(Filter.custom_stopword(sorted(STOP_WORDS))).filter(Filter.stemmer("french"))
    return stemmed.filter(Filter.ascii_fold()).build()


@lru_cache(maxsize=300_000)
def _flat(word: str) -> str:
    return _SEPARATORS.sub("", fold(word)) or word
