"""Proof that whoever publishes an X25519 key holds its private key (docs/sealing.md, section 3).

X25519 signs nothing. An officer's key therefore begins as an Ed25519 key pair; its X25519 form is the same key on the
other form of the same curve (RFC 7748, 4.1), the usual way (libsodium's `crypto_sign_ed25519_pk_to_curve25519`). A
signature under the Ed25519 form (RFC 8032), which is a proof of knowledge of the private key, proves possession of both.
"""

from __future__ import annotations

import base64
import binascii
import json
from hashlib import sha512
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

__all__ = ["PossessionError", "exchange_key", "prove", "sign", "signed_by", "verify_possession"]

_PRIME: Final = 2**255 - 19
_KEY, _SIGNATURE = 32, 64
_ANYBODY = X25519PrivateKey.from_private_bytes(sha512(b"any key: only tells keys of small order").digest()[:32])


class PossessionError(ValueError):
    """Nothing proves that the officer holds the private key of the key given."""


def exchange_key(seed: bytes) -> X25519PrivateKey:
    """Give the X25519 form of the Ed25519 key of a 32-byte seed."""
    return X25519PrivateKey.from_private_bytes(sha512(seed).digest()[:_KEY])


def prove(seed: bytes, officer: str) -> str:
    """Give the proof for the key of a seed: Ed25519 public key and signature, 96 bytes, base64url without padding."""
    return sign(seed, _statement(officer, _text(exchange_key(seed).public_key().public_bytes_raw())))


def sign(seed: bytes, message: bytes) -> str:
    """Sign a message with the Ed25519 form of an officer's key: what `signed_by` checks."""
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    return _text(signer.public_key().public_bytes_raw() + signer.sign(message))


def verify_possession(officer: str, public_key: str, proof: str) -> None:
    """Check the proof that goes with an officer's X25519 key (base64url). Raises PossessionError."""
    signed_by(public_key, _statement(officer, public_key), proof)


def signed_by(public_key: str, message: bytes, signature: str) -> None:
    """Check that the holder of an X25519 key signed a message. Raises PossessionError that says what is wrong."""
    exchange, content = _bytes(public_key, _KEY), _bytes(signature, _KEY + _SIGNATURE)
    signer = content[:_KEY]
    if _exchange_form(signer) != exchange:
        raise PossessionError("the proof is that of another key")
    try:
        _ANYBODY.exchange(X25519PublicKey.from_public_bytes(exchange))  # refuses keys of small order
        Ed25519PublicKey.from_public_bytes(signer).verify(content[_KEY:], message)
    except (InvalidSignature, ValueError) as error:
        raise PossessionError("the proof is not valid for this key and this officer") from error


def _statement(officer: str, public_key: str) -> bytes:
    """Give what is signed: bound to the officer's name and to no consultation, so that a key may serve several."""
    told = ["halles-officer-key-2", "possession", officer, public_key]
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def _exchange_form(signer: bytes) -> bytes:
    """Give u = (1 + y) / (1 - y), little endian (RFC 7748, 4.1)."""
    y = int.from_bytes(signer, "little") & (2**255 - 1)
    u = (1 + y) * pow(1 - y, _PRIME - 2, _PRIME) % _PRIME
    return u.to_bytes(_KEY, "little")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str, size: int) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise PossessionError("not base64url") from error
    if len(data) != size:
        raise PossessionError(f"{size} bytes are expected")
    return data
