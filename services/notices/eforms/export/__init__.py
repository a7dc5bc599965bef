"""Writing of eForms notices (SDK 1.15, UBL 2.3) from the platform's content."""

from __future__ import annotations

from lxml import etree

from libs.common.errors import FieldError
from services.notices.eforms import rules
from services.notices.eforms.check import check
from services.notices.eforms.export import changes, lots, procedure, results
from services.notices.eforms.export.merge import merge
from services.notices.eforms.export.missing import missing
from services.notices.eforms.export.model import ExportedNotice, subtype_of
from services.notices.eforms.export.organisations import Organisations
from services.notices.eforms.export.tree import Tree
from services.notices.eforms.problems import Problem
from services.notices.errors import MissingTermsError

__all__ = ["ExportedNotice", "export", "subtype_of"]


def export(exported: ExportedNotice) -> bytes:
    """Give the eForms XML of a notice, held to the platform's own checks.

    A notice that was imported is its own XML with the changes written into it: byte for byte the same where nothing
    changed. Raises MissingTermsError with every business term that is missing or refused.
    """
    if exported.source is not None:
        written = merge(exported, exported.source, lambda each: _tree(each).root)
        return written if written is exported.source else _held(written, known=check(exported.source).problems)
    subtype = subtype_of(exported.content)
    if asked := missing(exported, subtype):
        raise MissingTermsError(asked)
    root = _tree(exported).root
    return _held(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _held(written: bytes, known: tuple[Problem, ...] = ()) -> bytes:
    """Let a notice pass that has no fault but those its source had. Raises MissingTermsError."""
    told = {(each.term, each.path) for each in known}
    faults = [each for each in check(written).problems if (each.term, each.path) not in told]
    if faults:
        raise MissingTermsError(
            [FieldError(f"{each.term} {each.path}", each.message, each.message_en) for each in faults]
        )
    return written


def _tree(exported: ExportedNotice) -> Tree:
    subtype = subtype_of(exported.content)
    form = rules.subtype(subtype)
    tree = Tree.new(form.document if form else "CN", subtype, exported.content.language)
    organisations = Organisations(tree)
    procedure.write_header(tree, exported)
    procedure.write_buyer(tree, exported, organisations)
    procedure.write_procedure(tree, exported)
    procedure.write_project(tree, exported)
    lots.write_lots(tree, exported, organisations)
    if form and form.document == "CAN" and exported.content.results:
        results.write_results(tree, exported, organisations)
    if exported.content.modification:
        changes.write_modification(tree, exported, exported.content.modification)
    elif exported.content.kind == "change":
        changes.write_change(tree, exported)
    return tree
