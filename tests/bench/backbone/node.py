"""One process of the service under measurement: `python -m tests.bench.backbone.node relay|worker|api`."""

from __future__ import annotations

import asyncio
import signal
import sys

from libs.common.bus.rabbit import RabbitBus
from libs.common.processes import relay, run_api, work
from libs.common.runtime import open_runtime
from libs.common.settings import Settings
from tests.bench.backbone.shop import SERVICE, TOPOLOGY


async def run(role: str) -> None:
    """Be that process until told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings()
    if role == "api":
        await run_api(SERVICE, settings, stop)
        return
    async with open_runtime(SERVICE, settings) as runtime:
        bus = RabbitBus(str(settings.amqp_url), topology=TOPOLOGY, name=role)
        try:
            await (relay if role == "relay" else work)(runtime, bus, stop)
        finally:
            await bus.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
