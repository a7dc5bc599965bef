"""Build the compact rule table of `services/notices/eforms` from the official eForms SDK.

Run `python -m deploy.reference.eforms` with HALLES_STANDARDS set to the folder that holds `eforms/sdk`. Kept: what is asked of a
notice without any condition (mandatory nodes and fields by subtype), code lists, patterns and lengths. Conditional rules are left out.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

from lxml import etree

TARGET = Path(__file__).resolve().parents[2] / "services" / "notices" / "eforms" / "rules.json"
SOURCE = "OP-TED/eForms-SDK 1.15.1, commit 184afa7d, July 2026 (CC-BY 4.0): fields.json, codelists, translations, static Schematron"
LONG_LISTS = {"cpv", "nuts-lvl3", "eu-official-language"}
"""Checked with the reference lists, or not worth their size."""
CHOICE = re.compile(r"not\((?P<path>[^()]*\(\)|[^()=]+)=\((?P<values>[^()]*)\)\)")

SAFE_PATTERNS = {
    "phone": r"^\+?[0-9(][-0-9() +]*$",
    "email": r"^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$",
    "url": r"^([Hh][Tt][Tt][Pp][Ss]?|[Ss]?[Ff][Tt][Pp][Ss]?)://[^\s]+$|^[Ww]{3}[0-9]?\.[^\s]+$",
}
"""Ours, in place of the SDK's: those backtrack without end on hostile text, and use classes that Python's `re` has not."""

Json = dict[str, Any]


def main() -> None:
    """Build the table and say how large it is."""
    sdk = Path(os.environ.get("HALLES_STANDARDS", "")) / "eforms" / "sdk"
    if not sdk.is_dir():
        sys.exit("HALLES_STANDARDS must name the folder that holds eforms/sdk")
    model = json.loads((sdk / "fields.json").read_text("utf-8"))
    groups = Groups()
    fields = [row for field in model["fields"] if (row := _field(field, groups, _names(sdk)))]
    wanted = {field["codes"] for field in fields if "codes" in field}
    table = {
        "source": SOURCE,
        "sdk": "1.15",
        "subtypes": _subtypes(sdk),
        "groups": groups.members,
        "nodes": _nodes(model["xmlStructure"], _mandatory_nodes(sdk), groups),
        "fields": fields,
        "codelists": _codelists(sdk, wanted),
    }
    TARGET.write_text(json.dumps(table, ensure_ascii=False, indent=0, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(table['nodes'])} nodes, {len(fields)} fields, {len(table['codelists'])} code lists")


class Groups:
    """Sets of subtypes, each kept once and named by its number."""

    def __init__(self) -> None:
        self.members: list[list[str]] = []

    def number(self, subtypes: list[str]) -> int:
        """Give the number of a set of subtypes."""
        if subtypes not in self.members:
            self.members.append(subtypes)
        return self.members.index(subtypes)


def _subtypes(sdk: Path) -> Json:
    listed = json.loads((sdk / "notice-types" / "notice-types.json").read_text("utf-8"))["noticeSubTypes"]
    return {
        item["subTypeId"]: [item["documentType"], item["formType"], item["type"], item["legalBasis"]] for item in listed
    }


def _nodes(structure: list[Json], mandatory: dict[str, list[str]], groups: Groups) -> list[Json]:
    rows = []
    for node in structure:
        row = {"id": node["id"], "parent": node.get("parentId"), "path": _xpath1(node["xpathRelative"])}
        if node["id"] in mandatory:
            row["required"] = groups.number(sorted(mandatory[node["id"]]))
        rows.append(row)
    return rows


def _field(field: Json, groups: Groups, names: dict[str, str]) -> Json | None:
    path = _xpath1(field["xpathRelative"])
    codes = field.get("codeList", {}).get("value", {}).get("id")
    if path.rpartition("/")[2].startswith("@") and codes != "currency":
        return None
    row: Json = {"id": field["id"], "term": field.get("btId", field["id"]), "node": field["parentNodeId"], "path": path}
    required = [
        subtype
        for rule in field.get("mandatory", {}).get("constraints", [])
        if rule["value"] and "condition" not in rule
        for subtype in rule["noticeTypes"]
    ]
    if required:
        row["required"] = groups.number(sorted(required))
    if codes and codes not in LONG_LISTS - {"cpv", "nuts-lvl3"}:
        row["codes"] = codes
    if "pattern" in field:
        row["pattern"] = SAFE_PATTERNS.get(field["type"], field["pattern"]["value"])
    if "maxLength" in field:
        row["length"] = field["maxLength"]
    if not row.keys() & {"required", "codes", "pattern", "length"}:
        return None
    return row | {"name": names.get(field["id"], field["name"])}


def _xpath1(path: str) -> str:
    """Give the XPath 1.0 form of the SDK's paths; the one 2.0 idiom they use is a comparison with a list."""

    def spell(match: re.Match[str]) -> str:
        tests = (f"{match['path']}={value.strip()}" for value in match["values"].split(","))
        return f"not({' or '.join(tests)})"

    return CHOICE.sub(spell, path)


def _names(sdk: Path) -> dict[str, str]:
    text = (sdk / "translations" / "field_fr.xml").read_text("utf-8")
    found = re.findall(r'<entry key="field\|name\|([^"]+)">([^<]*)</entry>', text)
    return {key: name.replace("&amp;", "&").replace("&#39;", "'").replace("&quot;", '"') for key, name in found}


def _mandatory_nodes(sdk: Path) -> dict[str, list[str]]:
    """Read stage 1b of the static Schematron: `count(<path>) > 0` asserted of a node, by subtype."""
    found: dict[str, list[str]] = {}
    archive = next(sdk.glob("schematrons-static-*.tar.xz"))
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as files:
        for member in files:
            stage = re.search(r"validation-stage-1b-(\w+)\.sch$", member.name)
            file = files.extractfile(member) if stage else None
            if stage and file:
                for rule in etree.fromstring(file.read()).iter("{*}assert"):
                    if re.fullmatch(r"count\(.+\) > 0", rule.get("test", ""), re.DOTALL):
                        found.setdefault(rule.get("diagnostics", ""), []).append(stage[1])
    return found


def _codelists(sdk: Path, wanted: set[str]) -> dict[str, list[str]]:
    listed = json.loads((sdk / "codelists" / "codelists.json").read_text("utf-8"))["codelists"]
    files = {item["id"]: sdk / "codelists" / item["filename"] for item in listed}
    return {name: _codes(files[name]) for name in sorted(wanted) if name in files and files[name].exists()}


def _codes(path: Path) -> list[str]:
    values = etree.fromstring(path.read_bytes()).iterfind(".//Row/Value[@ColumnRef='code']/SimpleValue")
    return [value.text for value in values if value.text]


if __name__ == "__main__":
    main()
