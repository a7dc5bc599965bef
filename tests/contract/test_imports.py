"""The contract of events needs nothing but pydantic and the standard library: a partner installs it alone."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = sorted((ROOT / "libs/common/messages").rglob("*.py"))
ALLOWED = {"pydantic", *sys.stdlib_module_names}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.name)
def test_messages_import_pydantic_and_the_standard_library_only(path: Path) -> None:
    others = {
        name
        for name in imported(path)
        if name.partition(".")[0] not in ALLOWED and not (name + ".").startswith("libs.common.messages.")
    }
    assert not others
