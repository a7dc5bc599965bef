"""What a producer gives the operator for a rebuild: the events one queue consumes, archive then log, in order.

A file and its description in a folder: no service reads another's database or storage for it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import asyncpg
from pydantic import BaseModel, ConfigDict, ValidationError

from libs.common.bus.archive.files import lines
from libs.common.bus.topology import Topology
from libs.common.db import load_queries
from libs.common.messages.envelope import CloudEvent

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

__all__ = ["QUERIES", "BadExportError", "Exported", "export"]

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


class BadExportError(Exception):
    """An export is missing, cut, changed, or made for another queue."""


class Exported(BaseModel):
    """What an export holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    queue: str
    events: int
    sha256: str

    @classmethod
    def load(cls, folder: Path, service: str, queue: str) -> Self:
        """Read and check an export. Raises BadExportError."""
        try:
            found = cls.model_validate_json(_description(folder, service).read_bytes())
            digest = _digest(_file(folder, service))
        except (OSError, ValidationError) as error:
            raise BadExportError(
                f"no export of {service} in {folder}: run `python -m services.{service} export {folder} --for {queue}`"
            ) from error
        if (found.service, found.queue) != (service, queue) or digest != found.sha256:
            raise BadExportError(f"the export of {service} in {folder} was changed, or is for another queue")
        return found

    def read(self, folder: Path) -> Iterator[CloudEvent]:
        """Give its events in the order of their log."""
        with gzip.open(_file(folder, self.service)) as file:
            for line in file:
                yield CloudEvent.from_json(line)


async def export(runtime: Runtime, folder: Path, queue: str) -> Exported:
    """Write the events that a queue consumes into a folder. Raises BadExportError when it consumes none of them."""
    service = runtime.service.name
    types = [name for one in Topology.load().queues if one.name == queue for name in one.types]
    own = [name for name in types if name.startswith(f"{service}.")]
    if not own:
        raise BadExportError(f"{queue} consumes no event of {service}")
    writer = _Writer(folder, service)
    async with runtime.database.session() as conn:
        await _write(runtime, conn, own, writer)
    return writer.finish(queue)


async def _write(runtime: Runtime, conn: asyncpg.Connection, types: list[str], writer: _Writer) -> None:
    """Write what is archived, then what is in the log: from one snapshot that begins where the archive was read to."""
    done = 0
    while True:
        for file in await conn.fetch(QUERIES["archived"], done):
            async for line in lines(runtime.storage.open(file["storage_key"])):
                if json.loads(line)["type"] in types:
                    writer.add(line)
            done = file["last"]
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            if await conn.fetchval(QUERIES["floor"]) <= done:
                async for row in conn.cursor(QUERIES["live"], done, types, prefetch=500):
                    writer.add(row["body"].encode())
                return


class _Writer:
    def __init__(self, folder: Path, service: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._service = service
        self._part = folder / f".{service}.part"
        self._file = gzip.GzipFile(self._part, "wb", mtime=0)
        self._events = 0

    def add(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._events += 1

    def finish(self, queue: str) -> Exported:
        """Put the file in its place, then say what it is: a death in between leaves an export that is refused."""
        self._file.close()
        made = Exported(service=self._service, queue=queue, events=self._events, sha256=_digest(self._part))
        self._part.replace(_file(self._folder, self._service))
        _description(self._folder, self._service).write_text(made.model_dump_json() + "\n", encoding="utf-8")
        return made


def _file(folder: Path, service: str) -> Path:
    return folder / f"{service}.jsonl.gz"


def _description(folder: Path, service: str) -> Path:
    return folder / f"{service}.json"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
