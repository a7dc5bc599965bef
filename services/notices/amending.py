"""The content of a notice that follows another: a correction, a contract's modification, a cancellation. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from libs.common.errors import FieldError, InvalidInput
from libs.common.messages.base import Money
from libs.common.messages.notices import Change, Lot, LotResult, Modification
from services.notices.content import NoticeContent
from services.notices.inputs.amending import LotChange, NewCancellation, NewCorrection, NewModification

__all__ = ["cancellation", "correction", "modification", "with_lots"]

_MODIFICATION_SUBTYPES: Final = {"29": "38", "33": "38", "30": "39", "34": "39", "32": "40", "35": "40"}


def correction(current: NoticeContent, changed: UUID, body: NewCorrection) -> NoticeContent:
    """Give the change notice: the whole text that will hold, and what it changes. Raises InvalidInput."""
    said = current.model_copy(update=body.given())
    lots = _moved(with_lots(said, body.lots), current.deadline, body)
    return said.model_copy(
        update={
            "kind": "change",
            "deadline": body.deadline or current.deadline,
            "lots": lots,
            "changes": f"{changed}-01",
            "change": Change(notice_id=changed, reason=body.reason, description=body.explanation),
        }
    )


def with_lots(content: NoticeContent, changes: list[LotChange]) -> list[Lot]:
    """Give the lots of a content with these changes. Raises InvalidInput where a new one has no title."""
    known = {lot.lot_id: lot for lot in content.lots}
    for index, change in enumerate(changes):
        known[change.lot_id] = change.changed(known.get(change.lot_id) or _new_lot(content, change, index))
    return list(known.values())


def _new_lot(content: NoticeContent, change: LotChange, index: int) -> Lot:
    if change.title is None:
        told = (
            f"{change.lot_id} est un nouveau lot : donnez-lui un titre (BT-21).",
            f"{change.lot_id} is a new lot: give it a title (BT-21).",
        )
        raise InvalidInput(*told, errors=[FieldError(f"body/lots/{index}/title", *told)])
    return Lot(lot_id=change.lot_id, title=change.title, nature=content.nature, cpv=content.cpv)


def _moved(lots: list[Lot], former: datetime | None, body: NewCorrection) -> list[Lot]:
    """Give the lots whose deadline was that of the notice its new one."""
    named = {change.lot_id for change in body.lots if change.deadline is not None}
    if body.deadline is None:
        return lots
    return [
        lot.model_copy(update={"deadline": body.deadline})
        if lot.deadline is not None and lot.deadline == former and lot.lot_id not in named
        else lot
        for lot in lots
    ]


def modification(award: NoticeContent, changed: UUID, body: NewModification) -> NoticeContent:
    """Give the modification notice of one contract (eForms 38 to 40, E6). Raises InvalidInput where it has none."""
    result = _awarded(award, body.lot_id)
    lots = [lot for lot in award.lots if lot.lot_id == body.lot_id] or award.lots[:1]
    currency = result.value.currency if result.value else "EUR"
    value = Money(amount=body.value, currency=currency) if body.value else result.value
    return award.model_copy(
        update={
            "kind": "change",
            "subtype": _MODIFICATION_SUBTYPES.get(award.subtype, "E6"),
            "notice_type": None,
            "lots": lots,
            "results": [result],
            "changes": f"{changed}-01",
            "change": None,
            "modification": Modification(
                lot_id=body.lot_id,
                contract_number=result.contract_number,
                reason=body.reason,
                description=body.explanation,
                value=value,
                duration_months=body.duration_months,
            ),
        }
    )


def _awarded(award: NoticeContent, lot_id: str) -> LotResult:
    for result in award.results:
        if result.lot_id == lot_id and result.outcome == "awarded":
            return result
    lots = ", ".join(each.lot_id for each in award.results if each.outcome == "awarded") or "aucun"
    told = (
        f"L'avis ne dit aucun marché attribué pour {lot_id} ; lots attribués : {lots}.",
        f"The notice tells of no contract for {lot_id}; awarded lots: {lots}.",
    )
    raise InvalidInput(*told, errors=[FieldError("body/lot_id", *told)])


def cancellation(current: NoticeContent, changed: UUID, body: NewCancellation) -> NoticeContent:
    """Give the notice that cancels a competition: it takes no bids, its lots still say until when they did."""
    lots = [lot.model_copy(update={"deadline": lot.deadline or current.deadline}) for lot in current.lots]
    return current.model_copy(
        update={
            "kind": "change",
            "deadline": None,
            "lots": lots,
            "opening": None,
            "changes": f"{changed}-01",
            "change": Change(notice_id=changed, reason="cancel", description=body.explanation),
        }
    )
