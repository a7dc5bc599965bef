"""Use cases of the signature circuits."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import Conflict
from libs.common.grants import Permission
from libs.common.grants.known import require, stands_in_for
from libs.common.messages.base import DocumentReference
from libs.common.messages.bids import ContractSubmittedV1
from libs.common.uow import Uow
from services.signature import events, pades, store
from services.signature.certificates import check_usable, read_certificates
from services.signature.domain import Action, Happening, PlannedStep, Request, State, Step, check_circuit
from services.signature.errors import SignatureMismatch
from services.signature.settings import SignatureSettings
from services.signature.verifier import Verifier

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = [
    "PrepareSignature",
    "announce_step",
    "awaited",
    "fetch",
    "give_signature",
    "give_visa",
    "prepare_signature",
    "readable_request",
    "refuse",
    "retry",
    "set_circuit",
    "submit",
    "verify_document",
]


_TAKES: Final = {Action.VISA: Permission.WRITE, Action.SIGNATURE: Permission.SIGN}
"""What a person must be allowed to do at a step, beside being the one it names, or standing in for them."""


@dataclass(frozen=True, slots=True)
class PrepareSignature:
    """A person asks for the bytes to sign."""

    actor: Actor
    request_id: UUID
    number: int
    certificate: str
    chain: tuple[str, ...]


async def set_circuit(uow: Uow, actor: Actor, steps: Sequence[PlannedStep]) -> store.Circuit:
    """Set the circuit of the actor's organisation, as its administrator; requests already open keep theirs."""
    await require(uow.conn, actor, actor.organisation, None, Permission.ADMINISTER, uow.now())
    check_circuit(steps)
    uow.audit("signature.circuit.set", actor.organisation)
    return await store.save_circuit(uow.conn, actor.organisation, steps, by=actor.subject, at=uow.now())


async def readable_request(conn: asyncpg.Connection, actor: Actor, request_id: UUID, at: datetime) -> Request:
    """Give a request to who may read its consultation. Raises NotFound, Forbidden, RoleMissing."""
    request = await store.get(conn, request_id)
    await require(conn, actor, request.organisation, request.procedure, Permission.READ, at)
    return request


async def awaited(conn: asyncpg.Connection, actor: Actor, at: datetime) -> tuple[str, ...]:
    """Give the persons whose turn is the caller's: themselves, and those they stand in for in the whole organisation."""
    found = {actor.subject}
    for permission in _TAKES.values():
        found |= await stands_in_for(conn, actor, actor.organisation, None, permission, at)
    return tuple(sorted(found))


async def submit(uow: Uow, event: ContractSubmittedV1) -> Request:
    """Receive a contract; a former request for it that is not closed gives way."""
    now = uow.now()
    former = await store.lock_alive(uow.conn, event.contract_id)
    if former is not None:
        await store.save(uow.conn, former.moved("superseded", now))
    request = Request(
        request_id=uuid4(),
        organisation=event.organisation,
        procedure=event.procedure,
        subject_id=event.contract_id,
        title=event.title,
        state=State.RECEIVED,
        version=1,
        submitted=event.document,
        document=event.document,
        created_at=now,
        news=(Happening(now, "received"),),
    )
    await store.add(uow.conn, request)
    _examine(uow, request)
    return request


async def retry(uow: Uow, actor: Actor, request_id: UUID) -> Request:
    """Examine a blocked request again, once what blocked it is mended (a missing circuit for instance)."""
    request = await store.lock(uow.conn, request_id)
    await require(uow.conn, actor, request.organisation, request.procedure, Permission.WRITE, uow.now())
    request = replace(request.moved("retried", uow.now()), reason=None)
    await store.save(uow.conn, request)
    uow.audit("signature.request.retried", str(request_id))
    _examine(uow, request)
    return request


async def give_visa(uow: Uow, actor: Actor, request_id: UUID, number: int) -> Request:
    """Give the visa of the current step."""
    request = await store.lock(uow.conn, request_id)
    step = await _turn(uow, actor, request, number, Action.VISA)
    request = request.step_done(uow.now(), actor.subject)
    await store.save(uow.conn, request)
    announce_step(uow, request, step)
    return request


async def prepare_signature(uow: Uow, command: PrepareSignature) -> store.Preparation:
    """Prepare the document for this person's signature at this step; the last preparation counts."""
    request = await store.get(uow.conn, command.request_id)
    step = await _turn(uow, command.actor, request, command.number, Action.SIGNATURE)
    certificate, chain = read_certificates(command.certificate, command.chain)
    await check_usable(certificate, chain, uow.runtime.port(Verifier).trust, uow.now())
    pdf = await fetch(uow.runtime, request.document)
    signatory = pades.Signatory(
        certificate, chain, field=f"Signature_acheteur_{step.number}", reason=step.function, at=uow.now()
    )
    item = await _prepare(uow.runtime, request, step, pdf, signatory, command.actor.subject)
    locked = await store.lock(uow.conn, request.request_id)
    if locked.version != request.version:
        raise Conflict("La demande a changé entre-temps : recommencez.", "The request changed meanwhile: start again.")
    await store.add_preparation(uow.conn, item, uow.now())
    uow.audit("signature.step.prepared", str(request.request_id))
    return item


