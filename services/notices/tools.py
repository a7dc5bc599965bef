"""Offline tools: `python -m services.notices check FILE...` and `import FILE...`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg
import click

from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Service
from services.notices.legacy.notice import LegacyNotice
from services.notices.offline.cores import cores, in_chunks
from services.notices.offline.files import Unit, units
from services.notices.offline.progress import progress
from services.notices.offline.readings import Prepared, Refusal, outcome, prepare, verdict
from services.notices.service.history import Recorded, record
from services.notices.service.loading import Loaded, load
from services.notices.service.notices import DraftNotice

__all__ = ["check_files", "import_files", "keep"]

T = TypeVar("T")
_MANY: Final = 50
"""Files from which on worker processes are worth their start."""
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)


def _spelled(said: dict[str, Any]) -> str:
    """Give a line of the answer; in ASCII where the name of a file is no text, for the line must be."""
    text = _ENCODER.encode(said)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(said)
    return text


@click.command("check", epilog="Example: python -m services.notices check notices/*.xml ted.jsonl")
@click.argument("files", nargs=-1, required=True, type=click.Path())
def check_files(files: tuple[str, ...]) -> None:
    """Check notices: eForms XML, or notices of TED of 2014-2022 (one JSON object a file, or a line of a .jsonl file).

    Prints one JSON object a line for each; exit 0 if all are accepted, 1 otherwise.
    """
    rejected = 0
    for chunk in _told(files, in_chunks(verdict, units(files), _workers(files, spare=0))):
        for _, said in chunk:
            rejected += said["status"] != "accepted"
            click.echo(_spelled(said))
    sys.exit(1 if rejected else 0)


@click.command("import", epilog="Example: python -m services.notices import notices/*.xml ted.jsonl")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.pass_obj
def import_files(service: Service, files: tuple[str, ...]) -> None:
    """Load notices into the database of the settings.

    eForms XML becomes drafts of their own buyers; notices of TED of 2014-2022 (one JSON object a file, or a line of a .jsonl
    file) become history: public since their day, never open for bids. Prints one JSON object a line for each; exit 0 if all were taken, 1 otherwise.
    """
    try:
        sys.exit(asyncio.run(_import_all(service, files)))
    except (OSError, asyncpg.PostgresError) as error:  # the database or the storage is away; files have their own line
        raise click.ClickException(f"stopped, what was printed as imported is kept: {error}") from None


def _workers(files: Sequence[str], *, spare: int) -> int:
    """Give how many processes read: none for few files, one a core less those that have something else to do."""
    many = len(files) >= _MANY or any(file.lower().endswith((".jsonl", ".ndjson")) for file in files)
    return max(cores() - spare, 1) if many and cores() > 1 else 0


def _told(files: Sequence[str], chunks: Iterable[list[tuple[Unit, T]]]) -> Iterator[list[tuple[Unit, T]]]:
    """Give the chunks, and say on the error output how far the run is."""
    done = notices = 0
    last = None
    with progress(len(files)) as tell:
        for chunk in chunks:
            yield chunk
            for unit, _ in chunk:
                done += last is not None and unit.file != last
                last = unit.file
            notices += len(chunk)
            tell(done, notices)


async def _import_all(service: Service, files: tuple[str, ...]) -> int:
    refused = 0
    async with open_runtime(service, service.settings()) as runtime:
        reading = partial(prepare, now=runtime.clock.now())
        chunks = _told(files, in_chunks(reading, units(files), _workers(files, spare=1)))
        following = asyncio.create_task(asyncio.to_thread(next, chunks, None))
        while chunk := await following:  # while this one is written, the next one is read in a thread
            following = asyncio.create_task(asyncio.to_thread(next, chunks, None))
            said = await keep(runtime, chunk)
            refused += sum(each["status"] != "imported" for each in said)
            click.echo("\n".join(map(_spelled, said)))
    return 1 if refused else 0


async def keep(runtime: Runtime, chunk: list[tuple[Unit, Prepared]]) -> list[dict[str, Any]]:
    """Keep what was read, drafts together and history together; give what to print, in their order."""
    drafts = {
        place: Loaded(each, unit.data) for place, (unit, each) in enumerate(chunk) if isinstance(each, DraftNotice)
    }
    past = {
        place: Recorded(each, unit.data) for place, (unit, each) in enumerate(chunk) if isinstance(each, LegacyNotice)
    }
    refused = {place: each for place, (_, each) in enumerate(chunk) if isinstance(each, Refusal)}
    errors = dict(zip(drafts, await load(runtime, list(drafts.values())), strict=True))
    errors |= dict(zip(past, await record(runtime, list(past.values())), strict=True))
    refused |= {place: Refusal.of(error) for place, error in errors.items() if error is not None}
    return [outcome(unit, each, refused.get(place)) for place, (unit, each) in enumerate(chunk)]
