"""The proof that an officer holds the private key of the key he publishes."""

from __future__ import annotations

import base64
import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from libs.common.possession import PossessionError, exchange_key, prove, sign, signed_by, verify_possession


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public(seed: bytes) -> str:
    return text(exchange_key(seed).public_key().public_bytes_raw())


def test_a_proof_is_valid_for_its_key_and_officer_only() -> None:
    for _ in range(20):  # both signs of the Edwards point
        seed = os.urandom(32)
        proof = prove(seed, "maire")
        assert len(proof) == 128
        verify_possession("maire", public(seed), proof)
        with pytest.raises(PossessionError):
            verify_possession("adjoint", public(seed), proof)
        with pytest.raises(PossessionError):
            verify_possession("maire", public(os.urandom(32)), proof)


def test_a_key_of_somebody_else_cannot_be_proved_with_an_own_signature() -> None:
    """Whoever publishes a key that he saw somewhere can sign only with another key."""
    theirs = text(X25519PrivateKey.generate().public_key().public_bytes_raw())
    with pytest.raises(PossessionError, match="another key"):
        verify_possession("maire", theirs, prove(os.urandom(32), "maire"))


@pytest.mark.parametrize("small", [bytes(32), (1).to_bytes(32, "little")])
def test_keys_of_small_order_prove_nothing(small: bytes) -> None:
    """For such a key anybody can make a signature that verifies, and HPKE to it would be open to all."""
    y = (-1 % (2**255 - 19)) if small == bytes(32) else 0
    signer = Ed25519PrivateKey.generate()
    forged = y.to_bytes(32, "little") + signer.sign(b"x")
    with pytest.raises(PossessionError):
        verify_possession("maire", text(small), text(forged))


@pytest.mark.parametrize("proof", ["", "A", "A" * 128, "é" * 128, "A" * 127, "A" * 132])
def test_what_is_no_proof_is_refused(proof: str) -> None:
    with pytest.raises(PossessionError):
        verify_possession("maire", public(os.urandom(32)), proof)


def test_an_officer_signs_other_messages_with_the_same_key() -> None:
    seed = os.urandom(32)
    signed_by(public(seed), b"rehearsal", sign(seed, b"rehearsal"))
    with pytest.raises(PossessionError):
        signed_by(public(seed), b"another", sign(seed, b"rehearsal"))
