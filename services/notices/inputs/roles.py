"""Roles, as administrators give them."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.notices.domain.roles import Role
from services.notices.inputs.fields import Input, PageQuery

__all__ = ["NewAdministrator", "NewDelegation", "NewRole", "Person", "RoleQuery"]

Person = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="identifier of the person: the `sub` of the token, which `GET /v1/me` tells to each",
    ),
]
Function = Annotated[str, Field(max_length=100, description="architect, deputy...: a function, no name")]


class NewRole(Input):
    """A role for a person, in the organisation or in one consultation of it."""

    person: Person
    role: Role
    capacity: Literal["member", "guest"] = Field(
        default="member", description="guest: somebody from outside, with an end date"
    )
    procedure_id: UUID | None = Field(default=None, description="the only consultation it holds for; all when absent")
    function: Function = ""
    valid_from: AwareDatetime | None = Field(default=None, description="now when absent")
    valid_until: AwareDatetime | None = Field(default=None, description="no end when absent")


class NewDelegation(Input):
    """Somebody who stands in for the caller, in one role."""

    person: Person
    function: Function = ""
    valid_from: AwareDatetime | None = Field(default=None, description="now when absent")
    valid_until: AwareDatetime


class NewAdministrator(Input):
    """The administrator that the operator names."""

    person: Person
    function: Function = ""


class RoleQuery(PageQuery):
    """Which roles of the organisation are asked for."""

    person: Person | None = None
    procedure_id: UUID | None = Field(default=None, description="those limited to this consultation")
    live: bool = Field(default=False, description="only those that hold now")
