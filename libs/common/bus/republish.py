"""`python -m services.<name> republish`: what queues lost and no publisher could see is published again, in order."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from libs.common.bus.queues import HORIZON, Gap, publish_again
from libs.common.bus.topology import Topology
from libs.common.operate import operate, operator
from libs.common.runtime import Runtime
from libs.common.service import Service

__all__ = ["republish_command"]


def _instant(_context: click.Context, _parameter: click.Parameter, value: str) -> datetime:
    """Read the instant to begin at. Raises click.BadParameter."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("a date and time, as 2026-11-21T10:00+01:00") from error
    if found.tzinfo is None:
        raise click.BadParameter("add the offset: 2026-11-21T10:00+01:00")
    now = datetime.now(UTC)
    if found > now:
        raise click.BadParameter("it is in the future")
    if found < now - HORIZON:
        raise click.BadParameter(
            f"{HORIZON.days} days at most: consumers forget what they handled after 14, and would handle it again. "
            "Older: rebuild read models from exports (docs/runbooks/at-3-am.md)"
        )
    return found


@click.command(
    "republish",
    epilog="Example: python -m services.notices republish --since 2026-11-21T10:00+01:00 --queue alerts.matching",
)
@click.option("--since", required=True, callback=_instant, help="From this instant on, with its offset.")
@click.option("--queue", "named", multiple=True, help="To this queue only; may be repeated. None: to all.")
@click.pass_obj
def republish_command(service: Service, since: datetime, named: tuple[str, ...]) -> None:
    """Publish again, in order, to queues that lost it: deleted and made again while no relay ran, or restored.

    Consumers drop what they handled before. Newer events wait until the older ones are out. Written in the journal.
    """
    mine = [q.name for q in Topology.load().queues if any(kind.startswith(f"{service.name}.") for kind in q.types)]
    queues = sorted({*named}) or mine
    if not queues or {*queues} - {*mine}:
        raise click.BadParameter(f"the queues with events of {service.name} are: {', '.join(mine) or 'none'}")

    async def act(runtime: Runtime) -> dict[str, Gap]:
        async with runtime.uow(actor=operator()) as uow:
            for queue in queues:
                uow.audit("events.republished", queue)
            return await publish_again(uow.conn, queues, since, known_only=not named)

    gaps = operate(service, act)
    told = {queue: {"from": gaps[queue][0] + 1, "to": gaps[queue][1]} if queue in gaps else None for queue in queues}
    click.echo(json.dumps({"service": service.name, "since": since.isoformat(), "positions": told}))
