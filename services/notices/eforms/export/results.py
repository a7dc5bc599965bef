"""The results of an award notice: lot result -> tender -> tendering party -> organisations, and the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final

from libs.common.messages.base import Money
from libs.common.messages.notices import Lot, LotContract, LotResult, Winner
from libs.common.reference import departments, nuts
from services.notices.content import NoticeContent
from services.notices.eforms.export import values
from services.notices.eforms.export.lots import is_framework, lot_identifier
from services.notices.eforms.export.model import ExportedNotice
from services.notices.eforms.export.organisations import Company, Organisations, identity
from services.notices.eforms.export.tree import EXTENSION, Tree, has_place
from services.notices.eforms.xml import Element, text

__all__ = ["submissions_of", "winners_of", "write_results"]

_OUTCOMES: Final = {"awarded": "selec-w", "unsuccessful": "clos-nw", "abandoned": "clos-nw"}
_SIZES: Final = frozenset({"t-micro", "t-small", "t-med"})
_NO_DATE: Final = "2000-01-01Z"
"""UBL asks for an award date that eForms do not use (OPT-999)."""


def winners_of(result: LotResult) -> Sequence[Winner]:
    """Give the winners of a lot, all members of a group."""
    if result.winners or result.winner is None:
        return result.winners
    return [Winner(organisation=result.winner, name=result.winner_name or result.winner)]


def submissions_of(result: LotResult, content: NoticeContent) -> dict[str, int]:
    """Give the numbers of tenders received, by kind (BT-760, BT-759); none of a lot without any tender.

    All come by electronic means where nothing else is allowed (R2132-7 CCP). The sizes of small firms replace their sum.
    """
    if result.reason == "no-rece" or result.tenders_received is None:
        return {}
    counted = {"tenders": result.tenders_received, **result.submissions}
    if content.electronic:
        counted.setdefault("t-esubm", result.tenders_received)
    if counted.keys() >= _SIZES:
        counted.pop("t-sme", None)
    return {code: count for code, count in counted.items() if code not in _SIZES or counted.keys() >= _SIZES}


def write_results(tree: Tree, exported: ExportedNotice, organisations: Organisations) -> None:
    """Write the result of each lot, and what all contracts are worth."""
    notice = tree.section(tree.root, f"{EXTENSION}/efac:NoticeResult")
    lots = {lot.lot_id: lot for lot in exported.content.lots}
    contracts: dict[str, Element] = {}
    framed: list[Money | None] = []
    plain: list[Money | None] = []
    spare = count(len(exported.content.results) + 1)
    for number, result in enumerate(exported.content.results, start=1):
        written = _Result(
            tree, notice, exported, organisations, result, lots.get(result.lot_id), number, contracts, spare
        )
        written.write()
        if result.outcome == "awarded":
            (framed if written.framed else plain).append(written.worth)
    _put_total(tree, notice, "BT-161-NoticeResult", plain)
    _put_total(tree, notice, "BT-118-NoticeResult", framed)
    tree.put(tree.root, "OPT-999-notice", _NO_DATE)


def _put_total(tree: Tree, notice: Element, term: str, told: Sequence[Money | None]) -> None:
    """Write the value of contracts together, where every one tells its own in one currency."""
    amounts = [value for value in told if value]
    if amounts and len(amounts) == len(told) and len({value.currency for value in amounts}) == 1:
        total = sum((value.amount for value in amounts), Decimal(0))
        tree.put(notice, term, values.amount(total), currencyID=amounts[0].currency)


def _put_money(tree: Tree, parent: Element, term: str, value: Money | None) -> None:
    if value:
        tree.put(parent, term, values.amount(value.amount), currencyID=value.currency)


@dataclass(frozen=True, slots=True)
class _Result:
    """The result of a lot, being written."""

    tree: Tree
    notice: Element
    exported: ExportedNotice
    organisations: Organisations
    result: LotResult
    lot: Lot | None
    number: int
    contracts: dict[str, Element]
    """By their number: lots that one firm wins may make one contract."""
    spare: Iterator[int]
    """Numbers for the tenders of the further contracts of a lot."""

    @property
    def framed(self) -> bool:
        """Whether the lot is a framework agreement: its value is a maximum."""
        return self.lot is not None and is_framework(self.lot)

    @property
    def worth(self) -> Money | None:
        """What the contract is worth, at most for a framework agreement; once modified for a modification."""
        modification, terms = self.exported.content.modification, self.lot.terms if self.lot else None
        ceiling = terms.framework_maximum if terms and self.framed else None
        return (modification.value if modification else None) or ceiling or self.result.value

    def write(self) -> None:
        tree, result = self.tree, self.result
        element = tree.add(self.notice, "efac:LotResult")
        tree.put(element, "OPT-322-LotResult", self._key("RES"))
        tree.put(element, "BT-142-LotResult", _OUTCOMES[result.outcome])
        tree.put(element, "BT-13713-LotResult", self.lot_key)
        if result.outcome != "awarded":
            tree.put(element, "BT-144-LotResult", result.reason)
        if result.outcome == "awarded" and self.framed:
            _put_money(tree, element, "BT-709-LotResult", self.worth)
        self._statistics(element)
        if result.outcome == "awarded":
            settled = [tender.write() for tender in self._tenders()]
            self._refer(element, "efac:LotTender", "OPT-320-LotResult", [tender for tender, _ in settled])
            self._refer(element, "efac:SettledContract", "OPT-315-LotResult", [contract for _, contract in settled])

    def _refer(self, element: Element, section: str, term: str, keys: Sequence[str]) -> None:
        """Write references, each in its own section."""
        if has_place(term, self.tree.subtype):
            for key in dict.fromkeys(keys):
                self.tree.put(self.tree.add(element, section), term, key)

    def _tenders(self) -> Iterator[_Tender]:
        """Give the tender of each contract: one, or one for each holder of a framework agreement."""
        result = self.result
        one = LotContract(
            contract_id=result.contract_id, number=result.contract_number, winners=list(winners_of(result)),
            value=result.value, signed_at=result.signed_at,
        )  # fmt: skip
        first, *others = result.contracts or [one]
        yield _Tender(self, first, self.number)
        yield from (_Tender(self, other, next(self.spare)) for other in others)

    def _key(self, prefix: str) -> str:
        return f"{prefix}-{self.number:04d}"

    @property
    def lot_key(self) -> str:
        """The lot as eForms refer to it."""
        return lot_identifier(self.result.lot_id, "Lot")

    def _statistics(self, parent: Element) -> None:
        if has_place("BT-760-LotResult", self.tree.subtype):
            for code, count in submissions_of(self.result, self.exported.content).items():
                element = self.tree.add(parent, "efac:ReceivedSubmissionsStatistics")
                self.tree.put(element, "BT-760-LotResult", code)
                self.tree.put(element, "BT-759-LotResult", count)


@dataclass(frozen=True, slots=True)
class _Tender:
    """A winning tender, its party and its contract, being written."""

    of: _Result
    contract: LotContract
    number: int

    def write(self) -> tuple[str, str]:
        """Write them, and give the references of the tender and of the contract."""
        self._tender()
        settled = self._settled()
        self._party()
        return self._key("TEN"), text(settled, "cbc:ID") or ""

    def _key(self, prefix: str) -> str:
        return f"{prefix}-{self.number:04d}"

    def _tender(self) -> None:
        tree, modification = self.of.tree, self.of.exported.content.modification
        element = tree.add(self.of.notice, "efac:LotTender")
        tree.put(element, "OPT-321-Tender", self._key("TEN"))
        _put_money(
            tree, element, "BT-720-Tender", (modification.value if modification else None) or self.contract.value
        )
        if revenue := self.of.result.revenue:
            _put_money(tree, element, "BT-160-Tender", revenue.buyer)
            _put_money(tree, element, "BT-162-Tender", revenue.users)
            tree.put(element, "BT-163-Tender", revenue.description)
        tree.put(element, "BT-773-Tender", "not-known")
        tree.put(element, "OPT-310-Tender", self._key("TPA"))
        tree.put(element, "BT-13714-Tender", self.of.lot_key, schemeName="Lot")
        tree.put(element, "BT-3201-Tender", self._key("OFFRE"))

    def _settled(self) -> Element:
        """Give the contract of this tender: a new one, or that of another lot with the same number."""
        known = self.of.contracts.get(self.contract.number or "")
        element = self._new_contract() if known is None else known
        tender = self.of.tree.add(element, "efac:LotTender")
        self.of.tree.put(tender, "BT-3202-Contract", self._key("TEN"))
        return element

    def _new_contract(self) -> Element:
        tree, contract = self.of.tree, self.contract
        element = tree.add(self.of.notice, "efac:SettledContract")
        tree.put(element, "OPT-316-Contract", self._key("CON"))
        tree.put(element, "BT-145-Contract", values.day(contract.signed_at))
        buyer = Company.of_buyer(self.of.exported.content)
        tree.put(element, "OPT-300-Contract-Signatory", self.of.organisations.reference(buyer))
        tree.put(element, "BT-150-Contract", contract.number)
        if contract.number:
            self.of.contracts[contract.number] = element
        return element

    def _party(self) -> None:
        winners = self.contract.winners
        element = self.of.tree.add(self.of.notice, "efac:TenderingParty")
        self.of.tree.put(element, "OPT-210-Tenderer", self._key("TPA"))
        for number, winner in enumerate(winners):
            tenderer = self.of.tree.add(element, "efac:Tenderer")
            self.of.tree.put(tenderer, "OPT-300-Tenderer", self.of.organisations.reference(_company(winner)))
            if len(winners) > 1:
                self.of.tree.put(tenderer, "OPT-170-Tenderer", number == 0)


def _company(winner: Winner) -> Company:
    country, identifier = identity(winner.organisation)
    department = departments.of_postal_code(winner.postal_code or "") if winner.country == "FRA" else None
    return Company(
        name=winner.name,
        identifier=identifier,
        country=winner.country if identifier is None else country,
        city=winner.city,
        postal_code=winner.postal_code,
        nuts=winner.nuts or nuts.of_department(department or ""),
        size=winner.size,
    )
