"""The key sets of a consultation: each published version is time-stamped, so that none can be slipped in afterwards."""

from __future__ import annotations

from uuid import UUID

from libs.common.messages.notices import OpeningKeySet
from libs.common.runtime import Runtime
from libs.common.timestamp import TimestampAuthority, verify
from libs.common.uow import Uow
from services.bids.ports import TrustedRoots
from services.bids.store import consultations as store

__all__ = ["STAMP_KEYS_JOB", "ask_stamp", "stamp"]

STAMP_KEYS_JOB = "stamp_key_set"


def ask_stamp(uow: Uow, procedure: UUID, keys: OpeningKeySet) -> None:
    """Have a newly published key set time-stamped, as soon as an authority answers."""
    payload = {"procedure": str(procedure)}
    uow.enqueue(STAMP_KEYS_JOB, key=f"{procedure}/{keys.fingerprint}", payload=payload)


async def stamp(runtime: Runtime, procedure: UUID) -> None:
    """Stamp the fingerprints of a consultation's key sets that have no time stamp yet. Raises TimestampError."""
    async with runtime.read() as conn:
        versions = await store.key_sets(conn, procedure)
    for each in versions:
        if each.token is None:
            digest = bytes.fromhex(each.fingerprint)
            token = await runtime.port(TimestampAuthority).stamp(digest)  # type: ignore[type-abstract]  # a port
            at = verify(token, digest, runtime.port(TrustedRoots).certificates)
            async with runtime.uow() as uow:
                await store.stamp_key_set(uow.conn, procedure, each.version, token, at)
