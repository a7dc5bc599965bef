"""A changed import goes out as it came in, but for the change: every other business term stays, byte for byte if nothing changed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from uuid import UUID

import pytest
from lxml import etree

from libs.common import standards
from libs.common.messages.notices import Change
from services.notices import drafting
from services.notices.content import NoticeContent
from services.notices.eforms import schema
from services.notices.eforms.check import check
from services.notices.eforms.export import ExportedNotice, export
from services.notices.eforms.xml import prefixed
from services.notices.errors import MissingTermsError
from tests.unit.notices.notices_samples import eforms

NEW_ID = UUID("0d1e2f30-4152-4637-8849-5a6b7c8d9e0f")
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
IDENTITY = {"cbc:IssueDate", "cbc:IssueTime", "cbc:VersionID"}
ENDS = {"cbc:EndDate", "cbc:EndTime"}
OPENING = {"cbc:OccurrenceDate", "cbc:OccurrenceTime"}
"""A public opening follows a deadline that overtakes it (BT-132)."""
DEMO = {f"demo {number}": eforms(number) for number in range(1, 6)}


class Imported(NamedTuple):
    """An imported notice, ready to go out again."""

    source: bytes
    content: NoticeContent
    notice_id: UUID
    procedure_id: UUID
    issued_at: datetime

    def exported(self, content: NoticeContent | None = None, notice_id: UUID | None = None) -> bytes:
        """Give what goes out."""
        return export(
            ExportedNotice(
                notice_id=notice_id or self.notice_id,
                version=1,
                procedure_id=self.procedure_id,
                content=content or self.content,
                issued_at=self.issued_at,
                earlier=f"{self.notice_id}-01",
                source=self.source,
            )
        )


def imported(source: bytes) -> Imported | None:
    """Read a notice as the import does; None where it is refused, or a registration."""
    checked = check(source)
    notice = checked.notice
    if notice is None or not checked.accepted or not notice.buyers or not notice.notice_id:
        return None
    content = drafting.content_of(notice, notice.buyers[0], NOW.date())
    return Imported(source, content, notice.notice_id, drafting.procedure_id_of(notice), notice.issued_at or NOW)


@cache
def corpus() -> dict[str, Imported]:
    """Give the demo's notices, and one in three of the real and official ones where they are at hand."""
    folder = standards.folder()
    found = dict(DEMO)
    if folder is not None:
        paths = sorted([*(folder / "eforms" / "real").glob("*.xml"), *(folder / "eforms" / "notices").glob("*.xml")])
        found |= {path.stem: path.read_bytes() for path in paths[::3] if path.stat().st_size < 300_000}
    return {name: taken for name, data in found.items() if (taken := imported(data))}


def terms(data: bytes) -> Counter[tuple[str, str]]:
    """Give every value of a notice with its path."""
    root = etree.fromstring(data)
    return Counter(
        (_path(element), (element.text or "").strip())
        for element in root.iter()
        if isinstance(element.tag, str) and not len(element)
    )


def _path(element: etree._Element) -> str:
    steps = [element, *element.iterancestors()]
    return "/".join(prefixed(step.tag) for step in reversed(steps))


def leaves(found: Counter[tuple[str, str]]) -> set[str]:
    """Give the names of the elements."""
    return {path.rpartition("/")[2] for path, _ in found}


def test_an_unchanged_import_goes_out_byte_for_byte() -> None:
    assert corpus()
    for name, taken in corpus().items():
        assert taken.exported() == taken.source, name


def test_a_new_deadline_is_all_that_changes() -> None:
    dated = {name: taken for name, taken in corpus().items() if taken.content.deadline}
    assert dated
    for name, taken in dated.items():
        assert taken.content.deadline is not None
        later = taken.content.deadline + timedelta(days=10)
        written = taken.exported(taken.content.model_copy(update={"deadline": later}))
        gone, come = terms(taken.source) - terms(written), terms(written) - terms(taken.source)
        assert leaves(gone) | leaves(come) <= IDENTITY | ENDS | OPENING, name
        assert {path for path, _ in come} >= {path for path, _ in gone if path.endswith("EndDate")} != set(), name
        assert not leaves(come) & OPENING or "cac:OpenTenderEvent" in str(gone), name
        read = check(written).notice
        assert read is not None, name
        assert read.deadline == later, name


