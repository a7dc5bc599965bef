"""Offline tools: `python -m services.notices check FILE...` and `import FILE...`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from lxml import etree

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import HallesError
from libs.common.runtime import Runtime, open_runtime
from libs.common.service import Service
from services.notices.eforms import xml
from services.notices.eforms.check import CheckedNotice, check
from services.notices.service import imports
from services.notices.service import notices as use_cases
from services.notices.views.checks import CheckView

__all__ = ["check_files", "import_files"]

_PROGRESS_EVERY = 5.0  # seconds
_ENCODER = json.JSONEncoder(ensure_ascii=False)


@click.command("check", epilog="Example: python -m services.notices check notices/*.xml")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check_files(files: tuple[Path, ...]) -> None:
    """Check eForms notices: one JSON object a line a file; exit 0 if all are accepted, 1 otherwise."""
    rejected = 0
    for path in _with_progress(files):
        verdict = _verdict(path)
        rejected += verdict["status"] != "accepted"
        click.echo(_ENCODER.encode(verdict))
    sys.exit(1 if rejected else 0)


def _verdict(path: Path) -> dict[str, Any]:
    try:
        checked = check(_read(path))
    except OSError as error:
        problem = {"term": "FILE", "path": str(path), "message": f"Fichier illisible : {error.strerror}."}
        return {"file": str(path), "status": "rejected", "notice_type": None, "subtype": None, "title": None,
                "buyers": [], "cpv": [], "lots": 0, "deadline": None, "problems": [problem]}  # fmt: skip
    return {"file": str(path), **CheckView.of(checked).model_dump(mode="json")}


def _read(path: Path) -> bytes:
    """Give a file, a little more than the limit at most: the checker refuses what is larger. Raises OSError."""
    with path.open("rb") as file:
        return file.read(xml.MAX_BYTES + 1)


@click.command("import", epilog="Example: python -m services.notices import notices/*.xml")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_obj
def import_files(service: Service, files: tuple[Path, ...]) -> None:
    """Load eForms notices as drafts of their own buyers, into the database of the settings; exit 0 if all were taken."""
    sys.exit(asyncio.run(_import_all(service, files)))


async def _import_all(service: Service, files: tuple[Path, ...]) -> int:
    refused = 0
    async with open_runtime(service, service.settings()) as runtime:
        for path in _with_progress(files):
            outcome = await _import_one(runtime, path)
            refused += outcome["status"] != "imported"
            click.echo(_ENCODER.encode(outcome))
    return 1 if refused else 0


async def _import_one(runtime: Runtime, path: Path) -> dict[str, Any]:
    try:
        data = _read(path)
        notice_id = await _draft(runtime, check(data), data)
    except OSError as error:
        return {"file": str(path), "status": "rejected", "detail": f"Fichier illisible : {error.strerror}."}
    except HallesError as error:
        faults = [{"term": fault.where, "message": fault.message} for fault in error.errors]
        return {"file": str(path), "status": "rejected", "detail": error.detail, "problems": faults}
    return {"file": str(path), "status": "imported", "notice_id": notice_id}


async def _draft(runtime: Runtime, checked: CheckedNotice, data: bytes) -> str:
    buyers = checked.notice.buyers if checked.notice else ()
    organisation = buyers[0].organisation if buyers else "NATIONAL:ZZZ-inconnu"
    actor = Actor("import-tool", "Import tool", organisation, OrganisationKind.BUYER)
    async with runtime.uow(actor=actor) as uow:
        command = imports.draft_of(checked, actor, uow.now())
        source = await imports.keep_source(runtime, command.notice_id, data)
        notice = await use_cases.draft(uow, imports.with_source(command, source), actor)
    return str(notice.notice_id)


def _with_progress(files: tuple[Path, ...]) -> Iterator[Path]:
    """Give the files one by one; on a long run say on the error output, every few seconds, how far it is."""
    started = last = time.monotonic()
    for done, path in enumerate(files):
        now = time.monotonic()
        if now - last >= _PROGRESS_EVERY:
            last = now
            click.echo(f"{done}/{len(files)} files, {done / (now - started):.0f} a second", err=True)
        yield path
        etree.clear_error_log()
