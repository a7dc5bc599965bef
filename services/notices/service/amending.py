"""The notices that follow another: drafts that take the text that holds, and change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

from libs.common.actor import Actor
from libs.common.errors import Conflict, FieldError, IllegalTransition, InvalidInput, NotFound
from libs.common.messages.notices import LotResult
from libs.common.uow import Uow
from services.notices import amending, awards, coherence
from services.notices.content import NoticeContent
from services.notices.domain.lots import FAILED
from services.notices.domain.notice import Notice
from services.notices.domain.procedure import Procedure
from services.notices.inputs.amending import NewCancellation, NewCorrection, NewModification
from services.notices.service import notices as drafts
from services.notices.service.imports import require_timely
from services.notices.service.modifications import measured
from services.notices.store import notices as store
from services.notices.store import procedures as procedure_store

__all__ = ["announce_results", "cancel", "correct", "modify"]


async def correct(uow: Uow, notice_id: UUID, body: NewCorrection, actor: Actor) -> Notice:
    """Draft the correction of a published notice, on the text that holds now.

    Raises NotFound, Forbidden, IllegalTransition, AmendmentOfClosed, InvalidInput.
    """
    notice, procedure = await _followed(uow, notice_id, actor)
    if body.results and not notice.written.results:
        told = (
            "Cet avis ne dit aucun résultat : corrigez l'avis d'attribution.",
            "This notice says no result: correct the award notice.",
        )
        raise InvalidInput(*told, errors=[FieldError("body/results", *told)])
    current = notice.written if notice.written.results else await _text(uow, procedure, notice)
    content = amending.correction(current, notice_id, body)
    coherence.require_coherent(content, current)
    command = drafts.DraftNotice(uuid4(), notice.procedure_id, content)
    await require_timely(uow, command)
    return await drafts.draft(uow, command, actor)


async def modify(uow: Uow, notice_id: UUID, body: NewModification, actor: Actor) -> Notice:
    """Draft the modification of a contract, from its award notice. Raises as `correct`, InvalidInput where the law forbids it."""
    notice, procedure = await _followed(uow, notice_id, actor)
    following = uuid4()
    drafted = amending.modification(notice.content, notice_id, body)
    content, faults = await measured(uow.conn, notice.procedure_id, following, drafted, uow.now(), body.updated_initial)
    if faults:
        raise InvalidInput(
            "La loi ne permet pas cette modification (L2194-1 CCP).",
            "The law does not allow this modification (L2194-1 CCP).",
            errors=[replace(each, where="body/value") for each in faults],
        )
    procedure.with_modification(content)  # refused now rather than at its publication
    return await drafts.draft(uow, drafts.DraftNotice(following, notice.procedure_id, content), actor)


async def cancel(uow: Uow, notice_id: UUID, body: NewCancellation, actor: Actor) -> Notice:
    """Draft the cancellation of a competition that was given up. Raises NotFound, Forbidden, IllegalTransition, Conflict."""
    notice, procedure = await _followed(uow, notice_id, actor)
    procedure.require_abandoned()
    content = amending.cancellation(await _text(uow, procedure, notice), notice_id, body)
    return await drafts.draft(uow, drafts.DraftNotice(uuid4(), notice.procedure_id, content), actor)


async def announce_results(uow: Uow, procedure: Procedure, given: Sequence[LotResult], actor: Actor) -> Notice:
    """Draft an award notice of a locked procedure: the results given, and the lots that failed and were not told yet.

    Raises Conflict where there is nothing to tell, NotFound, IllegalTransition.
    """
    named = {result.lot_id for result in given}
    untold = [lot for lot in procedure.lots if lot.state in FAILED and not lot.told and lot.lot_id not in named]
    results = [*given, *(awards.failed_result(lot) for lot in untold)]
    if not results:
        raise Conflict(
            "Aucun résultat à publier : donnez-en, ou décidez d'abord d'un lot.",
            "No result to publish: give some, or decide on a lot first.",
        )
    text = await store.get_notice(uow.conn, procedure.text_id) if procedure.text_id else None
    if text is None:
        raise NotFound("Aucun avis de cette consultation n'est publié.", "No notice of this procedure is published.")
    content = awards.result_content(text.content, results)
    procedure.with_results(content)  # refused now rather than at its publication
    return await drafts.draft(uow, drafts.DraftNotice(uuid4(), procedure.procedure_id, content), actor)


async def _followed(uow: Uow, notice_id: UUID, actor: Actor) -> tuple[Notice, Procedure]:
    """Give a published notice of the caller's, and its locked procedure."""
    notice = await drafts.own_notice(uow, notice_id, actor)
    if not notice.is_public:
        raise IllegalTransition(
            "Cet avis n'est pas publié : modifiez-le lui-même.",
            "This notice is not published: change the notice itself.",
        )
    procedure = await procedure_store.lock_procedure(uow.conn, notice.procedure_id)
    if procedure is None:
        raise NotFound("Consultation introuvable.", "Procedure not found.")
    return notice, procedure


async def _text(uow: Uow, procedure: Procedure, notice: Notice) -> NoticeContent:
    held = await store.get_notice(uow.conn, procedure.text_id) if procedure.text_id else None
    return (held or notice).written
