"""From a checked eForms notice to a draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import FieldError, InvalidInput
from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime
from services.notices import drafting
from services.notices.drafting import procedure_id_of
from services.notices.eforms.check import CheckedNotice
from services.notices.eforms.model import ParsedNotice, ParsedOrganisation
from services.notices.errors import NoticeOfAnother, NoticeRejected
from services.notices.service.notices import DraftNotice

__all__ = ["draft_of", "keep_source", "with_source"]


def draft_of(checked: CheckedNotice, actor: Actor, now: datetime) -> DraftNotice:
    """Give the draft of an eForms notice, for one of its buyers.

    Raises NoticeRejected with every problem, NoticeOfAnother where the caller's organisation is none of its buyers.
    """
    actor.require(OrganisationKind.BUYER)
    notice = checked.notice
    if notice is None or not checked.accepted:
        raise NoticeRejected(_errors(checked))
    if notice.kind == "registration":
        raise InvalidInput(
            "C'est un avis d'immatriculation européenne (X01, X02) : il n'ouvre aucune consultation, il n'est pas repris.",
            "This is a European registration notice (X01, X02): it opens no procedure and is not taken.",
        )
    if notice.notice_id is None:
        raise NoticeRejected([FieldError("BT-701", "BT-701 manque.", "BT-701 is missing.")])
    return DraftNotice(
        notice_id=notice.notice_id,
        procedure_id=procedure_id_of(notice),
        content=drafting.content_of(notice, _own_buyer(notice, actor), now.date()),
        warnings=tuple(FieldError(problem.term, problem.message, problem.message_en) for problem in checked.warnings),
    )


def _errors(checked: CheckedNotice) -> list[FieldError]:
    return [
        FieldError(f"{problem.term} {problem.path}", problem.message, problem.message_en)
        for problem in checked.problems
    ]


def _own_buyer(notice: ParsedNotice, actor: Actor) -> ParsedOrganisation:
    for buyer in notice.buyers:
        if buyer.organisation == actor.organisation:
            return buyer
    named = ", ".join(buyer.organisation for buyer in notice.buyers[:5])
    raise NoticeOfAnother(
        f"Cet avis est celui d'un autre acheteur ({named}) : seul l'acheteur nommé dans l'avis peut le reprendre.",
        f"This notice belongs to another buyer ({named}): only the buyer it names may import it.",
    )


async def keep_source(runtime: Runtime, notice_id: UUID, data: bytes) -> DocumentReference:
    """Put the raw XML of a notice in storage, before the row that names it."""
    return await runtime.storage.put(
        f"notices/xml/{notice_id}/{sha256(data).hexdigest()}",
        data,
        media_type="application/xml",
        name=f"{notice_id}.xml",
    )


def with_source(command: DraftNotice, source: DocumentReference) -> DraftNotice:
    """Give the draft with the place of its raw XML."""
    return replace(command, source=source)
