"""What a notice keeps from the public until a day (BT-195 to BT-198), and its content as the public reads it meanwhile: pure.

What would be told only in part, or could be worked out from the rest, is left out whole: a result without its outcome, the
weights that remain when one is withheld.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from libs.common.messages.notices import LotResult
from services.notices.content import NoticeContent

__all__ = ["Withheld", "next_day", "public_content", "still"]

_OF_NOTICE: Final[dict[str, dict[str, Any]]] = {
    "pro-typ": {"procedure_type": "unspecified"},
    "pro-fea": {"features": None},
    "pro-acc": {"accelerated": False, "justification": None},
    "pro-acc-jus": {"justification": None},
    "dir-awa-jus": {"justification": None},
    "dir-awa-tex": {"justification": None},
    "dir-awa-pre": {"justification": None},
}
_OF_RESULT: Final[dict[str, dict[str, Any]]] = {
    "win-ten-val": {"value": None, "contracts": []},
    "rec-sub-cou": {"tenders_received": None, "submissions": {}},
    "rec-sub-typ": {"tenders_received": None, "submissions": {}},
    "con-rev-buy": {"revenue": None},
    "con-rev-use": {"revenue": None},
    "val-con-des": {"revenue": None},
}
_NO_RESULT: Final = frozenset({"win-cho", "no-awa-rea"})
_CRITERION: Final = "awa-cri-"
"""Codes of award criteria: one withheld, none of its lot is told (weights are shares of one another)."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A value that a notice withholds."""

    code: str
    """non-publication-identifier, BT-195"""
    until: datetime | None
    """The first instant of its day of disclosure (BT-198); None where the notice gives none: it stays withheld."""
    lots: tuple[str, ...] = ()
    """Of the value; none: it is one of the whole notice."""
    reason: str | None = None
    """non-publication-justification, BT-197"""
    explanation: str | None = None
    """BT-196"""

    def holds(self, at: datetime) -> bool:
        """Say whether the value is still withheld."""
        return self.until is None or at < self.until

    def concerns(self, lot_id: str) -> bool:
        """Say whether the value may be one of a lot."""
        return not self.lots or lot_id in self.lots


def still(withheld: Iterable[Withheld], at: datetime) -> tuple[Withheld, ...]:
    """Give those that are withheld at an instant."""
    return tuple(each for each in withheld if each.holds(at))


def next_day(withheld: Iterable[Withheld]) -> datetime | None:
    """Give when the first of them is disclosed; None where none ever is."""
    return min((each.until for each in withheld if each.until), default=None)


def public_content(content: NoticeContent, withheld: Iterable[Withheld]) -> NoticeContent:
    """Give the content of a notice without what it withholds."""
    asked = tuple(withheld)
    update: dict[str, Any] = {name: value for each in asked for name, value in _OF_NOTICE.get(each.code, {}).items()}
    update["lots"] = [
        lot.model_copy(update={"criteria": []}) if _asks(asked, lot.lot_id, _CRITERION) else lot for lot in content.lots
    ]
    update["results"] = [shown for result in content.results if (shown := _result(result, asked)) is not None]
    modified = content.modification
    if modified is not None and _asks(asked, modified.lot_id or "", "win-ten-val"):
        update["modification"] = modified.model_copy(update={"value": None})
    return content.model_copy(update=update)


def _asks(asked: Iterable[Withheld], lot_id: str, code: str) -> bool:
    return any(each.code.startswith(code) and (not lot_id or each.concerns(lot_id)) for each in asked)


def _result(result: LotResult, asked: Iterable[Withheld]) -> LotResult | None:
    codes = {each.code for each in asked if each.concerns(result.lot_id)}
    if codes & _NO_RESULT:
        return None
    update = {name: value for code in codes for name, value in _OF_RESULT.get(code, {}).items()}
    return result.model_copy(update=update) if update else result
