"""`python -m libs.common.generate`: writes again every file that is made from the code; `--check` only compares.

Files: the topology, JSON Schemas and samples of events, AsyncAPI, RabbitMQ's definitions, OpenAPI of each service, state graphs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from libs.common import asyncapi, golden, schemas, states
from libs.common.bus import definitions
from libs.common.bus.topology import Topology
from libs.common.http import openapi
from libs.common.schemas import dump
from libs.common.service import Service

__all__ = ["ROOT", "generated", "main", "services"]

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

Files = Mapping[str, str]


def services() -> list[Service]:
    """Give every service of the repository, by name."""
    names = sorted(path.parent.name for path in ROOT.glob("services/*/wiring.py"))
    return [importlib.import_module(f"services.{name}.wiring").SERVICE for name in names]


def generated(found: list[Service]) -> Files:
    """Give every generated file, by path in the repository.

    The topology is written at once: the AsyncAPI document is made from the committed one, as a running service makes it.
    """
    names, topology = [service.name for service in found], Topology.of(found)
    makers: list[Callable[[], Files]] = [
        lambda: {"libs/common/bus/topology.json": dump(topology.to_json())},
        schemas.files,
        golden.files,
        lambda: definitions.files(names, topology),
        asyncapi.files,
        lambda: states.files(found),
        lambda: {f"docs/openapi/{service.name}.json": openapi.render(service) for service in found},
    ]
    return {path: text for maker in makers for path, text in maker().items()}


def stale(files: Files) -> list[str]:
    """Give the files that are not as they would be written."""
    return [path for path, text in files.items() if _text(ROOT / path) != text]


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not up to date.")
def main(check: bool) -> None:
    """Write the generated files."""
    found = services()
    if not check:
        _write({"libs/common/bus/topology.json": dump(Topology.of(found).to_json())})
        _write(schemas.files())
        _write(golden.files())
        Topology.load.cache_clear()
    files = generated(found)
    late = stale(files)
    left = golden.stale()
    if check and (late or left):
        raise click.ClickException("not up to date, run `make generate`: " + ", ".join([*late, *map(str, left)]))
    _write({path: files[path] for path in late})
    for sample in left:
        sample.unlink()
    for done in [*late, *map(str, left)]:
        click.echo(done)


def _write(files: Files) -> None:
    for path, text in files.items():
        place = ROOT / path
        if _text(place) != text:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    main()
