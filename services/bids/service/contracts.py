"""The contract: signed by the winner, submitted after the standstill, signed by the buyer, cleared, notified."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.calendar import french_date
from libs.common.errors import StaleVersion
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.messages.base import DocumentReference, Money
from libs.common.messages.bids import Contract
from libs.common.messages.signature import DocumentSignedV1
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids import events
from services.bids.documents.contract import contract_pdf, money_text
from services.bids.documents.letters import AwardFacts, notification_letter
from services.bids.documents.signed import only_signed
from services.bids.domain.awards import Standstill
from services.bids.domain.states import CONTRACT, ContractState, after
from services.bids.errors import DuringStandstill, NotCleared, UnknownContract, WrongSignedContract
from services.bids.service import consultations
from services.bids.service.letters import send
from services.bids.store import contracts as store
from services.bids.store.awards import Award
from services.bids.store.consultations import Consultation
from services.bids.store.contracts import ContractRow

__all__ = [
    "MAX_CONTRACT", "acknowledge", "buyer_signed", "clear", "framework_number", "notify", "party_contract", "prepare", "refused", "sign_as_winner",
    "submit", "with_totals",
]  # fmt: skip

MAX_CONTRACT = 50 * 2**20
"""Bytes of a signed contract."""


class ForeignDocumentError(Exception):
    """The signed document does not continue the one that was submitted: the message waits for an operator."""


async def prepare(uow: Uow, consultation: Consultation, award: Award, content: Contract, *, holder: str) -> ContractRow:
    """Draw up the contract of an award and keep it; the document is stored before the row that names it.

    `holder`: the company that bid and acts here, for its group where it has one.
    """
    pdf = contract_pdf(content, consultation.zone)
    key = f"bids/contracts/{content.contract_id}/prepared.pdf"
    name = f"acte-engagement-{content.contract_id}.pdf"
    document = await uow.runtime.storage.put(key, pdf, media_type="application/pdf", name=name)
    row = ContractRow(
        content.contract_id, 1, consultation.announced, award.id, consultation.buyer, holder,
        content.number, ContractState.PREPARED, content, award.standstill_until, document,
    )  # fmt: skip
    await store.add(uow.conn, row)
    return row


async def framework_number(conn: asyncpg.Connection, consultation: Consultation, lot: str, holder: str) -> str | None:
    """Give the number of the framework agreement that a company holds for a lot; None where it holds none."""
    held = await store.of_procedure(conn, consultation.announced)
    own = (each for each in held if each.content.framework and each.content.lot_id == lot and each.winner == holder)
    return next((each.number for each in own), None)


async def party_contract(
    conn: asyncpg.Connection, actor: Actor, contract_id: UUID, at: datetime, *, lock: bool = False
) -> ContractRow:
    """Give a contract to its winner, or to who reads for its buyer. Raises UnknownContract, RoleMissing."""
    unknown = UnknownContract("Aucun marché de votre organisation n'a cet identifiant.", "No such contract of yours.")
    row = await (store.lock if lock else store.find)(conn, contract_id)
    if row is None:
        raise unknown
    if actor.kind is not OrganisationKind.COMPANY or actor.organisation != row.winner:
        await require(conn, actor, row.buyer, row.procedure, Permission.READ, at, unknown=unknown)
    return row


async def _locked(uow: Uow, actor: Actor, contract_id: UUID, version: int | None) -> ContractRow:
    """Give a contract, held; `version` is what the caller saw (If-Match). Raises what `party_contract` does, StaleVersion."""
    row = await party_contract(uow.conn, actor, contract_id, uow.now(), lock=True)
    if version is not None and version != row.version:
        raise StaleVersion(
            f"Le marché a changé entre-temps (version {row.version}) : relisez-le avant de recommencer.",
            f"The contract changed in the meantime (version {row.version}): read it again first.",
        )
    return row


async def sign_as_winner(
    runtime: Runtime, actor: Actor, contract_id: UUID, pdf: bytes, version: int | None = None
) -> ContractRow:
    """Take the PDF that the winner signed: the generated one, byte for byte, with a signature after it and nothing else.

    Raises UnknownContract, Forbidden, IllegalTransition, WrongSignedContract.
    """
    actor.require(OrganisationKind.COMPANY)
    async with runtime.read() as conn:
        row = await party_contract(conn, actor, contract_id, runtime.clock.now())
    actor.require_organisation(row.winner)
    state = after(CONTRACT, row.state, "sign as winner")
    prepared = await runtime.storage.read(row.prepared.key, MAX_CONTRACT)
    await _check_signed(pdf, prepared)
    key = f"bids/contracts/{row.id}/winner-{sha256(pdf).hexdigest()}.pdf"
    document = await runtime.storage.put(key, pdf, media_type="application/pdf", name=row.prepared.name)
    async with runtime.uow(actor=actor) as uow:
        row = await _locked(uow, actor, contract_id, version)
        state = after(CONTRACT, row.state, "sign as winner")
        uow.audit("sign_contract_as_winner", str(row.id))
        return await _save(uow, replace(row, state=state, winner_signed=document))


async def _check_signed(pdf: bytes, given: bytes) -> None:
    if await asyncio.to_thread(only_signed, given, pdf):
        return
    raise WrongSignedContract(
        "Ce PDF n'est pas le contrat fourni auquel une signature électronique a été ajoutée : téléchargez le contrat, "
        "signez-le (PAdES) sans le modifier ni le réimprimer, puis envoyez-le.",
        "This PDF is not the given contract with a signature added (incremental update): sign the downloaded file.",
    )


async def submit(runtime: Runtime, actor: Actor, contract_id: UUID, version: int | None = None) -> ContractRow:
    """Send the contract into the buyer's signature circuit, once the standstill is over.

    Raises UnknownContract, Forbidden, ProcedureSuspended, LotEnded, IllegalTransition, DuringStandstill that gives the
    first date.
    """
    async with runtime.read() as conn:
        row, consultation = await _buyers(conn, actor, contract_id, runtime.clock.now())
    consultations.require_going_on(consultation, [row.content.lot_id])
    _require_over(row, consultation, runtime.clock.now())
    after(CONTRACT, row.state, "submit")
    document = row.document
    shared = await runtime.storage.exchange(
        runtime.storage.open(document.key), media_type=document.media_type, name=document.name
    )
    async with runtime.uow(actor=actor) as uow:
        row = await _locked(uow, actor, contract_id, version)
        if row.document.sha256 != shared.sha256:
            raise StaleVersion(
                "Le titulaire vient de signer de nouveau : recommencez.", "The winner just signed again."
            )
        now = uow.now()
        saved = await _save(uow, replace(row, state=after(CONTRACT, row.state, "submit"), submitted_at=now))
        uow.audit("submit_contract", str(row.id))
        uow.emit(events.contract_submitted(saved, shared, version=saved.version, at=now))
        return saved


def _require_over(row: ContractRow, consultation: Consultation, now: datetime) -> None:
    until = row.standstill_until
    if until is not None and now < until:
        first = french_date(until, consultation.zone)
        raise DuringStandstill(
            f"Le marché ne peut pas être signé avant le {first}, 0 h (délai de onze jours, art. R2182-1 CCP).",
            f"The contract may not be signed before {until.isoformat()} (standstill).",
        )


async def buyer_signed(uow: Uow, event: DocumentSignedV1) -> None:
    """Follow the end of the signature circuit. Documents that are no contracts of ours are none of our business.

    Raises ForeignDocumentError when the document is not the submitted one with signatures added.
    """
    row = await store.lock(uow.conn, event.subject_id)
    if row is None:
        return
    state = after(CONTRACT, row.state, "sign")
    await _require_continuation(uow.runtime, row.document, event.document)
    saved = await _save(uow, replace(row, state=state, signed=event.document, signed_at=event.signed_at))
    consultation = await consultations.get(uow.conn, row.procedure)
    contract = await with_totals(uow.conn, saved)
    documents = list(consultation.notice.documents)
    uow.emit(events.contract_signed(saved, contract, documents, version=saved.version, at=uow.now()))


async def _require_continuation(runtime: Runtime, before: DocumentReference, after_: DocumentReference) -> None:
    if after_.size <= before.size:
        raise ForeignDocumentError(f"{after_.sha256} is not longer than {before.sha256}")
    digest = sha256()
    async for data in runtime.storage.open(after_.key, 0, before.size):
        digest.update(data)
    if digest.hexdigest() != before.sha256:
        raise ForeignDocumentError(f"{after_.sha256} does not continue {before.sha256}")


async def refused(uow: Uow, subject: UUID) -> None:
    """A person of the buyer's circuit refused: the contract can be submitted again."""
    row = await store.lock(uow.conn, subject)
    if row is not None:
        await _save(uow, replace(row, state=after(CONTRACT, row.state, "refuse"), submitted_at=None))
        uow.audit("contract_signature_refused", str(subject))


