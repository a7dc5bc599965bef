"""Destructions: proposed when bids were kept long enough, confirmed by an administrator, done by a job, with a record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import asyncpg
import rfc8785

from libs.common.actor import Actor
from libs.common.errors import IllegalTransition
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job
from libs.common.uow import Uow
from services.bids.retention.errors import Destroyed, OnHold, UnknownDestruction, VisaMissing
from services.bids.retention.store import QUERIES, Destruction, Doomed, doomed, find
from services.bids.service import consultations

__all__ = [
    "DESTROY_JOB", "YEARS", "Visa", "confirm", "content", "destroy", "hold", "lift", "of_buyer", "propose", "require_kept", "stamp",
]  # fmt: skip

DESTROY_JOB: Final = "destroy_bids"
YEARS: Final = 5
"""That bids are kept, from the signature (R2184-12 CCP)."""
_BATCH: Final = 100


@dataclass(frozen=True)
class Visa:
    """What the director of the archives decided of a destruction, under which reference, which day."""

    decision: Literal["destroy", "keep"]
    reference: str
    decided_on: date


async def propose(runtime: Runtime) -> int:
    """Propose the destruction of what was kept long enough; nothing is destroyed. Gives how many were proposed."""
    async with runtime.uow() as uow:
        bids = await uow.conn.fetch(QUERIES["due"], uow.now(), _BATCH)
        for row in bids:
            since = row["counted_from"]
            what = "de la dernière signature" if row["contracts"] else "de la date limite, aucun marché n'étant signé"
            reason = f"Plis conservés {YEARS} ans à compter {what} (art. R2184-12 CCP)."
            until = since.replace(year=since.year + YEARS, day=min(since.day, 28) if since.month == 2 else since.day)
            await _propose(uow, (row["procedure"], None, row["buyer"], until, reason))
        contracts = await uow.conn.fetch(QUERIES["due_contracts"], uow.now(), _BATCH)
        for row in contracts:
            end = row["ended_on"].strftime("%d/%m/%Y")
            reason = f"Pièces du marché conservées {row['years']} ans à compter de la fin de l'exécution, le {end} (art. R2184-13 CCP)."
            await _propose(uow, (row["procedure"], row["contract"], row["buyer"], row["kept_until"], reason))
    return len(bids) + len(contracts)


async def _propose(uow: Uow, told: tuple[UUID, UUID | None, str, datetime, str]) -> None:
    identity = uuid4()
    await uow.conn.execute(QUERIES["propose"], identity, *told, uow.now())
    uow.audit("propose_destruction", str(identity))


async def of_buyer(
    conn: asyncpg.Connection, actor: Actor, buyer: str, at: datetime, *, before: int | None, limit: int
) -> list[Destruction]:
    """Give the destructions of a buyer, newest first, to its administrators. Raises Forbidden, RoleMissing."""
    await require(conn, actor, buyer, None, Permission.ADMINISTER, at)
    return [Destruction(**dict(row)) for row in await conn.fetch(QUERIES["of_buyer"], buyer, before, limit)]


async def content(
    conn: asyncpg.Connection, actor: Actor, identity: UUID, at: datetime
) -> tuple[Destruction, list[Doomed]]:
    """Give what a destruction would destroy, for the archivist; nothing is left of one that is done: its record tells.

    Raises UnknownDestruction, RoleMissing.
    """
    found = await _locked(conn, actor, identity, at)
    return found, [] if found.state == "done" else await doomed(conn, found)


async def stamp(uow: Uow, actor: Actor, identity: UUID, visa: Visa) -> Destruction:
    """Note what the archivist decided; the last decision holds until the destruction is confirmed.

    Raises UnknownDestruction, RoleMissing, IllegalTransition.
    """
    found = await _locked(uow.conn, actor, identity, uow.now())
    if found.state != "proposed":
        raise IllegalTransition("La destruction est déjà confirmée.", "The destruction is confirmed already.")
    told = asdict(visa) | {"decided_on": visa.decided_on.isoformat()}
    await uow.conn.execute(QUERIES["stamp_visa"], identity, told)
    uow.audit("stamp_destruction", str(identity))
    return await _locked(uow.conn, actor, identity, uow.now())


async def confirm(uow: Uow, actor: Actor, identity: UUID) -> Destruction:
    """Confirm a destruction, as an administrator of the buyer; a job then does it. Confirmed again, it changes nothing.

    Raises UnknownDestruction, RoleMissing, OnHold, VisaMissing.
    """
    found = await _locked(uow.conn, actor, identity, uow.now())
    if found.state != "proposed":
        return found
    await _require_free(uow.conn, found.procedure)
    _require_visa(found)
    await uow.conn.execute(QUERIES["confirm"], identity, uow.now(), actor.subject)
    uow.audit("confirm_destruction", str(identity))
    uow.enqueue(DESTROY_JOB, key=f"{identity} {uow.now().isoformat()}", payload={"destruction": str(identity)})
    return await _locked(uow.conn, actor, identity, uow.now())


def _require_visa(found: Destruction) -> None:
    if found.visa is None:
        raise VisaMissing(
            "Des archives publiques ne se détruisent qu'avec le visa du directeur des archives (art. R212-14 du code du patrimoine) : "
            "envoyez-lui la liste des pièces, puis notez sa décision.",
            "Public archives are destroyed with the visa of the director of the archives: send the list, then note the decision.",
        )
    if found.visa["decision"] == "keep":
        raise VisaMissing(
            f"L'archiviste a décidé de conserver ces pièces ({found.visa['reference']}).",
            "The archivist decided to keep these papers.",
        )


async def _locked(conn: asyncpg.Connection, actor: Actor, identity: UUID, at: datetime) -> Destruction:
    unknown = UnknownDestruction("Aucune destruction de cet identifiant.", "No such destruction.")
    found = await find(conn, identity)
    if found is None:
        raise unknown
    await require(conn, actor, found.buyer, None, Permission.ADMINISTER, at, unknown=unknown)
    return found


async def _require_free(conn: asyncpg.Connection, procedure: UUID) -> None:
    reason = await conn.fetchval(QUERIES["hold"], procedure)
    if reason is not None:
        raise OnHold(
            f"Conservation prolongée : {reason} Levez-la d'abord, si sa cause a pris fin.",
            "On hold: lift it first, if its cause is over.",
        )


async def hold(uow: Uow, actor: Actor, procedure: UUID, reason: str) -> None:
    """Let nothing of a consultation be destroyed: an appeal is pending. Raises UnknownConsultation, Forbidden, RoleMissing."""
    consultation = await consultations.get(uow.conn, procedure)
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.ADMINISTER, uow.now())
    await uow.conn.execute(QUERIES["set_hold"], procedure, reason.strip(), uow.now(), actor.subject)
    uow.audit("hold_retention", str(procedure))


async def lift(uow: Uow, actor: Actor, procedure: UUID) -> None:
    """Lift a hold; no fault when there is none. Raises UnknownConsultation, Forbidden, RoleMissing."""
    consultation = await consultations.get(uow.conn, procedure)
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.ADMINISTER, uow.now())
    if await uow.conn.fetchval(QUERIES["lift_hold"], procedure) is not None:
        uow.audit("lift_retention_hold", str(procedure))


async def destroy(runtime: Runtime, job: Job) -> Completion | None:
    """Destroy the keys of the openings, then the files; done again, it ends the same.

    A hold set after the confirmation stops it: the destruction is a proposal again.
    """
    identity = UUID(job.payload["destruction"])
    async with runtime.uow() as uow:
        found = await find(uow.conn, identity)
        assert found is not None  # noqa: S101  # destructions are never removed once confirmed
        if await uow.conn.fetchval(QUERIES["hold"], found.procedure) is not None:
            await uow.conn.execute(QUERIES["put_off"], identity)
            uow.audit("put_off_destruction", str(identity))
            return None
        if found.contract is None:
            await uow.conn.execute(QUERIES["forget_keys"], found.procedure)
        files = await doomed(uow.conn, found)
    for each in files:
        await runtime.storage.delete(each.storage_key)
    return lambda uow: _note(uow, identity, _record(found, files, uow.now()))


def _record(found: Destruction, files: list[Doomed], at: datetime) -> dict[str, Any]:
    """Say what was destroyed: identifiers, sizes and hashes, of bids those of ciphertext; on whose visa."""
    return {
        "procedure": str(found.procedure),
        "contract": None if found.contract is None else str(found.contract),
        "destroyed_at": at.isoformat(),
        "visa": found.visa,
        "files": [each.what | {"size": each.size, "sha256": each.sha256} for each in files if each.what],
        "documents": [{"sha256": each.sha256, "size": each.size} for each in files if not each.what],
    }


async def _note(uow: Uow, identity: UUID, record: dict[str, Any]) -> None:
    digest = sha256(rfc8785.dumps(record)).hexdigest()
    await uow.conn.execute(QUERIES["done"], identity, uow.now(), record, digest)
    uow.audit("destroy_files", str(identity))


async def require_kept(runtime: Runtime, document: DocumentReference) -> None:
    """Let pass a document that is still there. Raises Destroyed."""
    if not await runtime.storage.exists(document.key):
        raise Destroyed(
            f"Cette pièce (SHA-256 {document.sha256}) a été détruite au terme de sa conservation ; le registre des destructions en "
            "garde la trace.",
            f"This document (SHA-256 {document.sha256}) was destroyed at the end of its time.",
        )
