"""Events of the open data service."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from libs.common.messages.base import Audience, Event

__all__ = ["ContractDataPublishedV1"]


class ContractDataPublishedV1(Event):
    """The essential data (DECP) and the OCDS release of a contract are public."""

    type: ClassVar[str] = "opendata.contract.published.v1"
    audience: ClassVar[Audience] = Audience.PUBLIC

    contract_id: UUID
    uid: str
    ocid: str
    validated_with: str
    published_at: AwareDatetime