async def clear(uow: Uow, subject: UUID, clearance: str) -> None:
    """The legality control acknowledged the contract, or the law asks no transmission: it may be notified."""
    row = await store.lock(uow.conn, subject)
    if row is not None and row.clearance is None:
        await _save(uow, replace(row, state=after(CONTRACT, row.state, "clear"), clearance=clearance))
        uow.audit("clear_contract", str(subject))


async def notify(uow: Uow, actor: Actor, contract_id: UUID, version: int | None = None) -> ContractRow:
    """Notify the signed contract to the winner. Raises UnknownContract, Forbidden, IllegalTransition, NotCleared."""
    _, consultation = await _buyers(uow.conn, actor, contract_id, uow.now())
    row = await _locked(uow, actor, contract_id, version)
    if row.state is ContractState.SIGNED:
        raise NotCleared(
            "Le marché est signé ; on attend l'accusé de réception du contrôle de légalité, ou le constat que la "
            "transmission n'est pas due, avant de le notifier.",
            "The contract is signed; the acknowledgement of the legality control, or its exemption, is awaited.",
        )
    state = after(CONTRACT, row.state, "notify")
    now = uow.now()
    paper = notification_letter(_facts(row, consultation, now), row.number, row.document.sha256)
    await send(uow, consultation, (row.content.lot_id, row.winner), paper)
    uow.audit("notify_contract", str(row.id))
    return await _save(uow, replace(row, state=state, notified_at=now))


