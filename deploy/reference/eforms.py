"""Build the compact rule tables of `services/notices/eforms/sdk` from the official eForms SDK.

Run `python -m deploy.reference.eforms` with HALLES_STANDARDS set to the folder that holds `eforms/sdk`. The field model states its
conditions in EFX; the SDK ships each of them, already spelled in a small part of XPath 2.0, with the field it belongs to. Kept: all of
them that look at the notice alone (mandatory, forbidden, repeated, code lists, patterns, lengths, attributes, assertions, containers).
Those that need another notice (EFX `notice(...)`) are not in the static set.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from lxml import etree

TARGET = Path(__file__).resolve().parents[2] / "services" / "notices" / "eforms" / "sdk"
SOURCE: Final = "OP-TED/eForms-SDK 1.15.1, commit 184afa7d, July 2026 (CC-BY 4.0)"
EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
SHORTEST: Final = 6  # a list of fewer codes is left where it is
REFERENCE: Final = {"cpv"}
"""Lists that the platform holds already, for other ends."""
UNSETTLED: Final = (
    "count(@schemeName) > 0",
    "'t-large'",
    "satisfies (count(../~/efac:NoticeResult/efac:LotResult",
    "$lotofresult",
    "$global-con-ten-duplicates",
)
"""Marks of rules that SDK 1.15 brought (its release notes: attributes, statistics by size of enterprise, one result a lot, contracts)
and that the examples published with it do not keep, nor their reports know: told as warnings."""
STAGES: Final = ("1a", "1b", "2a", "2b", "3a", "3b", "4", "4m", "5", "5m")

_LIST = re.compile(r"\(\s*('[^']*'(?:\s*,\s*'[^']*')+)\s*\)")
_SUBTYPE = re.compile(r"\[\$noticeSubType = '\w+'\]")

Json = dict[str, Any]
Row = tuple[str, ...]


def main() -> None:
    """Build the tables and say how large they are."""
    sdk = Path(os.environ.get("HALLES_STANDARDS", "")) / "eforms" / "sdk"
    if not sdk.is_dir():
        sys.exit("HALLES_STANDARDS must name the folder that holds eforms/sdk")
    model = json.loads((sdk / "fields.json").read_text("utf-8"))
    lists = Lists(sdk)
    groups = Groups()
    rules, variables = _rules(_patterns(sdk), Fields(model), lists, groups)
    contexts = list(dict.fromkeys(row[4] for row in rules))
    numbered = ((*row[:4], str(contexts.index(row[4])), row[5]) for row in rules)
    _write(
        "rules.tsv", "rules: stage, group of subtypes, field or container, level, number of the context, test", numbered
    )
    _write("contexts.tsv", "contexts of the rules: number, path", ((str(n), path) for n, path in enumerate(contexts)))
    _write("variables.tsv", "variables of the rules: name, expression", variables)
    _write("groups.tsv", "groups of notice subtypes: number, members", groups.rows())
    _write("lists.tsv", "code lists: name, codes", lists.rows(_wanted(model)))
    _write("fields.tsv", "fields: identifier, business term, French name, path", _fields(model, _names(sdk)))
    _write(
        "privacy.tsv",
        "fields that a notice may withhold: code (BT-195), business term, field, its path from what holds efac:FieldsPrivacy",
        _privacy(model),
    )
    _write("nodes.tsv", "containers: identifier, French name, path", _nodes(model, sdk))
    _write("subtypes.tsv", "notice subtypes: code, document, form type, notice type, legal basis", _subtypes(sdk))


class Fields:
    """The fields and containers of the model, by the names that the rules give them."""

    def __init__(self, model: Json) -> None:
        self._named = {_mangled(item["id"]): item["id"] for item in (*model["fields"], *model["xmlStructure"])}
        self._at: dict[str, str] = {}
        for field in model["fields"]:
            self._at.setdefault(_bare(field["xpathAbsolute"]), field["id"])

    def of(self, diagnostics: str | None, context: str) -> str:
        """Give the field or container of a rule, empty for the few that have none."""
        if not diagnostics:
            return self._at.get(_bare(context), "")
        inside = re.sub(r"^ND-[A-Za-z0-9]+_", "", diagnostics)
        return str(self._named.get(diagnostics) or self._named[inside])


class Groups:
    """Sets of subtypes, each kept once and named by its number."""

    def __init__(self) -> None:
        self._members: list[tuple[str, ...]] = []

    def number(self, subtypes: Iterable[str]) -> str:
        """Give the number of a set of subtypes."""
        members = tuple(sorted(subtypes, key=lambda code: (len(code), code)))
        if members not in self._members:
            self._members.append(members)
        return str(self._members.index(members))

    def rows(self) -> Iterator[Row]:
        """Give a row a group."""
        yield from ((str(number), " ".join(members)) for number, members in enumerate(self._members))


class Lists:
    """Code lists: those of the SDK by their name, the others by a number."""

    def __init__(self, sdk: Path) -> None:
        listed = json.loads((sdk / "codelists" / "codelists.json").read_text("utf-8"))["codelists"]
        files = {item["id"]: sdk / "codelists" / item["filename"] for item in listed}
        self._official = {name: _codes(path) for name, path in sorted(files.items()) if path.exists()}
        self._names = {frozenset(codes): name for name, codes in reversed(self._official.items())}
        self._used: dict[str, list[str]] = {}

    def spell(self, test: str) -> str:
        """Give a test with each long list replaced by `#name`."""
        return _LIST.sub(self._spell, test)

    def _spell(self, found: re.Match[str]) -> str:
        codes = re.findall(r"'([^']*)'", found[1])
        if len(codes) < SHORTEST:
            return found[0]
        name = self._names.get(frozenset(codes)) or self._name(codes)
        if name not in REFERENCE:
            self._used.setdefault(name, sorted(codes))
        return f"#{name}"

    def _name(self, codes: list[str]) -> str:
        name = "cpv" if "45233140" in codes and len(codes) > 9_000 else f"list-{len(self._used)}"
        self._names[frozenset(codes)] = name
        return name

    def rows(self, wanted: set[str]) -> Iterator[Row]:
        """Give the lists that rules use, and those asked for by name."""
        every = self._used | {name: sorted(self._official[name]) for name in wanted if name in self._official}
        yield from ((name, " ".join(codes)) for name, codes in sorted(every.items()))


def _patterns(sdk: Path) -> list[tuple[str, str, etree._Element]]:
    """Give the rule files of the static set: stage, subtype (or `*`) and root, stage by stage."""
    found = []
    archive = next(sdk.glob("schematrons-static-*.tar.xz"))
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as files:
        for member in files:
            stage = re.search(r"validation-stage-(\w+?)(?:-(\w+))?\.sch$", member.name)
            if stage and (file := files.extractfile(member)):
                found.append((stage[1], stage[2] or "*", etree.fromstring(file.read())))
    return sorted(found, key=lambda item: (STAGES.index(item[0]), len(item[1]), item[1]))


def _rules(
    patterns: list[tuple[str, str, etree._Element]], fields: Fields, lists: Lists, groups: Groups
) -> tuple[list[Row], list[Row]]:
    """Give each rule once, with its subtypes, in the order of the official files; and the variables they name."""
    subtypes: dict[Row, list[str]] = {}
    variables: list[Row] = []
    for stage, subtype, pattern in patterns:
        variables.extend(
            (variable.get("name", ""), _short(lists.spell(variable.get("value", ""))))
            for variable in pattern.iterfind("{*}let")
        )
        for rule in pattern.iterfind("{*}rule"):
            own = re.search(r"\[\$noticeSubType = '(\w+)'\]", rule.get("context", ""))
            context = _short(_SUBTYPE.sub("", rule.get("context", "")))
            for test in rule.iterfind("{*}assert"):
                field = fields.of(test.get("diagnostics"), _SUBTYPE.sub("", rule.get("context", "")))
                spelled = _short(lists.spell(test.get("test", "")))
                row = (stage, field or test.get("id", ""), _level(test, spelled), context, spelled)
                subtypes.setdefault(row, []).append(own[1] if own else subtype)
    return [(row[0], groups.number(members), *row[1:]) for row, members in subtypes.items()], variables


def _level(test: etree._Element, spelled: str) -> str:
    is_remark = test.get("role") == "WARN" or any(part in spelled for part in UNSETTLED)
    return "warning" if is_remark else "error"


def _short(path: str) -> str:
    return " ".join(path.split()).replace("NoticeResult/ efac", "NoticeResult/efac").replace(EXTENSION, "~")


def _mangled(identifier: str) -> str:
    return re.sub(r"[()]", "_", identifier)


def _bare(path: str) -> str:
    return re.sub(r"\s", "", path)


def _fields(model: Json, names: dict[str, str]) -> Iterator[Row]:
    for field in model["fields"]:
        name = names.get(f"field|name|{field['id']}", field["name"])
        yield field["id"], field.get("btId", field["id"]), name, _short(field["xpathAbsolute"])


def _privacy(model: Json) -> Iterator[Row]:
    """Give where the value stands that a code withholds, from the section that holds the request."""
    places = {field["id"]: field["xpathAbsolute"] for field in model["fields"]}
    for field in model["fields"]:
        if asked := field.get("privacy"):
            request = places[asked["unpublishedFieldId"]].partition("/efac:FieldsPrivacy[")[0]
            section = _short(request).removesuffix("/~")
            value = _short(field["xpathAbsolute"])
            if not value.startswith(f"{section}/"):
                sys.exit(f"{field['id']} does not stand below what withholds it")
            yield asked["code"], field["btId"], field["id"], value.removeprefix(f"{section}/")


def _nodes(model: Json, sdk: Path) -> Iterator[Row]:
    names = _names(sdk, "group_fr.xml")
    for node in model["xmlStructure"]:
        yield node["id"], names.get(f"group|name|{node['id']}", node.get("name", "")), _short(node["xpathAbsolute"])


def _subtypes(sdk: Path) -> Iterator[Row]:
    listed = json.loads((sdk / "notice-types" / "notice-types.json").read_text("utf-8"))["noticeSubTypes"]
    for item in listed:
        yield item["subTypeId"], item["documentType"], item["formType"], item["type"], item["legalBasis"]


def _wanted(model: Json) -> set[str]:
    lists = (field.get("codeList", {}).get("value", {}).get("id") for field in model["fields"])
    return {name for name in lists if name} - {"cpv", "eu-official-language"}


def _names(sdk: Path, file: str = "field_fr.xml") -> dict[str, str]:
    entries = etree.parse(sdk / "translations" / file).getroot().iter("entry")
    return {entry.get("key", ""): " ".join((entry.text or "").split()) for entry in entries}


def _codes(path: Path) -> list[str]:
    values = etree.fromstring(path.read_bytes()).iterfind(".//Row/Value[@ColumnRef='code']/SimpleValue")
    return [value.text for value in values if value.text]


def _write(name: str, what: str, rows: Iterable[Row]) -> None:
    lines = ["\t".join(row) for row in rows]
    head = [f"# eForms {what}", f"# Source: {SOURCE}", "# Built by deploy/reference/eforms.py; do not edit by hand"]
    TARGET.mkdir(parents=True, exist_ok=True)
    (TARGET / name).write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    print(f"{name}: {len(lines)} rows")


if __name__ == "__main__":
    main()
