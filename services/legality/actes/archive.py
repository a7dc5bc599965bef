"""Archives of envelopes: flat, reproducible when made; read as if an enemy had made them."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Mapping, Sequence

__all__ = ["MAX_FILES", "MAX_UNPACKED", "HostileArchiveError", "pack", "unpack"]

MAX_FILES = 200
MAX_UNPACKED = 200 * 2**20
"""Bytes of all files together."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")
_CHUNK = 2**20


class HostileArchiveError(ValueError):
    """The archive is broken, too large, or tries to write elsewhere."""


def pack(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Give the tar.gz of these files, in this order: the same files give the same bytes."""
    raw = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def unpack(data: bytes, limit: int = MAX_UNPACKED) -> Mapping[str, bytes]:
    """Give the files of a tar.gz by name, read in memory. Raises HostileArchiveError.

    Refused: links, devices, folders, paths, two files of one name, more than `limit` bytes or MAX_FILES files.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(_inflate(data, limit)), mode="r:") as tar:
            return _files(tar)
    except (tarfile.TarError, zlib.error, EOFError, OSError, UnicodeError) as error:
        raise HostileArchiveError(f"unreadable archive: {error}") from error


def _inflate(data: bytes, limit: int) -> bytes:
    """Decompress chunk by chunk: a bomb stops at the limit."""
    output = bytearray()
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as source:
        while chunk := source.read(_CHUNK):
            output += chunk
            if len(output) > limit:
                raise HostileArchiveError(f"more than {limit} bytes once unpacked")
    return bytes(output)


def _files(tar: tarfile.TarFile) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    while (member := tar.next()) is not None:
        name = member.name.removeprefix("./")
        if not member.isreg() or member.issparse() or not _NAME.fullmatch(name) or ".." in name:
            raise HostileArchiveError(f"not a plain file: {member.name[:100]!r}")
        if name in files or len(files) >= MAX_FILES:
            raise HostileArchiveError(f"a file twice, or more than {MAX_FILES} files")
        content = tar.extractfile(member)
        files[name] = content.read() if content is not None else b""
    return files
