"""From XML to what the platform keeps. Tolerant: whatever can be read is, the checker says what is wrong."""

from __future__ import annotations

import re
from typing import Any, Final

from services.notices.eforms import lots, numbers, organisations, results, rules, texts
from services.notices.eforms.model import ParsedModification, ParsedNotice, base_subtype
from services.notices.eforms.nodes import find, find_all, text
from services.notices.eforms.sdk.branches import Branch, grow
from services.notices.eforms.xml import ROOTS, Element

__all__ = ["read", "read_branch"]

_EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
_ACCELERATED: Final = "cac:ProcessJustification[cbc:ProcessReasonCode/@listName='accelerated-procedure']"
_DIRECT: Final = "cac:ProcessJustification[cbc:ProcessReasonCode/@listName='direct-award-justification']"
_SDK: Final = re.compile(r"^eforms-sdk-(\d+)\.(\d+)")


def read(root: Element) -> ParsedNotice:
    """Read a notice of any kind; never fails on a document that `xml.parse` accepted."""
    return read_branch(grow(root))


def read_branch(root: Branch) -> ParsedNotice:
    """Read a notice of which the branches are grown already."""
    language = text(root, "cbc:NoticeLanguageCode")
    project = find(root, "cac:ProcurementProject")
    known = organisations.read_all(root, language)
    found = lots.read_all(root, "Lot", language)
    parts = lots.read_all(root, "Part", language)
    sdk = text(root, "cbc:CustomizationID")
    notice_type = find(root, "cbc:NoticeTypeCode")
    subtype = text(root, f"{_EXTENSION}/efac:NoticeSubType/cbc:SubTypeCode")
    return ParsedNotice(
        document=ROOTS[root.tag],
        sdk=sdk,
        sdk_version=_version(sdk),
        notice_id=numbers.identifier(text(root, "cbc:ID[@schemeName='notice-id']") or text(root, "cbc:ID")),
        notice_version=text(root, "cbc:VersionID"),
        procedure_id=numbers.identifier(text(root, "cbc:ContractFolderID")),
        subtype=subtype,
        notice_type=text(notice_type),
        form_type=_form_type(notice_type, subtype),
        language=language,
        legal_basis=text(root, "cbc:RegulatoryDomain"),
        issued_at=numbers.instant(text(root, "cbc:IssueDate"), text(root, "cbc:IssueTime")),
        title=texts.choose(project, "cbc:Name", language),
        description=texts.choose(project, "cbc:Description", language),
        internal_reference=text(project, "cbc:ID"),
        nature=text(project, "cbc:ProcurementTypeCode[@listName='contract-nature']"),
        cpv=lots.classification(project),
        places=lots.places(project),
        value=lots.project_value(project),
        framework_maximum=numbers.amount(project, f"cac:RequestedTenderTotal/{_EXTENSION}/efbc:FrameworkMaximumAmount"),
        buyers=organisations.buyers(root, known),
        business=organisations.business(root, language),
        buyer_profile_url=text(root, "cac:ContractingParty/cbc:BuyerProfileURI"),
        lots=found or parts,
        parts=bool(parts) and not found,
        results=results.read_all(root, known, language),
        changes=text(root, f"{_EXTENSION}/efac:Changes/efbc:ChangedNoticeIdentifier"),
        change_reason=text(root, f"{_EXTENSION}/efac:Changes/efac:ChangeReason/cbc:ReasonCode"),
        change_description=_change_description(root, language),
        modification=_modification(find(root, f"{_EXTENSION}/efac:ContractModification"), language),
        planned_on=numbers.instant(text(root, "cbc:PlannedDate")),
        framework_notice=text(
            root, f"{_EXTENSION}/efac:NoticeResult/efac:SettledContract/cac:NoticeDocumentReference/cbc:ID"
        ),
        organisations=known,
        **_process(find(root, "cac:TenderingProcess"), language),
    )


def _form_type(notice_type: Branch | None, subtype: str | None) -> str | None:
    """Give BT-03; a national notice that tells none is of the form of the subtype it extends (N16: 16)."""
    told = notice_type.get("listName") if notice_type is not None else None
    official = rules.subtype(base_subtype(subtype))
    return told or (official.form_type if official else None)


def _version(sdk: str | None) -> tuple[int, int] | None:
    found = _SDK.match(sdk or "")
    return (int(found[1]), int(found[2])) if found else None


def _process(process: Branch | None, language: str | None) -> dict[str, Any]:
    """Give what the notice says of its procedure, and why it is accelerated or without competition."""
    return {
        "procedure_type": text(process, "cbc:ProcedureCode"),
        "accelerated": text(process, f"{_ACCELERATED}/cbc:ProcessReasonCode") == "true",
        "features": texts.choose(process, "cbc:Description", language),
        "acceleration_reason": texts.choose(process, f"{_ACCELERATED}/cbc:ProcessReason", language),
        "direct_award_code": text(process, f"{_DIRECT}/cbc:ProcessReasonCode"),
        "direct_award_reason": texts.choose(process, f"{_DIRECT}/cbc:ProcessReason", language),
    }


def _change_description(root: Branch, language: str | None) -> str | None:
    """Give why the notice changes (BT-762), then what changes in each section (BT-141)."""
    changes = find(root, f"{_EXTENSION}/efac:Changes")
    if changes is None:
        return None
    why = texts.choose(changes, "efac:ChangeReason/efbc:ReasonDescription", language)
    parts = [texts.choose(change, "efbc:ChangeDescription", language) for change in find_all(changes, "efac:Change")]
    return "\n".join(dict.fromkeys(part for part in (why, *parts) if part)) or None


def _modification(modification: Branch | None, language: str | None) -> ParsedModification | None:
    if modification is None:
        return None
    section = "efac:Change/efac:ChangedSection/efbc:ChangedSectionIdentifier"
    return ParsedModification(
        contract=text(modification, "efbc:ModifiedContractIdentifier") or text(modification, section),
        previous=text(modification, "efbc:ChangedNoticeIdentifier"),
        reason=text(modification, "efac:ChangeReason/cbc:ReasonCode"),
        explanation=texts.choose(modification, "efac:ChangeReason/efbc:ReasonDescription", language),
        description=texts.choose(modification, "efac:Change/efbc:ChangeDescription", language),
    )
