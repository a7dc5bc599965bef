"""The award notice that the platform makes when a contract was notified, or all those of a lot: pure."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from libs.common.messages.bids import Contract, Party
from libs.common.messages.notices import LotContract, LotResult, Winner
from services.notices.content import NoticeContent
from services.notices.domain.lots import LotState, ProcedureLot
from services.notices.legacy.countries import country

__all__ = ["award_content", "award_notice_id", "failed_result", "result_content"]

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
    digest = hmac.digest(secret.encode(), b"award notices " + contract_id.bytes, "sha256")
    return UUID(bytes=digest[:16], version=4)  # the only form that eForms take (BT-701)


def award_content(
    competition: NoticeContent, contracts: Sequence[Contract], untold: Sequence[ProcedureLot] = ()
) -> NoticeContent:
    """Give the award notice of the contracts of a lot, in the terms of the notice that led to them; with the lots that failed.

    Several contracts are those of the holders of a framework agreement: they share its maximum, so that the highest is its value.
    """
    result = _awarded(contracts)
    results = [result, *(failed_result(lot) for lot in untold)]
    return result_content(competition, results).model_copy(update={"value": result.value})


def result_content(competition: NoticeContent, results: Sequence[LotResult]) -> NoticeContent:
    """Give an award notice that says these results, in the terms of the notice that led to them."""
    named = {result.lot_id for result in results}
    return competition.model_copy(
        update={
            "kind": "award",
            "subtype": _AWARD_SUBTYPES.get(competition.subtype, "E4"),
            "notice_type": None,
            "lots": [lot for lot in competition.lots if lot.lot_id in named] or competition.lots[:1],
            "results": list(results),
            "deadline": None,
            "opening": None,
            "changes": None,
            "change": None,
        }
    )


def failed_result(lot: ProcedureLot) -> LotResult:
    """Give the result of a lot without contract."""
    outcome = "abandoned" if lot.state is LotState.ABANDONED else "unsuccessful"
    return LotResult.model_validate({"lot_id": lot.lot_id, "outcome": outcome, "reason": lot.reason})


def _awarded(contracts: Sequence[Contract]) -> LotResult:
    first = contracts[0]
    winners = [_winner(each) for contract in contracts for each in contract.winners]
    return LotResult(
        lot_id=first.lot_id,
        outcome="awarded",
        winner=winners[0].organisation,
        winner_name=winners[0].name,
        value=max((contract.value for contract in contracts), key=lambda value: value.amount),
        contract_id=first.contract_id,
        tenders_received=first.tenders_received,
        signed_at=first.signed_at,
        winners=winners,
        submissions=first.submissions,
        contract_number=first.number,
        contracts=[_contract(each) for each in contracts] if len(contracts) > 1 else [],
    )


def _contract(contract: Contract) -> LotContract:
    return LotContract(
        contract_id=contract.contract_id,
        number=contract.number,
        winners=[_winner(each) for each in contract.winners],
        value=contract.value,
        signed_at=contract.signed_at,
    )


def _winner(party: Party) -> Winner:
    land = country(party.country or "FR")
    return Winner(
        organisation=party.organisation,
        name=party.name,
        city=party.city,
        postal_code=party.postal_code,
        country=land.alpha3 if land else "FRA",
        size=party.size,
    )