async def acknowledge(uow: Uow, actor: Actor, contract_id: UUID, version: int | None = None) -> ContractRow:
    """Record the winner's dated acknowledgement: the contract binds from that date.

    Raises UnknownContract, Forbidden, IllegalTransition.
    """
    row = await _locked(uow, actor, contract_id, version)
    actor.require(OrganisationKind.COMPANY)
    actor.require_organisation(row.winner)
    now = uow.now()
    state = after(CONTRACT, row.state, "acknowledge")
    saved = await _save(uow, replace(row, state=state, acknowledged_at=now))
    uow.audit("acknowledge_contract", str(row.id))
    contract = await with_totals(uow.conn, saved)
    uow.emit(events.contract_notified(saved, contract, version=saved.version, at=now))
    return saved


async def with_totals(conn: asyncpg.Connection, row: ContractRow) -> Contract:
    """Give the full contract of the moment: dates, document, and the sum over the lots awarded with it.

    Several holders of one framework agreement share its maximum: the lot counts once. A later round is a total of its own.
    """
    lots: dict[str, Decimal] = {}
    for each in await store.of_consultation(conn, row.award):
        lot, amount = each.content.lot_id, each.content.value.amount
        lots[lot] = max(lots.get(lot, Decimal(0)), amount)
    total = sum(lots.values(), Decimal(0))
    return row.content.model_copy(
        update={
            "procedure_total": Money(amount=total, currency=row.content.value.currency),
            "signed_at": row.signed_at,
            "notified_at": row.acknowledged_at,
            "document": row.signed,
        }
    )


async def _buyers(
    conn: asyncpg.Connection, actor: Actor, contract_id: UUID, at: datetime
) -> tuple[ContractRow, Consultation]:
    row = await party_contract(conn, actor, contract_id, at)
    consultation = await consultations.get(conn, row.procedure)
    await consultations.require_buyer(conn, actor, consultation, Permission.PUBLISH, at)
    return row, consultation


async def _save(uow: Uow, row: ContractRow) -> ContractRow:
    return replace(row, version=await store.save(uow.conn, row))


def _facts(row: ContractRow, consultation: Consultation, now: datetime) -> AwardFacts:
    notice, content = consultation.notice, row.content
    lot = consultation.lot(content.lot_id)
    return AwardFacts(
        notice.buyer.name, notice.title, content.lot_id, lot.title if lot else content.title, notice.formal,
        content.winners[0].name, money_text(content.value.amount, content.value.currency), now, consultation.zone,
        Standstill(row.standstill_until, ""),
    )  # fmt: skip
