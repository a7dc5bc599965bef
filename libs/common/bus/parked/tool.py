"""`python -m services.<name> parked list|show|replay|discard`: the operator's command line, audited like the routes."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import click

from libs.common.actor import Actor, OrganisationKind
from libs.common.bus.parked import store
from libs.common.errors import HallesError
from libs.common.runtime import Runtime

__all__ = ["tool"]

T = TypeVar("T")
Opener = Callable[[], AbstractAsyncContextManager[Runtime]]


def tool(opener: Opener) -> click.Group:
    """Give the commands of a service whose runtime `opener` opens."""
    group = click.Group("parked", help="Messages that failed: list, show, replay, discard.")
    for command in (_list, _show, _replay, _discard):
        group.add_command(command(opener))
    return group


def _list(opener: Opener) -> click.Command:
    @click.command(
        "list",
        help="One JSON object a line, oldest first.",
        epilog="Example: python -m services.alerts parked list --queue alerts.matching",
    )
    @click.option("--queue", help="Of this queue only.")
    @click.option("--limit", default=1000, show_default=True, type=click.IntRange(1))
    def command(queue: str | None, limit: int) -> None:
        async def work(runtime: Runtime) -> None:
            async with runtime.read() as conn:
                for message in await store.listed(conn, queue=queue, limit=limit):
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
        help="Have it handled again, with all the parked ones of its key, in order.",
        epilog="Example: python -m services.alerts parked replay 7",
    )
    @click.argument("identity", type=int)
    def command(identity: int) -> None:
        async def work(runtime: Runtime) -> None:
            async with runtime.uow(actor=_operator()) as uow:
                released = await store.replay(uow, identity)
            click.echo(f"{released} message(s) released")

        _run(opener, work)

    return command


def _discard(opener: Opener) -> click.Command:
    @click.command(
        "discard",
        help="Give it up for good; those behind it go on.",
        epilog="Example: python -m services.alerts parked discard 7 --yes",
    )
    @click.argument("identity", type=int)
    @click.confirmation_option(prompt="The message will never be handled. Sure?")
    def command(identity: int) -> None:
        async def work(runtime: Runtime) -> None:
            async with runtime.uow(actor=_operator()) as uow:
                await store.discard(uow, identity)
            click.echo("discarded")

        _run(opener, work)

    return command


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
