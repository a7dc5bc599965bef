"""Reading of the committed tables: tab-separated, `#` lines say source and date."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

__all__ = ["fold", "rows", "source"]

_FOLDER = Path(__file__).with_name("data")


def rows(name: str) -> Iterator[list[str]]:
    """Give the rows of a table, each a list of its cells."""
    with (_FOLDER / f"{name}.tsv").open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def source(name: str) -> str:
    """Say where a table comes from, and its date."""
    with (_FOLDER / f"{name}.tsv").open(encoding="utf-8") as file:
        file.readline()
        return file.readline().removeprefix("# Source: ").strip()


def fold(text: str) -> str:
    """Give the text without accents, in lower case, apostrophes and hyphens as blanks: for comparing names."""
    plain = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("Œ", "oe"))
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    words = "".join(letter if letter.isalnum() else " " for letter in letters)
    return " ".join(words.lower().split())
