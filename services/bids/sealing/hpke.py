"""HPKE (RFC 9180), base mode, one shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

Opening is done by the `cryptography` library. Sealing is written out here because the scheme needs the ephemeral key
to be given: it is derived from the segment's secret, so that whoever recovers the secret can deal the shares again and
prove what the bidder did (docs/sealing.md). Checked against the vectors of RFC 9180 A.1.1 and against the library.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from services.bids.sealing.errors import SealingError

__all__ = ["ENC_SIZE", "AeadKey", "HpkeError", "derive_key_pair", "encapsulate", "key_schedule", "open_sealed", "seal"]

ENC_SIZE = 32
"""Bytes of the encapsulated key at the head of what `seal` gives."""
_KEM_ID, _KDF_ID, _AEAD_ID, _KEY_SIZE, _NONCE_SIZE = 0x0020, 0x0001, 0x0002, 32, 12
_KEM_SUITE = b"KEM" + _KEM_ID.to_bytes(2, "big")
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

AeadKey = tuple[bytes, bytes]
"""An AEAD key and its base nonce."""


class HpkeError(SealingError):
    """This was not sealed to this key, or not for this purpose."""


def seal(plaintext: bytes, recipient: bytes, *, info: bytes, seed: bytes) -> bytes:
    """Give `enc || ciphertext`; `seed` (secret, 32 bytes, used once) makes the ephemeral key (DeriveKeyPair).

    Raises ValueError when the recipient is no X25519 key.
    """
    shared, enc = encapsulate(X25519PublicKey.from_public_bytes(recipient), derive_key_pair(seed))
    key, nonce = key_schedule(shared, info)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


def open_sealed(sealed: bytes, private: X25519PrivateKey, *, info: bytes) -> bytes:
    """Give the plaintext. Raises HpkeError when the key, the purpose or a byte is another one."""
    try:
        return _SUITE.decrypt(sealed, private, info)
    except (InvalidTag, ValueError) as error:
        raise HpkeError("not sealed to this key for this purpose") from error


def derive_key_pair(seed: bytes) -> X25519PrivateKey:
    """Give the key pair of RFC 9180, 7.1.3 (X25519)."""
    pseudo_random = _labeled_extract(_KEM_SUITE, b"", b"dkp_prk", seed)
    return X25519PrivateKey.from_private_bytes(_labeled_expand(_KEM_SUITE, pseudo_random, b"sk", b"", 32))


def encapsulate(recipient: X25519PublicKey, ephemeral: X25519PrivateKey) -> tuple[bytes, bytes]:
    """Give the shared secret and the encapsulated key (RFC 9180, 4.1)."""
    enc = ephemeral.public_key().public_bytes_raw()
    context = enc + recipient.public_bytes_raw()
    pseudo_random = _labeled_extract(_KEM_SUITE, b"", b"eae_prk", ephemeral.exchange(recipient))
    return _labeled_expand(_KEM_SUITE, pseudo_random, b"shared_secret", context, 32), enc


def key_schedule(shared: bytes, info: bytes, *, aead_id: int = _AEAD_ID, key_size: int = _KEY_SIZE) -> AeadKey:
    """Give the key and the base nonce of the base mode (RFC 9180, 5.1)."""
    suite = b"HPKE" + b"".join(each.to_bytes(2, "big") for each in (_KEM_ID, _KDF_ID, aead_id))
    psk_hash = _labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(suite, b"", b"info_hash", info)
    context = b"\x00" + psk_hash + info_hash
    secret = _labeled_extract(suite, shared, b"secret", b"")
    key = _labeled_expand(suite, secret, b"key", context, key_size)
    return key, _labeled_expand(suite, secret, b"base_nonce", context, _NONCE_SIZE)


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, sha256)


def _labeled_expand(suite: bytes, pseudo_random: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), length, labeled).derive(pseudo_random)
