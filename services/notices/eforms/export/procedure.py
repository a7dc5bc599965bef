"""What a notice says once: its identity, its buyer, its procedure and what is bought."""

from __future__ import annotations

from typing import Final

from services.notices.eforms import rules
from services.notices.eforms.export import projects, values
from services.notices.eforms.export.model import ExportedNotice
from services.notices.eforms.export.organisations import Company, Organisations
from services.notices.eforms.export.tree import Tree

__all__ = ["procedure_code", "write_buyer", "write_header", "write_procedure", "write_project"]

_CUSTOMIZATION: Final = "eforms-sdk-" + ".".join(map(str, rules.SDK))
_UBL: Final = "2.3"
_LAW: Final = "Code de la commande publique"
_ADAPTED: Final = "Procédure adaptée (articles L2123-1 et R2123-1 du code de la commande publique)"
_IN_DOCUMENTS: Final = "epo-procurement-document"
_ENTITIES: Final = ("pub-undert", "spec-rights-entity")
"""Legal types of contracting entities (L1212-1 CCP); all others are contracting authorities."""
_ACCELERABLE: Final = frozenset({"open", "restricted", "neg-w-call"})
"""Procedures whose periods urgency may shorten (R2161-3, R2161-8, R2161-15 CCP)."""


def procedure_code(procedure_type: str) -> str | None:
    """Give BT-105: an adapted procedure asks for bids in one stage that eForms have no name for."""
    return {"adapted": "oth-single", "unspecified": None}.get(procedure_type, procedure_type)


def write_header(tree: Tree, exported: ExportedNotice) -> None:
    """Write the identity of the notice."""
    root, content = tree.root, exported.content
    form = rules.subtype(tree.subtype)
    basis = "other" if tree.subtype.startswith("E") else content.legal_basis or (form.legal_basis if form else None)
    tree.put(root, "OPP-070-notice", tree.subtype)
    tree.put(root, "OPT-001-notice", _UBL)
    tree.put(root, "OPT-002-notice", _CUSTOMIZATION)
    tree.put(root, "BT-701-notice", exported.notice_id, schemeName="notice-id")
    tree.put(root, "BT-04-notice", exported.procedure_id)
    tree.put(root, "BT-05(a)-notice", values.day(exported.issued_at))
    tree.put(root, "BT-05(b)-notice", values.clock(exported.issued_at))
    tree.put(root, "BT-757-notice", values.version(exported.version))
    tree.put(root, "BT-127-notice", values.day(content.planned_on))
    tree.put(root, "BT-01-notice", basis)
    if form:
        tree.put(root, "BT-02-notice", form.notice_type, listName=form.form_type)
    tree.put(root, "BT-702(a)-notice", content.language)
    if basis == "other":
        tree.put(root, "BT-01(e)-Procedure", "LocalLegalBasis")
        tree.put(root, "BT-01(f)-Procedure", _LAW)


def write_buyer(tree: Tree, exported: ExportedNotice, organisations: Organisations) -> None:
    """Write the buyer and what it is."""
    content = exported.content
    party = tree.add(tree.root, "cac:ContractingParty")
    tree.put(party, "OPT-300-Procedure-Buyer", organisations.reference(Company.of_buyer(content)))
    tree.put(party, "BT-11-Procedure-Buyer", content.buyer.legal_type)
    entity = (content.buyer.legal_type or "").startswith(_ENTITIES)
    tree.put(party, "BT-740-Procedure-Buyer", "cont-ent" if entity else "not-cont-ent")
    tree.put(party, "BT-10-Procedure-Buyer", content.contact.activity if content.contact else None)


def write_procedure(tree: Tree, exported: ExportedNotice) -> None:
    """Write how the contract is awarded."""
    root, content = tree.root, exported.content
    code = procedure_code(content.procedure_type)
    tree.put(root, "BT-105-Procedure", code)
    tree.put(root, "BT-88-Procedure", content.features or (_ADAPTED if content.procedure_type == "adapted" else None))
    reason = content.justification
    if code in _ACCELERABLE:
        tree.put(root, "BT-106-Procedure", content.accelerated)
        if content.accelerated and reason:
            tree.put(root, "BT-1351-Procedure", reason.text)
    elif code == "neg-wo-call" and reason:
        tree.put(root, "BT-136-Procedure", reason.code)
        tree.put(root, "BT-135-Procedure", reason.text)
    tree.put(root, "BT-806-Procedure", _IN_DOCUMENTS)
    if len(content.lots) > 1:
        tree.put(root, "BT-31-Procedure", len(content.lots))


def write_project(tree: Tree, exported: ExportedNotice) -> None:
    """Write what is bought."""
    content = exported.content
    project = tree.section(tree.root, "cac:ProcurementProject")
    tree.put(project, "BT-22-Procedure", content.internal_reference, schemeName="InternalID")
    tree.put(project, "BT-21-Procedure", content.title)
    tree.put(project, "BT-24-Procedure", content.description)
    tree.put(project, "BT-23-Procedure", content.nature)
    projects.write_codes(tree, project, content.cpv, "Procedure")
    projects.write_value(tree, project, content.value, "Procedure")
    projects.write_places(tree, project, content.places, "Procedure")
