"""The three threads that seal a segment: what they write opens to what came, and a sink that is full is known at once."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.bids.sealing.onfly_sources import Piped
from services.bids.sealing.onfly_work import Work
from services.bids.sealing.stream import CHUNK_SIZE, Opener, sealed_size

KEY, CONTEXT = bytes(range(32)), b"a segment"
BATCH = 32 * CHUNK_SIZE


class Endless:
    """A source that never ends, and counts."""

    def __init__(self) -> None:
        self.given = 0

    def read_into(self, room: memoryview) -> int:
        """Fill it."""
        self.given += len(room)
        return len(room)

    def matches(self) -> bool | None:
        """Say nothing."""
        return None


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, BATCH - 1, BATCH, BATCH + 1, 7 * BATCH, 7 * BATCH + CHUNK_SIZE + 5]
)
def test_what_is_written_opens_to_what_came(tmp_path: Path, size: int) -> None:
    plain = random.Random(size).randbytes(size)
    (tmp_path / "plain").write_bytes(plain)
    with (tmp_path / "plain").open("rb") as source, (tmp_path / "sealed").open("wb", buffering=0) as sink:
        work = Work(AESGCM(KEY), CONTEXT, sink.fileno())
        assert work.run(Piped(source)) == size
    sealed = (tmp_path / "sealed").read_bytes()
    assert (work.size, work.digest.hexdigest()) == (len(sealed), hashlib.sha256(sealed).hexdigest())
    assert len(sealed) == sealed_size(size)
    opener = Opener(KEY, CONTEXT)
    assert opener.update(sealed) + opener.finish() == plain


def test_a_sink_that_takes_no_more_ends_the_work_before_the_source_does() -> None:
    sink, source = os.open("/dev/full", os.O_WRONLY), Endless()
    try:
        with pytest.raises(OSError, match="No space left"):
            Work(AESGCM(KEY), CONTEXT, sink).run(source)
    finally:
        os.close(sink)
    assert source.given <= 6 * BATCH


def test_plaintext_does_not_stay_in_the_buffers(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"secret" * 50_000)
    with (tmp_path / "plain").open("rb") as source, (tmp_path / "sealed").open("wb", buffering=0) as sink:
        work = Work(AESGCM(KEY), CONTEXT, sink.fileno())
        work.run(Piped(source))
    assert not any(work._plain)