async def give_signature(uow: Uow, actor: Actor, request_id: UUID, number: int, signature: bytes) -> Request:
    """Take the signature value of the bytes prepared; a job then stamps it and writes the document."""
    request = await store.lock(uow.conn, request_id)
    await _turn(uow, actor, request, number, Action.SIGNATURE)
    item = await store.last_preparation(uow.conn, request_id, number, actor.subject)
    if item is None or item.base_sha256 != request.document.sha256:
        raise Conflict(
            "Demandez d'abord la préparation de cette signature.", "Ask first for the preparation of this signature."
        )
    if not pades.value_matches(item.prepared, signature):
        raise SignatureMismatch(
            "Cette valeur n'est pas la signature, par votre certificat, des octets préparés pour vous à cette étape.",
            "This value is not your certificate's signature of the bytes prepared for you at this step.",
        )
    request = request.moved("signature_given", uow.now(), step=number)
    await store.save(uow.conn, request)
    await store.keep_signature(uow.conn, item.preparation_id, signature)
    uow.audit("signature.step.signed", str(request_id))
    uow.enqueue("complete", key=str(item.preparation_id), payload={"preparation_id": str(item.preparation_id)})
    return request


async def refuse(uow: Uow, actor: Actor, request_id: UUID, reason: str) -> Request:
    """Close the request at the current step, with a reason."""
    request = await store.lock(uow.conn, request_id)
    step = request.current
    others = await _stood_in_for(uow, actor, request, step.action if step else Action.SIGNATURE)
    request = request.refused(actor.subject, reason, uow.now(), others)
    await store.save(uow.conn, request)
    uow.emit(events.refused(request, step.number if step else 0))
    return request


def announce_step(uow: Uow, request: Request, step: Step) -> None:
    """Tell that a step is done, and with the last one that the document is signed."""
    uow.emit(events.step_completed(request, step))
    if request.state is State.COMPLETED:
        uow.emit(events.signed(request))


async def verify_document(runtime: Runtime, document: DocumentReference, at: datetime) -> pades.VerificationReport:
    """Fetch and verify a document."""
    return await runtime.port(Verifier).verify(await fetch(runtime, document), at)


async def fetch(runtime: Runtime, document: DocumentReference) -> bytes:
    """Read a document by reference and compare its hash. Raises ValueError when it is another content."""
    data = await runtime.storage.read(document.key, runtime.port(SignatureSettings).signature_max_bytes)
    if hashlib.sha256(data).hexdigest() != document.sha256:
        raise ValueError(f"{document.key} is not the document that was announced")
    return data


async def _prepare(
    runtime: Runtime, request: Request, step: Step, pdf: bytes, signatory: pades.Signatory, person: str
) -> store.Preparation:
    try:
        prepared = await asyncio.to_thread(pades.prepare, pdf, signatory)
    except pades.UnsignableError as error:
        raise Conflict(str(error), "This document, or this certificate, cannot be used to sign.") from error
    identity = uuid4()
    stored = await runtime.storage.put(
        f"signature/prepared/{identity}", prepared.document, media_type="application/pdf", name=request.document.name
    )
    return store.Preparation(
        preparation_id=identity,
        request_id=request.request_id,
        number=step.number,
        person=person,
        base_sha256=request.document.sha256,
        document_key=stored.key,
        prepared=prepared,
    )


def _examine(uow: Uow, request: Request) -> None:
    key = f"{request.request_id}:{request.version}"
    uow.enqueue("examine", key=key, payload={"request_id": str(request.request_id)})


async def _turn(uow: Uow, actor: Actor, request: Request, number: int, action: Action) -> Step:
    """Give the step whose turn it is, to who has the role that it takes. Raises Forbidden, RoleMissing, those of `turn_of`."""
    others = await _stood_in_for(uow, actor, request, action)
    return request.turn_of(actor.subject, number, action, others)


async def _stood_in_for(uow: Uow, actor: Actor, request: Request, action: Action) -> frozenset[str]:
    """Give for whom the caller stands in, who must have the role of the action. Raises Forbidden, RoleMissing."""
    of = (request.organisation, request.procedure, _TAKES[action], uow.now())
    await require(uow.conn, actor, *of)
    return await stands_in_for(uow.conn, actor, *of)
