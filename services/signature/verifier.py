"""Verification within bounds: few at once, each for a limited time, against the configured roots."""

from __future__ import annotations

import asyncio
from datetime import datetime

from libs.common.errors import Unavailable
from services.signature import pades
from services.signature.settings import SignatureSettings

__all__ = ["Verifier"]


class Verifier:
    """Verifies documents in threads, so that a heavy one stops nobody.

    A thread cannot be stopped: one that takes too long keeps its slot until it ends, so that hostile documents sent by
    callers can neither pile up nor hold back the requests' own verifications, which have slots of their own.
    """

    def __init__(self, settings: SignatureSettings) -> None:
        self.trust = pades.Trust.from_folder(settings.trust_dir)
        self._own = asyncio.Semaphore(settings.verifications_at_once)
        self._callers = asyncio.Semaphore(settings.verifications_at_once)
        self._seconds = settings.verification_seconds

    async def verify(self, data: bytes, at: datetime) -> pades.VerificationReport:
        """Verify a document of a request. Raises Unavailable when it takes too long."""
        return await self._verify(self._own, data, at)

    async def verify_for_caller(self, data: bytes, at: datetime) -> pades.VerificationReport:
        """Verify a document that somebody sent. Raises Unavailable when it takes too long."""
        return await self._verify(self._callers, data, at)

    async def _verify(self, slots: asyncio.Semaphore, data: bytes, at: datetime) -> pades.VerificationReport:
        try:
            async with asyncio.timeout(self._seconds):
                await slots.acquire()
                work = asyncio.create_task(asyncio.to_thread(pades.verify, data, self.trust, at))
                work.add_done_callback(lambda _: slots.release())
                return await asyncio.shield(work)
        except TimeoutError:
            raise Unavailable(
                "La vérification a dépassé le temps permis.", "The verification took longer than allowed."
            ) from None
