"""`python -m deploy.local up`: the platform on this machine until it is told to stop, its data kept in a folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import uvloop

from deploy.local import capture
from deploy.local.issuer import PERSONAS
from deploy.local.platform import CHECKOUT, SERVICES, Options, Platform, PortTakenError, platform
from deploy.local.sandbox import Sandbox
from libs.common.endings import ended
from libs.common.http import serve
from libs.common.stop import stop_on_signals
from libs.common.testing.servers.postgres import PostgresError
from libs.common.testing.servers.scratch import ScratchError

PORT = 8080


@click.group()
def main() -> None:
    """Run Halles on this machine, to try it and to develop it. Never in production."""


@main.command(epilog="Example: python -m deploy.local up --port 9000 --data /srv/halles-try")
@click.option("--port", default=PORT, show_default=True, help="Port of the gateway.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=CHECKOUT / ".halles" / "up",
    show_default=".halles/up",
    help="Folder where everything is kept.",
)
@click.option("--only", type=click.Choice(SERVICES), multiple=True, help="Run only this service; may be repeated.")
def up(port: int, host: str, data: Path, only: tuple[str, ...]) -> None:
    """Keep the whole platform up, with its data, until Ctrl-C or SIGTERM."""
    options = Options(port, host, data_dir=data, log=data / "halles.log", services=only or SERVICES)
    with ended(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_up(options))
        except PortTakenError as error:
            _refuse(f"{error} Choose another one: --port, or make up PORT=...")
        except (PostgresError, ScratchError) as error:
            _refuse(str(error))


@main.command(epilog="Example: python -m deploy.local authorities --port 9000 --smtp-port 2525 --data /tmp/sandbox")
@click.option("--port", default=PORT, show_default=True, help="Port of the issuer, the time stamps, the clock...")
@click.option("--smtp-port", default=2525, show_default=True, help="Port of the mail server that delivers nothing.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--url", help="The platform's address as its users see it; else this one's.")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of keys and clock."
)
@click.option("--legality-url", help="Where the State's simulator finds the legality service; else at that address.")
def authorities(
    port: int, smtp_port: int, host: str, url: str | None, legality_url: str | None, data: Path
) -> None:  # click's options
    """Serve only the sandbox's parts, beside services that run in processes of their own (docker compose)."""
    data.mkdir(parents=True, exist_ok=True)
    sandbox = Sandbox.load_or_create(data, url or f"http://{host}:{port}", legality_url=legality_url)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_authorities(sandbox, host, port, smtp_port))


async def _authorities(sandbox: Sandbox, host: str, port: int, smtp_port: int) -> None:
    with stop_on_signals() as stop:
        async with capture.smtp(sandbox.captures, host=host, port=smtp_port), serve(sandbox.application(), host, port):
            click.echo(f"The sandbox's authorities are up: {sandbox.url}")
            await stop.wait()


def _refuse(sentence: str) -> None:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(1)


async def _up(options: Options) -> None:
    with stop_on_signals() as stop:
        async with platform(options) as running:
            click.echo(_welcome(running, options))
            await stop.wait()
            click.echo("Stopping ...")
    click.echo("Stopped. The data are kept for the next time.")


def _welcome(running: Platform, options: Options) -> str:
    personas = "\n".join(
        f"    {persona.id:<14}{persona.name}, {persona.role} ({persona.organisation})" for persona in PERSONAS
    )
    apis = "\n".join(f"    {running.url}/{name}/v1/openapi.json" for name in options.services)
    return f"""\
Halles is up: {running.url}   (ready in {running.started_in:.1f} s)
  {running.database}; {running.bus}
  Data in {options.data_dir}, logs in {options.log}
  API pages:    {running.url}/docs
  OpenAPI 3.1:
{apis}
  Mails and webhooks sent:  {running.url}/sandbox/mails   {running.url}/sandbox/webhooks
  Journals (simulated):     {running.url}/journals
  Clock (moves forward):    curl -d '{{"advance_seconds": 86400}}' {running.url}/sandbox/clock
  A token:                  curl -d 'grant_type=client_credentials&client_id=acheteuse' {running.url}/issuer/token
{personas}
Ctrl-C stops it."""


if __name__ == "__main__":
    main()
