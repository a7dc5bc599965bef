"""How the story is shown: one line a step with what it proved; progress on a terminal; one JSON object at the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from deploy.local.story.client import StoryError

__all__ = ["NotApplicable", "Reporter"]

Proof = dict[str, Any]


class NotApplicable(Exception):  # noqa: N818  # no error: the law does not ask it, or the data cannot feed it
    """The step does not apply here; the reason is printed and is no failure."""


@dataclass
class Reporter:
    """Runs the steps, times them, prints them, and remembers what they proved."""

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    steps: list[dict[str, Any]] = field(default_factory=list)
    failed: bool = False

    def say(self, text: str) -> None:
        """Print a line of the story."""
        self.console.print(text, markup=False)

    def heading(self, text: str) -> None:
        """Open a chapter."""
        self.console.print(f"\n{text}", style="bold", markup=False)

    async def step(self, name: str, service: str, act: Callable[[], Awaitable[Proof]]) -> None:
        """Run one step. Raises StoryError when it does not prove what it must; a step not applicable is told and passes."""
        started = time.perf_counter()
        try:
            proof = await self._watched(name, service, act)
        except NotApplicable as reason:
            proof = {"not_applicable": str(reason)}
        except Exception as error:
            self._record(name, service, started, {"failed": f"{error}"})
            self.failed = True
            self.console.print(f"  FAILED  {service}: {name}: {error}", style="bold red", markup=False)
            raise StoryError(f"{service}: {name}") from error
        self.done(name, service, started, proof)

    def done(self, name: str, service: str, started: float, proof: Proof) -> None:
        """Record and print a step that was proved; `started` is a `time.perf_counter()`."""
        self._record(name, service, started, proof)
        self._show(name, service, proof)

    def fail(self, why: str) -> None:
        """Remember that the story failed, and say why."""
        self.failed = True
        self.say(f"  {why}")

    async def _watched(self, name: str, service: str, act: Callable[[], Awaitable[Proof]]) -> Proof:
        if not self.console.is_terminal:
            return await act()
        with self.console.status(f"{service}: {name}"):
            return await act()

    def _record(self, name: str, service: str, started: float, proof: Proof) -> None:
        seconds = round(time.perf_counter() - started, 3)
        self.steps.append({"step": name, "service": service, "seconds": seconds, "proof": proof})

    def _show(self, name: str, service: str, proof: Proof) -> None:
        seconds = self.steps[-1]["seconds"]
        mark = "--" if "not_applicable" in proof else "ok"
        self.console.print(f"  {mark}  {service:<9} {name}  ({seconds:.2f} s)", markup=False)
        for key, value in proof.items():
            self.console.print(f"        {key}: {_short(value)}", style="dim", markup=False)

    def finish(self) -> int:
        """Print the last line, one JSON object, and give the exit code."""
        sys.stdout.flush()
        summary = {"story": "failed" if self.failed else "ok", "steps": self.steps}
        sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return 1 if self.failed else 0


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else text[:397] + "..."
