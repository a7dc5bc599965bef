"""`export` of every service, and `rebuild` of those that have read models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from libs.common.bus.rebuild.export import BadExportError, Exported, export
from libs.common.bus.rebuild.replay import Rebuild, RebuildError, rebuilding
from libs.common.operate import operate
from libs.common.runtime import Runtime
from libs.common.service import Service

__all__ = ["export_command", "rebuild_command"]

_EVERY = 2000  # events between two lines of progress
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("export", epilog="Example: python -m services.bids export /mnt/rebuild --for notices.timeline")
@click.argument("folder", type=_FOLDER)
@click.option("--for", "queue", required=True, help="The queue whose read model is to be rebuilt.")
@click.pass_obj
def export_command(service: Service, folder: Path, queue: str) -> None:
    """Write the events that a queue consumes into a folder: all that was ever archived, then the log."""

    async def act(runtime: Runtime) -> Exported:
        try:
            return await export(runtime, folder, queue)
        except BadExportError as error:
            raise click.ClickException(str(error)) from error

    click.echo(operate(service, act).model_dump_json())


def rebuild_command(tables: Mapping[str, Sequence[str]]) -> click.Command:
    """Give the `rebuild` command of a service, whose read models are these tables, by queue without its service."""

    @click.command("rebuild", epilog="Example: python -m services.notices rebuild timeline --from /mnt/rebuild")
    @click.argument("queue", type=click.Choice(sorted(tables)))
    @click.option("--from", "folder", type=_FOLDER, help="The exports of all producers; none: only let live ones wait.")
    @click.option("--abandon", is_flag=True, help="Forget a rebuild that was begun, and let live messages go on.")
    @click.pass_obj
    def command(service: Service, queue: str, folder: Path | None, abandon: bool) -> None:
        """Rebuild a read model from what its producers published; live messages wait meanwhile, in order."""

        async def act(runtime: Runtime) -> str:
            try:
                async with rebuilding(runtime, f"{service.name}.{queue}", tables[queue]) as made:
                    return await _act(made, folder, abandon=abandon)
            except (BadExportError, RebuildError) as error:
                raise click.ClickException(str(error)) from error

        click.echo(operate(service, act))

    return command


async def _act(made: Rebuild, folder: Path | None, *, abandon: bool) -> str:
    if abandon:
        await made.end()
        return f"{made.queue}: abandoned, live messages go on"
    await made.begin()
    if folder is None:
        return f"{made.queue}: live messages wait; export {', '.join(made.producers)} for it, then --from FOLDER"
    total = await made.replay(folder, _tell)
    await made.swap()
    return f"{made.queue}: rebuilt from {total} events, live messages go on"


def _tell(done: int, total: int) -> None:
    if done == total or done // _EVERY != (done - 1) // _EVERY:
        click.echo(f"{done} of {total} events", err=True)
