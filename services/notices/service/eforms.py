"""A notice as eForms, as it goes to the Official Journal or would."""

from __future__ import annotations

from libs.common.actor import Actor
from libs.common.runtime import Runtime
from services.notices.domain.notice import Notice
from services.notices.eforms.apart import apart
from services.notices.eforms.export import ExportedNotice, export
from services.notices.publication.payload import Place
from services.notices.service.disclosure import public_eforms
from services.notices.service.sources import source_of
from services.notices.store import publications as store

__all__ = ["written"]


async def written(runtime: Runtime, notice: Notice, actor: Actor | None) -> bytes:
    """Give the eForms XML of a notice: as it was sent, else as it would be sent now; to the public without what it withholds.

    Raises MissingTermsError with every business term that the notice still lacks.
    """
    async with runtime.read() as conn:
        sent = await store.publications(conn, notice.notice_id)
        source = await source_of(runtime, conn, notice)
    place = Place(runtime.settings.public_url)
    exported = ExportedNotice(
        notice_id=notice.notice_id,
        version=max((each.attempt for each in sent if each.kind == "joue"), default=1),
        procedure_id=notice.procedure_id,
        content=notice.written,
        issued_at=notice.sent_at or notice.published_at or runtime.clock.now(),
        documents_url=place.documents(notice),
        submission_url=place.notice(notice),
        earlier=notice.content.changes,
        source=source,
    )
    return await public_eforms(runtime, notice, await apart(export, exported), actor)
