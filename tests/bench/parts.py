"""The command of a bench in parts: each part is a module of a package that has `run(short=...)`.

A part whose processes run on another loop than asyncio's names its factory: `LOOP`.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import pkgutil
import sys
import time
from types import ModuleType

import click
import structlog

__all__ = ["command"]


def command(package: ModuleType, subject: str, example: str) -> click.Command:
    """Give the command that measures the named parts of a package, all by default: one JSON object a line."""

    @click.command(help=f"Measure the {subject}.", epilog=f"Example: python -m {package.__name__} {example} --short")
    @click.argument("parts", nargs=-1)
    @click.option("--short", is_flag=True, help="Small sizes, to see that it works; its figures mean little.")
    def measure(*, parts: tuple[str, ...], short: bool) -> None:
        known = _parts(package)
        if unknown := sorted(set(parts) - set(known)):
            raise click.ClickException(f"no such part: {', '.join(unknown)}; there are {', '.join(known)}")
        structlog.configure(  # the figures alone on stdout
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        )
        for name in parts or known:
            began = time.monotonic()
            module = importlib.import_module(f"{package.__name__}.{name}")
            with asyncio.Runner(loop_factory=getattr(module, "LOOP", None)) as runner:
                runner.run(module.run(short=short))
            load = " ".join(f"{value:.1f}" for value in os.getloadavg())
            click.echo(f"# {name}: {time.monotonic() - began:.0f} s, load {load}", file=sys.stderr)

    return measure


def _parts(package: ModuleType) -> list[str]:
    """Give the modules of a package that measure something."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if module.name != "__main__"]
    return [name for name in names if hasattr(importlib.import_module(f"{package.__name__}.{name}"), "run")]
