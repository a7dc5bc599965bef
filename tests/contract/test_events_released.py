"""What was released stays: no breaking change within a major, every golden sample is there, unedited, and read."""

from __future__ import annotations

import json
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner

from libs.common import compatibility, golden, schemas
from libs.common.compatibility import check, of_code, released
from libs.common.messages import registry
from libs.common.messages.base import Event
from libs.common.messages.envelope import CloudEvent
from libs.common.samples import minimal_sample
from libs.common.schemas import SAMPLES, UNRELEASED, sample_of, samples_of

ROOT = golden.BASELINE.parents[2]
RELEASED = sorted(golden.digests())
TYPES = sorted(registry.all_types())


def test_no_event_has_a_breaking_change_since_the_last_release() -> None:
    verdict = check(released(), of_code())
    assert verdict.refused == (), "make a new major (docs/events.md)"


def test_the_baseline_holds_every_type_of_its_release_both_written_and_read() -> None:
    before = released()
    assert before.written.keys() == before.read.keys()
    assert {"cloudevent", "notices.notice.published.v1"} <= before.written.keys()
    version = (golden.BASELINE / "VERSION").read_text().strip()
    assert version.count(".") == 2


@pytest.mark.parametrize("name", RELEASED)
def test_a_released_sample_is_there_and_unedited(name: str) -> None:
    assert (SAMPLES / name).exists(), f"{name} was released: it stays for ever"
    assert sha256((SAMPLES / name).read_bytes()).hexdigest() == golden.digests()[name], f"{name} was edited"


def test_every_sample_of_a_release_is_in_the_list() -> None:
    found = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.json")}
    assert {name for name in found if not name.startswith(UNRELEASED)} == set(RELEASED)
    assert len(SAMPLES.joinpath("SHA256SUMS").read_text().splitlines()) == len(RELEASED), "no name twice"


def history(*options: str) -> str:
    """Give what the history of the repository says; nothing where there is none (an archive of the sources)."""
    if not (ROOT / ".git").exists():
        return ""
    git = ["git", "-c", f"safe.directory={ROOT}", "log", "--no-renames", *options]
    return subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_no_commit_ever_edited_a_released_sample_nor_took_a_line_from_their_list() -> None:
    """Who edits a sample and its digest together is found here."""
    changed = history("--diff-filter=MDT", "--format=", "--name-only", "--", str(SAMPLES))
    assert not [name for name in changed.split() if re.search(r"/samples/\d[^/]*/", name)]
    lines = history("-p", "--format=", "--", str(golden.SUMS)).splitlines()
    assert not [line for line in lines if line.startswith("-") and not line.startswith("---")]


def test_no_commit_ever_changed_the_baseline_but_a_release() -> None:
    commits = history("--format=@%h", "--name-only", "--", str(golden.BASELINE)).split("@")[1:]
    version = str((golden.BASELINE / "VERSION").relative_to(ROOT))
    assert not [names for names in commits if version not in names.split()]


def test_the_samples_of_what_is_not_released_are_those_of_the_code() -> None:
    for path, text in golden.files().items():
        assert (golden.BASELINE.parents[2] / path).read_text(encoding="utf-8") == text, "run make generate"
    assert golden.stale() == [], "run make generate"


