"""What each channel is given: eForms where the notice goes to the Official Journal, else the national form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.errors import FieldError
from services.notices.domain.notice import Notice
from services.notices.domain.publication import Publication
from services.notices.eforms.export import ExportedNotice, export
from services.notices.publication import national
from services.notices.publication.port import Submission

__all__ = ["Place", "compose", "eforms_xml", "faults_of_form", "form"]


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
    notice: Notice, publication: Publication, others: Sequence[Publication], place: Place, source: bytes | None
) -> Submission:
    """Give what a channel is handed: the same bytes at each attempt. Raises what `export` raises."""
    journal = next((each for each in others if each.kind == "joue"), None)
    contact = notice.content.contact.email if notice.content.contact else None
    if journal is not None and publication.kind in {"joue", "boamp"}:
        xml = eforms_xml(notice, journal.attempt, place, source)
        return Submission(publication.envelope, xml, "eforms", contact)
    written = form(notice, place, journal)
    return Submission(publication.envelope, national.to_xml(written), "national", contact)


def eforms_xml(notice: Notice, attempt: int, place: Place, source: bytes | None) -> bytes:
    """Give the eForms XML of a notice that is sent. Raises what `export` raises."""
    if notice.sent_at is None:
        raise ValueError("a notice that was not sent has no date of dispatch (BT-05)")
    return export(
        ExportedNotice(
            notice_id=notice.notice_id,
            version=attempt,
            procedure_id=notice.procedure_id,
            content=notice.content,
            issued_at=notice.sent_at,
            documents_url=place.documents(notice),
            submission_url=place.notice(notice),
            earlier=notice.content.changes,
            source=source,
        )
    )


def form(notice: Notice, place: Place, journal: Publication | None = None) -> national.NationalForm:
    """Give the national form of a notice."""
    return national.national_form(
        notice.content,
        documents_url=place.documents(notice),
        profile_url=place.notice(notice),
        sent_to_the_journal=journal.sent_at if journal else None,
    )


def faults_of_form(notice: Notice) -> tuple[FieldError, ...]:
    """Say what the national form lacks."""
    return national.missing(notice.content)
