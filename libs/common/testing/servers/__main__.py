"""`python -m libs.common.testing.servers <command...>`: run a command with real servers at hand, stop them after it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from libs.common.testing.servers.find import offer_programs, servers
from libs.common.testing.servers.postgres import PostgresError
from libs.common.testing.servers.rabbitmq import RabbitError
from libs.common.testing.servers.scratch import ScratchError


async def run(command: list[str]) -> int:
    """Run the command and give its exit code; an interruption reaches it first, then the servers stop."""
    await asyncio.to_thread(offer_programs)
    async with servers() as environment:
        process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, process.send_signal, signal.SIGTERM)
        loop.add_signal_handler(signal.SIGINT, _leave_to_command)
        return await process.wait()


def _leave_to_command() -> None:
    """The terminal sends the interrupt key to the command as well: its end is ours."""


def main() -> int:
    """Run what the command line says; one clear sentence when a server cannot be had."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m libs.common.testing.servers <command...>")
    try:
        return asyncio.run(run(sys.argv[1:]))
    except (RabbitError, PostgresError, ScratchError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
