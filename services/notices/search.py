"""The words of a search and of a notice, prepared for PostgreSQL's French full text: pure.

The trap: the French stemmer needs accents ("adapté", "adaptée" -> "adapt"; "adaptee" -> "adapte"), and people leave them out.
So each text is indexed three times (French stems; French stems of the text without accents; its plain words without
accents) and each word is asked the same three ways.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from libs.common.reference import cpv
from services.notices.content import NoticeContent

__all__ = ["Term", "body_text", "cpv_branches", "fold", "terms_of"]

MAX_TEXT: Final = 40_000
"""Characters of a notice that are indexed: the plain words of it keep their places (PostgreSQL counts 16,383 of them)."""
MAX_TERMS: Final = 20
_TERM: Final = re.compile(r'(?P<negative>-)?(?:"(?P<phrase>[^"]+)"|(?P<word>[^\s"]+))')
_QUOTES: Final = str.maketrans({"«": '"', "»": '"', "“": '"', "”": '"', "’": "'"})


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked: words or a phrase, wanted or not."""

    words: str
    phrase: bool = False
    negative: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give it as the SQL function `text_query` reads it."""
        return {
            "words": self.words,
            "folded": fold(self.words),
            "phrase": self.phrase,
            "negative": self.negative,
        }


def terms_of(query: str) -> list[Term]:
    """Read a search: words, "phrases" (also « »), and `-` before what is not wanted. At most MAX_TERMS terms are kept."""
    found = []
    for match in _TERM.finditer(" ".join(query.translate(_QUOTES).split())):
        words = (match["phrase"] or match["word"]).replace("'", " ").strip()
        if any(letter.isalnum() for letter in words):
            phrase = match["phrase"] is not None or len(words.split()) > 1 or "-" in words
            found.append(Term(words, phrase=phrase, negative=match["negative"] is not None))
    return found[:MAX_TERMS]


def fold(text: str) -> str:
    """Give the text in lower case, without accents nor ligatures."""
    plain = unicodedata.normalize(
        "NFKD", text.replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae").replace("’", "'")
    )
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()


def body_text(content: NoticeContent) -> str:
    """Give what is searched beside the title: descriptions, lots, buyer, reference, labels of the CPV codes."""
    lots = (f"{lot.title}\n{lot.description}" for lot in content.lots)
    codes = dict.fromkeys((*content.cpv, *(code for lot in content.lots for code in lot.cpv)))
    labels = (cpv.label(code) for code in codes if cpv.exists(code))
    winners = (result.winner_name or "" for result in content.results)
    parts = (
        content.description,
        content.buyer.name,
        content.buyer.city or "",
        content.internal_reference or "",
        *lots,
        *labels,
        *winners,
    )
    return "\n".join(parts).translate(_QUOTES)[:MAX_TEXT]


def cpv_branches(content: NoticeContent) -> list[str]:
    """Give every prefix of 2 to 8 digits of every CPV code of a notice."""
    codes = {*content.cpv, *(code for lot in content.lots for code in lot.cpv)}
    return sorted({code[:length] for code in codes for length in range(2, 9)})
