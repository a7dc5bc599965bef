"""Papers that leave the platform under its seal; receipts put at the depositor's disposal, and mailed."""

from __future__ import annotations

import asyncio

from libs.common.runtime import Runtime
from services.bids.documents.platform_seal import PlatformSeal
from services.bids.documents.receipt import receipt_pdf, receipt_title
from services.bids.sealing.receipt import Receipt

__all__ = ["receipt_paper", "sealed"]


async def receipt_paper(runtime: Runtime, receipt: Receipt) -> bytes:
    """Give the PDF of a receipt under the platform's seal."""
    return await sealed(runtime, await asyncio.to_thread(receipt_pdf, receipt), receipt_title(receipt))


async def sealed(runtime: Runtime, pdf: bytes, reason: str) -> bytes:
    """Give a PDF under the platform's seal."""
    return await runtime.port(PlatformSeal).seal(pdf, reason)  # type: ignore[type-abstract]  # a port is a protocol
