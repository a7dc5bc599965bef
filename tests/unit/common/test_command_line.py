"""Every command says what it does, with an example."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from libs.common.run import cli
from tests.e2e.greeter.wiring import SERVICE


def _commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)
        else:
            yield (*path, name)


COMMANDS = sorted(_commands(cli(SERVICE)))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli(SERVICE), [*words, "--help"], prog_name="python -m services.alerts")
    assert shown.exit_code == 0
    assert f"Usage: python -m services.alerts {' '.join(words)}" in shown.output
    assert "Example: " in shown.output


def test_the_processes_of_the_design_are_there() -> None:
    assert {("api",), ("worker",), ("relay",), ("migrate",), ("jobs", "retry"), ("parked", "replay")} <= set(COMMANDS)


def test_migrations_are_listed_without_a_database() -> None:
    shown = CliRunner().invoke(cli(SERVICE), ["migrate", "--list"])
    assert shown.exit_code == 0
    assert [line.split("\t")[1] for line in shown.output.splitlines()][-1] == "0001_init"
