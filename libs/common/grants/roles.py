"""Roles and what they allow, pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

__all__ = ["ALL", "NEEDED", "NOTHING", "READING", "Permission", "Role", "Scope", "allowed", "giving"]


class Permission(StrEnum):
    """Something that a person may do for a buyer."""

    READ = "read"
    """What is not public: drafts, the whole timeline, registers, contracts, acts."""
    WRITE = "write"
    """Prepare: drafts, documents, what goes to be signed, visas."""
    PUBLISH = "publish"
    """Make public or send out: notices, contracts, acts to the State, essential data."""
    OPEN = "open"
    EVALUATE = "evaluate"
    SIGN = "sign"
    ADMINISTER = "administer"
    """Give and take roles, keep the page of the organisation, its signature circuit, how the State knows it."""


class Role(StrEnum):
    """A role in an organisation, or in one consultation of it."""

    ADMINISTRATOR = "administrator"
    WRITER = "writer"
    PUBLISHER = "publisher"
    OPENING_OFFICER = "opening-officer"
    EVALUATOR = "evaluator"
    SIGNATORY = "signatory"
    READER = "reader"


_P = Permission
_ALLOWS: Final[dict[Role, frozenset[Permission]]] = {
    Role.ADMINISTRATOR: frozenset({_P.READ, _P.ADMINISTER}),
    Role.WRITER: frozenset({_P.READ, _P.WRITE}),
    Role.PUBLISHER: frozenset({_P.READ, _P.WRITE, _P.PUBLISH}),
    Role.OPENING_OFFICER: frozenset({_P.READ, _P.OPEN}),
    Role.EVALUATOR: frozenset({_P.READ, _P.EVALUATE}),
    Role.SIGNATORY: frozenset({_P.READ, _P.SIGN}),
    Role.READER: frozenset({_P.READ}),
}
NEEDED: Final[dict[Permission, Role]] = {
    _P.READ: Role.READER,
    _P.WRITE: Role.WRITER,
    _P.PUBLISH: Role.PUBLISHER,
    _P.OPEN: Role.OPENING_OFFICER,
    _P.EVALUATE: Role.EVALUATOR,
    _P.SIGN: Role.SIGNATORY,
    _P.ADMINISTER: Role.ADMINISTRATOR,
}
"""The role that gives a permission, and as little else as any."""
ALL: Final = frozenset(Permission)
"""What every member may do while no role of the organisation is recorded."""
NOTHING: Final[frozenset[Permission]] = frozenset()
READING: Final = frozenset({Permission.READ})


@dataclass(frozen=True, slots=True)
class Scope:
    """What a person may read for a buyer. The fields are, in this order, parameters of the queries of lists."""

    organisation: str
    procedures: tuple[UUID, ...] | None
    """The consultations of the buyer; None: all."""
    shared: tuple[UUID, ...] = ()
    """Those of others that it reads as a member of joint purchases."""


def allowed(roles: Iterable[Role]) -> frozenset[Permission]:
    """Give what some roles allow together."""
    return frozenset(permission for role in roles for permission in _ALLOWS[role])


def giving(permission: Permission) -> tuple[Role, ...]:
    """Give the roles that allow something."""
    return tuple(role for role, given in _ALLOWS.items() if permission in given)
