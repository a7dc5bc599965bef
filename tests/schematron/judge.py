"""The official Schematron of the eForms SDK, as a judge of the rules that a notice breaks.

The Schematron becomes XSLT 2 (one mode a pattern, one template a rule: the first rule of a pattern that matches a node is
the only one to fire there, ISO/IEC 19757-3 §6.4) that Saxon runs. Compiling the 4,000 assertions of a phase takes a minute;
most of them speak of elements that the notices at hand do not have. So the contexts are looked up first, and the rules that
match nothing are left out: a rule without a node can neither fire nor hide another one. What stays compiles in seconds.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from lxml import etree
from saxonche import PySaxonApiError, PySaxonProcessor, PyXdmNode, PyXsltExecutable

from libs.common import standards
from services.notices.eforms.xml import Element

__all__ = ["Breach", "attempt", "available", "judge"]

_SCH: Final = "{http://purl.oclc.org/dsdl/schematron}"
_XSL: Final = "http://www.w3.org/1999/XSL/Transform"
_MAIN: Final = "complete-validation.sch"


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """A rule that a notice breaks."""

    rule: str
    role: str
    """ERROR is fatal, WARN is not."""
    test: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    context: str
    asserts: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class _Schema:
    namespaces: dict[str, str]
    variables: dict[str, str]
    patterns: dict[str, tuple[_Rule, ...]]
    phases: dict[str, tuple[str, ...]]


def available() -> bool:
    """Say whether the official Schematron is on this machine."""
    return _archive() is not None


def judge(notices: Sequence[bytes]) -> list[list[Breach]]:
    """Give the rules that each notice of ONE subtype breaks, as often as it does, fatal or not."""
    return list(_judged(notices, _report))


def attempt(notices: Sequence[bytes]) -> list[list[Breach] | None]:
    """Give what `judge` gives, None for a notice at which the Schematron itself stops: it takes `zzz` for a date, and fails."""
    return list(_judged(notices, _report_if_any))


T = TypeVar("T")
Judging = Callable[[PyXsltExecutable, PyXdmNode], T]


def _judged(notices: Sequence[bytes], report: Judging[T]) -> Iterator[T]:
    roots = [etree.fromstring(notice) for notice in notices]
    codes = {_subtype(root) for root in roots}
    if len(codes) != 1:
        raise ValueError(f"notices of one subtype, please: {codes}")
    sheet = _stylesheet(codes.pop(), roots)
    with PySaxonProcessor(license=False) as processor:
        judging = processor.new_xslt30_processor().compile_stylesheet(stylesheet_text=sheet)
        for root in roots:
            yield report(judging, processor.parse_xml(xml_text=_text(root)))


def _report(judging: PyXsltExecutable, notice: PyXdmNode) -> list[Breach]:
    return _breaches(judging.transform_to_string(xdm_node=notice))


def _report_if_any(judging: PyXsltExecutable, notice: PyXdmNode) -> list[Breach] | None:
    try:
        return _report(judging, notice)
    except PySaxonApiError:
        return None


def _text(root: Element) -> str:
    return etree.tostring(root, encoding="unicode")


def _subtype(root: Element) -> str:
    return next((item.text or "" for item in root.iter("{*}SubTypeCode")), "")


def _breaches(report: str | None) -> list[Breach]:
    found = etree.fromstring((report or "<report/>").encode())
    return [Breach(item.get("id", ""), item.get("role", ""), item.get("test", "")) for item in found]


def _archive() -> Path | None:
    folder = standards.folder()
    found = sorted((folder / "eforms" / "sdk").glob("schematrons-static-*.tar.xz")) if folder else []
    return found[-1] if found else None


@cache
def _schema() -> _Schema:
    """Read the Schematron out of its archive, once."""
    archive = _archive()
    if archive is None:
        raise FileNotFoundError("the official Schematron is not on this machine")
    with tarfile.open(archive) as bundle:
        parts = {
            Path(member.name).name: bundle.extractfile(member) for member in bundle if member.name.endswith(".sch")
        }
        trees = {name: etree.fromstring(file.read()) for name, file in parts.items() if file}
    main = trees[_MAIN]
    patterns = [trees[item.get("href", "")] for item in main.iter(f"{_SCH}include")]
    lets = [item for tree in (main, *patterns) for item in tree.iter(f"{_SCH}let")]
    return _Schema(
        namespaces={item.get("prefix", ""): item.get("uri", "") for item in main.iter(f"{_SCH}ns")},
        variables={item.get("name", ""): item.get("value", "") for item in lets},
        patterns={tree.get("id", ""): _rules(tree) for tree in patterns},
        phases={
            phase.get("id", ""): tuple(item.get("pattern", "") for item in phase.iter(f"{_SCH}active"))
            for phase in main.iter(f"{_SCH}phase")
        },
    )


def _rules(pattern: Element) -> tuple[_Rule, ...]:
    return tuple(
        _Rule(rule.get("context", ""), tuple(rule.iter(f"{_SCH}assert"))) for rule in pattern.iter(f"{_SCH}rule")
    )


def _stylesheet(subtype: str, roots: Sequence[Element]) -> str:
    """Give the XSLT of a phase, with the rules that some node of these notices meets."""
    schema = _schema()
    sheet = etree.Element(f"{{{_XSL}}}stylesheet", {"version": "2.0"}, nsmap={"xsl": _XSL, **schema.namespaces})
    for name, value in schema.variables.items():
        etree.SubElement(sheet, f"{{{_XSL}}}variable", {"name": name, "select": value})
    patterns = schema.phases[f"eforms-{subtype}"]
    report = etree.SubElement(etree.SubElement(sheet, f"{{{_XSL}}}template", {"match": "/"}), "report")
    for mode in patterns:
        etree.SubElement(report, f"{{{_XSL}}}apply-templates", {"select": "*", "mode": mode})
        _write(sheet, mode, [rule for rule in schema.patterns[mode] if _met(rule.context, subtype, roots)])
    return _text(sheet)


def _write(sheet: Element, mode: str, rules: Sequence[_Rule]) -> None:
    """Write a pattern: every node and attribute is visited, earlier rules come first."""
    onwards = {"select": "@* | node()", "mode": mode}
    other = etree.SubElement(sheet, f"{{{_XSL}}}template", {"match": "@* | node()", "mode": mode, "priority": "-1"})
    etree.SubElement(other, f"{{{_XSL}}}apply-templates", onwards)
    for priority, rule in enumerate(reversed(rules), start=1):
        options = {"match": rule.context, "mode": mode, "priority": str(priority)}
        template = etree.SubElement(sheet, f"{{{_XSL}}}template", options)
        for item in rule.asserts:
            test = item.get("test", "")
            failed = etree.SubElement(template, f"{{{_XSL}}}if", {"test": f"not({test})"})
            said = {"id": item.get("id", ""), "role": item.get("role", ""), "test": _verbatim(test)}
            etree.SubElement(failed, "failed", said)
        etree.SubElement(template, f"{{{_XSL}}}apply-templates", onwards)


def _verbatim(test: str) -> str:
    """Keep the braces of a test from being read as an attribute value template."""
    return test[:300].replace("{", "{{").replace("}", "}}")


def _met(context: str, subtype: str, roots: Iterable[Element]) -> bool:
    """Say whether a context selects a node of some notice; one that only XPath 2 can read is taken to."""
    compiled = _context(context)
    if compiled is None:
        return True
    try:
        return any(bool(compiled(root.getroottree(), noticeSubType=subtype)) for root in roots)
    except etree.XPathError:
        return True


@cache
def _context(context: str) -> etree.XPath | None:
    absolute = context if context.startswith("/") else f"//{context}"
    try:
        return etree.XPath(absolute, namespaces=_schema().namespaces)
    except etree.XPathSyntaxError:
        return None
