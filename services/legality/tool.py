"""Offline tool: `python -m services.legality parse FILE...`, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from services.legality.actes import schema
from services.legality.actes.archive import HostileArchiveError, unpack
from services.legality.actes.read import parse
from services.legality.actes.xml import UnreadableXmlError

__all__ = ["parse_files"]


@click.command("parse", epilog="Example: python -m services.legality parse envelope.xml act.tar.gz")
@click.argument("files", nargs=-1, required=True, type=click.Path())
def parse_files(files: tuple[str, ...]) -> None:
    """Read ACTES messages, envelopes and archives, offline. Exit 0 when every file could be read."""
    read = True
    for name in files:
        content = _examine(Path(name))
        read = read and content["status"] != "rejected"
        click.echo(json.dumps({"file": name, **content}, ensure_ascii=False))
    raise SystemExit(0 if read else 1)


def _examine(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        return _rejected(f"Le fichier ne peut pas être lu : {error.strerror}")
    if data.startswith(b"\x1f\x8b"):
        return _examine_archive(data)
    return _examine_message(data)


def _examine_archive(data: bytes) -> dict[str, Any]:
    try:
        files = unpack(data)
    except HostileArchiveError as error:
        return _rejected(str(error))
    return {"status": "parsed", "members": [_member(name, content) for name, content in files.items()]}


def _member(name: str, content: bytes) -> Mapping[str, Any]:
    shown: dict[str, Any] = {"name": name, "size": len(content)}
    return shown | _examine_message(content) if name.lower().endswith(".xml") else shown


def _examine_message(data: bytes) -> dict[str, Any]:
    try:
        message = parse(data)
    except UnreadableXmlError as error:
        return _rejected(str(error))
    faults = schema.check(data) if message.code else []
    return {
        "status": "parsed" if message.code else "unknown",
        **message.as_json(),
        "validated_with": schema.validated_with(),
        "schema_faults": faults,
    }


def _rejected(problem: str) -> dict[str, Any]:
    return {"status": "rejected", "problems": [problem]}
