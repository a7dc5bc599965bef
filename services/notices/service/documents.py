"""The tender documents: those of a notice while it is drafted, and those of a procedure, which its published notices make."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import NotFound
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.files.archive import Archive, Entry
from services.notices.files.names import archive_names
from services.notices.service.notices import require_draft_of
from services.notices.store import documents as store
from services.notices.store.documents import PublishedDocument, StoredDocument

__all__ = ["add_document", "archive", "current", "no_document", "remove_document", "version_of"]


async def add_document(uow: Uow, notice_id: UUID, document: StoredDocument, actor: Actor) -> StoredDocument:
    """Add a stored document to a draft. Raises NotFound, Forbidden, IllegalTransition."""
    await require_draft_of(uow, notice_id, actor)
    uow.audit("document-added", str(notice_id))
    return await store.add_document(uow.conn, notice_id, document, uow.now())


async def remove_document(uow: Uow, notice_id: UUID, name: str, actor: Actor) -> None:
    """Take a document out of a draft; what was published stays. Raises NotFound, Forbidden, IllegalTransition.

    Its content stays in storage: under the key of its hash, other documents may have the same.
    """
    await require_draft_of(uow, notice_id, actor)
    if not await store.remove_document(uow.conn, notice_id, name):
        raise no_document()
    uow.audit("document-removed", str(notice_id))


def no_document() -> NotFound:
    """Give the refusal for a document that is not there."""
    return NotFound(
        "Aucun document public de ce nom, ou pas dans cette version.",
        "No public document of that name, or not that version.",
    )


def version_of(found: Sequence[StoredDocument], name: str, version: int | None) -> StoredDocument:
    """Give a version of a document, the last one if none is asked. Raises NotFound."""
    named = [each for each in found if each.reference.name == name and version in {None, each.version}]
    if not named:
        raise no_document()
    return named[-1]


def current(found: Sequence[PublishedDocument]) -> list[PublishedDocument]:
    """Give the last version of each document."""
    return list({each.document.reference.name: each for each in found}.values())


async def archive(runtime: Runtime, found: Sequence[PublishedDocument]) -> Archive:
    """Lay out the archive of some documents, in the order of their names."""
    names = archive_names(each.document.reference.name for each in found)
    return Archive([await _entry(runtime, each, name) for each, name in zip(found, names, strict=True)])


async def _entry(runtime: Runtime, found: PublishedDocument, name: str) -> Entry:
    reference, crc32 = found.document.reference, found.document.crc32
    if crc32 is None:
        crc32 = await _measured(runtime, found.document)
    return Entry(name, reference.key, reference.size, crc32, reference.sha256, found.published_at)


async def _measured(runtime: Runtime, document: StoredDocument) -> int:
    """Take the checksum of a document that came before checksums were kept, and keep it."""
    crc32 = 0
    async for chunk in runtime.storage.open(document.reference.key):
        crc32 = zlib.crc32(chunk, crc32)
    async with runtime.uow() as uow:
        await store.keep_crc32(uow.conn, document.reference.sha256, crc32)
    return crc32
