"""Award results: the graph lot result -> tender -> tendering party -> organisation, flattened by lot."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from services.notices.eforms import numbers, texts
from services.notices.eforms.model import Amount, ParsedOrganisation, ParsedResult, ParsedRevenue
from services.notices.eforms.nodes import find, find_all, text, values
from services.notices.eforms.sdk.branches import Branch

__all__ = ["read_all"]

_RESULT: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension/efac:NoticeResult"
_UNSUCCESSFUL: Final = {"no-rece", "all-rej"}
"""BT-144 reasons that make a lot `infructueux`: no bid, or none acceptable. Others are `sans suite` (R2185-1 CCP)."""


def read_all(
    root: Branch, organisations: dict[str, ParsedOrganisation], language: str | None
) -> tuple[ParsedResult, ...]:
    """Give the result of each lot, in the notice's order."""
    result = find(root, _RESULT)
    if result is None:
        return ()
    graph = _Graph(result, organisations, language)
    return tuple(graph.result(item, lot) for item in find_all(result, "efac:LotResult") for lot in _lots(item))


def _lots(item: Branch) -> list[str]:
    return values(item, "efac:TenderLot/cbc:ID")


class _Graph:
    """The references of one notice result."""

    def __init__(self, result: Branch, organisations: dict[str, ParsedOrganisation], language: str | None) -> None:
        self._organisations = organisations
        self._language = language
        self._tenders = _by_id(result, "efac:LotTender")
        self._parties = _by_id(result, "efac:TenderingParty")
        self._contracts = _by_id(result, "efac:SettledContract")

    def result(self, item: Branch, lot: str) -> ParsedResult:
        reason = text(item, "efac:DecisionReason/efbc:DecisionReasonCode")
        references = [key for key in values(item, "efac:SettledContract/cbc:ID") if key in self._contracts]
        contracts = [self._contracts[key] for key in references]
        received = _received(item)
        tenders = self._winning_tenders(item, contracts) if _outcome(item, reason) == "awarded" else []
        return ParsedResult(
            lot_id=lot,
            outcome=_outcome(item, reason),
            reason=reason,
            winners=self._winners(tenders),
            value=_total(tenders),
            tenders_received=received.pop("tenders", None),
            submissions=received,
            revenue=next((told for tender in tenders if (told := _revenue(tender, self._language))), None),
            signed_at=_signed(contracts),
            contract_reference=next(
                (found for contract in contracts if (found := text(contract, "efac:ContractReference/cbc:ID"))), None
            ),
            contracts=tuple(references),
        )

    def _winning_tenders(self, item: Branch, contracts: list[Branch]) -> list[Branch]:
        """Give the tenders of the contracts; without contract, those of the lot result ranked first or not ranked."""
        signed = [key for contract in contracts for key in values(contract, "efac:LotTender/cbc:ID")]
        own = values(item, "efac:LotTender/cbc:ID")
        chosen = [key for key in own if key in signed] or own
        tenders = [self._tenders[key] for key in chosen if key in self._tenders]
        return [tender for tender in tenders if text(tender, "cbc:RankCode") in {None, "1"}] or tenders

    def _winners(self, tenders: list[Branch]) -> tuple[ParsedOrganisation, ...]:
        parties = [self._parties.get(key) for tender in tenders for key in values(tender, "efac:TenderingParty/cbc:ID")]
        keys = [key for party in parties for key in values(party, "efac:Tenderer/cbc:ID")]
        return tuple(self._organisations[key] for key in dict.fromkeys(keys) if key in self._organisations)


def _by_id(result: Branch, path: str) -> dict[str, Branch]:
    return {key: item for item in find_all(result, path) if (key := text(item, "cbc:ID"))}


def _outcome(item: Branch, reason: str | None) -> str:
    code = text(item, "cbc:TenderResultCode")
    foretold = code is None and text(item, "efac:LotTender/cbc:ID")  # a notice before the award tells no code
    if code == "selec-w" or foretold:
        return "awarded"
    if code == "open-nw":
        return "pending"
    return "unsuccessful" if reason in _UNSUCCESSFUL else "abandoned"


def _total(tenders: list[Branch]) -> Amount | None:
    amounts = [
        found for tender in tenders if (found := numbers.amount(tender, "cac:LegalMonetaryTotal/cbc:PayableAmount"))
    ]
    if not amounts or len({found.currency for found in amounts}) > 1:
        return None
    return Amount(sum((found.value for found in amounts), Decimal(0)), amounts[0].currency)


def _received(item: Branch) -> dict[str, int]:
    """Give the number of submissions of each type (BT-759, BT-760)."""
    found: dict[str, int] = {}
    for statistic in find_all(item, "efac:ReceivedSubmissionsStatistics"):
        code, number = (
            text(statistic, "efbc:StatisticsCode"),
            numbers.integer(text(statistic, "efbc:StatisticsNumeric")),
        )
        if code and number is not None:
            found.setdefault(code, number)
    return found


def _revenue(tender: Branch, language: str | None) -> ParsedRevenue | None:
    revenue = find(tender, "efac:ConcessionRevenue")
    buyer, users = (numbers.amount(revenue, f"efbc:Revenue{payer}Amount") for payer in ("Buyer", "User"))
    if buyer is None or users is None:
        return None
    return ParsedRevenue(buyer, users, texts.choose(revenue, "efbc:ValueDescription", language) or "")


def _signed(contracts: list[Branch]) -> datetime | None:
    dates = [moment for contract in contracts if (moment := numbers.instant(text(contract, "cbc:IssueDate")))]
    return min(dates, default=None)
