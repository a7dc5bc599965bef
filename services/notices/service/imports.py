"""From a checked eForms notice to a draft of its buyer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.calendar import territory_of
from libs.common.errors import FieldError, InvalidInput
from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices import drafting
from services.notices.content import NoticeContent
from services.notices.domain.notice import Notice
from services.notices.domain.procedure import Procedure
from services.notices.drafting import procedure_id_of
from services.notices.eforms.check import CheckedNotice
from services.notices.eforms.model import ParsedNotice, ParsedOrganisation
from services.notices.errors import AmendmentOfClosed, DuplicateNotice, NoticeOfAnother, NoticeRejected
from services.notices.service import notices as use_cases
from services.notices.service.notices import DraftNotice
from services.notices.store import notices as store
from services.notices.store import procedures as procedure_store

__all__ = [
    "draft_of",
    "duplicate",
    "held_by_another",
    "keep",
    "keep_source",
    "own_draft_of",
    "require_timely",
    "source_of",
]

_BEFORE_CLOSING: Final = {"draft", "planned", "open", "suspended"}


def draft_of(checked: CheckedNotice, actor: Actor, now: datetime) -> DraftNotice:
    """Give the draft of an eForms notice, for one of its buyers.

    Raises NoticeRejected with every problem, NoticeOfAnother where the caller's organisation is none of its buyers.
    """
    actor.require(OrganisationKind.BUYER)
    notice = _accepted(checked)
    if notice.kind == "registration":
        raise InvalidInput(
            "C'est un avis d'immatriculation européenne (X01, X02), d'une société et non d'un acheteur : il n'ouvre aucune consultation.",
            "This is a European registration notice (X01, X02), of a company and not of a buyer: it opens no procedure.",
        )
    return _draft(checked, notice, _own_buyer(notice, actor), now)


def own_draft_of(checked: CheckedNotice, now: datetime) -> DraftNotice:
    """Give the draft of an eForms notice for its first buyer, or the company registered, as the operator loads it. Raises NoticeRejected."""
    notice = _accepted(checked)
    owner = next(iter(notice.buyers), notice.business)
    if owner is None:
        raise NoticeRejected([FieldError("OPT-300", "L'acheteur manque (OPT-300).", "The buyer is missing (OPT-300).")])
    return _draft(checked, notice, owner, now)


def _accepted(checked: CheckedNotice) -> ParsedNotice:
    notice = checked.notice
    if notice is None or not checked.accepted:
        raise NoticeRejected(_errors(checked))
    return notice


def _draft(checked: CheckedNotice, notice: ParsedNotice, buyer: ParsedOrganisation, now: datetime) -> DraftNotice:
    if notice.notice_id is None:
        raise NoticeRejected([FieldError("BT-701", "BT-701 manque.", "BT-701 is missing.")])
    return DraftNotice(
        notice_id=notice.notice_id,
        procedure_id=procedure_id_of(notice),
        content=drafting.content_of(notice, buyer, _today(buyer, now)),
        warnings=tuple(FieldError(problem.term, problem.message, problem.message_en) for problem in checked.warnings),
        buyers=tuple(buyer.organisation for buyer in notice.buyers),
    )


def _today(buyer: ParsedOrganisation, now: datetime) -> date:
    """Give the day it is at the buyer's place: the rules of that day hold."""
    return territory_of(drafting.department_of(buyer.postal_code, buyer.nuts, buyer.country)).day(now)


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


async def keep(uow: Uow, command: DraftNotice, data: bytes, actor: Actor) -> Notice:
    """Keep an imported notice as a draft, and its XML in storage; a refusal leaves neither.

    Raises DuplicateNotice, AmendmentOfClosed, TooLarge, NoticeOfAnother where the procedure belongs to another organisation.
    """
    if await store.known_notices(uow.conn, [command.notice_id]):
        raise duplicate(command.notice_id)
    procedure = await procedure_store.get_procedure(uow.conn, command.procedure_id)
    if procedure is not None and procedure.organisation != actor.organisation:
        raise held_by_another(command, procedure.organisation)
    await require_timely(uow, command)
    source = source_of(command.notice_id, data)
    notice = await use_cases.draft(uow, replace(command, source=source), actor)
    await keep_source(uow.runtime, source, data)
    return notice


