"""The offline tool `check`: one JSON object a line a notice, whatever the file; large files are not read whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from services.notices.eforms import xml
from services.notices.eforms.check import CheckedNotice, check
from services.notices.offline import readings
from services.notices.offline.cores import in_chunks
from services.notices.offline.files import chunks, units
from services.notices.tools import check_files
from tests.unit.notices.legacy_samples import ted
from tests.unit.notices.notices_samples import FOLDER, eforms

ROOT = Path(__file__).resolve().parents[3]
Json = dict[str, Any]
SAID = {"file", "status", "notice_type", "subtype", "title", "buyers", "cpv", "lots", "deadline", "problems"}


def checked(*files: Path | str) -> tuple[int, list[Json]]:
    answer = CliRunner().invoke(check_files, [str(file) for file in files])
    return answer.exit_code, [json.loads(line) for line in answer.stdout.splitlines()]


def test_the_verdict_on_an_eforms_notice_says_all_that_is_asked() -> None:
    given = os.path.relpath(next(FOLDER.glob("01*")))
    code, [line] = checked(given)
    assert code == 0
    assert line.keys() >= SAID
    assert (line["file"], line["status"], line["subtype"], line["notice_type"]) == (
        given,
        "accepted",
        "16",
        "cn-standard",
    )
    assert (line["lots"], line["cpv"][0], line["deadline"]) == (1, "90511100", "2027-01-11T11:00:00Z")
    assert line["title"].startswith("Collecte des ordures")
    assert line["problems"] == []


def test_a_rejected_notice_names_its_terms_and_says_what_could_be_read(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.xml"
    wrong.write_bytes(eforms(1).replace(b">90511100<", b">90511101<").replace(b"eforms-sdk-1.13", b"eforms-sdk-1.15"))
    code, lines = checked(wrong, tmp_path / "absent.xml", tmp_path)
    assert code == 1
    assert [line["status"] for line in lines] == ["rejected"] * 3
    assert {"term", "path", "message"} <= lines[0]["problems"][0].keys()
    assert "BT-262" in {problem["term"] for problem in lines[0]["problems"]}
    assert lines[0]["buyers"][0]["organisation"] == "SIRET:20009971100018"
    assert [line["problems"][0]["term"] for line in lines[1:]] == ["FILE", "FILE"]


def test_a_fault_of_ours_on_one_file_spoils_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def failing(data: bytes) -> CheckedNotice:
        if b"FAULT" in data:
            raise LookupError
        return check(data)

    monkeypatch.setattr(readings, "check", failing)
    (tmp_path / "fault.xml").write_bytes(b"<FAULT/>")
    given = next(FOLDER.glob("04*"))
    code, lines = checked(tmp_path / "fault.xml", given)
    assert code == 1
    assert [line["status"] for line in lines] == ["rejected", "accepted"]
    assert "LookupError" in lines[0]["problems"][0]["message"]


def test_notices_of_before_eforms_are_told_the_same_way(tmp_path: Path) -> None:
    one, many = tmp_path / "one.json", tmp_path / "many.jsonl"
    one.write_text("\ufeff" + json.dumps(ted()), encoding="utf-8")
    many.write_text(json.dumps(ted()) + "\n\n" + json.dumps(ted(title=None)) + "\r\n{", encoding="utf-8")
    code, lines = checked(one, many)
    assert code == 1
    assert [(line["file"], line.get("line"), line["status"]) for line in lines] == [
        (str(one), None, "accepted"),
        (str(many), 1, "accepted"),
        (str(many), 3, "rejected"),
        (str(many), 4, "rejected"),
    ]
    assert (lines[0]["lots"], lines[0]["cpv"], lines[0]["subtype"]) == (2, ["45233140", "45112500"], "16")
    assert lines[0]["deadline"] == "2018-02-19T11:00:00Z"
    assert [problem["term"] for problem in lines[2]["problems"]] == ["BT-21"]


@pytest.mark.parametrize("content", [b"", b"\n \r\n"])
def test_a_file_of_no_notice_has_its_line_too(content: bytes, tmp_path: Path) -> None:
    for name in ("none.jsonl", "none.xml", "none.json"):
        (tmp_path / name).write_bytes(content)
        code, [line] = checked(tmp_path / name)
        assert (code, line["file"], line["status"]) == (1, str(tmp_path / name), "rejected")
        assert "vide" in line["problems"][0]["message"]


def test_a_file_whose_name_is_no_text_is_told_in_a_line_that_is(tmp_path: Path) -> None:
    named = os.fsencode(tmp_path) + b"/\xff\n.xml"
    shutil.copyfile(os.fsencode(next(FOLDER.glob("01*"))), named)
    command = [sys.executable.encode(), b"-m", b"services.notices", b"check", named]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    [line] = [json.loads(each.decode("ascii")) for each in ended.stdout.splitlines()]
    assert os.fsencode(line["file"]) == named
    assert line["title"].startswith("Collecte des ordures ménagères")


@pytest.mark.parametrize("name", ["large.xml", "large.jsonl"])
def test_a_file_of_200_megabytes_is_refused_without_being_read_whole(name: str, tmp_path: Path) -> None:
    large = tmp_path / name
    with large.open("wb") as file:
        file.truncate(200 * 2**20)
    if name.endswith("jsonl"):
        with large.open("ab") as file:
            file.write(b"\n" + json.dumps(ted()).encode())
    found = list(units([str(large)]))
    assert len(found[0].data) == xml.MAX_BYTES + 1
    code, lines = checked(large)
    assert code == 1
    assert "Mo" in lines[0]["problems"][0]["message"]
    assert [line["status"] for line in lines[1:]] == ["accepted"] * (len(found) - 1)


def test_notices_are_given_few_at_a_time_and_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(json.dumps({"n": number}) for number in range(100)), encoding="utf-8")
    sizes = [len(chunk) for chunk in chunks(units([str(file)]))]
    assert (max(sizes), sum(sizes)) == (32, 100)
    (tmp_path / "heavy.jsonl").write_bytes(b"\n".join(b"x" * 2**20 for _ in range(12)))
    assert [len(chunk) for chunk in chunks(units([str(tmp_path / "heavy.jsonl")]))] == [4, 4, 4]
    for workers in (0, 2):
        found = [pair for chunk in in_chunks(len_of, units([str(file)]), workers) for pair in chunk]
        assert [unit.line for unit, _ in found] == list(range(1, 101))
        assert all(size == len(unit.data) for unit, size in found)


def len_of(unit: Any) -> int:  # noqa: ANN401  # a function that worker processes can find
    return len(unit.data)


def test_many_files_are_checked_by_worker_processes(tmp_path: Path) -> None:
    source = next(FOLDER.glob("02*"))
    files = [tmp_path / f"{number}.xml" for number in range(60)]
    for file in files:
        shutil.copyfile(source, file)
    command = [sys.executable, "-m", "services.notices", "check", *map(str, files)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(file) for file in files]