@pytest.mark.parametrize("path", sorted(SAMPLES.rglob("*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_sample_is_still_read_and_valid(path: Path) -> None:
    body = path.read_bytes()
    envelope = CloudEvent.from_json(body)
    assert path.name.split(".minimal")[0].removesuffix(".json") == envelope.type
    event = registry.parse(envelope)
    assert str(event.aggregate_id) == envelope.subject
    assert event.aggregate_version == envelope.aggregateversion
    schema = schemas.schema(type(event))
    assert envelope.dataschema == schema["$id"]
    jsonschema_rs.validator_for(schema).validate(json.loads(body)["data"])
    jsonschema_rs.validator_for(schemas.envelope_schema()).validate(json.loads(body))


@pytest.mark.parametrize("name", TYPES)
def test_every_type_has_a_full_and_a_minimal_sample(name: str) -> None:
    model = registry.event_type(name)
    newest = samples_of(name)[-1]
    full, least = json.loads(newest.read_text()), json.loads(newest.with_suffix(".minimal.json").read_text())
    missing = [member for member, field in model.model_fields.items() if field.is_required()]
    assert sorted(least["data"]) == sorted(missing)
    assert set(full["data"]) == set(model.model_fields)
    assert sample_of(model).type == name


@pytest.mark.parametrize("name", TYPES)
def test_a_minimal_sample_can_lose_no_member(name: str) -> None:
    model = registry.event_type(name)
    validator = jsonschema_rs.validator_for(schemas.schema(model))
    data = minimal_sample(model).data
    for member in data:
        assert not validator.is_valid({key: value for key, value in data.items() if key != member}), member


def test_the_command_passes_today_and_refuses_a_breaking_change(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CliRunner().invoke(compatibility.main).exit_code == 0
    before = released()
    lost = {name: one for name, one in before.written.items() if name != "notices.notice.published.v1"}
    monkeypatch.setattr(compatibility, "of_code", lambda: compatibility.Contract(lost, before.read))
    told = CliRunner().invoke(compatibility.main)
    assert told.exit_code == 1
    assert "REFUSED  notices.notice.published.v1: the type is gone" in told.output
    assert "new major" in told.output
    assert CliRunner().invoke(compatibility.main, ["--release", "9.9.9"]).exit_code == 1, "nor is it released"


def test_the_command_refuses_to_compare_with_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compatibility, "BASELINE", tmp_path)
    told = CliRunner().invoke(compatibility.main)
    assert (told.exit_code, "no released contract" in told.output) == (1, True)


def test_a_release_moves_the_baseline_and_makes_the_samples_golden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    samples, baseline = tmp_path / "samples", tmp_path / "released"
    (samples / UNRELEASED).mkdir(parents=True)
    (samples / UNRELEASED / "gone.v1.json").write_text("{}")
    for module, name, value in (
        (golden, "SAMPLES", samples),
        (golden, "SUMS", samples / "SHA256SUMS"),
        (golden, "BASELINE", baseline),
        (compatibility, "BASELINE", baseline),
    ):
        monkeypatch.setattr(module, name, value)
    assert CliRunner().invoke(compatibility.main, ["--release", "one"]).exit_code == 2
    assert not baseline.exists()
    told = CliRunner().invoke(compatibility.main, ["--release", "1.0.0"])
    assert told.exit_code == 0, told.output
    assert len(golden.digests()) == 2 * len(TYPES)
    assert golden.files() == {}
    assert golden.stale() == []
    assert check(released(baseline), of_code()) == compatibility.Verdict((), ())
    again = CliRunner().invoke(compatibility.main, ["--release", "1.0.1"])
    assert again.exit_code == 0
    assert not (samples / "1.0.1").exists(), "nothing changed: the older samples stand for it"


def test_the_newest_release_of_a_sample_is_found_by_its_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(schemas, "SAMPLES", tmp_path)
    for release in ("0.10.0", "0.2.0", UNRELEASED, "1.0.0"):
        (tmp_path / release).mkdir()
        (tmp_path / release / "a.b.c.v1.json").write_text("{}")
    assert [path.parent.name for path in samples_of("a.b.c.v1")] == ["0.2.0", "0.10.0", "1.0.0", UNRELEASED]


def test_a_changed_type_waits_among_the_unreleased(monkeypatch: pytest.MonkeyPatch) -> None:
    model = registry.event_type("notices.procedure.closed.v1")
    assert golden.is_released(model) or golden.files()
    changed: type[Event] = type("Changed", (model,), {"__annotations__": {"added": str}, "added": ""})
    monkeypatch.setitem(registry._TYPES, model.type, changed)
    waiting = {Path(path).name: json.loads(text) for path, text in golden.files().items()}
    assert waiting["notices.procedure.closed.v1.json"]["data"]["added"] == "added"
    assert "added" not in waiting["notices.procedure.closed.v1.minimal.json"]["data"]
