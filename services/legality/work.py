"""Jobs: make an act's archive, then hand it to the State."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from libs.common.service import Completion, Job, Jobs
from libs.common.storage import MissingDocumentError
from libs.common.uow import Uow
from services.legality import events, service, store
from services.legality.actes.model import MAX_TOTAL, Authority
from services.legality.actes.names import department_code
from services.legality.domain import Act, State, authority_nature
from services.legality.packaging import PackagingError, Parts, package
from services.legality.settings import LegalitySettings
from services.legality.transmitter import Transmitter

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["jobs"]

jobs = Jobs()


@jobs.on("package")
async def make_package(runtime: Runtime, job: Job) -> Completion | None:
    """Make and keep the archive; what is missing blocks the act with its reason."""
    act_id = UUID(job.payload["act_id"])
    async with runtime.uow() as uow:
        act = await _with_envelope(uow, act_id)
    if act is None:
        return None
    try:
        parts = await _parts(runtime, act)
        made = await asyncio.to_thread(package, act, parts)
    except PackagingError as error:
        return _blocking(act_id, str(error))
    key = f"legality/archives/{hashlib.sha256(made.content).hexdigest()}"
    stored = await runtime.storage.put(key, made.content, media_type="application/gzip", name=made.name)

    async def complete(uow: Uow) -> None:
        locked = await store.lock(uow.conn, act_id)
        if locked.state is not State.PREPARED or locked.envelope != act.envelope:
            return
        detail = f"Annexes non transmises (format) : {', '.join(made.left_out)}" if made.left_out else None
        locked = replace(
            locked.moved("packaged", uow.now(), detail),
            archive=stored,
            act_identifier=made.identifier,
            validated_with=made.validated_with,
        )
        await store.save(uow.conn, locked)
        uow.enqueue("transmit", key=made.name, payload={"act_id": str(act_id)})

    return complete


@jobs.on("transmit")
async def transmit(runtime: Runtime, job: Job) -> Completion | None:
    """Hand the archive over, under its name; a repetition has the same name."""
    act_id = UUID(job.payload["act_id"])
    async with runtime.read() as conn:
        act = await store.get(conn, act_id)
    if act.state is not State.PACKAGED or act.archive is None or act.archive.name != job.key:
        return None
    content = await runtime.storage.read(act.archive.key, 2 * MAX_TOTAL)
    sender: Transmitter = runtime.port(Transmitter)  # type: ignore[type-abstract]
    await sender.send(act.archive.name, content)

    async def complete(uow: Uow) -> None:
        await mark_transmitted(uow, act_id, job.key)

    return complete


async def mark_transmitted(uow: Uow, act_id: UUID, archive: str) -> Act:
    """Note that an archive left; nothing when it is noted already, which an early answer of the State proves too."""
    act = await store.lock(uow.conn, act_id)
    if act.state is not State.PACKAGED or act.archive is None or act.archive.name != archive:
        return act
    act = replace(act.moved("transmitted", uow.now(), act.envelope), transmitted_at=uow.now())
    await store.save(uow.conn, act)
    uow.emit(events.transmitted(act))
    return replace(act, news=())


async def _with_envelope(uow: Uow, act_id: UUID) -> Act | None:
    """Give the act with an envelope's name, the same at each attempt; None when there is nothing to pack."""
    act = await store.lock(uow.conn, act_id)
    if act.state is not State.PREPARED:
        return None
    if act.envelope is None:
        act = replace(act, envelope=await service.envelope_of(uow, act))
        await store.save(uow.conn, act)
    return replace(act, news=())


async def _parts(runtime: Runtime, act: Act) -> Parts:
    settings = runtime.port(LegalitySettings)
    async with runtime.read() as conn:
        known = await store.authority(conn, act.organisation)
        classification = await store.classification(conn, act.siren)
    return Parts(
        authority=_authority(act, known),
        emails=(known.email,) if known and known.email else (settings.return_address,),
        classification=classification or settings.classification_date,
        contents=tuple([await _content(runtime, act, rank) for rank in range(len(act.pieces))]),
        envelope=act.envelope or "",
        trigram=settings.operator_trigram,
    )


def _authority(act: Act, known: store.KnownAuthority | None) -> Authority:
    """Give how the State knows the buyer: as it said, else from its SIREN, name and department."""
    if known is not None:
        return Authority(act.siren, known.department, known.arrondissement, known.nature)
    department = department_code(act.buyer_department)
    if department is None:
        raise PackagingError(
            "Le département de l'acheteur n'est pas connu : indiquez-le dans la fiche de la collectivité, puis relancez."
        )
    return Authority(act.siren, department, "0", authority_nature(act.siren, act.buyer_name))


async def _content(runtime: Runtime, act: Act, rank: int) -> bytes:
    document = act.pieces[rank].document
    try:
        data = await runtime.storage.read(document.key, MAX_TOTAL)
    except (MissingDocumentError, ValueError):  # ValueError: a key that was never meant for us
        raise PackagingError(f"La pièce {document.name} est introuvable.") from None
    if hashlib.sha256(data).hexdigest() != document.sha256:
        raise PackagingError(f"La pièce {document.name} n'est pas celle qui a été annoncée (empreinte différente).")
    return data


def _blocking(act_id: UUID, reason: str) -> Completion:
    async def complete(uow: Uow) -> None:
        act = await store.lock(uow.conn, act_id)
        if act.state is State.PREPARED:
            await store.save(uow.conn, act.moved("blocked", uow.now(), reason))

    return complete
