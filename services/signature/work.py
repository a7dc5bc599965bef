"""Jobs: what a request asks of the storage, of the processor and of the time stamp authority."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from libs.common.jobs import JobFailedError
from libs.common.service import Completion, Job, Jobs
from libs.common.storage import MissingDocumentError
from libs.common.timestamp import TimestampAuthority
from libs.common.uow import Uow
from services.signature import events, pades, service, store
from services.signature.domain import Request, State
from services.signature.verifier import Verifier

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["jobs"]

jobs = Jobs()

_ABSENT = "Le document annoncé est introuvable."
_OTHER = "Le document reçu n'est pas celui qui a été annoncé (empreinte différente)."
_NO_CIRCUIT = "Votre organisation n'a pas encore de circuit de signature : définissez-le, puis relancez la demande."


@jobs.on("examine")
async def examine(runtime: Runtime, job: Job) -> Completion | None:
    """Verify a received document: the winner's signature must be there, intact, and nothing added after it."""
    async with runtime.read() as conn:
        request = await store.get(conn, UUID(job.payload["request_id"]))
    if request.state is not State.RECEIVED:
        return None
    reason, report = await _verdict(runtime, request)

    async def complete(uow: Uow) -> None:
        await _open_or_block(uow, request.request_id, reason, report)

    return complete


async def _verdict(runtime: Runtime, request: Request) -> tuple[str | None, pades.VerificationReport | None]:
    try:
        report = await service.verify_document(runtime, request.document, runtime.clock.now())
    except MissingDocumentError:
        return _ABSENT, None
    except ValueError:
        return _OTHER, None
    return _obstacle(report), report


def _obstacle(report: pades.VerificationReport) -> str | None:
    """Say why the document cannot enter a circuit. A signer whom we cannot identify is no obstacle, but is shown."""
    details = " ".join(report.problems)
    if report.indication is pades.Indication.NO_SIGNATURE:
        return f"Le document ne porte pas la signature du titulaire. {details}".strip()
    if report.indication is pades.Indication.REFUSED:
        return f"Le document ne peut pas être examiné. {details}".strip()
    if report.indication is pades.Indication.TOTAL_FAILED or not report.intact:
        return f"La signature du titulaire n'est pas intègre. {details}".strip()
    return None


async def _open_or_block(
    uow: Uow, request_id: UUID, reason: str | None, report: pades.VerificationReport | None
) -> None:
    request = await store.lock(uow.conn, request_id)
    if request.state is not State.RECEIVED:
        return
    shown = report.as_json() if report else None
    circuit = await store.circuit(uow.conn, request.organisation)
    if reason is None and circuit is None:
        reason = _NO_CIRCUIT
    if reason is not None or circuit is None:
        request = request.blocked(reason or _NO_CIRCUIT, shown, uow.now())
        uow.emit(events.blocked(request))
    else:
        request = request.opened(circuit.steps, shown or {}, uow.now())
        uow.emit(events.opened(request))
    await store.save(uow.conn, request)


@jobs.on("complete")
async def complete(runtime: Runtime, job: Job) -> Completion | None:
    """Have a signature stamped, write it in the document, check the whole, and end the step."""
    async with runtime.read() as conn:
        item = await store.preparation(conn, UUID(job.payload["preparation_id"]))
        request = await store.get(conn, item.request_id)
    if item.signature is None:
        raise JobFailedError("the preparation has no signature value")
    if request.state is not State.COMPLETING:
        return None
    document = await runtime.storage.read(item.document_key, 2**31)
    prepared = replace(item.prepared, document=document)
    token = await runtime.port(TimestampAuthority).stamp(pades.digest_to_stamp(item.signature))  # type: ignore[type-abstract]
    signed = await asyncio.to_thread(pades.complete, prepared, item.signature, token)
    report = await runtime.port(Verifier).verify(signed, runtime.clock.now())
    stored = await runtime.storage.exchange(signed, media_type="application/pdf", name=request.document.name)

    async def end_step(uow: Uow) -> None:
        locked = await store.lock(uow.conn, item.request_id)
        step = locked.current
        if locked.state is not State.COMPLETING or step is None or step.number != item.number:
            return
        if not report.intact:
            await store.save(uow.conn, locked.moved("signature_failed", uow.now(), step=item.number))
            return
        done = replace(locked.step_done(uow.now(), item.person), document=stored, verification=report.as_json())
        await store.save(uow.conn, done)
        service.announce_step(uow, done, step)

    return end_step
