"""Tender documents, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from libs.common.messages.base import DocumentReference
from services.notices.store.documents import StoredDocument
from services.notices.views.base import View

__all__ = ["DocumentLine", "DocumentView"]


class DocumentView(View):
    """A tender document."""

    name: str
    size: int = Field(description="bytes")
    media_type: str
    sha256: str
    version: int
    stored_at: datetime | None = None

    @classmethod
    def of(cls, document: StoredDocument) -> Self:
        """Show a document."""
        reference = document.reference
        return cls(
            name=reference.name,
            size=reference.size,
            media_type=reference.media_type,
            sha256=reference.sha256,
            version=document.version,
            stored_at=reference.stored_at,
        )


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
