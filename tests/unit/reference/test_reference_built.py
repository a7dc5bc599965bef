"""The committed tables are what the builders make of the official lists, where those are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.reference import build, eforms
from libs.common import standards

TABLES = ("cpv.tsv", "nuts.tsv", "departments.tsv", "communes.tsv")


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = standards.folder()
    if folder is None or not (folder / "ref").is_dir() or not (folder / "eforms" / "sdk").is_dir():
        pytest.skip("official lists not available (HALLES_STANDARDS)")
    monkeypatch.setenv("HALLES_STANDARDS", str(folder))
    return folder


@pytest.mark.usefixtures("official")
def test_the_reference_tables_are_those_of_the_official_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    committed = build.TARGET
    monkeypatch.setattr(build, "TARGET", tmp_path)
    build.main()
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (committed / name).read_bytes(), name


@pytest.mark.usefixtures("official")
def test_the_eforms_rules_are_those_of_the_official_sdk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    committed = eforms.TARGET
    monkeypatch.setattr(eforms, "TARGET", tmp_path)
    eforms.main()
    built = sorted(path.name for path in tmp_path.glob("*.tsv"))
    assert built == sorted(path.name for path in committed.glob("*.tsv"))
    for name in built:
        assert (tmp_path / name).read_bytes() == (committed / name).read_bytes(), name


def test_the_builders_say_what_they_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALLES_STANDARDS", str(tmp_path))
    for builder in (build, eforms):
        with pytest.raises(SystemExit, match="HALLES_STANDARDS"):
            builder.main()
