"""A sealed bid: k officers open it, fewer do not; whoever cheats is found and named."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.common.messages.notices import OpeningKeySet
from services.bids import sealing
from services.bids.sealing import (
    BadlySealedError,
    Envelope,
    EnvelopeError,
    EnvelopeName,
    OfficerKey,
    Sealed,
    ShareError,
    TamperedError,
    TooFewSharesError,
    dealing,
    hpke,
    shamir,
)
from services.bids.sealing.manifest import ManifestFile, ManifestSegment, SealedFile, SealedSegment, SealedShare
from services.bids.sealing.reading import open_file
from services.bids.sealing.recovery import open_manifest, recover_file
from services.bids.sealing.seal import SealingPlan, seal_manifest
from services.bids.sealing.sharing import enough
from tests.unit.bids.sealing_people import BID, CONSULTATION, key_set, officers, sealed_bid

SHARES = dict[str, bytes]


def shares_of(sealed: Sealed, people: list[OfficerKey], file: int, segment: int = 1) -> SHARES:
    """Open the officers' shares of one segment."""
    envelope = sealed.envelope
    (found,) = [each for each in envelope.all_files if each.number == file]
    name = envelope.name.segment(file, segment)
    by_name = {each.officer: each.sealed for each in found.segments[segment - 1].shares}
    return {p.officer: dealing.open_share(by_name[p.officer], name, (p.officer, p.private)) for p in people}


class Stored(BytesIO):
    """Gives at most 10,000 bytes at a time."""

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  # a buffer
        return super().readinto(memoryview(buffer)[:10_000])


async def plaintext(sealed: Sealed, keys: OpeningKeySet, people: list[OfficerKey], file: int) -> bytes:
    envelope = sealed.envelope
    found = envelope.files[file - 1]
    shares = {each.place: shares_of(sealed, people, file, each.number) for each in found.segments}
    secrets = recover_file(shares, envelope.name, found, keys)
    return b"".join(
        bytes(part) for part in open_file(found, envelope.name, secrets, Stored(sealed.ciphertexts[file - 1]))
    )


@settings(max_examples=15, deadline=None)
@given(
    threshold=st.integers(1, 4), more=st.integers(0, 2), sizes=st.lists(st.integers(0, 200_000), min_size=1, max_size=3)
)
async def test_any_k_officers_open_every_file(threshold: int, more: int, sizes: list[int]) -> None:
    people = officers(threshold + more)
    keys = key_set(threshold, people)
    contents = [os.urandom(size) for size in sizes]
    sealed = sealed_bid(keys, contents)
    sealed.envelope.check(keys)
    for number, content in enumerate(contents, 1):
        assert await plaintext(sealed, keys, people[-threshold:], number) == content
    secrets = recover_file(
        {(0, 1): shares_of(sealed, people[:threshold], 0)}, sealed.envelope.name, sealed.envelope.manifest, keys
    )
    manifest = open_manifest(sealed.envelope, secrets)
    assert [(each.size, each.sha256) for each in manifest.files] == [
        (len(each), sha256(each).hexdigest()) for each in contents
    ]


async def test_a_file_of_several_segments_opens_in_order() -> None:
    people = officers(3)
    keys = key_set(2, people)
    content = os.urandom(150_001)
    sealed = sealed_bid(keys, [content], segment_size=70_000)
    assert [each.number for each in sealed.envelope.files[0].segments] == [1, 2, 3]
    assert await plaintext(sealed, keys, people[:2], 1) == content


def test_nothing_outside_the_sealed_manifest_tells_of_the_plaintext() -> None:
    """The plaintext of a price form can be guessed: only hashes of ciphertext are told."""
    people = officers(2)
    content = b"montant 123 456,00"
    sealed = sealed_bid(key_set(2, people), [content])
    text = sealed.envelope.to_bytes()
    assert sha256(content).hexdigest().encode() not in text
    assert b"offre-1.txt" not in text
    again = sealing.seal(
        sealing.SealingPlan(sealed.envelope.name, key_set(2, people), "offer", ("L",)),
        [sealing.PlainFile("offre-1.txt", "text/plain", content)],
    )
    assert again.envelope.files[0].sha256 != sealed.envelope.files[0].sha256