def test_titles_and_descriptions_change_in_the_language_of_the_notice() -> None:
    for name, taken in corpus().items():
        changed = taken.content.model_copy(update={"title": "Un autre objet", "description": "Une autre description."})
        written = taken.exported(changed)
        gone, come = terms(taken.source) - terms(written), terms(written) - terms(taken.source)
        assert leaves(gone) | leaves(come) <= IDENTITY | {"cbc:Name", "cbc:Description"}, name
        assert {value for path, value in come if path.endswith("cbc:Name")} == {"Un autre objet"}, name
        assert sum(gone.values()) <= 5, name


def test_a_change_notice_says_what_it_changes_and_has_its_own_identity() -> None:
    for name, taken in corpus().items():
        change = Change(notice_id=taken.notice_id, reason="cor-buy", description="Une date est reportée.")
        content = taken.content.model_copy(update={"kind": "change", "change": change, "title": "Un autre objet"})
        read = check(written := taken.exported(content, NEW_ID)).notice
        assert read is not None, name
        assert (read.notice_id, read.changes, read.change_reason) == (NEW_ID, f"{taken.notice_id}-01", "cor-buy"), name
        assert read.title == "Un autre objet", name
        kept = terms(taken.source) - terms(written)
        assert all(
            path.rpartition("/")[2] in IDENTITY | {"cbc:ID", "cbc:Name"}
            or "efac:Publication" in path
            or "efac:Changes" in path
            for path, _ in kept
        ), name


@pytest.mark.skipif(not schema.available(), reason="official schema not available (HALLES_STANDARDS)")
def test_what_goes_out_stays_valid_against_the_schema() -> None:
    for name, taken in corpus().items():
        changed = taken.content.model_copy(update={"title": "Un autre objet", "internal_reference": "2026-7"})
        written = taken.exported(changed)
        before = {fault.term for fault in check(taken.source).problems + check(taken.source).warnings}
        after = {fault.term for fault in check(written).problems + check(written).warnings}
        assert after <= before, name


def test_a_notice_kept_by_an_earlier_release_removes_no_term_by_its_silence() -> None:
    for name, taken in corpus().items():
        silent = [
            lot.model_copy(update={"terms": None, "deadline": None, "duration_months": None})
            for lot in taken.content.lots
        ]
        kept = taken.content.model_copy(update={"contact": None, "review": None, "features": None, "lots": silent})
        assert taken.exported(kept) == taken.source, name


def test_a_lot_more_is_written_beside_those_of_the_file() -> None:
    taken = imported(eforms(1))
    assert taken is not None
    first = taken.content.lots[0]
    more = first.model_copy(update={"lot_id": "LOT-0009", "title": "Un lot de plus"})
    silent = first.model_copy(update={"terms": None})
    written = taken.exported(taken.content.model_copy(update={"lots": [silent, *taken.content.lots[1:], more]}))
    assert leaves(terms(taken.source) - terms(written)) <= IDENTITY
    read = check(written).notice
    assert read is not None
    assert [lot.lot_id for lot in read.lots] == [*(lot.lot_id for lot in taken.content.lots), "LOT-0009"]
    assert read.lots[-1].title == "Un lot de plus"


def test_results_and_organisations_of_an_import_are_mended_in_its_file() -> None:
    taken = imported(eforms(1))
    assert taken is not None
    buyer = taken.content.buyer.model_copy(update={"name": "Un autre acheteur"})
    with pytest.raises(MissingTermsError) as refusal:
        taken.exported(taken.content.model_copy(update={"buyer": buyer}))
    assert [fault.where for fault in refusal.value.errors] == ["buyer"]
