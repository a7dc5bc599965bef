"""Shamir over GF(256): any k shares give the secret, fewer give nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.sealing import TooFewSharesError, shamir

secrets = st.binary(min_size=32, max_size=32)


def reference_multiply(left: int, right: int) -> int:
    """Multiply in the AES field, the long way."""
    product = 0
    for bit in range(8):
        if right >> bit & 1:
            product ^= left << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


def test_field_agrees_with_schoolbook_arithmetic() -> None:
    for left in range(256):
        vector = bytes([left]) * 32
        for right in (0, 1, 2, 3, 0x53, 0xCA, 255):
            product = shamir._scale(int.from_bytes(vector, "big"), right).to_bytes(32, "big")
            assert product == bytes([reference_multiply(left, right)]) * 32


def test_each_element_but_zero_has_an_inverse() -> None:
    assert all(reference_multiply(element, shamir._inverse(element)) == 1 for element in range(1, 256))


@given(secret=secrets, data=st.data())
def test_any_k_shares_give_the_secret(secret: bytes, data: st.DataObject) -> None:
    threshold = data.draw(st.integers(1, 6))
    count = data.draw(st.integers(threshold, 9))
    coefficients = data.draw(st.lists(secrets, min_size=threshold - 1, max_size=threshold - 1))
    shares = dict(enumerate(shamir.split(secret, coefficients, count), 1))
    chosen = data.draw(st.permutations(sorted(shares)))[:threshold]
    assert shamir.combine({index: shares[index] for index in chosen}, threshold) == secret


@given(secret=secrets, other=secrets, data=st.data())
def test_fewer_shares_fit_every_secret_equally(secret: bytes, other: bytes, data: st.DataObject) -> None:
    """k-1 shares say nothing: for any other secret there is a polynomial through the same shares."""
    threshold = data.draw(st.integers(2, 5))
    coefficients = data.draw(st.lists(secrets, min_size=threshold - 1, max_size=threshold - 1))
    shares = dict(enumerate(shamir.split(secret, coefficients, threshold), 1))
    known = {index: share for index, share in shares.items() if index != threshold}
    forged = shamir.evaluate({**known, 0: other}, threshold, at=threshold)
    assert shamir.combine({**known, threshold: forged}, threshold) == other


def test_too_few_shares_are_counted() -> None:
    shares = dict(enumerate(shamir.split(bytes(32), [bytes(32)] * 2, 5), 1))
    with pytest.raises(TooFewSharesError) as refused:
        shamir.combine({1: shares[1]}, 3)
    assert refused.value.missing == 2


@pytest.mark.parametrize(
    ("secret", "coefficients", "count"), [(b"short", [], 1), (bytes(32), [bytes(32)], 1), (bytes(32), [b""], 3)]
)
def test_sizes_of_the_scheme_are_required(secret: bytes, coefficients: list[bytes], count: int) -> None:
    with pytest.raises(ValueError, match=r"bytes each|threshold"):
        shamir.split(secret, coefficients, count)
