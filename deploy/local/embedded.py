"""The platform's own PostgreSQL, where no server is given: `HALLES_DATABASE_URL` is the only thing that replaces it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

from libs.common.testing.servers.postgres import postgres
from libs.common.testing.servers.scratch import passable, unprivileged_user

__all__ = ["database", "given_database", "kept_folder"]

SYSTEM_FOLDER = Path("/var/lib/halles")
"""Of root's kept data, when the server's unprivileged user cannot go through the platform's own folder."""


def given_database() -> str | None:
    """Give the address of the server that replaces the embedded one, None when there is none."""
    return os.environ.get("HALLES_DATABASE_URL") or None


@asynccontextmanager
async def database(data_dir: Path, *, keep: bool) -> AsyncIterator[str]:
    """Give the administrator's address of the given server, else of an embedded one that ends with the block.

    `keep`: its data stay for the next run. Raises PostgresError.
    """
    given = given_database()
    if given:
        yield given
        return
    async with postgres(keep=kept_folder(data_dir) if keep else None) as url:
        yield url


def kept_folder(data_dir: Path) -> Path:
    """Give the folder of kept data: in the platform's own where the server's user can go there, else a system one."""
    data_dir.mkdir(parents=True, exist_ok=True)
    folder = data_dir.resolve() / "postgresql"
    if passable(data_dir, unprivileged_user()):
        return folder
    elsewhere = SYSTEM_FOLDER / sha256(str(folder).encode()).hexdigest()[:12]
    elsewhere.mkdir(parents=True, exist_ok=True)
    for each in (SYSTEM_FOLDER, elsewhere):
        each.chmod(0o755)
    return elsewhere / "postgresql"