def test_too_few_shares_are_refused_and_counted() -> None:
    people = officers(3)
    keys = key_set(3, people)
    sealed = sealed_bid(keys, [b"offer"])
    file = sealed.envelope.files[0]
    with pytest.raises(TooFewSharesError) as refused:
        recover_file({(1, 1): shares_of(sealed, people[:2], 1)}, sealed.envelope.name, file, keys)
    assert refused.value.missing == 1


def test_forged_swapped_and_foreign_shares_are_named() -> None:
    people = officers(3)
    keys = key_set(2, people)
    sealed = sealed_bid(keys, [b"offer"])
    other = sealed_bid(keys, [b"offer"], bid=uuid4())
    file, name = sealed.envelope.files[0], sealed.envelope.name
    good = shares_of(sealed, people, 1)
    foreign = shares_of(other, people, 1)
    attempts: list[tuple[SHARES, str]] = [
        ({"officier-1": good["officier-1"], "officier-2": bytes(32)}, "officier-2"),
        ({"officier-1": good["officier-2"], "officier-2": good["officier-2"]}, "officier-1"),
        ({"officier-1": foreign["officier-1"], "officier-2": good["officier-2"]}, "officier-1"),
        ({"officier-1": good["officier-1"], "intrus": good["officier-2"]}, "intrus"),
    ]
    for shares, culprit in attempts:
        with pytest.raises(ShareError) as refused:
            recover_file({(1, 1): shares}, name, file, keys)
        assert refused.value.officer == culprit


def test_a_share_opens_for_its_own_segment_officer_and_consultation_only() -> None:
    people = officers(2)
    keys = key_set(2, people)
    sealed = sealed_bid(keys, [b"one", b"two"])
    text = sealed.envelope.files[0].segments[0].shares[0].sealed
    mine = (people[0].officer, people[0].private)
    elsewhere = [
        sealed.envelope.name.segment(2, 1),
        sealed.envelope.name.segment(1, 2),
        EnvelopeName(CONSULTATION, BID, 2, keys.fingerprint).segment(1, 1),
        EnvelopeName(uuid4(), BID, 1, keys.fingerprint).segment(1, 1),
        EnvelopeName(CONSULTATION, uuid4(), 1, keys.fingerprint).segment(1, 1),
        EnvelopeName(CONSULTATION, BID, 1, "0" * 64).segment(1, 1),
    ]
    for name in elsewhere:
        with pytest.raises(hpke.HpkeError):
            dealing.open_share(text, name, mine)
    with pytest.raises(hpke.HpkeError):
        dealing.open_share(text, sealed.envelope.name.segment(1, 1), ("officier-2", people[0].private))


def cheat(sealed: Sealed, change: Callable[[dict[str, Any]], None]) -> SealedSegment:
    """Give the first segment of the first file, dealt otherwise than the scheme prescribes."""
    content = sealed.envelope.files[0].segments[0].model_dump(mode="json")
    change(content)
    return SealedSegment.model_validate(content)


def test_a_dealer_whose_shares_open_to_different_offers_is_proved() -> None:
    """Officers 1 and 2 would find one key, 2 and 3 another one: the commitments to each share alone do not tell."""
    people = officers(3)
    keys = key_set(2, people)
    sealed = sealed_bid(keys, [b"offer"])
    name = sealed.envelope.name.segment(1, 1)
    off = os.urandom(32)
    info = name.context("share", "officier-3")
    recipient = people[2].private.public_key().public_bytes_raw()

    def deal_off_the_polynomial(content: dict[str, Any]) -> None:
        content["shares"][2] = SealedShare(
            officer="officier-3",
            sealed=sealing.to_text(hpke.seal(off, recipient, info=info, seed=os.urandom(32))),
            commitment=dealing._share_commitment(off, name, "officier-3"),
        ).model_dump()

    segment = cheat(sealed, deal_off_the_polynomial)
    good = shares_of(sealed, people[:2], 1)
    with pytest.raises(BadlySealedError) as proved:
        dealing.recover(good, name, segment, keys)
    assert proved.value.proof["officers"] == ["officier-3"]
    with pytest.raises(BadlySealedError, match="polynomial"):
        dealing.recover({**good, "officier-3": off}, name, segment, keys)
    with pytest.raises(BadlySealedError, match="committed") as proved:
        dealing.recover({"officier-2": good["officier-2"], "officier-3": off}, name, segment, keys)
    assert proved.value.proof["shares"] == {
        "officier-2": sealing.to_text(good["officier-2"]), "officier-3": sealing.to_text(off),
    }  # fmt: skip


