"""The official DECP schema, when it is on this machine: the last word on what leaves the platform."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from libs.common import standards
from services.opendata.decp.check import Problem, check_document
from services.opendata.decp.table import SCHEMA, Form, name_of

__all__ = ["OWN_MODEL", "validate"]

OWN_MODEL = "own model"
"""What `validated_with` says when the official schema is not at hand."""

_LONGEST = 300
"""Characters of the validator's own words; values are masked in them."""


def validate(document: dict[str, Any]) -> tuple[list[Problem], str]:
    """Give the faults of a whole file, and what judged it: the official schema's name, or `own model`."""
    problems = check_document(document)
    validator = _validator(standards.folder())
    if validator is None:
        return problems, OWN_MODEL
    known = {problem.path[:length] for problem in problems for length in range(len(problem.path) + 1)}
    for error in validator.iter_errors(document):
        path = tuple(error.instance_path)
        if path not in known:
            told = error.message[:_LONGEST]
            problems.append(Problem(path, _name(path), f"refusé par {SCHEMA} : {told}", told))
    return problems, SCHEMA


@cache
def _validator(folder: Path | None) -> jsonschema_rs.Draft7Validator | None:
    path = folder / "decp" / "schema" / SCHEMA if folder else None
    if path is None or not path.is_file():
        return None
    return jsonschema_rs.Draft7Validator(json.loads(path.read_text(encoding="utf-8")), validate_formats=True, mask="…")


def _name(path: tuple[str | int, ...]) -> str:
    form: Form = "contrat-concession" if "contrat-concession" in path[:2] else "marche"
    return name_of(path[3:], form)
