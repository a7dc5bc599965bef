"""The official OCDS 1.1.5 schemas, when they are on this machine; else our own model, in which each release is built."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from libs.common import standards

__all__ = ["OWN_MODEL", "PACKAGE_SCHEMA", "RELEASE_SCHEMA", "package_faults", "release_faults"]

RELEASE_SCHEMA = "dereferenced-release-schema.json"
PACKAGE_SCHEMA = "release-package-schema.json"
OWN_MODEL = "own model"
_RELEASE_URI = "https://standard.open-contracting.org/schema/1__1__5/release-schema.json"


def release_faults(release: dict[str, Any]) -> tuple[list[str], str]:
    """Give the faults of a release against the official schema, and what judged: `OCDS 1.1.5 ...` or `own model`."""
    validator = _release_validator(standards.folder())
    if validator is None:
        return [], OWN_MODEL
    return _faults(validator, release), f"OCDS 1.1.5 {RELEASE_SCHEMA}"


def package_faults(package: dict[str, Any]) -> tuple[list[str], str]:
    """Give the faults of a release package, and what judged it."""
    validator = _package_validator(standards.folder())
    if validator is None:
        return [], OWN_MODEL
    return _faults(validator, package), f"OCDS 1.1.5 {PACKAGE_SCHEMA}"


def _faults(validator: jsonschema_rs.Draft4Validator, document: dict[str, Any]) -> list[str]:
    return [
        f"/{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"
        for error in validator.iter_errors(document)
    ]


@cache
def _release_validator(folder: Path | None) -> jsonschema_rs.Draft4Validator | None:
    schema = _read(folder, RELEASE_SCHEMA)
    return jsonschema_rs.Draft4Validator(schema, validate_formats=True, mask="…") if schema else None


@cache
def _package_validator(folder: Path | None) -> jsonschema_rs.Draft4Validator | None:
    package, release = _read(folder, PACKAGE_SCHEMA), _read(folder, RELEASE_SCHEMA)
    if package is None or release is None:
        return None
    registry = jsonschema_rs.Registry([(_RELEASE_URI, release)])
    return jsonschema_rs.Draft4Validator(package, validate_formats=True, mask="…", registry=registry)


def _read(folder: Path | None, name: str) -> dict[str, Any] | None:
    path = folder / "ocds" / "schema-1.1.5" / name if folder else None
    if path is None or not path.is_file():
        return None
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema
