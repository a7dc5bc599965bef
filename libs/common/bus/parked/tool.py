"""`python -m services.<name> parked groups|list|show|replay|discard`: the operator's command line, audited like the routes."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, TypeVar

import click

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus.parked import store
from libs.common.bus.parked.many import Done, discard_many, replay_many
from libs.common.bus.parked.store import ACTIVE, ParkedState, Selection
from libs.common.errors import HallesError
from libs.common.runtime import Runtime
from libs.common.uow import Uow

__all__ = ["tool"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Opener = Callable[[], AbstractAsyncContextManager[Runtime]]
Step = Callable[[Uow, Selection, datetime | None], Awaitable[Done]]


def tool(opener: Opener) -> click.Group:
    """Give the commands of a service whose runtime `opener` opens."""
    group = click.Group("parked", help="Messages that failed: groups, list, show, replay, discard.")
    for command in (_groups, _list, _show, _replay, _discard):
        group.add_command(command(opener))
    return group


def _selecting(command: F) -> F:
    """Add the options that select messages by what they have in common."""
    for option in (
        click.option("--key", help="Of this aggregate only."),
        click.option("--reason", help="That failed for this reason only, as the list gives it."),
        click.option("--type", help="Of this event type only."),
        click.option("--queue", help="Of this queue only."),
    ):
        command = option(command)
    return command


def _groups(opener: Opener) -> click.Command:
    @click.command(
        "groups",
        help="How many are in trouble where and why: one JSON object a line, the largest group first.",
        epilog="Example: python -m services.alerts parked groups",
    )
    def command() -> None:
        async def work(runtime: Runtime) -> None:
            async with runtime.read() as conn:
                for group in await store.groups(conn):
                    click.echo(group.model_dump_json())

        _run(opener, work)

    return command


def _list(opener: Opener) -> click.Command:
    @click.command(
        "list",
        help="One JSON object a line, oldest first.",
        epilog="Example: python -m services.alerts parked list --queue alerts.matching --state parked",
    )
    @_selecting
    @click.option("--state", type=click.Choice([*ACTIVE, "discarded"]), help="All but the discarded ones if not given.")
    @click.option("--after", default=0, type=int, help="From behind this number on: the last one of the page before.")
    @click.option("--limit", default=1000, show_default=True, type=click.IntRange(1))
    def command(state: ParkedState | None, after: int, limit: int, **chosen: str | None) -> None:
        async def work(runtime: Runtime) -> None:
            states = (state,) if state else ACTIVE
            async with runtime.read() as conn:
                where = Selection(**chosen)
                for message in await store.listed(conn, after=after, limit=limit, where=where, states=states):
                    click.echo(message.model_dump_json())

        _run(opener, work)

    return command


def _show(opener: Opener) -> click.Command:
    @click.command(
        "show", help="One message with its body, as JSON.", epilog="Example: python -m services.alerts parked show 7"
    )
    @click.argument("identity", type=int)
    def command(identity: int) -> None:
        async def work(runtime: Runtime) -> None:
            async with runtime.read() as conn:
                message, body = await store.read(conn, identity)
            shown = message.model_dump(mode="json") | {"body": body.decode(errors="replace")}
            click.echo(json.dumps(shown, ensure_ascii=False, indent=2))

        _run(opener, work)

    return command


def _replay(opener: Opener) -> click.Command:
    @click.command(
        "replay",
        help="Have one handled again, or all those selected, each with the parked ones of its key, in order.",
        epilog="Example: python -m services.alerts parked replay 7; ... parked replay --reason handler:TimeoutError",
    )
    @click.argument("identity", type=int, required=False)
    @_selecting
    @click.option("--all", "everything", is_flag=True, help="All that failed in this service.")
    def command(identity: int | None, everything: bool, **chosen: str | None) -> None:  # a flag
        where = _selection(identity, chosen, everything=everything)

        async def work(runtime: Runtime) -> None:
            if identity is not None:
                async with runtime.uow(actor=_operator()) as uow:
                    released = await store.replay(uow, identity)
            else:
                released = await _many(runtime, replay_many, where)
            click.echo(f"{released} message(s) released")

        _run(opener, work)

    return command


def _discard(opener: Opener) -> click.Command:
    @click.command(
        "discard",
        help="Give one up for good, or all of a queue that failed for a reason; those behind them go on.",
        epilog="Example: python -m services.alerts parked discard 7 --yes; "
        "... parked discard --queue alerts.matching --reason wrong-schema",
    )
    @click.argument("identity", type=int, required=False)
    @_selecting
    @click.confirmation_option(prompt="What is selected will never be handled. Sure?")
    def command(identity: int | None, **chosen: str | None) -> None:
        where = _selection(identity, chosen, everything=False)
        if identity is None and not (where.queue and where.reason):
            raise click.UsageError("to discard many, say both --queue and --reason")

        async def work(runtime: Runtime) -> None:
            if identity is not None:
                async with runtime.uow(actor=_operator()) as uow:
                    await store.discard(uow, identity)
                click.echo("discarded")
            else:
                click.echo(f"{await _many(runtime, discard_many, where)} message(s) discarded")

        _run(opener, work)

    return command


def _selection(identity: int | None, chosen: dict[str, str | None], *, everything: bool) -> Selection:
    ways = [identity is not None, any(chosen.values()), everything]
    if ways.count(True) != 1:
        raise click.UsageError("give either a number or what to select by: see --help")
    return Selection(**chosen)


async def _many(runtime: Runtime, step: Step, where: Selection) -> int:
    """Do it step by step, and give how many; what fails again meanwhile is left alone."""
    total, before, more = 0, None, True
    while more:
        async with runtime.uow(actor=_operator()) as uow:
            done = await step(uow, where, before)
        total, before, more = total + done.messages, done.before, done.more
        if more:
            click.echo(f"{total}...", err=True)
    return total


def _operator() -> Actor:
    """Whoever has a shell on the machine and the database's secret: the journal keeps the account's name."""
    return Actor(f"shell:{getpass.getuser()}", "command line", "HALLES:operator", OrganisationKind.OPERATOR)


def _run(opener: Opener, work: Callable[[Runtime], Awaitable[T]]) -> None:
    async def opened() -> None:
        async with opener() as runtime:
            await work(runtime)

    try:
        asyncio.run(opened())
    except HallesError as error:
        raise click.ClickException(error.detail_en or error.detail) from error
