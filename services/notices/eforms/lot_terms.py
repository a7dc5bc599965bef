"""The terms of a lot in the codes of eForms: what is required, allowed, reserved, and its social and environmental clauses."""

from __future__ import annotations

from typing import Final, Literal, cast

from libs.common.messages.base import Money
from libs.common.messages.notices import LotTerms
from services.notices.eforms import numbers, texts
from services.notices.eforms.nodes import find, find_all, text, values
from services.notices.eforms.sdk.branches import Branch

__all__ = ["read"]

_EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
_RESERVED: Final = (
    "cac:TendererQualificationRequest/cac:SpecificTendererRequirement/cbc:TendererRequirementTypeCode"
    "[@listName='reserved-procurement']"
)
_STRATEGIC: Final = "cac:ProcurementAdditionalType[cbc:ProcurementTypeCode/@listName='strategic-procurement']"

Permission = Literal["required", "allowed", "not-allowed"]


def read(project: Branch | None, process: Branch | None, terms: Branch | None, language: str | None) -> LotTerms:
    """Give the terms of a lot; a code that eForms does not know is left out (the checker tells of it)."""
    execution = _by_list(terms, "cac:ContractExecutionRequirement/cbc:ExecutionRequirementCode")
    kinds = _by_list(project, "cac:ProcurementAdditionalType/cbc:ProcurementTypeCode")
    systems = _by_list(process, "cac:ContractingSystem/cbc:ContractingSystemTypeCode")
    documents = text(terms, "cac:CallForTendersDocumentReference/cbc:DocumentType")
    funding = text(terms, "cbc:FundingProgramCode[@listName='eu-funded']")
    return LotTerms(
        restricted_documents=None if documents is None else documents == "restricted-document",
        electronic_submission=_permission(text(process, "cbc:SubmissionMethodCode[@listName='esubmission']")),
        eu_funded=None if funding is None else funding == "eu-funds",
        variants=_permission(text(terms, "cbc:VariantConstraintCode")),
        reserved_participation=_told(values(terms, _RESERVED)),
        reserved_execution=_yes(_first(execution, "reserved-execution")),
        electronic_ordering=_yes(text(terms, "cac:PostAwardProcess/cbc:ElectronicOrderUsageIndicator")),
        electronic_payment=_yes(text(terms, "cac:PostAwardProcess/cbc:ElectronicPaymentUsageIndicator")),
        electronic_invoicing=_permission(_first(execution, "einvoicing")),
        electronic_catalogue=_permission(_first(execution, "ecatalog-submission")),
        electronic_auction=_yes(text(process, "cac:AuctionTerms/cbc:AuctionConstraintIndicator")),
        languages=list(dict.fromkeys(values(terms, "cac:Language/cbc:ID"))),
        gpa=_yes(text(process, "cbc:GovernmentAgreementConstraintIndicator")),
        framework=_first(systems, "framework-agreement"),
        framework_maximum=_framework_maximum(project),
        framework_participants=numbers.integer(text(process, "cac:FrameworkAgreement/cbc:MaximumOperatorQuantity")),
        dynamic_purchasing=_first(systems, "dps-usage"),
        options=texts.choose(project, "cac:ContractExtension/cbc:OptionsDescription", language),
        renewals=numbers.integer(text(project, "cac:ContractExtension/cbc:MaximumNumberNumeric")),
        strategic=_told(kinds.get("strategic-procurement", [])),
        social=_told(kinds.get("social-objective", [])),
        environmental=_told(kinds.get("environmental-impact", [])),
        innovative=_told(kinds.get("innovative-acquisition", [])),
        performance=_performance(terms, language),
        strategy=texts.choose(project, f"{_STRATEGIC}/cbc:ProcurementType", language),
        validity_days=numbers.duration_days(find(terms, "cac:TenderValidityPeriod")),
        framework_duration_reason=texts.choose(process, "cac:FrameworkAgreement/cbc:Justification", language),
    )


def _by_list(element: Branch | None, path: str) -> dict[str, list[str]]:
    """Give the codes at a path by the list that each belongs to."""
    found: dict[str, list[str]] = {}
    for item in find_all(element, path) if element is not None else ():
        if code := (item.text or "").strip():
            found.setdefault(item.get("listName", ""), []).append(code)
    return found


def _first(codes: dict[str, list[str]], name: str) -> str | None:
    return next(iter(codes.get(name, ())), None)


def _told(codes: list[str]) -> list[str]:
    """Give the codes, each once; `none` says that there is none."""
    return [code for code in dict.fromkeys(codes) if code != "none"]


def _permission(code: str | None) -> Permission | None:
    return cast("Permission", code) if code in {"required", "allowed", "not-allowed"} else None


def _yes(code: str | None) -> bool | None:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(code or "")


def _framework_maximum(project: Branch | None) -> Money | None:
    found = numbers.amount(project, f"cac:RequestedTenderTotal/{_EXTENSION}/efbc:FrameworkMaximumAmount")
    return Money(amount=found.value, currency=found.currency) if found and found.value > 0 else None


def _performance(terms: Branch | None, language: str | None) -> str | None:
    conditions = "cac:ContractExecutionRequirement[cbc:ExecutionRequirementCode/@listName='conditions']"
    return texts.choose(terms, f"{conditions}/cbc:Description", language)
