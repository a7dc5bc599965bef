"""What each channel is given: eForms where the notice goes to the Official Journal, else the national form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from services.notices.domain.notice import Notice
from services.notices.domain.publication import Publication
from services.notices.eforms.export import ExportedNotice, export, values
from services.notices.eforms.xml import NAMESPACES
from services.notices.publication import national
from services.notices.publication.port import Submission

__all__ = ["Place", "compose", "eforms_xml", "form"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the platform shows a notice."""

    public_url: str

    def notice(self, notice: Notice) -> str:
        """Give the address of a notice."""
        return f"{self.public_url}/notices/v1/notices/{notice.notice_id}"

    def documents(self, notice: Notice) -> str:
        """Give the address of its tender documents: free and anonymous (R2132-2 CCP)."""
        return f"{self.notice(notice)}/documents"


def compose(
    notice: Notice,
    publication: Publication,
    others: Sequence[Publication],
    place: Place,
    source: bytes | None,
    at: datetime,
) -> Submission:
    """Give what a channel is handed at an instant: only the date of dispatch (BT-05) differs from one attempt to the next.

    Raises what `export` raises.
    """
    journal = next((each for each in others if each.kind == "joue"), None)
    contact = notice.content.contact.email if notice.content.contact else None
    if journal is not None and publication.kind in {"joue", "boamp"}:
        xml = eforms_xml(notice, journal.attempt, place, source, at)
        return Submission(publication.envelope, xml, "eforms", contact)
    written = form(notice, place, journal)
    return Submission(publication.envelope, national.to_xml(written), "national", contact)


def eforms_xml(notice: Notice, attempt: int, place: Place, source: bytes | None, at: datetime) -> bytes:
    """Give the eForms XML of a notice sent at an instant: whole, the journal masks by itself what it is asked to withhold.

    Raises what `export` raises.
    """
    written = export(
        ExportedNotice(
            notice_id=notice.notice_id,
            version=attempt,
            procedure_id=notice.procedure_id,
            content=notice.written,
            issued_at=at,
            documents_url=place.documents(notice),
            submission_url=place.notice(notice),
            earlier=notice.content.changes,
            source=source,
        )
    )
    return _dated(written, attempt, at)


def _dated(written: bytes, attempt: int, at: datetime) -> bytes:
    """Give it with the version and date of this sending: an imported notice that nobody changed has those of its file."""
    root = etree.fromstring(written, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    said = {"VersionID": values.version(attempt), "IssueDate": values.day(at), "IssueTime": values.clock(at)}
    for name, value in said.items():
        element = root.find(f"{{{NAMESPACES['cbc']}}}{name}")
        if element is not None:
            element.text = value
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def form(notice: Notice, place: Place, journal: Publication | None = None) -> national.NationalForm:
    """Give the national form of a notice."""
    return national.national_form(
        notice.content,
        documents_url=place.documents(notice),
        profile_url=place.notice(notice),
        sent_to_the_journal=journal.sent_at if journal else None,
    )
