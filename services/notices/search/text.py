"""What is read of a notice's text, for PostgreSQL's French full text and for the index alike: pure.

The trap: the French stemmer needs accents ("adapté", "adaptée" -> "adapt"; "adaptee" -> "adapte"), and people leave them out.
So each text is indexed as it is written and once more without accents, and each word is asked both ways.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from libs.common.reference import cpv
from services.notices.content import NoticeContent

__all__ = ["MAX_TEXT", "QUOTES", "body_text", "cpv_branches", "fold", "plain"]

MAX_TEXT: Final = 40_000
"""Characters of a notice that are indexed: the plain words of it keep their places (PostgreSQL counts 16,383 of them)."""
QUOTES: Final = str.maketrans({"«": '"', "»": '"', "“": '"', "”": '"', "’": "'"})
_LIGATURES: Final = (("œ", "oe"), ("Œ", "OE"), ("æ", "ae"), ("Æ", "AE"), ("’", "'"))
_MARKS: Final = re.compile("[\u0300-\u036f]+")
_INITIALS: Final = re.compile(r"(?<!\w)(?:[^\W\d_]\.){2,}(?:[^\W\d_](?!\w))?")
_SEPARATORS: Final = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """Give the text in lower case, without accents nor ligatures."""
    if text.isascii():
        return text.lower()
    for ligature, letters in _LIGATURES:
        text = text.replace(ligature, letters)
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).lower()


def plain(text: str) -> str:
    """Give the words of a text, a blank between them; an acronym written with points is one word: D.C.E. is DCE."""
    joined = _INITIALS.sub(lambda match: match[0].replace(".", "") + " ", text) if "." in text else text
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFC", joined)).strip()


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
    return plain("\n".join(parts)[:MAX_TEXT])


def cpv_branches(content: NoticeContent) -> list[str]:
    """Give every prefix of 2 to 8 digits of every CPV code of a notice."""
    codes = {*content.cpv, *(code for lot in content.lots for code in lot.cpv)}
    return sorted({code[:length] for code in codes for length in range(2, 9)})
