"""The processes of the two services: started, killed, started again, as an orchestrator does."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.fault.model import Fault
from tests.fault.nursery import Nursery

BETWEEN = 0.2  # seconds between an end and the next start
STOP_SECONDS = 30.0


@dataclass
class Slot:
    """A place of the fleet, held by one process after the other."""

    name: str
    service: str
    words: list[str]
    pid: int = 0
    wanted: bool = True


@dataclass
class Fleet:
    """All the processes."""

    folder: Path
    variables: Callable[[], Mapping[str, str]]
    """Gives the settings of each new process."""
    chance: random.Random
    slots: list[Slot] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ends: Counter[int] = field(default_factory=Counter)
    """Exit codes of those that ended though nobody told them to."""
    special: dict[str, str] = field(default_factory=dict)
    """Settings that a test changes for the processes started from then on."""
    nursery: Nursery = field(init=False)
    _killed: set[int] = field(default_factory=set)
    _again: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, name: str, service: str, *words: str) -> Slot:
        """Add a process."""
        slot = Slot(name, service, list(words))
        self.slots.append(slot)
        await self._start(slot)
        return slot

    async def _start(self, slot: Slot) -> None:
        log = self.folder / f"{slot.name}.log"
        variables = dict(self.variables()) | self.special
        slot.pid = await self.nursery.start(slot.service, slot.words, variables, log)

    def exited(self, pid: int, code: int) -> None:
        """Start again what ended, unless it was told to stop."""
        slot = next((slot for slot in self.slots if slot.pid == pid), None)
        if slot is None:
            return
        slot.pid = 0
        if not slot.wanted:
            return
        if pid not in self._killed:
            self.ends[code] += 1
            self.note(f"ended by itself: {slot.name} ({code})", pid)
        task = asyncio.create_task(self._start_again(slot))
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    async def _start_again(self, slot: Slot) -> None:
        await asyncio.sleep(BETWEEN)
        if slot.wanted:
            await self._start(slot)

    def kill_one(self) -> str | None:
        """Kill -9 a process at random, and give its name."""
        running = [slot for slot in self.slots if slot.pid and slot.wanted]
        if not running:
            return None
        slot = self.chance.choice(running)
        self.kill(slot)
        return slot.name

    def kill(self, slot: Slot) -> None:
        """Kill -9 a process."""
        self._killed.add(slot.pid)
        self.note("kill", slot.pid)
        with suppress(ProcessLookupError):
            os.kill(slot.pid, signal.SIGKILL)

    def hold(self, prefix: str, *, held: bool) -> None:
        """Freeze processes, or let them go on: frozen in the middle of what they do."""
        for slot in self.slots:
            if slot.pid and slot.name.startswith(prefix):
                with suppress(ProcessLookupError):
                    os.kill(slot.pid, signal.SIGSTOP if held else signal.SIGCONT)

    def note(self, kind: str, pid: int | None = None) -> None:
        """Note a fault, now."""
        self.faults.append(Fault(kind, time.monotonic(), pid))

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(fault.kind == "kill" for fault in self.faults)

    async def stop(self, prefix: str = "") -> None:
        """Tell processes to stop, and wait until they have."""
        slots = [slot for slot in self.slots if slot.name.startswith(prefix)]
        self.hold(prefix, held=False)
        for slot in slots:
            slot.wanted = False
            if slot.pid:
                with suppress(ProcessLookupError):
                    os.kill(slot.pid, signal.SIGTERM)
        await until(lambda: _all_ended(slots), STOP_SECONDS, f"{prefix or 'all'} stopped")
        self.slots = [slot for slot in self.slots if slot not in slots]


async def _all_ended(slots: list[Slot]) -> bool:
    return not any(slot.pid for slot in slots)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float, what: str, every: float = 0.1) -> None:
    """Wait until something is so. Raises TimeoutError that says what was not."""
    end = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not so after {seconds:.0f} s: {what}")
        await asyncio.sleep(every)


async def until_nothing(missing: Callable[[], Awaitable[dict[str, int]]], seconds: float) -> dict[str, int]:
    """Wait until nothing is missing, or too long; give what is."""

    async def all_there() -> bool:
        return all(count <= 0 for count in (await missing()).values())

    try:
        await until(all_there, seconds, "settled", every=0.5)
    except TimeoutError:
        return await missing()
    return {}
