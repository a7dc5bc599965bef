"""Events of the users of companies, which the bids service records: who may act for a company. Told to services only."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.messages.base import Audience, Event, Message

__all__ = ["CompanyRole", "CompanyUserChangedV1", "RecordedUser"]

CompanyRole = Literal["administrator", "depositor", "reader"]


class RecordedUser(Message):
    """A person who acts for a company, in one role, from an instant to another."""

    record_id: UUID
    person: str = Field(description="the `sub` of the person's token: no name, no address")
    role: CompanyRole
    since: AwareDatetime
    ended_at: AwareDatetime | None = Field(default=None, description="from this instant on the record holds no more")


class CompanyUserChangedV1(Event):
    """A user of a company was recorded, or is one no more. `organisation` is the company; from the first on records alone rule."""

    type: ClassVar[str] = "bids.companyuser.changed.v1"
    audience: ClassVar[Audience] = Audience.INTERNAL

    user: RecordedUser
