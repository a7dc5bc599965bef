"""The committed tables of the SDK: rules, variables, code lists, fields, containers and subtypes (built by `deploy.reference.eforms`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from libs.common.reference import cpv

__all__ = [
    "SDK",
    "Field",
    "Rule",
    "Subtype",
    "code_list",
    "field",
    "fields",
    "nodes",
    "pattern",
    "rules",
    "subtype",
    "variables",
]

SDK: Final = (1, 15)
"""The SDK version of the tables."""
_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Subtype:
    """A notice subtype of the SDK."""

    code: str
    document: str
    form_type: str
    notice_type: str
    legal_basis: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the model."""

    id: str
    term: str
    name: str
    """In French."""
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule of the SDK: in each `context`, `test` must hold."""

    number: int
    """Its place in the official files."""
    stage: str
    subject: str
    """The field or the container that it is about, or the rule's own number."""
    warning: bool
    context: str
    test: str


@cache
def _rows(name: str) -> tuple[tuple[str, ...], ...]:
    lines = (_FOLDER / f"{name}.tsv").read_text("utf-8").splitlines()
    return tuple(tuple(line.split("\t")) for line in lines if not line.startswith("# "))


@cache
def subtype(code: str | None) -> Subtype | None:
    """Give a subtype of the SDK (1-40, CEI, E1-E6, T01, T02, X01, X02); None for a national or unknown one."""
    return next((Subtype(*row[:5]) for row in _rows("subtypes") if row[0] == code), None)


@cache
def code_list(name: str) -> frozenset[str]:
    """Give the codes of a list of the SDK, none if there is no such list."""
    if name == "cpv":
        return cpv.codes()
    return frozenset(next((row[1].split(" ") for row in _rows("lists") if row[0] == name), ()))


@cache
def variables() -> dict[str, str]:
    """Give the expression of each variable of the rules."""
    return {row[0]: row[1] for row in _rows("variables")}


@cache
def _rules() -> tuple[tuple[Rule, frozenset[str]], ...]:
    """Give every rule with its subtypes (`*` for all)."""
    groups = {row[0]: frozenset(row[1].split(" ")) for row in _rows("groups")}
    contexts = [row[1] for row in _rows("contexts")]
    return tuple(
        (Rule(number, stage, subject, level == "warning", contexts[int(context)], test), groups[group])
        for number, (stage, group, subject, level, context, test) in enumerate(_rows("rules"))
    )


@cache
def rules(code: str) -> tuple[Rule, ...]:
    """Give the rules of a subtype, in the order of the official files."""
    return tuple(rule for rule, subtypes in _rules() if code in subtypes or "*" in subtypes)


@cache
def fields() -> dict[str, Field]:
    """Give the fields by their identifier."""
    return {row[0]: Field(*row) for row in _rows("fields")}


def field(identifier: str) -> Field | None:
    """Give a field; None if there is none of that name."""
    return fields().get(identifier)


@cache
def nodes() -> dict[str, tuple[str, str]]:
    """Give the French name (empty if it has none) and the path of each container."""
    return {row[0]: (row[1], row[2]) for row in _rows("nodes")}


_LETTERS: Final = r"[^\W_]"
_IN_ADDRESS: Final = r"[\w!#$%&'*+/=?-]"
_SAFE: Final = {
    r"^((\(\+?[0-9]+\))|\+?[0-9]+)( - |-| )?(((\([0-9]+\))|[0-9]+)( - |-| )?)*([0-9]+)( )?$": (
        r"^(?=[^0-9]*[0-9][^0-9]*[0-9])(?:\(\+?[0-9]++\)|\+?[0-9]++)(?:(?: - |-| )?(?:\([0-9]++\)|(?<![0-9])[0-9]++))*(?<=[0-9]) ?$"
    ),
    (
        r"^[\p{L}\p{N}!#$%&'*+/=?_-]+(\.[\p{L}\p{N}!#$%&'*+/=?_-]+)*"
        r"@([\p{L}\p{N}]([\p{L}\p{N}_-]*[\p{L}\p{N}])?\.)+([\p{L}\p{N}]{2,})$"
    ): rf"^{_IN_ADDRESS}++(?:\.{_IN_ADDRESS}++)*+@(?:{_LETTERS}[\w-]*+(?<={_LETTERS})\.)+{_LETTERS}{{2,}}+$",
    (
        r"((^(http|HTTP|https|HTTPS|ftp|FTP|ftps|FTPS|sftp|SFTP)://)|(^(w|W){3}([0-9])?\.))"
        r'[\p{L}\p{N}\?!\./:;,\-_=#+*%@"\(\)&]+'
    ): r'^(?:(?:http|HTTP|https|HTTPS|ftp|FTP|ftps|FTPS|sftp|SFTP)://|[wW]{3}[0-9]?\.)[\w?!./:;,\-=#+*%@"()&]',
}
"""Patterns of the SDK that backtrack without end on hostile text, or use classes that Python has not: the same, in linear time."""


def pattern(official: str) -> str:
    """Give a pattern of the SDK as Python reads it."""
    return _SAFE.get(official, official)
