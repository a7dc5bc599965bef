"""The judge of exported notices is one: of official invalid notices it reports the fatal rules that their own reports do."""

from __future__ import annotations

import pytest

from tests.schematron import judge
from tests.schematron.reports import difference, examples

INVALID = examples("INVALID_*")
VALID = [*examples("cn_24_minimal"), *examples("E4_minimal"), *examples("pin-only_24")]


@pytest.mark.skipif(
    not (judge.available() and INVALID and VALID), reason="official Schematron not available (HALLES_STANDARDS)"
)
def test_the_judge_finds_the_fatal_rules_of_the_official_reports() -> None:
    for name, notice, reported in (*INVALID, *VALID):
        [judged] = judge.judge([notice])
        assert difference(reported, judged) == ([], []), name
        assert bool(reported) == name.startswith("INVALID"), name
