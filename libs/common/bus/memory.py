"""The in-process bus: same promises as RabbitMQ, on one machine, with nothing to start.

It confirms an event only when every bound consumer has committed it or put it in its own parked table: what is not
confirmed stays with the publisher, so nothing depends on this process's memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from libs.common.bus import metrics
from libs.common.bus.delivery import QueueDelivery, queues_of
from libs.common.bus.inbox import Taken
from libs.common.bus.lanes import Lanes
from libs.common.bus.port import BusUnavailableError, Fate, Outgoing, QueueLess, publish
from libs.common.bus.retry import DELAYS
from libs.common.bus.sweeper import sweeping
from libs.common.bus.topology import Topology
from libs.common.messages import registry
from libs.common.messages.envelope import CloudEvent

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["MemoryBus"]

_GRACE = 1.0  # seconds after which the sweeper looks for a timer this process lost when it was restarted

_Item = tuple[Taken, "asyncio.Future[None] | None"]


class _Queue:
    """One queue of a service that runs in this process."""

    def __init__(self, delivery: QueueDelivery, delays: Sequence[float], types: frozenset[str]) -> None:
        self.types = types
        self.name = delivery.queue
        self._delivery = delivery
        self._delays = delays
        self._lanes: Lanes[_Item] = Lanes(delivery.lanes, self._work, delivery.batch)
        self._timers: set[asyncio.TimerHandle] = set()

    def put(self, body: bytes) -> asyncio.Future[None]:
        """Deliver a body; the future ends once it is safe."""
        safe: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        taken = self._delivery.take(body)
        self._lanes.submit(taken.key, (taken, safe))
        return safe

    @property
    def waiting(self) -> int:
        """How many messages were not begun."""
        return self._lanes.waiting

    def again(self, body: bytes) -> None:
        """Deliver a body that is safe already."""
        taken = self._delivery.take(body)
        self._lanes.submit(taken.key, (taken, None))

    async def close(self) -> None:
        """Finish what is in hand; what was not begun is not confirmed."""
        self._delivery.stop()
        for timer in self._timers:
            timer.cancel()
        for _, safe in await self._lanes.close():
            if safe is not None and not safe.done():
                safe.set_exception(BusUnavailableError(f"{self.name} stopped"))

    async def _work(self, items: list[_Item]) -> None:
        unsafe = {id(taken) for taken in await self._delivery.receive_all([taken for taken, _ in items], self._later)}
        for taken, safe in items:
            if safe is None or safe.done():
                continue
            if id(taken) in unsafe:
                safe.set_exception(BusUnavailableError(f"{self.name} could not take it"))
            else:
                safe.set_result(None)

    async def _later(self, body: bytes, attempt: int) -> None:
        def ring() -> None:
            self._timers.discard(timer)
            self.again(body)

        timer = asyncio.get_running_loop().call_later(self._delays[attempt], ring)
        self._timers.add(timer)


class _Stream:
    """A publication in progress; see Stream."""

    def __init__(self, bus: MemoryBus, wake: Callable[[], None]) -> None:
        self._bus = bus
        self._wake = wake
        self._settled: list[Fate] = []
        self._failure: BusUnavailableError | None = None

    def send(self, message: Outgoing) -> None:
        """Deliver, without waiting; see Stream."""
        fate = self._bus.deliver(message)
        if isinstance(fate, str):
            self._settled.append((message.id, fate))
            self._wake()
        else:
            fate.add_done_callback(lambda safe: self._done(message, safe))

    def settled(self) -> Sequence[Fate]:
        """Give the fates known since the last call; see Stream."""
        found, self._settled = self._settled, []
        if not found and self._failure:
            raise self._failure
        return found

    def _done(self, message: Outgoing, safe: asyncio.Future[None]) -> None:
        error = None if safe.cancelled() else safe.exception()
        if safe.cancelled() or error:
            self._failure = error if isinstance(error, BusUnavailableError) else BusUnavailableError(str(error))
        else:
            self._settled.append((message.id, None))
        self._wake()


async def _all_safe(waits: Sequence[asyncio.Future[None]]) -> None:
    """Wait for all of them, the failed ones included. Raises what the first failure raised."""
    fates = await asyncio.gather(*waits, return_exceptions=True)
    for fate in fates:
        if fate is not None:
            raise fate


class MemoryBus(QueueLess):
    """Carries events between the services of one process.

    With a topology, an event whose queues are not all served here is refused, as RabbitMQ refuses what it cannot
    route; without one (a service alone, in a test), it goes to the consumers that are there.
    """

    def __init__(self, topology: Topology | None = None, *, delays: Sequence[float] = DELAYS) -> None:
        self._topology = topology
        self._delays = delays
        self._queues: dict[str, _Queue] = {}

    async def publish(self, messages: Sequence[CloudEvent]) -> None:
        """Deliver in this order; see Bus."""
        await publish(self, messages)

    @asynccontextmanager
    async def stream(self, wake: Callable[[], None]) -> AsyncIterator[_Stream]:
        """Open a stream; see Publishing."""
        yield _Stream(self, wake)

    def deliver(self, message: Outgoing) -> asyncio.Future[None] | str:
        """Put an event on its queues; give what ends once it is safe in all, or why it is refused."""
        refusal = self._why_not(message.type)
        if refusal:
            return refusal
        waits = [queue.put(message.body) for queue in list(self._queues.values()) if message.type in queue.types]
        return asyncio.ensure_future(_all_safe(waits))

    def inject(self, queue: str, body: bytes) -> asyncio.Future[None]:
        """Put any bytes on a queue, as a broken producer would (tests)."""
        return self._queues[queue].put(body)

    @asynccontextmanager
    async def consume(self, runtime: Runtime) -> AsyncIterator[None]:
        """Run the consumers of the runtime's service; see Bus."""
        name = runtime.service.name
        async with AsyncExitStack() as stack:
            for queue, consumers in queues_of(runtime.service.consumers).items():
                delivery = QueueDelivery(runtime, queue, consumers, delays=self._delays)
                types = frozenset(kind for each in consumers for kind in registry.readable_as(each.event.type))
                self._queues[queue] = _Queue(delivery, self._delays, types)
                stack.push_async_callback(self._remove, queue)
            await stack.enter_async_context(sweeping(runtime, self._bring_back, self._waiting, grace=_GRACE))
            stack.callback(metrics.CONSUMER_UP.labels(name).set, 0)
            metrics.CONSUMER_UP.labels(name).set(1)
            yield

    async def close(self) -> None:
        """Nothing to close: the consumers end with their blocks."""

    def _bring_back(self, queue: str, body: bytes) -> None:
        self._queues[queue].again(body)

    def _waiting(self, queue: str) -> int:
        return self._queues[queue].waiting

    async def _remove(self, queue: str) -> None:
        await self._queues.pop(queue).close()

    def _why_not(self, kind: str) -> str | None:
        if self._topology is None:
            return None
        missing = [queue.name for queue in self._topology.queues_for(kind) if queue.name not in self._queues]
        return f"no consumer runs for {', '.join(missing)}" if missing else None
