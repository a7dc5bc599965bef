"""Build the table of terms that the export of eForms notices writes, from the official eForms SDK.

Run `python -m deploy.reference.eforms_terms` with HALLES_STANDARDS set to the folder that holds `eforms/sdk`. Kept: where each
term stands, with which fixed attributes, which subtypes have no place for it, and the order of elements in their parent.
Terms about what is not published (BT-195 to BT-198) are left out: the platform hides nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

TARGET = Path(__file__).resolve().parents[2] / "services" / "notices" / "eforms" / "export" / "terms.json"
SOURCE: Final = "OP-TED/eForms-SDK 1.15.1, commit 184afa7d, July 2026 (CC-BY 4.0): fields.json"
CHOICE: Final = re.compile(r"not\((?P<path>[^()]*\(\)|[^()=]+)=\((?P<values>[^()]*)\)\)")
UNPUBLISHED: Final = ("BT-195", "BT-196", "BT-197", "BT-198")

Json = dict[str, Any]


def main() -> None:
    """Build the table and say how large it is."""
    sdk = Path(os.environ.get("HALLES_STANDARDS", "")) / "eforms" / "sdk"
    if not sdk.is_dir():
        sys.exit("HALLES_STANDARDS must name the folder that holds eforms/sdk")
    model = json.loads((sdk / "fields.json").read_text("utf-8"))
    groups: list[list[str]] = []
    attributes = _attributes(model["fields"])
    terms = {
        field["id"]: _term(field, attributes[field["id"]], groups)
        for field in model["fields"]
        if "attributeOf" not in field and not field["id"].startswith(UNPUBLISHED)
    }
    table = {
        "source": SOURCE,
        "groups": groups,
        "order": _order([*model["xmlStructure"], *model["fields"]]),
        "terms": terms,
    }
    TARGET.write_text(json.dumps(table, ensure_ascii=False, indent=0, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(terms)} terms, {len(table['order'])} parents")


def _attributes(fields: list[Json]) -> dict[str, Json]:
    """Give the fixed attributes of each term; those without a preset value depend on the notice."""
    found: dict[str, Json] = defaultdict(dict)
    for field in fields:
        if "attributeOf" in field:
            found[field["attributeOf"]][field["attributeName"]] = field.get("presetValue")
    return found


def _term(field: Json, attributes: Json, groups: list[list[str]]) -> Json:
    row: Json = {"path": _xpath1(field["xpathAbsolute"])}
    if attributes:
        row["attributes"] = attributes
    forbidden = sorted(
        subtype
        for rule in field.get("forbidden", {}).get("constraints", [])
        if rule["value"] and "condition" not in rule
        for subtype in rule["noticeTypes"]
    )
    if not forbidden:
        return row
    if forbidden not in groups:
        groups.append(forbidden)
    return row | {"forbidden": groups.index(forbidden)}


def _xpath1(path: str) -> str:
    """Give the XPath 1.0 form of a path of the SDK; the one 2.0 idiom they use is a comparison with a list."""

    def spell(match: re.Match[str]) -> str:
        tests = (f"{match['path']}={value.strip()}" for value in match["values"].split(","))
        return f"not({' or '.join(tests)})"

    return CHOICE.sub(spell, path)


def _order(items: list[Json]) -> dict[str, list[str]]:
    """Give the children of each element in the order of the schema."""
    ranks: dict[str, dict[str, int]] = defaultdict(dict)
    for item in items:
        tags = [step.partition("[")[0] for step in steps(item["xpathAbsolute"])]
        sequence = [pair for step in item.get("xsdSequenceOrder", []) for pair in step.items()]
        if tags[-1].startswith("@") or not sequence:
            continue
        for parent, (tag, rank) in zip(tags[-len(sequence) - 1 :], sequence, strict=False):
            ranks[parent][tag] = rank
    return {parent: sorted(found, key=found.__getitem__) for parent, found in sorted(ranks.items())}


def steps(path: str) -> list[str]:
    """Cut a path at the slashes that are outside predicates."""
    found, depth = [""], 0
    for letter in path.removeprefix("/"):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "/" and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return found


if __name__ == "__main__":
    main()
