"""Offline tool: which searches of a file do the notices of another answer? `python -m services.alerts match`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import click
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from services.alerts.matching.criteria import Criteria
from services.alerts.matching.index import Index
from services.alerts.matching.notice import Subject

__all__ = ["match_files"]


def _list(value: object) -> object:
    return [] if value is None else value


def _text(value: object) -> object:
    return "" if value is None else value


class NoticeLine(BaseModel):
    """A line of the notices file; members that matching does not use are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: str | int
    title: Annotated[str, BeforeValidator(_text)] = ""
    description: Annotated[str, BeforeValidator(_text)] = ""
    cpv: Annotated[list[str], BeforeValidator(_list)] = []
    departments: Annotated[list[str], BeforeValidator(_list)] = []
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    value: Decimal | None = None

    def subject(self) -> Subject:
        """Give what matching needs."""
        place = (self.lat, self.lon) if self.lat is not None and self.lon is not None else None
        codes, departments = tuple(self.cpv), tuple(self.departments)
        return Subject.of(
            self.title, self.description, cpv=codes, departments=departments, place=place, value=self.value
        )


class _BadLineError(Exception):
    """A line cannot be used; the message says which and why."""


@click.command(
    "match", epilog="Example: python -m services.alerts match --searches searches.jsonl --notices notices.jsonl"
)
@click.option("--searches", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--notices", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def match_files(searches: Path, notices: Path) -> None:
    """Print one JSON object a match: {"notice", "search", "reasons"}. A wrong line is told and stops all: exit 2."""
    try:
        index = Index(dict(_searches(searches)))
        for where, line in _lines(notices):
            _print_matches(index, _notice(where, line))
    except _BadLineError as problem:
        click.echo(str(problem), err=True)
        sys.exit(2)


def _print_matches(index: Index[str | int], notice: NoticeLine) -> None:
    for search, reasons in index.matches(notice.subject()):
        found = {"notice": notice.id, "search": search, "reasons": [reason.told() for reason in reasons]}
        click.echo(json.dumps(found, ensure_ascii=False))


def _searches(path: Path) -> Iterator[tuple[str | int, Criteria]]:
    seen: set[str | int] = set()
    for where, line in _lines(path):
        name = line.pop("id", None)
        line.pop("name", None)
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise _BadLineError(f"{where}: id manquant (id is missing)")
        if name in seen:
            raise _BadLineError(f"{where}: id {name!r} déjà pris (id used twice)")
        seen.add(name)
        try:
            yield name, Criteria.model_validate(line)
        except ValidationError as error:
            raise _BadLineError(f"{where}: {_faults(error)}") from error


def _notice(where: str, line: dict[str, Any]) -> NoticeLine:
    try:
        return NoticeLine.model_validate(line)
    except ValidationError as error:
        raise _BadLineError(f"{where}: {_faults(error)}") from error


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            where = f"{path.name}:{number}"
            try:
                line = json.loads(text, parse_float=Decimal)
            except (json.JSONDecodeError, InvalidOperation, RecursionError) as error:
                raise _BadLineError(f"{where}: JSON illisible (unreadable JSON): {error}") from error
            if not isinstance(line, dict):
                raise _BadLineError(f"{where}: un objet JSON est attendu (a JSON object is expected)")
            yield where, line


def _faults(error: ValidationError) -> str:
    return "; ".join(_fault(fault) for fault in error.errors(include_url=False))


def _fault(fault: ErrorDetails) -> str:
    """Tell a fault without repeating the value; our own are told in French and English."""
    own = fault.get("ctx", {}).get("error")
    message = " / ".join(map(str, own.args)) if isinstance(own, ValueError) else fault["msg"]
    return f"{'.'.join(map(str, fault['loc']))}: {message}"
