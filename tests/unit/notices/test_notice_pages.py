"""The page and the PDF of a notice: they say the same, and what a notice holds is text, never markup."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from uuid import UUID

from pypdf import PdfReader
from pypdf.generic import DictionaryObject, StreamObject

from libs.common.messages.base import DocumentReference, Money
from libs.common.messages.notices import Criterion, Lot, LotResult, LotTerms, Winner
from services.notices.content import Contact, NoticeContent, ReviewBody
from services.notices.domain.notice import Notice, NoticeState
from services.notices.pages.html import page
from services.notices.pages.paper import paper
from services.notices.pages.sheet import Sheet, sheet
from tests.unit.notices.notices_samples import COMPANY, INTERCOMMUNALITY, content

ADDRESS = "https://halles.example/notices/v1/notices/1"
HOSTILE = '<script>alert(1)</script> #import "x": * $a$ \\ [b] _c_ @d'


def notice(said: NoticeContent) -> Notice:
    document = DocumentReference(
        key="notices/documents/1", name="règlement & annexes?.pdf", media_type="application/pdf", size=2_500_000, sha256="0" * 64
    )  # fmt: skip
    return Notice(
        notice_id=UUID(int=1),
        procedure_id=UUID(int=2),
        organisation=INTERCOMMUNALITY,
        state=NoticeState.PUBLISHED,
        version=2,
        content=said,
        created_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        published_at=datetime(2026, 11, 21, 9, tzinfo=UTC),
        documents=(document,),
    )


def full() -> NoticeContent:
    lots = [
        Lot(
            lot_id=f"LOT-000{number}",
            title=f"Lot {number}",
            nature="works",
            cpv=["45233140"],
            value=Money(amount=Decimal(100_000)),
            criteria=[Criterion(kind="price", name="Prix des prestations", weight=60)],
            terms=LotTerms(strategic=["env-imp"], reserved_participation=["res-ws"], electronic_submission="required"),
        )
        for number in (1, 2)
    ]
    result = LotResult(
        lot_id="LOT-0001",
        outcome="awarded",
        winners=[Winner(organisation=COMPANY, name="Voirie du Morvan")],
        value=Money(amount=Decimal(95_000)),
        tenders_received=4,
    )
    return content(
        lots=lots,
        results=[result],
        contact=Contact(department="Service des marchés", email="marches@exemple.fr", url="javascript:alert(1)"),
        review=ReviewBody(name="Tribunal administratif de Dijon", city="Dijon"),
        documents_url="https://exemple.fr/dce",
    )


class Reader(HTMLParser):
    """Collects the text, the tags and the links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(document: bytes) -> str:
    return " ".join(" ".join(each.extract_text() for each in PdfReader(io.BytesIO(document)).pages).split())


def facts(shown: Sheet) -> list[str]:
    return [fact.text for section in shown.sections for fact in section.facts]


def test_the_page_and_the_paper_say_the_same() -> None:
    shown = sheet(notice(full()), ADDRESS)
    read, printed = " ".join(Reader(page(shown)).words), text_of(paper(shown))
    for told in (
        "Travaux de voirie",
        "Voirie du Morvan",
        "Tribunal administratif de Dijon",
        "Lot 2",
        "60 %",
        "Marché réservé",
    ):
        assert told in read, told
        assert told in printed, told
    assert "11 janvier 2027 à 12 h 00 (heure de Paris)" in printed
    assert any("45233140" in each and len(each) > 20 for each in facts(shown)), "a CPV code comes with its label"


def test_the_paper_is_tagged_for_screen_readers() -> None:
    root = PdfReader(io.BytesIO(paper(sheet(notice(full()), ADDRESS)))).root_object
    marked, metadata = root["/MarkInfo"].get_object(), root["/Metadata"].get_object()
    assert isinstance(marked, DictionaryObject)
    assert marked["/Marked"]
    assert root["/StructTreeRoot"]
    assert str(root["/Lang"]) == "fr"
    assert isinstance(metadata, StreamObject)
    assert b"pdfuaid" in metadata.get_data()


def test_what_a_notice_holds_is_text() -> None:
    said = full().model_copy(update={"title": HOSTILE, "description": HOSTILE})
    shown = sheet(notice(said), ADDRESS)
    read = Reader(page(shown))
    assert "script" not in read.tags
    assert HOSTILE in "".join(read.words)
    assert "".join(HOSTILE.split()) in "".join(text_of(paper(shown)).split())
    assert not [link for link in read.links if link.startswith("javascript")]


def test_links_lead_to_the_documents() -> None:
    links = Reader(page(sheet(notice(full()), ADDRESS))).links
    assert f"{ADDRESS}/documents/r%C3%A8glement%20%26%20annexes%3F.pdf" in links
    assert "https://exemple.fr/dce" in links
    assert "mailto:marches@exemple.fr" in links


def test_hours_are_those_of_the_place() -> None:
    said = full()
    island = said.model_copy(update={"buyer": said.buyer.model_copy(update={"department": "974"})})
    assert sheet(notice(island), ADDRESS).deadline == "11 janvier 2027 à 15 h 00 (heure de Reunion)"


def test_a_single_lot_and_nothing_else_make_a_short_sheet() -> None:
    shown = sheet(replace(notice(content(description="")), documents=()), ADDRESS)
    titles = [section.title[0] for section in shown.sections]
    assert titles == ["Objet", "Dates et réponse", "À propos de cet avis"]