def test_a_dealer_who_commits_to_another_key_or_seals_garbage_is_proved() -> None:
    people = officers(3)
    keys = key_set(2, people)
    sealed = sealed_bid(keys, [b"offer"])
    name = sealed.envelope.name.segment(1, 1)
    good = shares_of(sealed, people[:2], 1)
    with pytest.raises(BadlySealedError, match="committed"):
        dealing.recover(good, name, cheat(sealed, lambda content: content.update(key_commitment="1" * 64)), keys)
    garbage = sealing.to_text(os.urandom(80))
    with pytest.raises(BadlySealedError, match="do not open") as proved:
        dealing.recover(good, name, cheat(sealed, lambda content: content["shares"][2].update(sealed=garbage)), keys)
    assert proved.value.proof["officers"] == ["officier-3"]


async def test_altered_ciphertext_does_not_open() -> None:
    people = officers(2)
    keys = key_set(2, people)
    sealed = sealed_bid(keys, [os.urandom(100_000)])
    altered = bytearray(sealed.ciphertexts[0])
    altered[80_000] ^= 1
    with pytest.raises(TamperedError):
        await plaintext(Sealed(sealed.envelope, (bytes(altered),)), keys, people, 1)


def _repeat_a_segment(envelope: dict[str, Any]) -> None:
    file = envelope["files"][0]
    file["segments"] *= 2
    file["size"] *= 2


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(threshold=1),
        lambda e: e.update(fingerprint="0" * 64),
        lambda e: e["files"].reverse(),
        _repeat_a_segment,
        lambda e: e.update(lots=["LOT-0001", "LOT-0001"]),
        lambda e: e["files"][0]["segments"][0]["shares"].pop(),
        lambda e: e["files"][0]["segments"][0]["shares"].reverse(),
        lambda e: e.update(manifest_ciphertext="AAAA"),
        lambda e: e["manifest"].update(number=3),
        lambda e: e["manifest"].update(sha256="0" * 64),
    ],
)
def test_an_envelope_that_contradicts_itself_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    keys = key_set(2, officers(3))
    content = sealed_bid(keys, [b"one", b"two"]).envelope.model_dump(mode="json")
    change(content)
    with pytest.raises(EnvelopeError):
        Envelope.model_validate(content).check(keys)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(scheme="halles-seal-0"),
        lambda e: e["files"][0].update(size=17),
        lambda e: e["files"][0]["segments"][0].update(number=0),
        lambda e: e["files"][0]["segments"][0].update(size=-1),
        lambda e: e.update(number=0),
        lambda e: e.update(kind="other"),
        lambda e: e.update(lots=[]),
        lambda e: e.update(extra=1),
        lambda e: e.update(files=[]),
    ],
)
def test_lying_lengths_and_numbers_are_refused(change: Callable[[dict[str, Any]], None]) -> None:
    content = sealed_bid(key_set(1, officers(1)), [b"one"]).envelope.model_dump(mode="json")
    change(content)
    with pytest.raises(ValidationError):
        Envelope.model_validate(content)


def test_files_swapped_between_sealed_bids_are_found_by_the_sealed_manifest() -> None:
    people = officers(1)
    keys = key_set(1, people)
    sealed = sealed_bid(keys, [b"one"])
    again = sealing.seal(
        sealing.SealingPlan(sealed.envelope.name, keys, "offer", ("LOT-0001",)),
        [sealing.PlainFile("a", "text/plain", b"two")],
    )
    mixed = sealed.envelope.model_copy(update={"files": again.envelope.files})
    secrets = recover_file({(0, 1): shares_of(sealed, people, 0)}, mixed.name, mixed.manifest, keys)
    with pytest.raises(EnvelopeError, match="sealed manifest"):
        open_manifest(mixed, secrets)


