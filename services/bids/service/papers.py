"""Papers that leave the platform under its seal: receipts, reports of openings."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from libs.common.messages.base import DocumentReference
from libs.common.runtime import Runtime
from services.bids.documents.platform_seal import PlatformSeal
from services.bids.documents.receipt import receipt_pdf, receipt_title
from services.bids.documents.report import REPORT_TITLE, report_pdf
from services.bids.errors import NotOpened
from services.bids.sealing.receipt import Receipt
from services.bids.store import openings as store
from services.bids.store.openings import Opening

__all__ = ["opening_paper", "receipt_paper", "sealed"]


async def receipt_paper(runtime: Runtime, receipt: Receipt) -> bytes:
    """Give the PDF of a receipt under the platform's seal."""
    return await sealed(runtime, await asyncio.to_thread(receipt_pdf, receipt), receipt_title(receipt))


async def sealed(runtime: Runtime, pdf: bytes, reason: str) -> bytes:
    """Give a PDF under the platform's seal."""
    return await runtime.port(PlatformSeal).seal(pdf, reason)  # type: ignore[type-abstract]  # a port is a protocol


async def opening_paper(runtime: Runtime, opening: Opening) -> DocumentReference:
    """Give the PDF of an opening's report; it is drawn up, sealed and kept the first time. Raises NotOpened."""
    if opening.report is None or opening.report_sha256 is None:
        raise NotOpened("L'ouverture n'est pas terminée.", "The opening is not completed.")
    async with runtime.read() as conn:
        kept = await store.report_paper(conn, opening.id)
    if kept is not None:
        return kept
    pdf = await asyncio.to_thread(report_pdf, opening.report, opening.report_sha256)
    content = await sealed(runtime, pdf, REPORT_TITLE)
    key, name = f"bids/reports/{opening.id}/{uuid4()}", f"ouverture-{opening.id}.pdf"
    paper = await runtime.storage.put(key, content, media_type="application/pdf", name=name)
    async with runtime.uow() as uow:
        return await store.keep_paper(uow.conn, opening.id, paper)
