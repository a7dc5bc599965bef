"""An imported notice that was changed: its own XML with our changes written into it, and all that we do not know left alone.

What the source says in our terms is written as a tree, and so is what the notice says now; where the two differ, and only
there, the source is changed in the same way. Sections are recognised by their name, lots by their number, codes by their
list, texts by their language.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

from lxml import etree
from pydantic import BaseModel

from libs.common.errors import FieldError
from services.notices import drafting
from services.notices.content import NoticeContent
from services.notices.eforms import numbers, reader, xml
from services.notices.eforms.export import values
from services.notices.eforms.export.changes import write_change
from services.notices.eforms.export.lots import deadline_of, deadline_term
from services.notices.eforms.export.model import ExportedNotice
from services.notices.eforms.export.tree import EXTENSION, Tree, insert
from services.notices.eforms.model import ParsedNotice
from services.notices.eforms.xml import Element, find, find_all, text
from services.notices.errors import MissingTermsError

__all__ = ["merge"]

_LOTS: Final = "cac:ProcurementProjectLot"
_PERIODS: Final = {
    "BT-131": "cac:TenderingProcess/cac:TenderSubmissionDeadlinePeriod/cbc:EndDate",
    "BT-1311": "cac:TenderingProcess/cac:ParticipationRequestReceptionPeriod/cbc:EndDate",
    "BT-630": "cac:TenderingProcess/ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
    "/efac:InterestExpressionReceptionPeriod/cbc:EndDate",
}
T = TypeVar("T")
Writer = Callable[[ExportedNotice], Element]
"""Writes a notice as a tree, without looking whether anything is missing."""

_DERIVED: Final = (
    "kind", "subtype", "notice_type", "contract_kind", "techniques", "contest", "formal", "departments", "opening", "change",
    "changes", "electronic", "previous",
)  # fmt: skip
"""What is not written as such: set apart before the comparison."""
_ORGANISATIONS: Final = ("buyer", "contact", "review", "results", "modification")
"""What stands among the organisations and results, whose references are the source's own."""


