"""Events leave to partners' endpoints: claimed lane by lane, called, what came of it written many at once.

A worker that dies loses its leases; another calls again, under the same `webhook-id`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final
from uuid import UUID

import structlog

from libs.common.db import Wake
from libs.common.runtime import Runtime
from libs.common.service import Loop
from libs.common.stop import ringing
from services.alerts.in_hand import InHand
from services.alerts.service import deliveries as service
from services.alerts.service.webhooks import secret_of
from services.alerts.settings import AlertsSettings
from services.alerts.store import deliveries as store
from services.alerts.store.deliveries import Fate
from services.alerts.webhooks.client import Call, Caller
from services.alerts.webhooks.endpoints import Delivery
from services.alerts.webhooks.lanes import Lanes
from services.alerts.webhooks.metrics import ATTEMPTS
from services.alerts.webhooks.signing import headers

__all__ = ["DELIVERING"]

MOST: Final = 400
"""Calls in the hands of one process."""
_MARGIN = 20.0
"""Seconds that a lease outlasts the time limit of a call: to write what came of it."""
_log = structlog.get_logger(__name__)


class _Deliverer(InHand):
    """The deliveries in hand of one process."""

    not_taken = "deliveries_not_taken"

    def __init__(self, runtime: Runtime, wake: Wake | None = None) -> None:
        super().__init__(runtime, wake)
        self._settings = runtime.port(AlertsSettings)
        self._lanes = Lanes()
        self._fates: list[Fate] = []
        self._untried: list[UUID] = []

    async def take(self) -> int:
        """Claim what there is room for and begin it; give how many deliveries that were.

        Once half of the room is taken, each endpoint has one call at a time: many that hang leave room for the others.
        """
        room = MOST - len(self._running)
        if room <= 0:
            return 0
        at_once = self._settings.webhook_at_once if room > MOST // 2 else 1
        async with self._runtime.read() as conn:
            claimed = await store.claim(
                conn,
                now=self._runtime.clock.now(),
                most=room,
                at_once=at_once,
                busy=self._lanes.busy(time.monotonic()),
                lease=self._lease,
                seconds=self._settings.webhook_timeout + _MARGIN,
            )
        for delivery in claimed:
            self._begin(delivery)
        return len(claimed)

    def _begin(self, delivery: Delivery) -> None:
        self._lanes.enter(delivery.endpoint, time.monotonic())
        task = asyncio.create_task(self._call(delivery), name="webhook")
        self._running[delivery.delivery_id] = task
        task.add_done_callback(lambda _: self._done(delivery))

    def _done(self, delivery: Delivery) -> None:
        del self._running[delivery.delivery_id]
        self._lanes.leave(delivery.endpoint)
        if self._wake is not None:
            self._wake.set()

    async def _call(self, delivery: Delivery) -> None:
        """Make one attempt; what came of it is noted."""
        caller = self._runtime.port(Caller)
        try:
            answer = await caller.post(self._signed(delivery))
        except asyncio.CancelledError:
            self._untried.append(delivery.delivery_id)
            raise
        except Exception:  # noqa: BLE001  # a loop: it is tried again when its lease ends
            _log.exception("webhook_not_called", delivery_id=str(delivery.delivery_id))
            return
        ATTEMPTS.labels(answer.outcome).inc()
        self._fates.append(service.fate_of(self._settings, delivery, answer, self._runtime.clock.now()))

    def _signed(self, delivery: Delivery) -> Call:
        endpoint = delivery.endpoint
        generations = endpoint.generations(self._runtime.clock.now())
        signers = [
            (endpoint.signature, secret_of(self._settings, endpoint.webhook_id, generation))
            for generation in generations
        ]
        told = headers(str(delivery.event_id), delivery.body, signers, int(time.time()))
        return Call(endpoint.url, told, delivery.body)

    async def write(self) -> None:
        """Write what came of calls; what cannot be written now is kept for the next time."""
        fates, self._fates = self._fates, []
        untried, self._untried = self._untried, []
        try:
            if fates:
                await service.close(self._runtime, fates, self._lease)
                fates = []
            if untried:
                async with self._runtime.read() as conn:
                    await store.release(conn, untried, self._lease)
        except BaseException:
            self._fates, self._untried = fates + self._fates, untried + self._untried
            raise

    async def step(self) -> int:
        """Write first: what failed holds back what comes after it."""
        await self.write()
        return await self.take()


async def _run(runtime: Runtime, stop: asyncio.Event) -> None:
    async with runtime.database.listen("delivery") as wake, ringing(stop, wake.set):
        deliverer = _Deliverer(runtime, wake)
        while not stop.is_set():
            await deliverer.turn()
        await deliverer.finish()


async def _drain(runtime: Runtime) -> int:
    return await _Deliverer(runtime).empty()


DELIVERING = Loop(_run, _drain)
