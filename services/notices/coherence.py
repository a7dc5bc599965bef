"""Whether a notice written in the platform holds together: each rule with its source, each fault with its mend. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from libs.common.errors import FieldError, InvalidInput
from libs.common.messages.notices import Lot
from services.notices.content import NoticeContent
from services.notices.rules import BuyerKind, buyer_kind

__all__ = ["deadline_faults", "faults", "require_coherent"]

Faults = Iterator[FieldError]
_AUCTIONED: Final = frozenset({"adapted", "open", "restricted", "neg-w-call"})
_CONTEST: Final = frozenset({"adapted", "open", "restricted"})
_DYNAMIC: Final = frozenset({"adapted", "restricted"})
_NOT_OF_CONCESSIONS: Final = frozenset({"comp-dial", "innovation"})


def require_coherent(content: NoticeContent, former: NoticeContent | None = None) -> None:
    """Let only a notice that holds together pass, as far as the former text did. Raises InvalidInput with every fault."""
    known = faults(former) if former is not None else []
    found = [fault for fault in faults(content) if fault not in known]
    if found:
        raise InvalidInput(
            "L'avis se contredit : corrigez les points signalés, puis recommencez.",
            "The notice contradicts itself: mend what is listed, then try again.",
            errors=found,
        )


def faults(content: NoticeContent) -> list[FieldError]:
    """Give what does not hold together; nothing when all does."""
    return [fault for rule in _RULES for fault in rule(content)]


def _concession(content: NoticeContent) -> Faults:
    if content.contract_kind != "concession":
        return
    if content.techniques:
        yield FieldError(
            "body/techniques",
            "Une concession n'emploie pas les techniques d'achat des marchés (L2125-1 CCP) : retirez-les.",
            "A concession does not use the techniques of purchase of contracts (L2125-1 CCP): remove them.",
        )
    if content.procedure_type in _NOT_OF_CONCESSIONS:
        yield FieldError(
            "body/procedure_type",
            "Cette procédure est celle de marchés (L2124-1 et suivants CCP) : pour une concession, choisissez-en une autre.",
            "This procedure is for contracts (L2124-1 CCP and after): choose another for a concession.",
        )


def _contest(content: NoticeContent) -> Faults:
    named = "design-contest" in content.techniques
    if named and content.contest is None and content.kind == "contract":
        yield FieldError(
            "body/contest",
            "Un concours a un jury (L2125-1, 2°, et R2162-22 CCP) : dites sa composition dans contest.",
            "A design contest has a jury (L2125-1, 2°, and R2162-22 CCP): say its composition in contest.",
        )
    if content.contest is not None and not named:
        yield FieldError(
            "body/techniques",
            "Un jury est décrit : ajoutez la technique design-contest, le concours (L2125-1, 2° CCP).",
            "A jury is described: add the technique design-contest (L2125-1, 2° CCP).",
        )
    if named and content.procedure_type not in _CONTEST:
        yield FieldError(
            "body/procedure_type",
            "Un concours est ouvert ou restreint (directive 2014/24/UE, art. 78 à 82).",
            "A design contest is open or restricted (directive 2014/24/EU, art. 78 to 82).",
        )


def _dynamic(content: NoticeContent) -> Faults:
    if "dynamic-purchasing" in content.techniques and content.procedure_type not in _DYNAMIC:
        yield FieldError(
            "body/procedure_type",
            "Un système d'acquisition dynamique suit l'appel d'offres restreint (directive 2014/24/UE, art. 34 ; L2125-1, 4° CCP).",
            "A dynamic purchasing system follows the restricted procedure (directive 2014/24/EU, art. 34; L2125-1, 4° CCP).",
        )


def _qualification(content: NoticeContent) -> Faults:
    known = content.buyer.legal_type is not None
    entity = buyer_kind(content.buyer.legal_type, content.legal_basis) is BuyerKind.ENTITY
    if "qualification-system" in content.techniques and known and not entity:
        yield FieldError(
            "body/techniques",
            "Le système de qualification est réservé aux entités adjudicatrices (L2125-1, 5° CCP ; directive 2014/25/UE, art. 77).",
            "A qualification system is for contracting entities only (L2125-1, 5° CCP; directive 2014/25/EU, art. 77).",
        )


def _auction(content: NoticeContent) -> Faults:
    if "electronic-auction" in content.techniques and content.procedure_type not in _AUCTIONED:
        yield FieldError(
            "body/techniques",
            "L'enchère électronique suit une procédure ouverte, restreinte ou avec négociation (directive 2014/24/UE, art. 35).",
            "An electronic auction follows an open, restricted or negotiated procedure (directive 2014/24/EU, art. 35).",
        )


def _subsequent(content: NoticeContent) -> Faults:
    if content.framework_notice and "framework" in content.techniques:
        yield FieldError(
            "body/framework_notice",
            "Un marché subséquent n'est pas lui-même un accord-cadre (L2125-1, 1°, et R2162-7 CCP) : retirez l'un ou l'autre.",
            "A subsequent contract is no framework agreement itself (L2125-1, 1°, and R2162-7 CCP): remove one of the two.",
        )


def _accelerated(content: NoticeContent) -> Faults:
    if content.accelerated and content.justification is None:
        yield FieldError(
            "body/justification",
            "Les délais ne se réduisent que pour une urgence dûment justifiée (R2161-3, 3° CCP) : dites-la (BT-1351).",
            "Periods are shortened for a duly justified urgency only (R2161-3, 3° CCP): say it (BT-1351).",
        )


def _lots(content: NoticeContent) -> Faults:
    entity = buyer_kind(content.buyer.legal_type, content.legal_basis) is BuyerKind.ENTITY
    for index, lot in enumerate(content.lots):
        yield from _framework(lot, f"body/lots/{index}", years=8 if entity else 4)
    yield from deadline_faults(content)


def deadline_faults(content: NoticeContent) -> list[FieldError]:
    """Give what is wrong with the deadlines of lots: the platform opens the bids of a procedure together."""
    found = (_deadline(content, lot, f"body/lots/{index}") for index, lot in enumerate(content.lots))
    return [fault for each in found for fault in each]


def _framework(lot: Lot, where: str, *, years: int) -> Faults:
    reason = lot.terms.framework_duration_reason if lot.terms else None
    if lot.framework and (lot.duration_months or 0) > years * 12 and not reason:
        yield FieldError(
            f"{where}/terms/framework_duration_reason",
            f"Un accord-cadre dure {years} ans au plus, sauf cas exceptionnel justifié (L2125-1, 1° CCP) : raccourcissez-le, ou"
            " justifiez sa durée.",
            f"A framework agreement lasts {years} years at most unless justified (L2125-1, 1° CCP): shorten it, or say why.",
        )


def _deadline(content: NoticeContent, lot: Lot, where: str) -> Faults:
    if lot.deadline is None or lot.deadline == content.deadline:
        return
    if content.deadline is None or lot.deadline > content.deadline:
        yield FieldError(
            f"{where}/deadline",
            "La date limite de l'avis est la dernière de ses lots : reportez-la, ou avancez celle du lot.",
            "The deadline of the notice is the last one of its lots: put it off, or bring that of the lot forward.",
        )
    elif content.electronic and content.opening is not None:
        yield FieldError(
            f"{where}/deadline",
            "Les plis reçus sur la plateforme s'ouvrent ensemble : donnez à ce lot la date limite de l'avis, ou faites-en une"
            " consultation à part.",
            "Bids received on the platform are opened together: give this lot the deadline of the notice, or make it a"
            " procedure of its own.",
        )


_RULES: Final[tuple[Callable[[NoticeContent], Faults], ...]] = (
    _concession,
    _contest,
    _dynamic,
    _qualification,
    _auction,
    _subsequent,
    _accelerated,
    _lots,
)
