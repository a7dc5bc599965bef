"""What the open data service tells the others."""

from __future__ import annotations

from libs.common.messages.opendata import ContractDataPublishedV1
from services.opendata.domain import Essentials

__all__ = ["published"]


def published(data: Essentials, ocid: str) -> ContractDataPublishedV1:
    """Say that the essential data and the OCDS release of a contract are public."""
    if data.published_at is None or data.validated_with is None:
        raise ValueError("not published")
    return ContractDataPublishedV1(
        aggregate_id=data.contract.contract_id,
        aggregate_version=data.version,
        organisation=data.buyer,
        procedure=data.procedure,
        occurred_at=data.published_at,
        contract_id=data.contract.contract_id,
        uid=data.uid,
        ocid=ocid,
        validated_with=data.validated_with,
        published_at=data.published_at,
    )