def test_colluding_officers_with_the_whole_envelope_recover_nothing() -> None:
    """k-1 private keys and everything the platform holds: every derivation they can try gives another key."""
    people = officers(5)
    keys = key_set(3, people)
    sealed = sealed_bid(keys, [b"secret offer"])
    segment = sealed.envelope.files[0].segments[0]
    name = sealed.envelope.name.segment(1, 1)
    known = {index + 1: share for index, share in enumerate(shares_of(sealed, people[:2], 1).values())}
    for other in (4, 5, 3):
        for guess in (bytes(32), b"\xff" * 32, known[1], known[2]):
            secret = shamir.combine({**known, other: guess}, 3)
            assert dealing._derive(secret, name.context("commitment")).hex() != segment.key_commitment
    secret = shamir.combine(known, 2)
    assert dealing._derive(secret, name.context("commitment")).hex() != segment.key_commitment


@pytest.mark.parametrize(
    ("threshold", "count", "recovery", "open_together", "too_few"),
    [
        (2, 3, 1, [(0, 1), (0, 3), (2, 3)], [(0,), (3,)]),
        (1, 1, 2, [(0,), (1, 2), (0, 1)], [(1,), (2,)]),
        (1, 2, 2, [(0,), (1,), (2, 3)], [(2,), (3,)]),
    ],
)
async def test_recovery_officers_stand_in_and_are_never_enough_alone(
    threshold: int, count: int, recovery: int, open_together: list[tuple[int, ...]], too_few: list[tuple[int, ...]]
) -> None:
    people = officers(count, recovery)
    keys = key_set(threshold, people)
    sealed = sealed_bid(keys, [b"offer"])
    for chosen in open_together:
        assert enough(keys, [people[each].officer for each in chosen])
        assert await plaintext(sealed, keys, [people[each] for each in chosen], 1) == b"offer"
    for chosen in too_few:
        assert not enough(keys, [people[each].officer for each in chosen])
        with pytest.raises(TooFewSharesError):
            await plaintext(sealed, keys, [people[each] for each in chosen], 1)


def test_an_officer_who_gives_half_of_his_share_is_found() -> None:
    people = officers(1, 2)
    keys = key_set(1, people)
    sealed = sealed_bid(keys, [b"offer"])
    name, segment = sealed.envelope.name.segment(1, 1), sealed.envelope.files[0].segments[0]
    whole = shares_of(sealed, people[:1], 1)["officier-1"]
    with pytest.raises(ShareError):
        dealing.recover({"officier-1": whole[:32]}, name, segment, keys)
    short = segment.model_dump(mode="json")
    short["shares"][0]["commitment"] = dealing._share_commitment(whole[:32], name, "officier-1")
    with pytest.raises(BadlySealedError, match="another size"):
        dealing.recover({"officier-1": whole[:32]}, name, SealedSegment.model_validate(short), keys)


def test_segments_keep_their_numbers_when_uploads_are_joined() -> None:
    """The order is that of the list: two parts sealed apart, the second one first; swapped back, the manifest says no."""
    people = officers(2)
    keys = key_set(2, people)
    one, two = (sealed_bid(keys, [b"x" * 9]), sealed_bid(keys, [b"", b"y" * 9]))
    first, second = one.envelope.files[0].segments[0], two.envelope.files[1].segments[0]
    size = first.size + second.size
    joined = SealedFile(number=1, size=size, sha256="0" * 64, segments=(second, first))
    assert [each.place for each in joined.segments] == [(2, 1), (1, 1)]
    told = ManifestFile(
        number=1, name="a", media_type="text/plain", size=18, sha256=None,
        segments=tuple(ManifestSegment.of(each) for each in joined.segments),
    )  # fmt: skip
    plan = SealingPlan(one.envelope.name, keys, "offer", ("LOT-0001",))
    envelope = seal_manifest(plan, (joined,), (told,), sealed_by="platform")
    envelope.check(keys)
    secrets = recover_file(
        {(0, 1): {p.officer: _share(envelope, p) for p in people}}, envelope.name, envelope.manifest, keys
    )
    assert open_manifest(envelope, secrets).files == (told,)
    turned = envelope.model_copy(update={"files": (joined.model_copy(update={"segments": (first, second)}),)})
    with pytest.raises(EnvelopeError, match="sealed manifest"):
        open_manifest(turned, secrets)


def _share(envelope: Envelope, person: OfficerKey) -> bytes:
    (sealed,) = (each.sealed for each in envelope.manifest.segments[0].shares if each.officer == person.officer)
    return dealing.open_share(sealed, envelope.name.segment(0, 1), (person.officer, person.private))
