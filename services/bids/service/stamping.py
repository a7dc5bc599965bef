"""Receipts with their time stamps: at once, else completed when the authorities are back."""

from __future__ import annotations

import structlog

from libs.common.runtime import Runtime
from services.bids.evidence.journal import Journal
from services.bids.sealing.receipt import Receipt
from services.bids.settings import BidsSettings
from services.bids.store import receipts as store

__all__ = ["stamp_now"]

_log = structlog.get_logger(__name__)


async def stamp_now(runtime: Runtime, receipt: Receipt) -> Receipt:
    """Give the receipt with its proof; still pending when no authority answers soon enough: a worker completes it."""
    if receipt.timestamp == "stamped":
        return receipt
    identity = receipt.statement.receipt_id
    async with runtime.read() as conn:
        fact = await store.fact_of(conn, identity)
    if not await runtime.port(Journal).wait(fact, runtime.port(BidsSettings).stamp_seconds):
        _log.warning("receipt_stamp_pending", receipt=str(identity))
    async with runtime.read() as conn:
        return await store.by_id(conn, identity) or receipt
