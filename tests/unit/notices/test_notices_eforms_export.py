"""Export of eForms: valid against the schema, no fatal rule of the official Schematron broken, what is missing asked for."""

from __future__ import annotations

import pytest

from services.notices import amending, awards
from services.notices.content import NoticeContent
from services.notices.eforms import schema
from services.notices.eforms.check import check
from services.notices.eforms.export import export, subtype_of
from services.notices.errors import MissingTermsError
from tests.schematron import judge
from tests.unit.notices import notices_exported as samples
from tests.unit.notices.notices_exported import NOTICE_ID

needs_schematron = pytest.mark.skipif(
    not judge.available(), reason="official Schematron not available (HALLES_STANDARDS)"
)


@pytest.mark.parametrize("name", samples.CASES)
def test_an_exported_notice_is_of_the_subtype_that_the_law_gives_it(name: str) -> None:
    content = samples.content(name)
    read = check(export(samples.exported(content))).notice
    assert read is not None
    assert (read.subtype, read.sdk) == (name.partition(" ")[0], "eforms-sdk-1.15")
    assert subtype_of(content) == read.subtype


@needs_schematron
@pytest.mark.skipif(not schema.available(), reason="official schema not available (HALLES_STANDARDS)")
@pytest.mark.parametrize("subtype", samples.SUBTYPES)
def test_an_exported_notice_breaks_no_fatal_rule(subtype: str) -> None:
    names = [name for name in samples.CASES if name.partition(" ")[0] == subtype]
    written = [export(samples.exported(samples.content(name))) for name in names]
    for name, data, breaches in zip(names, written, judge.judge(written), strict=True):
        assert check(data).problems == (), name
        assert [breach for breach in breaches if breach.role == "ERROR"] == [], name


@pytest.mark.parametrize(("name", "asked"), samples.INCOMPLETE.items())
def test_what_only_the_buyer_knows_is_asked_for_by_its_term(name: str, asked: tuple[NoticeContent, list[str]]) -> None:
    content, terms = asked
    with pytest.raises(MissingTermsError) as refusal:
        export(samples.exported(content))
    told = refusal.value.errors
    assert [fault.where for fault in told] == terms, name
    assert all("indiquez" in fault.message or "importez" in fault.message for fault in told)


PLATFORM = {"subtype": "national"}
"""What is written in the platform says no subtype."""


def test_what_follows_a_formal_notice_is_of_the_directive_s_subtypes() -> None:
    competition = samples.content("16", **PLATFORM)
    correction = amending.correction(competition, NOTICE_ID, samples.CORRECTION)
    cancelled = amending.cancellation(competition, NOTICE_ID, samples.CANCELLATION)
    award = awards.result_content(competition, samples.RESULTS)
    modified = amending.modification(award, NOTICE_ID, samples.MODIFICATION)
    for content, subtype in ((correction, "16"), (cancelled, "16"), (award, "29"), (modified, "38")):
        read = check(export(samples.exported(content))).notice
        assert read is not None
        assert read.subtype == subtype, content.kind
    assert subtype_of(awards.result_content(samples.content("E3", **PLATFORM), samples.RESULTS)) == "E4"


def test_a_cancellation_says_until_when_bids_were_awaited() -> None:
    cancelled = amending.cancellation(samples.content("16"), NOTICE_ID, samples.CANCELLATION)
    read = check(export(samples.exported(cancelled))).notice
    assert read is not None
    assert (read.change_reason, read.deadline) == ("cancel", samples.content("16").deadline)
