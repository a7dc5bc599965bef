"""Offline tool: are these files of essential data right? `python -m services.opendata check FILE...`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from services.opendata.decp import official, rules
from services.opendata.decp.check import Path as ItemPath
from services.opendata.decp.check import Problem
from services.opendata.decp.table import Form

__all__ = ["check_files"]

MAX_BYTES = 512 * 2**20
"""A national month is about 100 MB."""
MAX_PROBLEMS = 1_000
"""Problems printed for one file; `count` tells how many there are."""


@click.command("check", epilog="Example: python -m services.opendata check decp-2026.json")
@click.argument("files", nargs=-1, required=True, type=click.Path())
def check_files(files: tuple[str, ...]) -> None:
    """Print one JSON object a file: {"file", "status": "valid" | "invalid" | "unreadable", "problems", ...}. Exit 1 if any is not valid."""
    valid = True
    for name in files:
        answer = {"file": name, **_check(Path(name))}
        valid = valid and answer["status"] == "valid"
        click.echo(json.dumps(answer, ensure_ascii=False))
    sys.exit(not valid)


def _check(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_BYTES:
            return _unreadable(f"plus de {MAX_BYTES // 2**20} Mio (larger than the limit)")
        document = json.loads(file.read_text(encoding="utf-8-sig"), parse_constant=_refuse)
    except OSError as error:
        return _unreadable(f"fichier illisible (cannot be read): {error.strerror}")
    except (ValueError, RecursionError) as error:
        return _unreadable(f"JSON illisible (unreadable JSON): {error}")
    if not isinstance(document, dict):
        return _unreadable("un objet JSON est attendu (a JSON object is expected)")
    problems, judge = official.validate(document)
    records = list(_records(document))
    if not problems:
        problems = [each for form, at, record in records for each in _at(at, rules.blocking(record, form))]
    warnings = (
        [] if problems else [each for form, at, record in records for each in _at(at, rules.doubts(record, form))]
    )
    return {
        "status": "invalid" if problems else "valid",
        "problems": [_told(problem) for problem in problems[:MAX_PROBLEMS]],
        "warnings": [_told(problem) for problem in warnings[:MAX_PROBLEMS]],
        "count": {"records": len(records), "problems": len(problems), "warnings": len(warnings)},
        "validated_with": judge,
    }


def _records(document: dict[str, Any]) -> list[tuple[Form, ItemPath, dict[str, Any]]]:
    marches = document.get("marches")
    if not isinstance(marches, dict):
        return []
    forms: tuple[Form, ...] = ("marche", "contrat-concession")
    listed = ((form, marches.get(form)) for form in forms)
    return [
        (form, ("marches", form, number), record)
        for form, records in listed
        if isinstance(records, list)
        for number, record in enumerate(records)
        if isinstance(record, dict)
    ]


def _at(at: ItemPath, problems: list[Problem]) -> list[Problem]:
    return [Problem((*at, *each.path), each.name, each.message, each.message_en) for each in problems]


def _told(problem: Problem) -> dict[str, str]:
    return {
        "path": problem.pointer,
        "item": problem.name,
        "message": problem.message,
        "message_en": problem.message_en,
    }


def _unreadable(why: str) -> dict[str, Any]:
    problem = {"path": "", "item": "Fichier", "message": why, "message_en": why}
    return {"status": "unreadable", "problems": [problem], "warnings": [], "validated_with": None}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
