"""The committed table of terms is what the builder makes of the official SDK, where that is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.reference import eforms_terms
from libs.common import standards


def test_the_terms_are_those_of_the_official_sdk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = standards.folder()
    if folder is None or not (folder / "eforms" / "sdk").is_dir():
        pytest.skip("official SDK not available (HALLES_STANDARDS)")
    monkeypatch.setenv("HALLES_STANDARDS", str(folder))
    committed = eforms_terms.TARGET
    monkeypatch.setattr(eforms_terms, "TARGET", tmp_path / "terms.json")
    eforms_terms.main()
    assert (tmp_path / "terms.json").read_bytes() == committed.read_bytes()


def test_the_builder_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALLES_STANDARDS", str(tmp_path))
    with pytest.raises(SystemExit, match="HALLES_STANDARDS"):
        eforms_terms.main()
