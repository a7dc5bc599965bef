"""`make demo`: the platform tells its whole story and stops. `python -m deploy.local.demo --help`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import click
import uvloop

from deploy.local.platform import Options, PortTakenError
from deploy.local.story.report import Reporter
from deploy.local.story.tell import tell
from libs.common.migrate import MigrationError
from libs.common.settings import UnsafeStartError
from libs.common.testing.servers.postgres import PostgresError
from libs.common.testing.servers.scratch import ScratchError

NO_START = (UnsafeStartError, PostgresError, ScratchError, PortTakenError, MigrationError, OSError)
"""What keeps the platform from starting; each says in one sentence what to do."""


@click.command(epilog="Example: python -m deploy.local.demo --notices ~/eforms")
@click.option(
    "--notices",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Tell it on the eForms notices (XML) of this folder instead of the built-in ones.",
)
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Keep the services' logs in this file.")
def main(notices: Path | None, log: Path | None) -> None:
    """Tell the whole story of the platform on true input; exit 0 only if every step was proved."""
    reporter = Reporter()
    with tempfile.TemporaryDirectory(prefix="halles-demo-") as folder:
        options = Options(log=log or Path(folder) / "halles.log")
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                code = runner.run(tell(options, notices, reporter))
        except NO_START as error:
            reporter.fail(f"The platform did not start: {error}")
            code = reporter.finish()
    sys.exit(code)


if __name__ == "__main__":
    main()
