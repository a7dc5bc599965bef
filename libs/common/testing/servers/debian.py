"""Programs that tests need and that this machine lacks: installed where we may (Debian, root), said clearly where not."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "InstallError",
    "find_chromium",
    "find_node",
    "find_prometheus",
    "find_promtool",
    "install",
    "may_install",
]

POLICY = Path("/usr/sbin/policy-rc.d")
APT_SECONDS = 900
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


class InstallError(RuntimeError):
    """A package could not be installed."""


def find_chromium() -> Path | None:
    """Give an installed Chromium, None when there is none."""
    return _first_on_path(CHROMIUM)


def find_node() -> Path | None:
    """Give an installed Node, None when there is none."""
    return _first_on_path(("node", "nodejs"))


def find_prometheus() -> Path | None:
    """Give an installed Prometheus, None when there is none."""
    return _first_on_path(("prometheus",))


def find_promtool() -> Path | None:
    """Give the tool of an installed Prometheus that checks rules, None when there is none."""
    return _first_on_path(("promtool",))


def _first_on_path(names: tuple[str, ...]) -> Path | None:
    found = next((place for name in names if (place := shutil.which(name))), None)
    return Path(found) if found else None


def may_install() -> bool:
    """Tell whether packages may be installed here: Debian or like it, as root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Install a Debian package without starting any service of it. Raises InstallError."""
    if not may_install():
        raise InstallError(f"{package} is missing and cannot be installed here (not root on Debian).")
    with _no_service_started():
        _apt("update", "-qq")
        _apt("install", "-qq", "-y", "--no-install-recommends", package)


@contextmanager
def _no_service_started() -> Iterator[None]:
    """Deny, for the time of the installation, the start of services (Debian's policy-rc.d); keep a policy in place."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _apt(*arguments: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        answer = subprocess.run(
            ["apt-get", *arguments], capture_output=True, text=True, check=False, env=env, timeout=APT_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"apt-get {arguments[0]} took more than {APT_SECONDS} s.") from error
    if answer.returncode:
        raise InstallError(f"apt-get {' '.join(arguments)} failed: {answer.stderr.strip()[-300:]}")
