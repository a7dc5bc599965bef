"""Offline tools name a file as it was given to them, whatever shorter name it has."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from services.alerts.tool import match_files
from services.legality.tool import parse_files
from services.notices.tools import check_files as check_notices
from services.opendata.tool import check_files as check_records
from services.signature.tool import verify


@pytest.mark.parametrize("tool", [parse_files, check_notices, check_records, verify])
def test_the_file_is_the_argument_as_given(tool: click.Command, tmp_path: Path) -> None:
    (tmp_path / "odd.bin").write_bytes(b"{")
    given = [f"{tmp_path}//./odd.bin", f"{tmp_path}/absent"]
    told = CliRunner().invoke(tool, given).stdout
    assert [json.loads(line)["file"] for line in told.splitlines()] == given


def test_the_files_of_a_match_are_named_as_given(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text("{\n")
    given = f"{tmp_path}//./odd.jsonl"
    told = CliRunner().invoke(match_files, ["--searches", given, "--notices", given]).stderr
    assert [json.loads(line)["file"] for line in told.splitlines()] == [given, given]
