"""The modification of a contract by what the law allows: measured by the award and the modifications before it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from libs.common.errors import FieldError
from libs.common.messages.base import Money
from libs.common.messages.notices import Modification
from services.notices import rules
from services.notices.content import EarlierModification, ModificationBasis, NoticeContent

__all__ = ["Told", "basis_of", "faults", "on_basis", "requirements"]

_EURO: Final = "EUR"


@dataclass(frozen=True, slots=True)
class Told:
    """A public notice of the procedure that tells of the contract."""

    notice_id: UUID
    content: NoticeContent


def basis_of(modified: NoticeContent, told: Sequence[Told], updated: Decimal | None = None) -> ModificationBasis | None:
    """Give what a modification is measured by, from the public notices before it; None where they do not tell.

    A correction of an award or of a modification counts in its place. Amounts in another currency than euros are not measured.
    """
    modification = modified.modification
    standing = _standing(told)
    initial = _initial(modification, standing) if modification else None
    if modification is None or initial is None or initial.currency != _EURO:
        return None
    return ModificationBasis(
        initial=initial,
        updated=Money(amount=updated) if updated else None,
        earlier=list(_earlier(modification, standing, initial.amount)),
    )


def on_basis(content: NoticeContent, basis: ModificationBasis | None) -> NoticeContent:
    """Give a modification that says what it is measured by; one that tells no new value leaves the contract at its last."""
    modification = content.modification
    if modification is None or basis is None:
        return content.model_copy(update={"basis": None})
    last = basis.initial.amount + sum(each.amount for each in basis.earlier)
    value = modification.value if modification.value is not None else Money(amount=last)
    return content.model_copy(update={"basis": basis, "modification": modification.model_copy(update={"value": value})})


def requirements(content: NoticeContent, on: date) -> tuple[rules.Requirement, ...]:
    """Say what the law asks of a modification made that day, and why; nothing of another notice."""
    modification, basis = content.modification, content.basis
    if modification is None or modification.reason is None:
        return ()
    value = modification.value
    return rules.modification_requirements(
        rules.Modified(
            on=on,
            buyer=rules.buyer_kind(content.buyer.legal_type, content.legal_basis),
            nature=_nature(content, modification),
            ground=modification.reason,
            concession=content.contract_kind == "concession",
            formal=content.formal,
            initial=basis.initial.amount if basis else None,
            updated=basis.updated.amount if basis and basis.updated else None,
            earlier=tuple((each.reason, each.amount) for each in basis.earlier) if basis else (),
            value=value.amount if value and value.currency == _EURO else None,
        )
    )


def faults(content: NoticeContent, on: date, where: str = "rules/modification-amount") -> list[FieldError]:
    """Say what the law forbids of a modification made that day; nothing where it is allowed, or the amounts are unknown."""
    return [
        FieldError(
            where,
            f"{each.text} ({each.source}) Choisissez un autre motif s'il est le vrai, ou concluez un nouveau marché.",
            f"{each.text_en} ({each.source}) Choose another ground if it is the true one, or make a new contract.",
        )
        for each in requirements(content, on)
        if each.met is False
    ]


def _nature(content: NoticeContent, modification: Modification) -> str:
    return next((lot.nature for lot in content.lots if lot.lot_id == modification.lot_id), content.nature)


def _standing(told: Sequence[Told]) -> list[Told]:
    """Give the notices that no later one corrects."""
    corrected = {each.content.change.notice_id for each in told if each.content.change is not None}
    return [each for each in told if each.notice_id not in corrected]


def _initial(modification: Modification, told: Iterable[Told]) -> Money | None:
    """Give the value of the contract as its award told it."""
    awards = (each.content for each in told if each.content.modification is None)
    results = [
        result.value
        for content in awards
        for result in content.results
        if result.outcome == "awarded"
        and _is_same(modification, result.lot_id, result.contract_number)
        and result.value
    ]
    return results[-1] if results else None


def _earlier(modification: Modification, told: Iterable[Told], initial: Decimal) -> Iterable[EarlierModification]:
    """Give what each modification before added to the contract; one that told no value added nothing."""
    last = initial
    for each in (each.content.modification for each in told if each.content.modification is not None):
        if not _is_same(modification, each.lot_id, each.contract_number):
            continue
        value = each.value.amount if each.value and each.value.currency == _EURO else last
        yield EarlierModification(reason=each.reason, amount=value - last)
        last = value


def _is_same(modification: Modification, lot_id: str | None, number: str | None) -> bool:
    """Say whether this is the contract modified: of its lot, and of its number where both tell one."""
    named = modification.contract_number is None or number is None or number == modification.contract_number
    return lot_id in {None, modification.lot_id} and named
