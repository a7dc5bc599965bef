"""From XML to what the platform keeps. Tolerant: whatever can be read is, the checker says what is wrong."""

from __future__ import annotations

import re
from typing import Final

from services.notices.eforms import lots, numbers, organisations, results, texts
from services.notices.eforms.model import ParsedNotice
from services.notices.eforms.xml import ROOTS, Element, find, text

__all__ = ["read"]

_EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
_SDK: Final = re.compile(r"^eforms-sdk-(\d+)\.(\d+)")


def read(root: Element) -> ParsedNotice:
    """Read a notice of any kind; never fails on a document that `xml.parse` accepted."""
    language = text(root, "cbc:NoticeLanguageCode")
    project = find(root, "cac:ProcurementProject")
    process = find(root, "cac:TenderingProcess")
    known = organisations.read_all(root, language)
    found = lots.read_all(root, "Lot", language)
    parts = lots.read_all(root, "Part", language)
    sdk = text(root, "cbc:CustomizationID")
    notice_type = find(root, "cbc:NoticeTypeCode")
    return ParsedNotice(
        document=ROOTS[root.tag],
        sdk=sdk,
        sdk_version=_version(sdk),
        notice_id=numbers.identifier(text(root, "cbc:ID[@schemeName='notice-id']") or text(root, "cbc:ID")),
        notice_version=text(root, "cbc:VersionID"),
        procedure_id=numbers.identifier(text(root, "cbc:ContractFolderID")),
        subtype=text(root, f"{_EXTENSION}/efac:NoticeSubType/cbc:SubTypeCode"),
        notice_type=text(notice_type),
        form_type=notice_type.get("listName") if notice_type is not None else None,
        language=language,
        legal_basis=text(root, "cbc:RegulatoryDomain"),
        issued_at=numbers.instant(text(root, "cbc:IssueDate"), text(root, "cbc:IssueTime")),
        title=texts.choose(project, "cbc:Name", language),
        description=texts.choose(project, "cbc:Description", language),
        internal_reference=text(project, "cbc:ID"),
        procedure_type=text(process, "cbc:ProcedureCode"),
        accelerated=_accelerated(process),
        nature=text(project, "cbc:ProcurementTypeCode[@listName='contract-nature']"),
        cpv=lots.classification(project),
        places=lots.places(project),
        value=lots.project_value(project),
        framework_maximum=numbers.amount(project, f"cac:RequestedTenderTotal/{_EXTENSION}/efbc:FrameworkMaximumAmount"),
        buyers=organisations.buyers(root, known),
        buyer_profile_url=text(root, "cac:ContractingParty/cbc:BuyerProfileURI"),
        lots=found or parts,
        parts=bool(parts) and not found,
        results=results.read_all(root, known),
        changes=text(root, f"{_EXTENSION}/efac:Changes/efbc:ChangedNoticeIdentifier"),
        change_reason=text(root, f"{_EXTENSION}/efac:Changes/efac:ChangeReason/cbc:ReasonCode"),
        modification_reason=text(root, f"{_EXTENSION}/efac:ContractModification/efac:ChangeReason/cbc:ReasonCode"),
        organisations=known,
    )


def _version(sdk: str | None) -> tuple[int, int] | None:
    found = _SDK.match(sdk or "")
    return (int(found[1]), int(found[2])) if found else None


def _accelerated(process: Element | None) -> bool:
    code = "cac:ProcessJustification/cbc:ProcessReasonCode[@listName='accelerated-procedure']"
    return text(process, code) == "true"
