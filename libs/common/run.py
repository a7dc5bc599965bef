"""The command of a service: `python -m services.<name> api|worker|relay|migrate|jobs|journal|parked|export`, and more."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import click
import uvloop

from libs.common.bus import parked
from libs.common.bus.rebuild.tool import export_command
from libs.common.bus.republish import republish_command
from libs.common.endings import ended
from libs.common.migrate import migrate, migrations_of, provision
from libs.common.operate import jobs_group, journal_group
from libs.common.runtime import open_runtime
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.start import wait_for_server
from libs.common.stop import run_process

__all__ = ["cli", "main"]

Process = Callable[[Service, Settings, asyncio.Event], Coroutine[Any, Any, None]]


def main(service: Service) -> None:
    """Run the command of a service with the arguments given."""
    cli(service)(prog_name=f"python -m services.{service.name}")


def cli(service: Service) -> click.Group:
    """Give the command of a service."""
    parked_group = parked.tool(lambda: open_runtime(service, service.settings()))
    return click.Group(
        service.name,
        commands=[
            *(api, worker, relay, migrate_command, jobs_group, journal_group, parked_group, export_command),
            republish_command,
            *service.tools,
        ],
        context_settings={"obj": service},
        help=f"The {service.name} service of Halles. Settings: environment variables HALLES_*.",
    )


@click.command(epilog="Example: python -m services.notices api --port 8081")
@click.option("--host", help="Address to listen on; else HALLES_HOST.")
@click.option("--port", type=int, help="Port to listen on, 0 for a free one; else HALLES_PORT.")
@click.pass_obj
def api(service: Service, host: str | None, port: int | None) -> None:
    """Serve the HTTP API, with /livez, /readyz and /metrics."""
    from libs.common.processes import run_api  # noqa: PLC0415  # loads only what this process needs

    _run(service, run_api, host=host, port=port)


@click.command(epilog="Example: HALLES_AMQP_URL=amqp://... python -m services.notices worker --health-port 9081")
@click.option("--health-port", type=int, help="Serve /livez, /readyz and /metrics here; else HALLES_HEALTH_PORT.")
@click.pass_obj
def worker(service: Service, health_port: int | None) -> None:
    """Handle events, jobs and periodic work. Run as many as you need: they share it."""
    from libs.common.processes import run_worker  # noqa: PLC0415

    _run(service, run_worker, health_port=health_port)


@click.command(epilog="Example: HALLES_AMQP_URL=amqp://... python -m services.notices relay")
@click.option("--health-port", type=int, help="Serve /livez, /readyz and /metrics here; else HALLES_HEALTH_PORT.")
@click.pass_obj
def relay(service: Service, health_port: int | None) -> None:
    """Number committed events, publish them, chain the journal. A second one stands by."""
    from libs.common.processes import run_relay  # noqa: PLC0415

    _run(service, run_relay, health_port=health_port)


@click.command(
    "migrate",
    epilog="Example: HALLES_DATABASE_URL=postgresql://postgres@db/postgres python -m services.notices migrate",
)
@click.option("--list", "only_list", is_flag=True, help="Only list the migrations of this code.")
@click.pass_obj
def migrate_command(service: Service, only_list: bool) -> None:
    """Make the service's database and login where they lack, then bring it up to date.

    HALLES_DATABASE_URL is the administrator's address. Safe to repeat, and from several machines at once.
    """
    if only_list:
        for migration in migrations_of(service):
            click.echo(f"{migration.origin}\t{migration.name}\t{migration.sha256[:12]}")
        return

    async def bring_up_to_date(service: Service, settings: Settings, stop: asyncio.Event) -> None:
        if service.name not in settings.database_urls:
            await wait_for_server(settings, stop)
            await provision(settings, service.name)
        applied = await migrate(settings, service)
        click.echo(f"{service.name}: {', '.join(applied) or 'up to date'}")

    _run(service, bring_up_to_date)


def _run(service: Service, process: Process, **options: object) -> None:
    """Run a process to its end; exit with the code that tells how it ended."""
    from libs.common import telemetry  # noqa: PLC0415

    chosen: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    with ended():
        settings = service.settings(**chosen)
        settings.refuse_unsafe_start()
        telemetry.setup(settings, service.name, output=sys.stderr)
        try:
            factory = None if service.own_loop else uvloop.new_event_loop
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(run_process(lambda stop: process(service, settings, stop)))
        finally:
            telemetry.shutdown()
