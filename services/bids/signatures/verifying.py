"""One file: its form, its signatures, each with a verdict. Run apart (`apart`): files are whatever bidders send."""

from __future__ import annotations

import asyncio
import logging

from services.bids.signatures.cms import verify_cms
from services.bids.signatures.pdf import verify_pdf
from services.bids.signatures.trust import Trust
from services.bids.signatures.verdict import HEAD, HOSTILE, FileSignature, Form, form_of, unreadable
from services.bids.signatures.xades import NAMESPACE, verify_xades

__all__ = ["mark_of", "verify_file"]

for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).propagate = False  # their warnings name signers: no personal data in logs
    logging.getLogger(_name).addHandler(logging.NullHandler())


def mark_of(form: Form) -> bytes:
    """Give what every file of a form that is signed holds: without it, the file need not be read."""
    return {"PAdES": b"/ByteRange", "XAdES": NAMESPACE.encode(), "CAdES": b""}[form]


def verify_file(data: bytes, trust: Trust, signed: bytes | None = None) -> list[FileSignature]:
    """Verify each signature of a file; none found is an empty list. Never raises on a hostile file.

    `signed`: the file that a detached signature signs.
    """
    form = form_of(data[:HEAD])
    if form is None or mark_of(form) not in data:
        return []
    try:
        return asyncio.run(_verify(form, data, trust, signed))
    except HOSTILE as error:
        return [unreadable(form, error)]


async def _verify(form: Form, data: bytes, trust: Trust, signed: bytes | None) -> list[FileSignature]:
    if form == "PAdES":
        return await verify_pdf(data, trust)
    return await (verify_cms if form == "CAdES" else verify_xades)(data, trust, signed)
