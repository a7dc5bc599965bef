"""The table of the buyer profile tells the truth: its routes, documents and tests exist, and no requirement is left out."""

from __future__ import annotations

import ast
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TABLE = ROOT / "docs" / "buyer-profile.md"
GROUPS = {
    "The buyer": ("acheteur",),
    "The economic operator": ("operateur",),
    "Technique": ("technique",),
    "The receipt": ("accuse_reception",),
    "Concessions: the granting authority": ("concessions", "autorite"),
    "Concessions: the economic operator": ("concessions", "operateur"),
    "Concessions: technique": ("concessions", "technique"),
    "The list of profiles": ("referencement",),
}
STATES = ("met", "in part", "operator", "open")


@dataclass(frozen=True)
class Line:
    group: str
    requirement: str
    met_by: tuple[str, ...]
    proof: tuple[str, ...]
    state: str


def lines() -> list[Line]:
    found, group = [], ""
    for text in TABLE.read_text().splitlines():
        if text.startswith("## "):
            group = text.removeprefix("## ")
        cells = [each.strip() for each in text.strip("|").split("|")]
        if text.startswith("|") and cells[0] not in {"requirement", "---"}:
            assert len(cells) == 4, text
            quoted = [tuple(re.findall("`([^`]+)`", each)) for each in cells[1:3]]
            found.append(Line(group, cells[0], quoted[0], quoted[1], cells[3]))
    return found


@cache
def routes(service: str) -> dict[str, list[str]]:
    described = json.loads((ROOT / "docs" / "openapi" / f"{service}.json").read_text())
    return {path: list(operations) for path, operations in described["paths"].items()}


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def exists(named: str) -> bool:
    """Say whether a route, a test or a document is there."""
    method, _, path = named.partition(" ")
    if path:
        return method.lower() in routes(path.split("/")[1]).get(path, [])
    file, _, test = named.partition("::")
    return (ROOT / file).is_file() and (not test or test in functions_of(file))


def test_everything_that_the_table_names_exists() -> None:
    named = {each for line in lines() for each in (*line.met_by, *line.proof)}
    assert len(named) > 50
    assert sorted(each for each in named if not exists(each)) == []


def test_what_does_not_exist_is_seen() -> None:
    for wrong in (
        "GET /bids/v1/nothing",
        "DELETE /bids/v1/bids",
        "docs/nothing.md",
        "tests/unit/bids/test_buyer_profile.py::no",
    ):
        assert not exists(wrong)


def test_every_line_says_its_state_and_what_is_met_is_proved() -> None:
    for line in lines():
        state = next((each for each in STATES if line.state == each or line.state.startswith(f"{each}: ")), None)
        assert state is not None, line
        assert line.met_by, line
        assert state not in {"met", "in part"} or line.proof, line
        assert state == "met" or ":" in line.state, f"say what is missing: {line}"


def test_no_requirement_of_the_order_is_left_out() -> None:
    official = [
        Path(folder) / "bids" / "profil_acheteur_exigences.json"
        for folder in (os.environ.get("HALLES_STANDARDS", ""), str(ROOT.parent / "shared" / "data"))
    ]
    file = next((each for each in official if each.is_file()), None)
    if file is None:
        pytest.skip("the official list of requirements is not on this machine (HALLES_STANDARDS)")
    told = json.loads(file.read_text())
    found = lines()
    for group, place in GROUPS.items():
        wanted = told
        for each in place:
            wanted = wanted[each]
        quoted = [re.findall(r"\(\*(.+)\*\)$", line.requirement) for line in found if line.group == group]
        assert quoted == [[each] for each in wanted], group
    assert {line.group for line in found} == set(GROUPS)
