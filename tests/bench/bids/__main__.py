"""Measures the bids and prints one JSON object a line: each part named on the command line, all by default."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import pkgutil
import sys
import time

import click
import structlog

from tests.bench import bids


def _parts() -> list[str]:
    """Give the modules of this package that measure something."""
    names = [module.name for module in pkgutil.iter_modules(bids.__path__) if module.name != "__main__"]
    return [name for name in names if hasattr(importlib.import_module(f"{bids.__name__}.{name}"), "run")]


@click.command(epilog="Example: python -m tests.bench.bids uploads --short")
@click.argument("parts", nargs=-1)
@click.option("--short", is_flag=True, help="Small sizes, to see that it works; its figures mean little.")
def main(*, parts: tuple[str, ...], short: bool) -> None:
    """Measure the bids service."""
    known = _parts()
    if unknown := sorted(set(parts) - set(known)):
        raise click.ClickException(f"no such part: {', '.join(unknown)}; there are {', '.join(known)}")
    structlog.configure(  # the figures alone on stdout
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    for name in parts or known:
        began = time.monotonic()
        asyncio.run(importlib.import_module(f"{bids.__name__}.{name}").run(short=short))
        load = " ".join(f"{value:.1f}" for value in os.getloadavg())
        click.echo(f"# {name}: {time.monotonic() - began:.0f} s, load {load}", file=sys.stderr)


if __name__ == "__main__":
    main()
