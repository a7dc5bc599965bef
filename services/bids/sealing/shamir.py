"""Shamir's secret sharing of 32 bytes over GF(2^8), k of n.

The field is that of AES (polynomial 0x11B). All 32 bytes are worked on at once, packed in one integer. There is no
table and no branch on a secret; the scalars are public (the officers' indexes). Python's integers promise nothing
about time beyond that: see the threat model in docs/sealing.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.bids.sealing.errors import TooFewSharesError

__all__ = ["SECRET_SIZE", "combine", "evaluate", "split"]

SECRET_SIZE = 32
"""Bytes of a secret and of a share."""

_ONES = int.from_bytes(b"\x01" * SECRET_SIZE, "big")
_LOW = _ONES * 0x7F
_REDUCTION = 0x1B


def split(secret: bytes, coefficients: Sequence[bytes], count: int) -> list[bytes]:
    """Give the shares of the officers 1 to `count`; the threshold is one more than the number of coefficients.

    Raises ValueError when the sizes are not those of the scheme.
    """
    if any(len(each) != SECRET_SIZE for each in (secret, *coefficients)):
        raise ValueError(f"a secret and its coefficients are {SECRET_SIZE} bytes each")
    if not len(coefficients) < count <= 255:
        raise ValueError("1 <= threshold <= count <= 255")
    polynomial = [int.from_bytes(each, "big") for each in (secret, *coefficients)]
    return [_horner(polynomial, index).to_bytes(SECRET_SIZE, "big") for index in range(1, count + 1)]


def combine(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """Give the secret of any k shares, keyed by index; more than k are used to check nothing: see `evaluate`.

    Raises TooFewSharesError.
    """
    return evaluate(shares, threshold, at=0)


def evaluate(shares: Mapping[int, bytes], threshold: int, *, at: int) -> bytes:
    """Give the point `at` of the polynomial through the first k shares. Raises TooFewSharesError."""
    if len(shares) < threshold:
        raise TooFewSharesError(len(shares), threshold)
    base = sorted(shares)[:threshold]
    total = 0
    for index in base:
        total ^= _scale(int.from_bytes(shares[index], "big"), _lagrange(base, index, at))
    return total.to_bytes(SECRET_SIZE, "big")


def _horner(polynomial: Sequence[int], at: int) -> int:
    value = 0
    for coefficient in reversed(polynomial):
        value = _scale(value, at) ^ coefficient
    return value


def _scale(vector: int, scalar: int) -> int:
    """Multiply each byte of the vector by the scalar, in the field."""
    product = 0
    for bit in range(8):
        product ^= vector * (scalar >> bit & 1)
        carries = (vector >> 7) & _ONES
        vector = ((vector & _LOW) << 1) ^ (carries * _REDUCTION)
    return product


def _lagrange(base: Sequence[int], index: int, at: int) -> int:
    numerator, denominator = 1, 1
    for other in base:
        if other != index:
            numerator = _multiply(numerator, at ^ other)
            denominator = _multiply(denominator, index ^ other)
    return _multiply(numerator, _inverse(denominator))


def _multiply(left: int, right: int) -> int:
    return _scale(left, right)


def _inverse(element: int) -> int:
    """Give element^254, which is its inverse (Fermat)."""
    result, square = 1, element
    for _ in range(7):
        square = _multiply(square, square)
        result = _multiply(result, square)
    return result
