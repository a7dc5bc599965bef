"""Every command of every service says what it does, with an example."""

import importlib
import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from libs.common.run import cli
from libs.common.service import Service
from tests.e2e.greeter.wiring import SERVICE

SERVICES: list[Service] = [
    importlib.import_module(f"services.{name}.wiring").SERVICE
    for name in ("notices", "alerts", "bids", "signature", "legality", "opendata")
]


def _commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)
        else:
            yield (*path, name)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_command_has_help_with_an_example(service: Service) -> None:
    name = f"python -m services.{service.name}"
    for words in _commands(cli(service)):
        shown = CliRunner().invoke(cli(service), [*words, "--help"], prog_name=name)
        assert shown.exit_code == 0
        assert f"Usage: {name} {' '.join(words)}" in shown.output
        assert re.search(r"Example: (HALLES_\w+=\S+ )?python -m services\.", " ".join(shown.output.split())), words


def test_the_processes_of_the_design_are_there() -> None:
    commands = set(_commands(cli(SERVICE)))
    assert {("api",), ("worker",), ("relay",), ("migrate",), ("jobs", "retry"), ("parked", "replay")} <= commands


def test_migrations_are_listed_without_a_database() -> None:
    shown = CliRunner().invoke(cli(SERVICE), ["migrate", "--list"])
    assert shown.exit_code == 0
    assert [line.split("\t")[1] for line in shown.output.splitlines()][-1] == "0001_init"
