"""The tender documents of a notice."""

from __future__ import annotations

from uuid import UUID

from libs.common.actor import Actor
from libs.common.messages.base import DocumentReference
from libs.common.uow import Uow
from services.notices.service.notices import require_draft_of
from services.notices.store import documents as store

__all__ = ["add_document"]


async def add_document(uow: Uow, notice_id: UUID, document: DocumentReference, actor: Actor) -> store.StoredDocument:
    """Add a stored document to a draft. Raises NotFound, Forbidden, IllegalTransition."""
    await require_draft_of(uow, notice_id, actor)
    uow.audit("document-added", str(notice_id))
    return await store.add_document(uow.conn, notice_id, document, uow.now())
