"""The offline tool of matching: one object a match, bad lines told, real notices found by their own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from libs.common import standards
from libs.common.search.words import exact_words, plain
from services.alerts.matching.match import match
from services.alerts.matching.notice import Subject
from services.alerts.tool import match_files
from tests.unit.alerts.test_alerts_matching import asked, indexed


def run(tmp_path: Path, searches: list[str], notices: list[str]) -> tuple[int, list[dict[str, Any]], str]:
    (tmp_path / "s.jsonl").write_text("\n".join(searches), encoding="utf-8")
    (tmp_path / "n.jsonl").write_text("\n".join(notices), encoding="utf-8")
    answer = CliRunner().invoke(
        match_files, ["--searches", str(tmp_path / "s.jsonl"), "--notices", str(tmp_path / "n.jsonl")]
    )
    return answer.exit_code, [json.loads(line) for line in answer.stdout.splitlines()], answer.stderr


def test_tool_prints_one_object_a_match(tmp_path: Path) -> None:
    searches = [
        '{"id": "s1", "words": ["école"], "departments": ["21"]}',
        '{"id": "s2", "any": null, "value_min": 10, "unknown_value": true}',
        "",
        '{"id": 3, "near": {"lat": 47.3, "lon": 5, "km": 10}, "cpv": ["452"]}',
    ]
    notices = [
        '{"id": "n1", "title": "Écoles", "description": null, "cpv": ["45214200-2"], "departments": ["21"], "lat": 47.3, "lon": 5.01, "value": 9.5, "more": 1}',
        '{"id": 2, "title": "Pont", "description": "", "cpv": [], "departments": [], "lat": null, "lon": null, "value": null}',
    ]
    code, lines, _ = run(tmp_path, searches, notices)
    assert code == 0
    assert [(line["notice"], line["search"]) for line in lines] == [("n1", "s1"), ("n1", 3), (2, "s2")]
    assert lines[0]["reasons"][1] == {"criterion": "words", "wanted": "école", "found": "Écoles"}


@pytest.mark.parametrize(
    ("searches", "notices", "told"),
    [
        (["{"], [], ("s.jsonl", 1, "JSON")),
        (['{"id": "a"}', '{"words": ["x"]}'], [], ("s.jsonl", 2, "id manquant")),
        (['{"id": "a"}', '{"id": "a"}'], [], ("s.jsonl", 2, "id 'a' déjà pris")),
        (['{"id": "a", "mots": ["x"]}'], [], ("s.jsonl", 1, "mots")),
        (['{"id": "a"}'], ["[]"], ("n.jsonl", 1, "objet")),
        (['{"id": "a"}'], ['{"id": "n", "lat": 100}'], ("n.jsonl", 1, "lat")),
    ],
)
def test_tool_tells_which_line_is_wrong_and_goes_on(
    tmp_path: Path, searches: list[str], notices: list[str], told: tuple[str, int, str]
) -> None:
    good = '{"id": "good", "words": ["pont"]}'
    code, lines, errors = run(tmp_path, [*searches, good], [*notices, '{"id": "pont", "title": "Ponts"}'])
    assert code == 1
    problems = [json.loads(line) for line in errors.splitlines()]
    assert [(each["file"], each["line"]) for each in problems] == [(str(tmp_path / told[0]), told[1])]
    assert told[2] in problems[0]["detail"]
    assert problems[0]["detail_en"]
    assert ("pont", "good") in [(line["notice"], line["search"]) for line in lines]


TED = (standards.folder() or Path()) / "notices" / "ted.jsonl"


@pytest.mark.skipif(not TED.is_file(), reason="real notices not at hand")
def test_real_notices_answer_searches_made_of_their_own_words() -> None:
    with TED.open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    french = [line for line in lines if line["country"] == "FR" and line.get("title")][:150]
    subjects = [Subject.told(line["title"], line.get("description") or "", cpv=tuple(line["cpv"])) for line in french]
    searches = {}
    for number, line in enumerate(french):
        words = sorted(set(exact_words(plain(line["title"]))), key=len)[-2:]
        searches[number] = asked(words=words, cpv=[code[:3] for code in line["cpv"][:1]])
    index = indexed(*searches.values())
    for number, subject in enumerate(subjects):
        found = {name for name, _ in index.matches(subject)}
        assert number in found
        assert found == {name for name, search in searches.items() if match(search, subject) is not None}
