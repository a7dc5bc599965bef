"""Authenticated chunks: nothing altered, moved, repeated, cut or added passes."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bids.sealing import TamperedError, TruncatedError, plain_size, sealed_size
from services.bids.sealing.stream import CHUNK_SIZE, TAG_SIZE, Opener, Sealer

KEY = bytes(range(32))
SEALED_CHUNK = CHUNK_SIZE + TAG_SIZE


def seal(plain: bytes, *, key: bytes = KEY, context: bytes = b"context") -> bytes:
    sealer = Sealer(key, context)
    return sealer.update(plain) + sealer.finish()


def reopen(sealed: bytes, *, key: bytes = KEY, context: bytes = b"context") -> bytes:
    opener = Opener(key, context)
    return opener.update(sealed) + opener.finish()


@settings(max_examples=30, deadline=None)
@given(size=st.integers(0, 3 * CHUNK_SIZE + 5), cuts=st.lists(st.integers(1, 90_000), max_size=6))
def test_bytes_come_back_however_they_are_cut(size: int, cuts: list[int]) -> None:
    plain = os.urandom(size)
    sealer, opener = Sealer(KEY, b"c"), Opener(KEY, b"c")
    sealed, opened, position = b"", b"", 0
    for cut in [*cuts, size]:
        sealed += sealer.update(plain[position : position + cut])
        position += cut
    sealed += sealer.update(plain[position:]) + sealer.finish()
    for start in range(0, len(sealed), 50_001):
        opened += opener.update(sealed[start : start + 50_001])
    assert opened + opener.finish() == plain
    assert len(sealed) == sealed_size(size)
    assert plain_size(len(sealed)) == size


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE])
def test_truncation_at_each_end_is_detected(size: int) -> None:
    sealed = seal(os.urandom(size))
    for cut in {1, TAG_SIZE, SEALED_CHUNK, len(sealed) - 1, len(sealed) % SEALED_CHUNK} & set(
        range(1, len(sealed) + 1)
    ):
        with pytest.raises(TamperedError):
            reopen(sealed[:-cut])


def test_chunks_cannot_be_dropped_moved_repeated_or_added() -> None:
    sealed = seal(os.urandom(3 * CHUNK_SIZE + 100))
    chunks = [sealed[start : start + SEALED_CHUNK] for start in range(0, len(sealed), SEALED_CHUNK)]
    a, b, c, last = chunks
    for order in ([b, a, c, last], [a, c, last], [a, a, b, c, last], [a, b, last], [a, b, c, c, last], [a, b, c]):
        with pytest.raises(TamperedError):
            reopen(b"".join(order))
    with pytest.raises(TamperedError):
        reopen(sealed + b"more")


@given(position=st.integers(0, 2 * CHUNK_SIZE), bit=st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_any_altered_bit_is_detected(position: int, bit: int) -> None:
    sealed = bytearray(seal(bytes(2 * CHUNK_SIZE)))
    sealed[position] ^= 1 << bit
    with pytest.raises(TamperedError):
        reopen(bytes(sealed))


def test_another_context_or_key_does_not_open() -> None:
    sealed = seal(b"offer", context=b"bid A")
    with pytest.raises(TamperedError):
        reopen(sealed, context=b"bid B")
    with pytest.raises(TamperedError):
        reopen(sealed, key=bytes(32), context=b"bid A")


def test_sizes_that_no_segment_has_are_refused() -> None:
    for size in (0, 15, SEALED_CHUNK, SEALED_CHUNK + 3):
        with pytest.raises(TruncatedError):
            plain_size(size)