def held_by_another(command: DraftNotice, holder: str) -> NoticeOfAnother:
    """Give the refusal of a notice whose procedure another buyer holds: its name only where the notice itself gives it (joint purchase)."""
    if holder in command.buyers:
        return NoticeOfAnother(
            f"La consultation {command.procedure_id} (BT-04) est tenue ici par {holder}, que l'avis nomme aussi comme acheteur. Dans un achat"
            " conjoint, un seul acheteur la tient : demandez-lui de reprendre cet avis, et de la partager avec vous par un groupement de commandes.",
            f"The procedure {command.procedure_id} (BT-04) is held here by {holder}, whom the notice names as a buyer too. In a joint purchase one"
            " buyer holds it: ask them to import this notice, and to share the procedure with you by a joint purchase.",
        )
    return NoticeOfAnother(
        f"La consultation {command.procedure_id} (BT-04) appartient à un autre acheteur, que l'avis ne nomme pas : vérifiez BT-04. Si elle est"
        " à vous, dites-le à l'exploitant de la plateforme : le journal dit qui en a pris l'identifiant.",
        f"The procedure {command.procedure_id} (BT-04) belongs to another buyer, whom the notice does not name: check BT-04. If it is yours, tell"
        " the operator of the platform: the journal says who took its identifier.",
    )


def duplicate(notice_id: UUID) -> DuplicateNotice:
    """Give the refusal of a notice that is known already."""
    return DuplicateNotice(
        f"Un avis porte déjà l'identifiant {notice_id} (BT-701) : une correction est un nouvel avis.",
        f"A notice already has the identifier {notice_id} (BT-701): a correction is a new notice.",
    )


async def require_timely(uow: Uow, command: DraftNotice) -> None:
    """Let a correction of a competition pass only while it is open. Raises AmendmentOfClosed."""
    if not _corrects_competition(command.content):
        return
    changed = command.content.change.notice_id if command.content.change else None
    known = await store.known_notices(uow.conn, [changed] if changed else [])
    procedure_id = known.get(changed, command.procedure_id) if changed else command.procedure_id
    procedure = await procedure_store.get_procedure(uow.conn, procedure_id)
    if procedure is not None and _is_over(procedure, uow.now()):
        raise AmendmentOfClosed(
            "Cet avis rectifie une consultation close : elle ne change plus. Publiez un avis d'attribution, ou déclarez-la"
            " sans suite.",
            "This notice corrects a procedure that is closed: it changes no more. Publish an award notice, or abandon it.",
        )


def _corrects_competition(content: NoticeContent) -> bool:
    return content.kind == "change" and content.modification is None and not content.results


def _is_over(procedure: Procedure, now: datetime) -> bool:
    """Say whether it closed, or is to be closed: the timer may be late."""
    due = procedure.state == "open" and procedure.deadline is not None and procedure.deadline <= now
    return due or procedure.state not in _BEFORE_CLOSING


def source_of(notice_id: UUID, data: bytes, media_type: str = "application/xml") -> DocumentReference:
    """Give the place in storage of a notice as it came."""
    kind = "json" if media_type == "application/json" else "xml"
    digest = sha256(data).hexdigest()
    return DocumentReference(
        key=f"notices/{kind}/{notice_id}/{digest}",
        name=f"{notice_id}.{kind}",
        media_type=media_type,
        size=len(data),
        sha256=digest,
    )


async def keep_source(runtime: Runtime, source: DocumentReference, data: bytes) -> None:
    """Put a notice as it came in storage: last in the transaction, so that a refusal leaves no file."""
    await runtime.storage.put(source.key, data, media_type=source.media_type, name=source.name)
