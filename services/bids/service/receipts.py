"""Receipts put at the depositor's disposal as letters, and so mailed; by a job, once they are stamped."""

from __future__ import annotations

from uuid import UUID

from libs.common.runtime import Runtime
from libs.common.service import Completion, Job
from libs.common.uow import Uow
from services.bids.documents.letters import Paper
from services.bids.documents.receipt import receipt_text, receipt_title
from services.bids.sealing.receipt import Receipt
from services.bids.service import letters
from services.bids.service.papers import receipt_paper
from services.bids.store import consultations, receipts

__all__ = ["SEND_JOB", "StampPendingError", "ask", "send"]

SEND_JOB = "send_receipt"
PATIENCE = 3
"""Attempts that wait for the time stamp; then the receipt is sent with its stamp pending."""
_SUMMARIES = {"deposit": "Receipt of your bid.", "withdrawal": "Receipt of the withdrawal of your bid."}


class StampPendingError(Exception):
    """The receipt has no time stamp yet: tried again later."""


def ask(uow: Uow, receipt: Receipt) -> None:
    """Have a receipt sent once this commits."""
    identity = str(receipt.statement.receipt_id)
    uow.enqueue(SEND_JOB, key=identity, payload={"receipt": identity})


async def send(runtime: Runtime, job: Job) -> Completion | None:
    """Draw up a receipt under the platform's seal; with the end of the job it is a letter. Raises StampPendingError."""
    async with runtime.read() as conn:
        receipt = await receipts.by_id(conn, UUID(job.payload["receipt"]))
    if receipt is None:
        return None
    if receipt.timestamp == "pending" and job.attempt <= PATIENCE:
        raise StampPendingError(job.payload["receipt"])
    paper = await _paper(runtime, receipt)

    async def complete(uow: Uow) -> None:
        consultation = await consultations.find(uow.conn, receipt.statement.procedure)
        if consultation is not None:
            to = (", ".join(receipt.statement.lots), receipt.statement.depositor.organisation)
            await letters.send(uow, consultation, to, paper)

    return complete


async def _paper(runtime: Runtime, receipt: Receipt) -> Paper:
    lines = tuple(each for each in receipt_text(receipt).splitlines() if each)
    pdf = await receipt_paper(runtime, receipt)
    return Paper("receipt", receipt_title(receipt), lines, _SUMMARIES[receipt.statement.act], pdf)
