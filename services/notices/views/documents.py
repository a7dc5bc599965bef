"""Tender documents and their register, as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from libs.common.messages.base import DocumentReference
from services.notices.store.documents import PublishedDocument, StoredDocument
from services.notices.store.registers import Download
from services.notices.views.base import View

__all__ = ["DocumentLine", "DocumentView", "DownloadView", "PublicDocumentView", "RegistrationView", "public_documents"]


class DocumentView(View):
    """A version of a tender document."""

    name: str
    size: int = Field(description="bytes")
    media_type: str
    format: str | None = Field(description="told by its content: pdf, docx, zip, dwg...; null where nobody looked")
    sha256: str
    version: int
    stored_at: datetime | None = None

    @classmethod
    def of(cls, document: StoredDocument) -> Self:
        """Show a document."""
        return cls(**_said(document))


class PublicDocumentView(DocumentView):
    """A version of a document of a procedure."""

    notice_id: UUID = Field(description="the notice that published it")
    published_at: datetime
    replaced_by: int | None = Field(description="the version that replaced it; null for the one that counts")

    @classmethod
    def public(cls, found: PublishedDocument, last: int) -> Self:
        """Show a version, told the last one's number."""
        version = found.document.version
        return cls(
            **_said(found.document),
            notice_id=found.notice_id,
            published_at=found.published_at,
            replaced_by=version + 1 if version < last else None,
        )


def _said(document: StoredDocument) -> dict[str, object]:
    reference = document.reference
    return {
        "name": reference.name,
        "size": reference.size,
        "media_type": reference.media_type,
        "format": document.format,
        "sha256": reference.sha256,
        "version": document.version,
        "stored_at": reference.stored_at,
    }


def public_documents(
    found: Sequence[PublishedDocument], *, versions: bool, since: datetime | None
) -> list[PublicDocumentView]:
    """Show the documents of a procedure: the versions that count or all, those published after an instant or all."""
    last = {each.document.reference.name: each.document.version for each in found}
    shown = [PublicDocumentView.public(each, last[each.document.reference.name]) for each in found]
    return [
        each
        for each in shown
        if (versions or each.replaced_by is None) and (since is None or each.published_at > since)
    ]


class DocumentLine(View):
    """A tender document, as its notice lists it."""

    name: str
    size: int
    media_type: str
    sha256: str

    @classmethod
    def of(cls, reference: DocumentReference) -> Self:
        """Show a document."""
        return cls(name=reference.name, size=reference.size, media_type=reference.media_type, sha256=reference.sha256)


class RegistrationView(View):
    """What somebody needs who takes the documents under their name."""

    key: str = Field(
        description="to be given as `key` with each download, which is then written in the buyer's register"
    )
    archive_url: str
    told: bool = Field(description="whether changes and answers will be told by mail")


class DownloadView(View):
    """A line of the register of downloads."""

    at: datetime
    document: str | None = Field(description="null: the archive of all the documents")
    version: int = Field(description="of the document; for the archive, how many versions had been published")
    sha256: str
    organisation: str | None = Field(description="null for those who filled the form, without a token")
    company: str
    name: str
    email: str | None
    consent: bool

    @classmethod
    def of(cls, download: Download) -> Self:
        """Show a line."""
        return cls.model_validate(download, from_attributes=True)
