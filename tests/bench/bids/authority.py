"""A time stamp authority over HTTP that answers as slowly as a real one: `python -m tests.bench.bids.authority PORT FOLDER`."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import click
from aiohttp import web

from deploy.local.pki import TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.clock import SystemClock

DELAY = (0.1, 0.3)
"""Seconds before an answer, at least and at most: what qualified authorities were seen to take over the Internet."""


@click.command(epilog="Example: python -m tests.bench.bids.authority 3161 /tmp/pki")
@click.argument("port", type=int)
@click.argument("folder", type=click.Path(path_type=Path))
def main(port: int, folder: Path) -> None:
    """Answer at PORT of the loopback, with the authority kept in FOLDER."""
    authority = LocalTimestampAuthority(TestAuthority.load_or_create(folder).tsa, SystemClock())

    async def stamp(request: web.Request) -> web.Response:
        body = await request.read()
        await asyncio.sleep(random.uniform(*DELAY))
        return web.Response(body=authority.answer(body), content_type="application/timestamp-reply")

    app = web.Application()
    app.router.add_post("/", stamp)
    web.run_app(app, host="127.0.0.1", port=port, print=lambda _: None)


if __name__ == "__main__":
    main()
