"""The award notice that the platform makes when a contract was notified: pure."""

from __future__ import annotations

import hmac
from typing import Final
from uuid import UUID, uuid5

from libs.common.messages.bids import Contract
from libs.common.messages.notices import LotResult
from services.notices.content import NoticeContent

__all__ = ["award_content", "award_notice_id"]

_AWARD_SUBTYPES: Final = {
    "16": "29",
    "17": "30",
    "18": "31",
    "19": "32",
    "20": "33",
    "21": "34",
    "23": "36",
    "24": "37",
}


def award_notice_id(contract_id: UUID, secret: str) -> UUID:
    """Give the identifier of the award notice of a contract: always the same, so that it is made once.

    It rests on the platform's secret: an import cannot take it first, and so suppress the notice.
    """
    namespace = UUID(bytes=hmac.digest(secret.encode(), b"award notices", "sha256")[:16])
    return uuid5(namespace, str(contract_id))


def award_content(competition: NoticeContent, contract: Contract) -> NoticeContent:
    """Give the award notice of one contract, in the terms of the contract notice that led to it."""
    lots = [lot for lot in competition.lots if lot.lot_id == contract.lot_id] or competition.lots[:1]
    winner = contract.winners[0]
    result = LotResult(
        lot_id=contract.lot_id,
        outcome="awarded",
        winner=winner.organisation,
        winner_name=winner.name,
        value=contract.value,
        contract_id=contract.contract_id,
        tenders_received=contract.tenders_received,
        signed_at=contract.signed_at,
    )
    return competition.model_copy(
        update={
            "kind": "award",
            "subtype": _AWARD_SUBTYPES.get(competition.subtype, "E4"),
            "lots": lots,
            "results": [result],
            "value": contract.value,
            "deadline": None,
            "opening": None,
            "changes": None,
        }
    )
