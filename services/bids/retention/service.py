"""Destructions: proposed when bids were kept long enough, confirmed by an administrator, done by a job, with a record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import rfc8785

from libs.common.actor import Actor
from libs.common.db import load_queries
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job
from libs.common.uow import Uow
from services.bids.retention.errors import OnHold, UnknownDestruction
from services.bids.service import consultations

__all__ = ["DESTROY_JOB", "YEARS", "Destruction", "confirm", "destroy", "hold", "lift", "of_buyer", "propose"]

DESTROY_JOB: Final = "destroy_bids"
YEARS: Final = 5
"""That bids are kept, from the signature (R2184-12 CCP)."""
_BATCH: Final = 100
_QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class Destruction:
    """The destruction of the contents of the bids of a consultation."""

    id: UUID
    sequence: int
    procedure: UUID
    buyer: str
    kept_until: datetime
    reason: str
    proposed_at: datetime
    state: str
    confirmed_at: datetime | None
    done_at: datetime | None
    record: dict[str, Any] | None
    record_sha256: str | None


async def propose(runtime: Runtime) -> int:
    """Propose the destruction of what was kept long enough; nothing is destroyed. Gives how many were proposed."""
    async with runtime.uow() as uow:
        due = await uow.conn.fetch(_QUERIES["due"], uow.now(), _BATCH)
        for row in due:
            since = row["counted_from"]
            what = "de la dernière signature" if row["contracts"] else "de la date limite, aucun marché n'étant signé"
            identity = uuid4()
            reason = f"Plis conservés {YEARS} ans à compter {what} (art. R2184-12 CCP)."
            until = since.replace(year=since.year + YEARS, day=min(since.day, 28) if since.month == 2 else since.day)
            values = (row["procedure"], row["buyer"], until, reason, uow.now())
            await uow.conn.execute(_QUERIES["propose"], identity, *values)
            uow.audit("propose_destruction", str(identity))
    return len(due)


async def of_buyer(
    conn: asyncpg.Connection, actor: Actor, buyer: str, at: datetime, *, before: int | None, limit: int
) -> list[Destruction]:
    """Give the destructions of a buyer, newest first, to its administrators. Raises Forbidden, RoleMissing."""
    await require(conn, actor, buyer, None, Permission.ADMINISTER, at)
    return [Destruction(**dict(row)) for row in await conn.fetch(_QUERIES["of_buyer"], buyer, before, limit)]


async def confirm(uow: Uow, actor: Actor, identity: UUID) -> Destruction:
    """Confirm a destruction, as an administrator of the buyer; a job then does it. Confirmed again, it changes nothing.

    Raises UnknownDestruction, RoleMissing, OnHold.
    """
    found = await _locked(uow.conn, actor, identity, uow.now())
    if found.state != "proposed":
        return found
    await _require_free(uow.conn, found.procedure)
    await uow.conn.execute(_QUERIES["confirm"], identity, uow.now(), actor.subject)
    uow.audit("confirm_destruction", str(identity))
    uow.enqueue(DESTROY_JOB, key=f"{identity} {uow.now().isoformat()}", payload={"destruction": str(identity)})
    return await _locked(uow.conn, actor, identity, uow.now())


async def _locked(conn: asyncpg.Connection, actor: Actor, identity: UUID, at: datetime) -> Destruction:
    unknown = UnknownDestruction("Aucune destruction de cet identifiant.", "No such destruction.")
    row = await conn.fetchrow(_QUERIES["lock"], identity)
    if row is None:
        raise unknown
    await require(conn, actor, row["buyer"], None, Permission.ADMINISTER, at, unknown=unknown)
    return Destruction(**dict(row))


async def _require_free(conn: asyncpg.Connection, procedure: UUID) -> None:
    reason = await conn.fetchval(_QUERIES["hold"], procedure)
    if reason is not None:
        raise OnHold(
            f"Conservation prolongée : {reason} Levez-la d'abord, si sa cause a pris fin.",
            "On hold: lift it first, if its cause is over.",
        )


async def hold(uow: Uow, actor: Actor, procedure: UUID, reason: str) -> None:
    """Let nothing of a consultation be destroyed: an appeal is pending. Raises UnknownConsultation, Forbidden, RoleMissing."""
    consultation = await consultations.get(uow.conn, procedure)
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.ADMINISTER, uow.now())
    await uow.conn.execute(_QUERIES["set_hold"], procedure, reason.strip(), uow.now(), actor.subject)
    uow.audit("hold_retention", str(procedure))


async def lift(uow: Uow, actor: Actor, procedure: UUID) -> None:
    """Lift a hold; no fault when there is none. Raises UnknownConsultation, Forbidden, RoleMissing."""
    consultation = await consultations.get(uow.conn, procedure)
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.ADMINISTER, uow.now())
    if await uow.conn.fetchval(_QUERIES["lift_hold"], procedure) is not None:
        uow.audit("lift_retention_hold", str(procedure))


async def destroy(runtime: Runtime, job: Job) -> Completion | None:
    """Destroy the keys of the openings, then the ciphertext and the documents of answers; done again, it ends the same.

    A hold set after the confirmation stops it: the destruction is a proposal again.
    """
    identity = UUID(job.payload["destruction"])
    async with runtime.uow() as uow:
        row = await uow.conn.fetchrow(_QUERIES["lock"], identity)
        if await uow.conn.fetchval(_QUERIES["hold"], row["procedure"]) is not None:
            await uow.conn.execute(_QUERIES["put_off"], identity)
            uow.audit("put_off_destruction", str(identity))
            return None
        await uow.conn.execute(_QUERIES["forget_keys"], row["procedure"])
        files = [dict(each) for each in await uow.conn.fetch(_QUERIES["stored"], row["procedure"])]
        answers = [dict(each) for each in await uow.conn.fetch(_QUERIES["answered"], row["procedure"])]
    documents = [document for each in answers for document in each["documents"]]
    for key in (*(each["storage_key"] for each in files), *(each["key"] for each in documents)):
        await runtime.storage.delete(key)
    return lambda uow: _note(uow, identity, _record(row["procedure"], files, documents, uow.now()))


def _record(
    procedure: UUID, files: list[dict[str, Any]], documents: list[dict[str, Any]], at: datetime
) -> dict[str, Any]:
    """Say what was destroyed: identifiers, sizes and hashes of ciphertext; of documents their hash."""
    return {
        "procedure": str(procedure),
        "destroyed_at": at.isoformat(),
        "files": [
            {"bid": str(each["bid"]), "file": each["file"], "size": each["size"], "sha256": each["sha256"]}
            for each in files
        ],
        "documents": [{"sha256": each["sha256"], "size": each["size"]} for each in documents],
    }


async def _note(uow: Uow, identity: UUID, record: dict[str, Any]) -> None:
    digest = sha256(rfc8785.dumps(record)).hexdigest()
    await uow.conn.execute(_QUERIES["done"], identity, uow.now(), record, digest)
    uow.audit("destroy_bids", str(identity))
