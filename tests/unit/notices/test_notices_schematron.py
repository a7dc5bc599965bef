"""The judge of exported notices is one: of official invalid notices it reports the fatal rules that their own reports do."""

from __future__ import annotations

import pytest

from tests.schematron import judge, variants
from tests.schematron.reports import difference, examples
from tests.unit.notices.notices_samples import eforms

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


@pytest.mark.skipif(not judge.available(), reason="official Schematron not available (HALLES_STANDARDS)")
@pytest.mark.parametrize("number", [1, 2])
def test_of_a_notice_with_one_thing_wrong_our_rules_say_what_the_schematron_says(number: int) -> None:
    """Rule by rule, on notices made here: nothing missed, nothing more."""
    notice = eforms(number).replace(b"eforms-sdk-1.13", b"eforms-sdk-1.15")
    made = list(variants.mutants(notice, f"sample {number}", 60))
    verdicts = judge.attempt([data for _, data in made])
    told = [
        (name, data, breaches) for (name, data), breaches in zip(made, verdicts, strict=True) if breaches is not None
    ]
    assert len(told) > 40
    assert sum(bool(breaches) for _, _, breaches in told) > 30
    for name, data, breaches in told:
        assert variants.difference(data, breaches) == ([], []), name
