"""The bare handler that reads are held against: aiohttp and asyncpg, the same bytes, nothing else to do."""

from __future__ import annotations

import asyncio
import json
import sys
from uuid import UUID

import asyncpg
import click
import uvloop
from aiohttp import web

__all__ = ["application"]


async def application(dsn: str) -> web.Application:
    """Serve `/notice/<id>` from the table `bare`: its bytes, or 304 to whom names their tag."""
    pool = await asyncpg.create_pool(dsn, min_size=4, max_size=10)

    async def read(request: web.Request) -> web.Response:
        row = await pool.fetchrow("SELECT body, tag FROM bare WHERE notice_id = $1", UUID(request.match_info["id"]))
        headers = {"ETag": row["tag"]}
        if request.headers.get("If-None-Match") == row["tag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=row["body"], content_type="application/json", headers=headers)

    app = web.Application()
    app.router.add_get("/notice/{id}", read)
    return app


async def _serve(dsn: str) -> None:
    runner = web.AppRunner(await application(dsn), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    click.echo(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}))
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
