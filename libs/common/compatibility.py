"""`python -m libs.common.compatibility`: refuses a breaking change of an event within its major version.

The schemas of the last release are kept in `docs/events/released` (`written`: what is sent; `read`: what the models
take). Against them, the code must hold both ways, so that producers and consumers move in any order:

- an older reader reads what is written now: nothing it knows is gone, nothing has a value or a form it refuses;
- the models of now read what was written then, in queues and archives, for ever.

So optional members may be added and what is *read* may be widened; everything else is a new major, `...v2`.
`--release 0.2.0` moves the baseline, at a release only (docs/events.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from libs.common import golden
from libs.common.golden import BASELINE
from libs.common.messages import registry
from libs.common.schema_changes import Kind, unreadable
from libs.common.schemas import dump, envelope_schema, schema

__all__ = ["Contract", "Verdict", "check", "main", "of_code", "released"]

ENVELOPE = "cloudevent"
_MARKS = ("$id", "x-halles-type", "x-halles-audience", "x-halles-told-to-the-buyer-after")
"""Said by the schema as a whole: from when and to whom an event is told is part of the contract."""
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Contract:
    """Both schemas of every event and of the envelope, by type."""

    written: Mapping[str, Mapping[str, Any]]
    read: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What changed since the last release."""

    refused: tuple[str, ...]
    allowed: tuple[str, ...]


def of_code() -> Contract:
    """Give the contract as the code has it."""
    types = registry.all_types()
    return Contract(
        {ENVELOPE: envelope_schema()} | {name: schema(model) for name, model in types.items()},
        {ENVELOPE: envelope_schema("validation")}
        | {name: schema(model, "validation") for name, model in types.items()},
    )


def released(folder: Path = BASELINE) -> Contract:
    """Give the contract of the last release. Raises FileNotFoundError when there is none."""
    if not (folder / "VERSION").exists():
        raise FileNotFoundError(f"no released contract in {folder}")
    return Contract(_load(folder / "written"), _load(folder / "read"))


def check(before: Contract, now: Contract) -> Verdict:
    """Say what changed between two contracts, and which of it may not."""
    refused, allowed = list[str](), list[str]()
    for name in before.written:
        if name not in now.written:
            refused.append(f"{name}: the type is gone; archives hold it: keep its model")
            continue
        faults, additions = _changes(before, now, name)
        refused += [f"{name}: {fault}" for fault in faults]
        allowed += [f"{name}: {addition}" for addition in additions]
    allowed += [f"{name}: new type" for name in now.written.keys() - before.written.keys()]
    return Verdict(tuple(refused), tuple(sorted(allowed)))


def _changes(before: Contract, now: Contract, name: str) -> tuple[list[str], list[str]]:
    old, new = before.written[name], now.written[name]
    faults = [f"{mark} was {old.get(mark)}, is {new.get(mark)}" for mark in _MARKS if old.get(mark) != new.get(mark)]
    faults += [f"an older reader: {one}" for one in unreadable(new, old)]
    archive = unreadable(before.read[name], now.read[name])
    faults += [f"an older event: {one}" for one in archive if one.kind is not Kind.UNKNOWN_MEMBER]
    faults = list(dict.fromkeys(faults))
    added = [f"{one.where} added" for one in archive if one.kind is Kind.UNKNOWN_MEMBER]
    widened = unreadable(now.read[name], before.read[name])  # where it is also *written* so, it is refused above
    return faults, added + [f"reads more: {one}" for one in widened]


def _load(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _release(version: str, now: Contract, folder: Path) -> None:
    """Make a contract the baseline, and the samples of what changed golden."""
    golden.release(version)
    for side, schemas in (("written", now.written), ("read", now.read)):
        (folder / side).mkdir(parents=True, exist_ok=True)
        for name, one in schemas.items():
            (folder / side / f"{name}.json").write_text(dump(one), encoding="utf-8")
    (folder / "VERSION").write_text(version + "\n", encoding="utf-8")


@click.command()
@click.option("--release", help="Make the code's contract the released one, under this version (0.2.0).")
def main(release: str | None) -> None:
    """Compare the events of the code with the released ones."""
    now = of_code()
    first = not (BASELINE / "VERSION").exists()
    if first and not release:
        raise click.ClickException(f"no released contract in {BASELINE}: nothing to compare with is no pass")
    verdict = Verdict((), ()) if first else check(released(BASELINE), now)
    for one in verdict.allowed:
        click.echo(f"allowed  {one}")
    for one in verdict.refused:
        click.echo(f"REFUSED  {one}", err=True)
    if verdict.refused:
        raise click.ClickException("breaking: make a new major of the event beside the old one (docs/events.md)")
    if release:
        if not _VERSION.fullmatch(release):
            raise click.BadParameter("a version is three numbers: 0.2.0", param_hint="--release")
        _release(release, now, BASELINE)
        click.echo(f"released {release}")


if __name__ == "__main__":
    main()
