"""Roles, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import Field

from libs.common.actor import Actor, OrganisationKind
from services.notices.domain.roles import Capacity, Permission, Role, RoleRecord
from services.notices.views.base import View

__all__ = ["MeView", "OwnRole", "RoleView"]


class RoleView(View):
    """A role of a person, from an instant to another."""

    record_id: UUID
    state: Literal["future", "live", "expired", "revoked"]
    person: str
    role: Role
    capacity: Capacity
    procedure_id: UUID | None
    function: str
    valid_from: datetime
    valid_until: datetime | None
    delegated_from: UUID | None
    granted_by: str
    granted_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, record: RoleRecord, now: datetime) -> Self:
        """Show a record."""
        return cls.model_validate(
            {name: getattr(record, name) for name in cls.model_fields if name != "state"} | {"state": record.state(now)}
        )


class OwnRole(RoleView):
    """A role of the caller's."""

    organisation: str

    @classmethod
    def of(cls, record: RoleRecord, now: datetime) -> Self:
        """Show a record of the caller's."""
        shown = RoleView.of(record, now)
        return cls(organisation=record.organisation, **shown.model_dump())


class MeView(View):
    """Who calls, for whom, and what they may do."""

    person: str = Field(description="what an administrator needs to give you a role")
    organisation: str
    kind: OrganisationKind
    by_record: bool = Field(description="whether a record of the platform, not the token, lets you act for it")
    permissions: list[Permission] = Field(description="in all of this organisation")
    roles: list[OwnRole] = Field(description="yours, in every organisation: those that hold, and those to come")

    @classmethod
    def of(cls, actor: Actor, permissions: frozenset[Permission], records: list[RoleRecord], now: datetime) -> Self:
        """Show the caller."""
        return cls(
            person=actor.subject,
            organisation=actor.organisation,
            kind=actor.kind,
            by_record=actor.recorded,
            permissions=[permission for permission in Permission if permission in permissions],
            roles=[OwnRole.of(record, now) for record in records],
        )
