"""The tables of attacks in the documentation name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEALING = (
    "offset lies", "wrong checksum", "length changed", "path tricks", "concatenation", "replayed receipts",
    "another consultation", "officer removed", "clock set back", "deadline moved", "disk full", "database away",
    "process killed", "k-1 officers", "swaps an officer's key", "swaps a deputy's key", "different offers",
)  # fmt: skip
"""Of issue 5, in its order, and what came with deputies."""
ALERTS = (
    "matches everything", "ten thousand terms", "catastrophic patterns", "script in a title", "header injection in a name",
    "never answers", "DNS rebinding", "IPv6-mapped and octal", "redirects to metadata", "5 GiB responses",
    "replayed unsubscribe links", "forged bounce", "duplicate and reordered events", "same Message-ID",
)  # fmt: skip
"""Of issue 6, in its order."""
WEBHOOKS = (
    "never answers", "DNS rebinding", "private", "loopback", "link-local", "multicast", "IPv6-mapped", "octal", "redirects to metadata",
    "proxy", "5 GiB", "slow drip", "user in the address", "ports", "without TLS", "certificate", "header injection", "secrets in answers",
)  # fmt: skip
"""Of issue 6, on the way to partners' endpoints."""
TABLES = pytest.mark.parametrize(
    ("page", "attacks"),
    [("docs/sealing.md", SEALING), ("docs/alerts.md", ALERTS), ("docs/webhooks.md", WEBHOOKS)],
    ids=["sealing", "alerts", "webhooks"],
)


def _rows(page: str) -> list[tuple[str, str]]:
    text = (ROOT / page).read_text().partition("| attack | test |")[2].partition("\n\n")[0]
    return [
        (row.split("|")[1], row.split("|")[2]) for row in text.splitlines() if row.startswith("|") and "---" not in row
    ]


@TABLES
def test_every_attack_has_a_row_in_order(page: str, attacks: tuple[str, ...]) -> None:
    told = [attack for attack, _ in _rows(page)]
    assert len(told) == len(attacks)
    assert all(words in each for words, each in zip(attacks, told, strict=True))


@TABLES
def test_every_test_of_the_table_exists_in_its_file(page: str, attacks: tuple[str, ...]) -> None:
    path, found = "", 0
    for _, tests in _rows(page):
        for each in re.finditer(r"`([\w/]+\.py)`|`(test_\w+)`", tests):
            path = each[1] or path
            if each[2]:
                assert f"def {each[2]}(" in (ROOT / "tests" / path).read_text(), each[2]
                found += 1
    assert found >= len(attacks)
