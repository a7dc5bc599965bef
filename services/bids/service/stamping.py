"""Time stamps of receipts: at once, else by a job when the authorities are back."""

from __future__ import annotations

import asyncio
from uuid import UUID

import structlog

from libs.common.runtime import Runtime
from libs.common.timestamp import TimestampAuthority, TimestampError, verify
from services.bids.ports import TrustedRoots
from services.bids.sealing.names import to_text
from services.bids.sealing.receipt import Receipt
from services.bids.settings import BidsSettings
from services.bids.store import receipts as store

__all__ = ["STAMP_JOB", "stamp_now", "stamp_pending"]

STAMP_JOB = "stamp_receipt"
_log = structlog.get_logger(__name__)


async def stamp_now(runtime: Runtime, receipt: Receipt) -> Receipt:
    """Give the receipt with its time stamp; still pending when no authority answers soon enough: a job completes it."""
    if receipt.token is not None:
        return receipt
    identity = receipt.statement.receipt_id
    try:
        async with asyncio.timeout(runtime.port(BidsSettings).stamp_seconds):
            return await _stamp(runtime, receipt)
    except (TimestampError, TimeoutError) as error:
        _log.warning("receipt_stamp_pending", receipt=str(identity), reason=type(error).__name__)
    async with runtime.uow() as uow:
        uow.enqueue(STAMP_JOB, key=str(identity), payload={"receipt": str(identity)})
    return receipt


async def stamp_pending(runtime: Runtime, identity: UUID) -> None:
    """Stamp a receipt that still waits. Raises TimestampError while no authority answers."""
    async with runtime.read() as conn:
        receipt = await store.by_id(conn, identity)
    if receipt is not None and receipt.token is None:
        await _stamp(runtime, receipt)


async def _stamp(runtime: Runtime, receipt: Receipt) -> Receipt:
    digest = receipt.statement.digest
    token = await runtime.port(TimestampAuthority).stamp(digest)  # type: ignore[type-abstract]  # a port is a protocol
    stamped_at = verify(token, digest, runtime.port(TrustedRoots).certificates)
    async with runtime.uow() as uow:
        await store.stamp(uow.conn, receipt.statement.receipt_id, token, stamped_at)
    return receipt.model_copy(update={"timestamp": "stamped", "token": to_text(token), "stamped_at": stamped_at})
