"""Use cases of the legality control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import FieldError, InvalidInput
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.messages.base import DocumentReference
from libs.common.messages.bids import ContractSignedV1
from libs.common.uow import Uow
from services.legality import events, store
from services.legality.actes.names import EnvelopeName
from services.legality.decision import decide, siren_of
from services.legality.domain import Act, ActPiece, Exemption, Happening, State, piece_kind
from services.legality.packaging import object_of
from services.legality.settings import LegalitySettings

__all__ = ["SetAuthority", "readable_act", "receive_contract", "resume", "set_authority"]

_ENGAGEMENT, _DELEGATION = "11_AE", "12_CD"


@dataclass(frozen=True, slots=True)
class SetAuthority:
    """A buyer says how the State knows it."""

    actor: Actor
    department: str
    arrondissement: str
    nature: str
    email: str | None


async def receive_contract(uow: Uow, event: ContractSignedV1) -> None:
    """Decide whether a signed contract is transmitted; make the act, or keep the exemption with its reason."""
    contract = event.contract
    if await store.find(uow.conn, "subject", contract.contract_id) is not None:
        return
    signed_at = contract.signed_at or event.occurred_at
    decision = decide(contract, event.organisation, signed_at.astimezone(events.LEGAL_TIME).date())
    if not decision.due:
        await _exempt(uow, event, decision.reason)
        return
    act = await _new_act(uow, event, signed_at, decision.reason)
    await store.add_act(uow.conn, act)
    uow.audit("legality.act.numbered", str(act.act_id))
    _pack(uow, act)


async def set_authority(uow: Uow, command: SetAuthority) -> store.KnownAuthority:
    """Keep how the State knows a buyer: department, arrondissement, nature, return address; by its administrator."""
    actor = command.actor
    await require(uow.conn, actor, actor.organisation, None, Permission.ADMINISTER, uow.now())
    if siren_of(actor.organisation) is None:
        text = "Votre organisation n'a pas de numéro SIREN."
        raise InvalidInput(text, "Your organisation has no SIREN.", errors=[FieldError("/organisation", text)])
    known = store.KnownAuthority(
        actor.organisation,
        1,
        command.department,
        command.arrondissement,
        command.nature,
        command.email,
        uow.now(),
    )
    uow.audit("legality.authority.set", actor.organisation)
    return await store.save_authority(uow.conn, known, by=actor.subject)


async def resume(uow: Uow, actor: Actor, act_id: UUID) -> Act:
    """Pack and transmit again an act that was blocked or rejected, under a new envelope."""
    act = await store.lock(uow.conn, act_id)
    await require(uow.conn, actor, act.organisation, act.procedure, Permission.PUBLISH, uow.now())
    act = replace(act.moved("resumed", uow.now()), envelope=None, archive=None, transmitted_at=None)
    await store.save(uow.conn, act)
    uow.audit("legality.act.resumed", str(act_id))
    _pack(uow, act)
    return act


async def envelope_of(uow: Uow, act: Act) -> str:
    """Give an envelope's name: the next number of the day, legal time."""
    settings = uow.runtime.port(LegalitySettings)
    today = uow.now().astimezone(events.LEGAL_TIME).date()
    number = await store.next_envelope(uow.conn, today)
    return EnvelopeName(settings.application, act.siren, "", today, number).text


async def readable_act(conn: asyncpg.Connection, actor: Actor, act_id: UUID, at: datetime) -> Act:
    """Give an act to who may read its consultation. Raises NotFound, Forbidden, RoleMissing."""
    act = await store.get(conn, act_id)
    await require(conn, actor, act.organisation, act.procedure, Permission.READ, at)
    return act


async def _exempt(uow: Uow, event: ContractSignedV1, reason: str) -> None:
    exemption = Exemption(
        exemption_id=uuid4(),
        organisation=event.organisation,
        procedure=event.procedure,
        subject_id=event.contract.contract_id,
        reason=reason,
        decided_at=uow.now(),
    )
    if await store.add_exemption(uow.conn, exemption):
        uow.emit(events.exempted(exemption))


async def _new_act(uow: Uow, event: ContractSignedV1, signed_at: datetime, grounds: str) -> Act:
    contract, siren = event.contract, siren_of(event.organisation) or ""
    decided_on = signed_at.astimezone(events.LEGAL_TIME).date()
    number = await store.next_number(uow.conn, siren, decided_on.year)
    now = uow.now()
    return Act(
        act_id=uuid4(),
        organisation=event.organisation,
        procedure=event.procedure,
        subject_id=contract.contract_id,
        state=State.PREPARED,
        version=1,
        siren=siren,
        number=f"M{decided_on.year}{number:05d}",
        object=object_of(contract.title, contract.number),
        decided_on=decided_on,
        signed_at=signed_at,
        buyer_name=contract.buyer_name,
        buyer_department=contract.buyer_department,
        grounds=grounds,
        pieces=_pieces(contract.document, contract.essential.nature, event.notice_documents),
        created_at=now,
        news=(Happening(now, "prepared", grounds),),
    )


def _pieces(
    document: DocumentReference | None, nature: str, annexes: Sequence[DocumentReference]
) -> tuple[ActPiece, ...]:
    """Give the documents to transmit, the contract first (R2131-5 CGCT)."""
    kind = _DELEGATION if "concession" in nature.casefold() or "délégation" in nature.casefold() else _ENGAGEMENT
    main = [ActPiece(kind, document)] if document is not None else []
    return (*main, *(ActPiece(piece_kind(annex.name), annex) for annex in annexes))


def _pack(uow: Uow, act: Act) -> None:
    uow.enqueue("package", key=f"{act.act_id}:{act.version}", payload={"act_id": str(act.act_id)})