def merge(exported: ExportedNotice, source: bytes, write: Writer) -> bytes:
    """Give the source with the changes of the notice written into it; the source itself, byte for byte, if there are none.

    Raises MissingTermsError where a change would touch the organisations or the results of the source.
    """
    parsed = reader.read(xml.parse(source))
    before = _content(parsed, exported)
    same = parsed.notice_id == exported.notice_id
    if same and not _differences(before, exported.content):
        return source
    _refuse_deep_changes(before, exported.content)
    root = etree.fromstring(source, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    told = replace(exported, content=_comparable(before, exported.content))
    now = replace(exported, content=_comparable(exported.content, exported.content))
    tree = Tree(root, parsed.subtype or "", exported.content.language)
    _apply(root, write(told), write(now))
    _move_deadlines(tree, before, exported.content)
    _identify(tree, exported, same=same)
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def _content(parsed: ParsedNotice, exported: ExportedNotice) -> NoticeContent:
    """Give what the source says, seen from the same buyer; what the platform works out by itself is that of now."""
    own = exported.content.buyer.organisation
    buyer = next((each for each in parsed.buyers if each.organisation == own), None) or parsed.buyers[0]
    before = drafting.content_of(parsed, buyer, exported.issued_at.date())
    update = {name: getattr(exported.content, name) for name in _DERIVED}
    if "adapted" in {before.procedure_type, exported.content.procedure_type}:
        update["procedure_type"] = exported.content.procedure_type
    return _as_told(before.model_copy(update=update), exported.content)


def _as_told(before: T, after: T) -> T:
    """Leave out of what the source says all that the notice does not tell: silence removes no term.

    A notice kept by an earlier release tells less than what its source is read for today.
    """
    if after in (None, "", []):
        return after
    if isinstance(before, BaseModel) and isinstance(after, BaseModel):
        names = type(before).model_fields
        return before.model_copy(update={name: _as_told(getattr(before, name), getattr(after, name)) for name in names})
    if isinstance(before, list) and isinstance(after, list):
        return cast("T", _each_as_told(before, after))
    return before


def _each_as_told(before: list[Any], after: list[Any]) -> list[Any]:
    """Compare lots and results by their lot, others in their order where as many are told."""
    if all(hasattr(each, "lot_id") for each in (*before, *after)):
        known = {each.lot_id: each for each in after}
        return [_as_told(each, known.get(each.lot_id, each)) for each in before]
    return [_as_told(old, new) for old, new in zip(before, after, strict=True)] if len(before) == len(after) else before


def _differences(before: NoticeContent, after: NoticeContent) -> set[str]:
    return {name for name in NoticeContent.model_fields if getattr(before, name) != getattr(after, name)}


def _refuse_deep_changes(before: NoticeContent, after: NoticeContent) -> None:
    deep = sorted(_differences(before, after) & set(_ORGANISATIONS))
    if deep:
        raise MissingTermsError(
            [
                FieldError(
                    name,
                    f"« {name} » vient du fichier eForms importé et ne se modifie pas ici : importez le fichier corrigé.",
                    f"'{name}' comes from the imported eForms file and cannot be changed here: import the mended file.",
                )
                for name in deep
            ]
        )


def _comparable(content: NoticeContent, now: NoticeContent) -> NoticeContent:
    """Give a content that differs from another by plain terms alone; deadlines are moved where the source has them."""
    update = {name: getattr(now, name) for name in (*_DERIVED, *_ORGANISATIONS)}
    lots = [lot.model_copy(update={"deadline": None}) for lot in content.lots]
    return content.model_copy(update={**update, "lots": lots, "deadline": None})


def _move_deadlines(tree: Tree, before: NoticeContent, after: NoticeContent) -> None:
    """Write the deadlines that changed, in the period where the source has one (BT-131, else BT-1311, else BT-630)."""
    told = {lot.lot_id: deadline_of(lot, before) for lot in before.lots}
    for lot in after.lots:
        moment = deadline_of(lot, after)
        if moment is None or moment == told.get(lot.lot_id):
            continue
        for element in (each for each in find_all(tree.root, _LOTS) if text(each, "cbc:ID") == lot.lot_id):
            dated = [term for term in _PERIODS if find(element, _PERIODS[term]) is not None]
            term = next(iter(dated), deadline_term(after))
            tree.set(element, f"{term}(d)-Lot", values.day(moment))
            tree.set(element, f"{term}(t)-Lot", values.clock(moment))
            _move_opening(tree, element, told.get(lot.lot_id), moment)


def _move_opening(tree: Tree, lot: Element, before: datetime | None, deadline: datetime) -> None:
    """Let a public opening that the new deadline overtakes follow it, as far behind as it was (BT-132)."""
    event = find(lot, "cac:TenderingProcess/cac:OpenTenderEvent")
    opening = numbers.instant(text(event, "cbc:OccurrenceDate"), text(event, "cbc:OccurrenceTime"))
    if opening and opening < deadline:
        following = deadline + max(opening - (before or opening), timedelta())
        tree.set(lot, "BT-132(d)-Lot", values.day(following))
        tree.set(lot, "BT-132(t)-Lot", values.clock(following))


def _apply(target: Element, before: Element, after: Element) -> None:
    """Change a section of the source as one tree became the other."""
    told, now, here = _sections(before), _sections(after), _sections(target)
    for key in dict.fromkeys((*told, *now)):
        old, new, found = told.get(key, []), now.get(key, []), here.get(key, [])
        if _same(old, new):
            continue
        if len(old) == len(new) == len(found) == 1 and len(new[0]):
            _apply(found[0], old[0], new[0])
        elif len(new) == len(found) == 1 and not len(new[0]):
            found[0].text = new[0].text
        else:
            _replace(target, found, new)


def _replace(target: Element, found: list[Element], new: list[Element]) -> None:
    for element in found:
        target.remove(element)
    for element in new:
        insert(target, element)


def _same(old: list[Element], new: list[Element]) -> bool:
    return [etree.tostring(each) for each in old] == [etree.tostring(each) for each in new]


def _sections(parent: Element) -> dict[tuple[str, ...], list[Element]]:
    """Give the children by what they are: a lot of a number, a code of a list, a text of a language."""
    found: dict[tuple[str, ...], list[Element]] = {}
    for child in parent:
        if isinstance(child.tag, str):
            found.setdefault(_key(child), []).append(child)
    return found


def _key(element: Element) -> tuple[str, ...]:
    name = xml.prefixed(element.tag)
    if name == _LOTS:
        return name, text(element, "cbc:ID") or ""
    if language := element.get("languageID"):
        return name, language
    lists = {found.get("listName", "") for found in element.iter("{*}*") if found.get("listName")}
    return (name, *sorted(lists)) if name in _LISTED else (name,)


_LISTED: Final = frozenset(
    {
        "cac:ContractExecutionRequirement",
        "cac:TendererQualificationRequest",
        "cac:ContractingSystem",
        "cac:ProcurementAdditionalType",
        "cac:ProcessJustification",
        "cac:ContractingPartyType",
        "cac:ContractingActivity",
    }
)
"""Sections that only the list of their code tells apart."""


def _identify(tree: Tree, exported: ExportedNotice, *, same: bool) -> None:
    """Give the notice its own identity; a new notice leaves the publication and the changes of the earlier one behind."""
    root = tree.root
    terms = {
        "BT-757-notice": values.version(exported.version),
        "BT-05(a)-notice": values.day(exported.issued_at),
        "BT-05(b)-notice": values.clock(exported.issued_at),
    }
    for term, value in terms.items():
        tree.set(root, term, value)
    if same:
        return
    tree.set(root, "BT-701-notice", exported.notice_id)
    for section in find_all(root, f"{EXTENSION}/efac:Publication | {EXTENSION}/efac:Changes"):
        parent = section.getparent()
        if parent is not None:
            parent.remove(section)
    if exported.content.kind == "change" and find(root, EXTENSION) is not None:
        write_change(tree, exported)
