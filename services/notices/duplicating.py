"""From a past notice to the beginning of a new one, pure: no date, no key, no result; of another buyer, nothing but the need."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from libs.common.errors import InvalidInput
from libs.common.messages.notices import Buyer
from services.notices import drafting, rules
from services.notices.content import NoticeContent

__all__ = ["begun", "inspired", "repeated"]

_NEED: Final = (
    "kind", "subtype", "notice_type", "language", "title", "description", "legal_basis", "procedure_type", "nature", "cpv",
    "electronic", "contract_kind", "techniques", "features",
)  # fmt: skip
"""What a notice says of the need and of the way to buy, whoever the buyer is."""
_OWN: Final = ("buyer", "contact", "review", "places", "departments", "value")
"""What it says of its buyer: kept for that buyer alone."""
_LOT_NEED: Final = (
    "lot_id", "title", "description", "nature", "cpv", "duration_months", "criteria", "framework", "terms",
)  # fmt: skip
_LOT_OWN: Final = ("places", "value")
_CONTACT: Final = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # mail
    r"|\b(?:https?://|www\.)[^\s<>\"')]+"
    r"|(?<![\d+])(?:\+\d{2,3}[\s.]?(?:\(0\)\s?)?|0)[1-9](?:[\s.\-]?\d{2}){4}(?!\d)",  # telephone
    re.IGNORECASE,
)
_TO_COMPLETE: Final = "[à compléter]"


def repeated(content: NoticeContent) -> NoticeContent:
    """Give what a buyer takes over from a notice of its own. Raises InvalidInput for a notice that opens nothing."""
    return _taken(content, (*_NEED, *_OWN), (*_LOT_NEED, *_LOT_OWN))


def inspired(content: NoticeContent, buyer: Buyer) -> NoticeContent:
    """Give what a buyer takes over from the public notice of another: no place, no amount, no contact, also in the texts.

    Raises InvalidInput for a notice that opens nothing.
    """
    taken = _taken(content.model_copy(update={"buyer": buyer}), (*_NEED, "buyer"), _LOT_NEED)
    said = _without_contacts(taken.model_dump(mode="json", exclude={"buyer"}))
    for lot in said["lots"]:
        if lot["terms"]:
            lot["terms"]["framework_maximum"] = None
    departments = drafting.departments_of([], buyer)
    return NoticeContent.model_validate(said | {"buyer": buyer, "departments": departments})


def begun(content: NoticeContent, title: str | None, at: datetime) -> NoticeContent:
    """Give the content of the new draft, formal or not by the rules of the day at its buyer's place."""
    titled = content.model_copy(update={"title": title or content.title})
    formal = titled.procedure_type != "adapted" or rules.is_formal(drafting.situation(titled, titled.legal_day(at)))
    return titled.model_copy(update={"formal": formal})


def _taken(content: NoticeContent, names: tuple[str, ...], lot_names: tuple[str, ...]) -> NoticeContent:
    if content.kind not in {"planning", "contract"}:
        raise InvalidInput(
            "Cet avis rectifie ou conclut une consultation : repartez de l'avis qui l'a ouverte.",
            "This notice corrects or concludes a procedure: begin from the notice that opened it.",
        )
    if not content.cpv:
        raise InvalidInput(
            "Cet avis d'avant eForms n'a pas de code CPV, qu'un avis d'aujourd'hui demande : écrivez-en un nouveau.",
            "This notice of before eForms has no CPV code, which a notice of today needs: write a new one.",
        )
    said = content.model_dump(mode="json")
    lots = [{name: lot[name] for name in lot_names} for lot in said["lots"]]
    return NoticeContent.model_validate({name: said[name] for name in names} | {"lots": lots, "formal": False})


def _without_contacts(said: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(said, str):
        return _CONTACT.sub(_TO_COMPLETE, said)
    if isinstance(said, list):
        return [_without_contacts(each) for each in said]
    if isinstance(said, dict):
        return {name: _without_contacts(each) for name, each in said.items()}
    return said
