"""Lots and parts of a notice, with their places, periods and award criteria."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from services.notices.eforms import lot_terms, numbers, texts
from services.notices.eforms.model import Amount, ParsedContest, ParsedCriterion, ParsedLot, ParsedPlace
from services.notices.eforms.nodes import find, find_all, text, values
from services.notices.eforms.sdk.branches import Branch

__all__ = ["classification", "percents", "places", "project_value", "read_all"]

_EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
_PERIODS: Final = (
    "cac:TenderSubmissionDeadlinePeriod",
    "cac:ParticipationRequestReceptionPeriod",
    f"{_EXTENSION}/efac:InterestExpressionReceptionPeriod",
)
_WEIGHT: Final = f"{_EXTENSION}/efac:AwardCriterionParameter[efbc:ParameterCode/@listName='number-weight']"
_POINTS: Final = {"poi-exa", "poi-mid"}
_DECIMALS: Final = {"dec-exa", "dec-mid"}
_RANKS: Final = {"ord-imp"}


def read_all(root: Branch, scheme: str, language: str | None) -> tuple[ParsedLot, ...]:
    """Give the lots (`Lot`) or the parts of a planning notice (`Part`), in their order."""
    return tuple(
        _lot(lot, language) for lot in find_all(root, f"cac:ProcurementProjectLot[cbc:ID/@schemeName='{scheme}']")
    )


def _lot(lot: Branch, language: str | None) -> ParsedLot:
    project, process, terms = (
        find(lot, "cac:ProcurementProject"),
        find(lot, "cac:TenderingProcess"),
        find(lot, "cac:TenderingTerms"),
    )
    return ParsedLot(
        lot_id=text(lot, "cbc:ID") or "",
        title=texts.choose(project, "cbc:Name", language),
        description=texts.choose(project, "cbc:Description", language),
        nature=text(project, "cbc:ProcurementTypeCode[@listName='contract-nature']"),
        cpv=classification(project),
        places=places(project),
        value=project_value(project),
        framework_maximum=_framework_maximum(project),
        duration_months=numbers.duration_months(find(project, "cac:PlannedPeriod")),
        criteria=_criteria(terms, language),
        framework=_system(process, "framework-agreement"),
        dynamic_purchasing=_system(process, "dps-usage"),
        deadline=_deadline(process),
        documents_url=text(terms, "cac:CallForTendersDocumentReference/cac:Attachment/cac:ExternalReference/cbc:URI"),
        submission_url=text(terms, "cac:TenderRecipientParty/cbc:EndpointID"),
        electronic_submission=text(process, "cbc:SubmissionMethodCode[@listName='esubmission']"),
        terms=lot_terms.read(project, process, terms, language),
        previous=tuple(values(process, "cac:NoticeDocumentReference/cbc:ID")),
        contest=_contest(terms, language),
        review=text(terms, "cac:AppealTerms/cac:AppealReceiverParty/cac:PartyIdentification/cbc:ID"),
    )


def _contest(terms: Branch | None, language: str | None) -> ParsedContest | None:
    awarding = find(terms, "cac:AwardingTerms")
    binding = text(awarding, "cbc:BindingOnBuyerIndicator")
    if awarding is None or binding is None:
        return None
    prizes = [texts.choose(prize, "cbc:Description", language) for prize in find_all(awarding, "cac:Prize")]
    return ParsedContest(binding == "true", tuple(prize for prize in prizes if prize))


def classification(project: Branch | None) -> tuple[str, ...]:
    """Give the CPV codes of a project as written, the main one first, each once (BT-262, BT-263)."""
    main = values(project, "cac:MainCommodityClassification/cbc:ItemClassificationCode")
    more = values(project, "cac:AdditionalCommodityClassification/cbc:ItemClassificationCode")
    return tuple(dict.fromkeys(code.partition("-")[0] for code in (*main, *more)))


def places(project: Branch | None) -> tuple[ParsedPlace, ...]:
    """Give the places of performance of a project."""
    if project is None:
        return ()
    found = (
        ParsedPlace(
            country=text(address, "cac:Country/cbc:IdentificationCode"),
            nuts=text(address, "cbc:CountrySubentityCode"),
            city=text(address, "cbc:CityName"),
            postal_code=text(address, "cbc:PostalZone"),
        )
        for address in find_all(project, "cac:RealizedLocation/cac:Address")
    )
    return tuple(dict.fromkeys(found))


def project_value(project: Branch | None) -> Amount | None:
    """Give the estimated value (BT-27)."""
    return numbers.amount(project, "cac:RequestedTenderTotal/cbc:EstimatedOverallContractAmount")


def _framework_maximum(project: Branch | None) -> Amount | None:
    return numbers.amount(project, f"cac:RequestedTenderTotal/{_EXTENSION}/efbc:FrameworkMaximumAmount")


def _system(process: Branch | None, kind: str) -> str | None:
    return text(process, f"cac:ContractingSystem/cbc:ContractingSystemTypeCode[@listName='{kind}']")


def _deadline(process: Branch | None) -> datetime | None:
    """Give the end of reception of tenders, else of requests to participate, else of expressions of interest (BT-630)."""
    for period in _PERIODS:
        found = find(process, period)
        moment = numbers.instant(text(found, "cbc:EndDate"), text(found, "cbc:EndTime"), end_of_day=True)
        if moment:
            return moment
    return None


def _criteria(terms: Branch | None, language: str | None) -> tuple[ParsedCriterion, ...]:
    if terms is None:
        return ()
    found = find_all(terms, "cac:AwardingTerms/cac:AwardingCriterion/cac:SubordinateAwardingCriterion")
    weights = percents([_weight(item) for item in found])
    return tuple(_criterion(item, weight, language) for item, weight in zip(found, weights, strict=True))


def _criterion(item: Branch, weight: float | None, language: str | None) -> ParsedCriterion:
    kind = text(item, "cbc:AwardingCriterionTypeCode") or "quality"
    name = texts.choose(item, "cbc:Name", language)
    description = texts.choose(item, "cbc:Description", language)
    return ParsedCriterion(kind, name or (description or kind)[:200], description, weight)


def _weight(item: Branch) -> tuple[str, float] | None:
    parameter = find(item, _WEIGHT)
    code, number = text(parameter, "efbc:ParameterCode"), text(parameter, "efbc:ParameterNumeric")
    try:
        return (code, float(number)) if code and number else None
    except ValueError:
        return None


def percents(weights: list[tuple[str, float] | None]) -> list[float | None]:
    """Give every weight in percent: points are shares of their total, decimals of one; an order of importance is none."""
    points = sum(number for weight in weights if weight for code, number in [weight] if code in _POINTS)
    return [_percent(weight, points) for weight in weights]


def _percent(weight: tuple[str, float] | None, points: float) -> float | None:
    if weight is None or weight[0] in _RANKS:
        return None
    code, number = weight
    if code in _POINTS:
        return round(100 * number / points, 2) if points else None
    if code in _DECIMALS and number <= 1:
        number *= 100
    return round(number, 2) if 0 <= number <= 100 else None
