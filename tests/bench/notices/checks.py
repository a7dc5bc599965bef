"""The check of eForms notices: reading, official schema and every rule, on one core; each stage alone beside the whole.

Over the real and official notices (the demo's where those are absent), twice: all of them, and without those of over 5,000 elements, for
one example of a hundred lots weighs as much as all the others. The first notice of each subtype is told apart: it loads its rules.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from libs.common import standards
from services.notices.eforms import reader, rules, schema, xml
from services.notices.eforms.check import check
from services.notices.eforms.sdk.branches import Branch, grow

__all__ = ["run"]

ROOT = Path(__file__).resolve().parents[3]
TARGET = 300.0
_LARGE = 5_000
_ENOUGH = 1_000  # faults


@dataclass(frozen=True)
class _Sample:
    data: bytes
    root: xml.Element
    branch: Branch
    subtype: str | None

    @property
    def is_large(self) -> bool:
        return sum(1 for _ in self.root.iter()) > _LARGE


async def run(*, short: bool) -> None:
    """Print how many notices a second are checked, and the part of each stage."""
    samples = _samples()
    began = time.process_time()
    for sample in samples:
        check(sample.data)
    _print("load", {"subtypes": len({s.subtype for s in samples}), "seconds": round(time.process_time() - began, 2)})
    for name, chosen in (("all", samples), ("usual", [sample for sample in samples if not sample.is_large])):
        _measure(name, chosen, 2 if short else 10)


def _samples() -> list[_Sample]:
    folder = standards.folder()
    paths = (
        [path for part in ("notices", "real") for path in sorted((folder / "eforms" / part).glob("*.xml"))]
        if folder
        else []
    )
    paths = paths or sorted((ROOT / "deploy" / "local" / "notices").glob("*.xml"))
    found = []
    for path in paths:
        root = xml.parse(data := path.read_bytes())
        branch = grow(root)
        found.append(_Sample(data, root, branch, reader.read_branch(branch).subtype))
    return found


def _measure(name: str, samples: list[_Sample], times: int) -> None:
    ruled = [sample for sample in samples if rules.subtype(sample.subtype)]
    stages: dict[str, tuple[Callable[[_Sample], object], list[_Sample]]] = {
        "parse": (lambda sample: xml.parse(sample.data), samples),
        "grow": (lambda sample: grow(sample.root), samples),
        "read": (lambda sample: reader.read_branch(sample.branch), samples),
        "schema": (lambda sample: schema.faults(sample.root, xml.ROOTS[sample.root.tag]), samples),
        "rules": (lambda sample: rules.faults(sample.branch, sample.subtype or "", _ENOUGH), ruled),
    }
    parts = {f"{stage}_ms": round(1000 * _seconds(act, some, times), 3) for stage, (act, some) in stages.items()}
    whole = _seconds(lambda sample: check(sample.data), samples, times)
    _print(
        f"check, {name}",
        {"notices": len(samples), "ours": round(1 / whole, 1), "target": TARGET, "unit": "notices/s", **parts},
    )


def _seconds(act: Callable[[_Sample], object], samples: Iterable[_Sample], times: int) -> float:
    """Give the seconds of processor a notice, of the best of several rounds."""
    chosen, best = list(samples), float("inf")
    for _ in range(times):
        began = time.process_time()
        for sample in chosen:
            act(sample)
        best = min(best, time.process_time() - began)
    return best / len(chosen)


def _print(what: str, figures: dict[str, Any]) -> None:
    click.echo(json.dumps({"measure": what, **figures}))
