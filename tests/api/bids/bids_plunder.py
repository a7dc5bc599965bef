"""What whoever holds everything but k officers' keys can try: all rows, all stored objects, some private keys.

The same script with k keys opens everything: so that it finds nothing with fewer says something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import Envelope, OfficerKey, TamperedError, dealing, hpke, shamir, stream
from services.bids.sealing.names import SegmentName, from_text
from services.bids.sealing.sharing import sharing
from tests.api.bids.bids_world import World

__all__ = ["Loot", "dump", "plunder"]

_WORDS = re.compile(rb"[A-Za-z0-9_-]{40,200}")


@dataclass
class Loot:
    """All rows of all tables, all stored objects."""

    rows: list[bytes]
    objects: list[bytes]
    envelopes: list[Envelope] = field(default_factory=list)
    key_sets: list[OpeningKeySet] = field(default_factory=list)


async def dump(w: World) -> Loot:
    """Take everything that the platform holds."""
    loot = Loot([], [])
    async with w.h.runtime.read() as conn:
        tables = await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for table in tables:
            found = await conn.fetch(f'SELECT row_to_json(t)::text AS row FROM "{table["tablename"]}" AS t')  # noqa: S608
            loot.rows += [row["row"].encode() for row in found]
        contents = await conn.fetch("SELECT content FROM envelope WHERE content IS NOT NULL")
        loot.envelopes = [Envelope.model_validate(row["content"]) for row in contents]
        loot.key_sets = [
            OpeningKeySet.model_validate(row["keys"]) for row in await conn.fetch("SELECT keys FROM key_set")
        ]
    storage = w.h.runtime.settings.data_dir / "storage"
    loot.objects = [each.read_bytes() for each in storage.rglob("*") if each.is_file()]
    return loot


def plunder(loot: Loot, keys: Iterable[OfficerKey]) -> list[bytes]:
    """Give every plaintext that can be had with these officers' keys."""
    known, words = list(keys), _secrets(loot)
    found: list[bytes] = []
    for envelope in loot.envelopes:
        (key_set,) = (each for each in loot.key_sets if each.fingerprint == envelope.fingerprint)
        for segment in envelope.segments:
            name = envelope.name.segment(*segment.place)
            shares = _shares(name, segment.shares, known)
            ciphertexts = [from_text(envelope.manifest_ciphertext), *loot.objects]
            for secret in _candidates(key_set, shares, words):
                for key in (secret, dealing.chunk_key(secret, name)):
                    found += [plain for each in ciphertexts if (plain := _open(each, key, name)) is not None]
    return found


def _secrets(loot: Loot) -> set[bytes]:
    """Give everything of 32 bytes that stands written in a row: hashes, commitments, shares presented, keys."""
    values: set[bytes] = set()
    for row in loot.rows:
        values |= {value for each in _WORDS.findall(row) for value in _read(each) if len(value) == shamir.SECRET_SIZE}
    return values


def _read(word: bytes) -> Iterator[bytes]:
    text = word.decode()
    if len(text) % 2 == 0 and re.fullmatch("[0-9a-f]*", text):
        yield bytes.fromhex(text)
    elif len(text) % 4 != 1:
        yield from_text(text)


def _shares(name: SegmentName, sealed: Iterable[Any], keys: list[OfficerKey]) -> dict[str, bytes]:
    """Open every sealed share with every key, as its officer and as each other one."""
    opened: dict[str, bytes] = {}
    for share in sealed:
        for key in keys:
            try:
                opened[share.officer] = dealing.open_share(share.sealed, name, (share.officer, key.private))
            except hpke.HpkeError:
                continue
    return opened


def _candidates(keys: OpeningKeySet, shares: dict[str, bytes], words: set[bytes]) -> Iterator[bytes]:
    """Give the secrets to try: what is written; all shares together; each with what is written in a missing place."""
    shared = sharing(keys)
    size = shamir.SECRET_SIZE
    points = {
        place: share[size * rank : size * (rank + 1)]
        for officer, share in shares.items()
        for rank, place in enumerate(shared.points[officer])
    }
    yield from words
    yield from points.values()
    for some in range(1, len(points) + 1):
        for chosen in combinations(sorted(points), some):
            yield shamir.combine({each: points[each] for each in chosen}, some)
    missing = [place for place in range(1, shared.total + 1) if place not in points]
    if points and len(points) == shared.needed - 1:
        for place in missing:
            yield from (shamir.combine({**points, place: word}, shared.needed) for word in words)


def _open(ciphertext: bytes, key: bytes, name: SegmentName) -> bytes | None:
    """Open what may be this segment."""
    opener = stream.Opener(key, name.context("chunk"))
    try:
        return opener.update(ciphertext) + opener.finish()
    except TamperedError:
        return None
