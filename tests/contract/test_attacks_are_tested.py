"""The table of attacks in docs/sealing.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ATTACKS = (
    "offset lies", "wrong checksum", "length changed", "path tricks", "concatenation", "replayed receipts",
    "another consultation", "officer removed", "clock set back", "deadline moved", "disk full", "database away",
    "process killed", "k-1 officers", "swaps an officer's key", "swaps a deputy's key", "different offers",
)  # fmt: skip
"""Of issue 5, in its order, and what came with deputies."""


def _rows() -> list[tuple[str, str]]:
    text = (ROOT / "docs/sealing.md").read_text().partition("| attack | test |")[2].partition("\n\n")[0]
    return [
        (row.split("|")[1], row.split("|")[2]) for row in text.splitlines() if row.startswith("|") and "---" not in row
    ]


def test_every_attack_has_a_row_in_order() -> None:
    told = [attack for attack, _ in _rows()]
    assert len(told) == len(ATTACKS)
    assert all(words in each for words, each in zip(ATTACKS, told, strict=True))


def test_every_test_of_the_table_exists_in_its_file() -> None:
    path = ""
    for _, tests in _rows():
        for found in re.finditer(r"`([\w/]+\.py)`|`(test_\w+)`", tests):
            path = found[1] or path
            if found[2]:
                assert f"def {found[2]}(" in (ROOT / "tests" / path).read_text(), found[2]
