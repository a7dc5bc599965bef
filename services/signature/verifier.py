"""Verification within bounds: few at once, each for a limited time, against the configured roots."""

from __future__ import annotations

import asyncio
from datetime import datetime

from libs.common.errors import Unavailable
from services.signature import pades
from services.signature.settings import SignatureSettings

__all__ = ["Verifier"]


class Verifier:
    """Verifies documents in threads, so that a heavy one stops nobody."""

    def __init__(self, settings: SignatureSettings) -> None:
        self.trust = pades.Trust.from_folder(settings.trust_dir)
        self._slots = asyncio.Semaphore(settings.verifications_at_once)
        self._seconds = settings.verification_seconds

    async def verify(self, data: bytes, at: datetime) -> pades.VerificationReport:
        """Verify a PDF. Raises Unavailable when it takes too long."""
        try:
            async with asyncio.timeout(self._seconds), self._slots:
                return await asyncio.to_thread(pades.verify, data, self.trust, at)
        except TimeoutError:
            raise Unavailable(
                "La vérification a dépassé le temps permis.", "The verification took longer than allowed."
            ) from None
