"""Offline tool: which searches of a file do the notices of another answer? `python -m services.alerts match`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, TypeVar

import click
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from libs.common.errors import FieldError
from libs.common.http.faults import faults
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.index import Index
from services.alerts.matching.notice import Subject

__all__ = ["match_files"]

M = TypeVar("M", bound=BaseModel)
Name = str | int


def _list(value: object) -> object:
    return [] if value is None else value


def _text(value: object) -> object:
    return "" if value is None else value


class NoticeLine(BaseModel):
    """A line of the notices file; members that matching does not use are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    id: StrictInt | StrictStr
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
        return Subject.told(
            self.title, self.description, cpv=self.cpv, departments=self.departments, place=place, value=self.value
        )


class _BadLineError(Exception):
    """A line cannot be used: why, in French and English."""

    def __init__(self, detail: str, detail_en: str) -> None:
        super().__init__(detail)
        self.said = {"title": "Ligne inutilisable", "detail": detail, "detail_en": detail_en}


class _Lines:
    """The lines of a file; the bad ones are told on standard error, one JSON problem each, and passed over."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.bad = 0

    def read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give each object with the number of its line; the file is never held whole."""
        with Path(self._file).open("rb") as file:
            for number, raw in enumerate(file, 1):
                text = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
                if not text.strip():
                    continue
                try:
                    yield number, _object(text)
                except _BadLineError as error:
                    self.tell(number, error)

    def tell(self, number: int, error: _BadLineError) -> None:
        """Report a bad line."""
        self.bad += 1
        problem = {"file": self._file, "line": number, **error.said}
        click.echo(json.dumps(problem, ensure_ascii=False), err=True)


@click.command(
    "match", epilog="Example: python -m services.alerts match --searches searches.jsonl --notices notices.jsonl"
)
@click.option("--searches", required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--notices", required=True, type=click.Path(exists=True, dir_okay=False))
def match_files(searches: str, notices: str) -> None:
    """Print one JSON object a match: {"notice", "search", "reasons"}.

    A bad line is told on standard error as a JSON problem with its number, and passed over; then the exit code is 1.
    """
    asked, told = _Lines(searches), _Lines(notices)
    index = Index[Name]()
    for name, criteria in _searches(asked):
        index.add(name, criteria)
    for number, line in told.read():
        try:
            notice = _valid(NoticeLine, line)
        except _BadLineError as error:
            told.tell(number, error)
        else:
            _print_matches(index, notice)
    sys.exit(1 if asked.bad or told.bad else 0)


def _print_matches(index: Index[Name], notice: NoticeLine) -> None:
    lines = []
    for search, reasons in index.matches(notice.subject()):
        found = {"notice": notice.id, "search": search, "reasons": [reason.told() for reason in reasons]}
        lines.append(json.dumps(found, ensure_ascii=False) + "\n")
    if lines:
        click.echo("".join(lines), nl=False)  # at once: each call flushes


def _searches(lines: _Lines) -> Iterator[tuple[Name, Criteria]]:
    seen: set[Name] = set()
    for number, line in lines.read():
        try:
            name = _name(line, seen)
            yield name, _valid(Criteria, {key: value for key, value in line.items() if key not in {"id", "name"}})
        except _BadLineError as error:
            lines.tell(number, error)


def _name(line: dict[str, Any], seen: set[Name]) -> Name:
    name = line.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise _BadLineError("id manquant : un texte ou un entier.", "id is missing: a text or an integer.")
    if name in seen:
        raise _BadLineError(f"id {name!r} déjà pris par une autre ligne.", f"id {name!r} is taken by another line.")
    seen.add(name)
    return name


def _valid(model: type[M], line: dict[str, Any]) -> M:
    try:
        return model.model_validate(line)
    except ValidationError as error:
        found = faults(error, "")
        french = "; ".join(f"{_place(each)} : {each.message}" for each in found)
        raise _BadLineError(french, "; ".join(f"{_place(each)}: {each.message_en}" for each in found)) from None


def _object(text: bytes) -> dict[str, Any]:
    try:
        line = json.loads(text, parse_float=Decimal)
    except (ValueError, InvalidOperation, RecursionError):
        raise _BadLineError("JSON illisible.", "Unreadable JSON.") from None
    if not isinstance(line, dict):
        raise _BadLineError("Un objet JSON est attendu.", "A JSON object is expected.")
    return line


def _place(fault: FieldError) -> str:
    return fault.where.removeprefix("/").replace("/", ".")
