"""The reader of signatures writes signers' names in its warnings: personal data, which reach no log."""

from __future__ import annotations

import asyncio
import logging
from logging.handlers import BufferingHandler

from services.signature import pades
from tests.api.bids.bids_world import sign_pdf
from tests.unit.bids.file_signers import STRANGER, qualified
from tests.unit.bids.test_bids_file_signatures import AT, PDF


def test_verifying_a_signature_of_an_unknown_authority_logs_nothing() -> None:
    signed = asyncio.run(sign_pdf(PDF, qualified(STRANGER), "Signature1"))
    written = BufferingHandler(1000)
    logging.getLogger().addHandler(written)
    try:
        report = pades.verify(signed, pades.Trust(), AT)
    finally:
        logging.getLogger().removeHandler(written)
    assert "Jeanne Martin" in str(report.signatures[0].signer)
    assert [each.getMessage() for each in written.buffer] == []
