"""HPKE as RFC 9180 says, and as the `cryptography` library does it."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from services.bids.sealing import hpke

# RFC 9180, A.1 DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM; A.1.1 base mode, first encryption
INFO = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
IKM_E = bytes.fromhex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234")
IKM_R = bytes.fromhex("6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037")
SHARED = "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"


def test_key_pairs_are_those_of_the_rfc() -> None:
    ephemeral, recipient = hpke.derive_key_pair(IKM_E), hpke.derive_key_pair(IKM_R)
    assert ephemeral.private_bytes_raw().hex() == "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736"
    assert (
        ephemeral.public_key().public_bytes_raw().hex()
        == "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
    )
    assert recipient.private_bytes_raw().hex() == "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"


def test_encapsulation_and_key_schedule_are_those_of_the_rfc() -> None:
    recipient = hpke.derive_key_pair(IKM_R).public_key()
    shared, enc = hpke.encapsulate(recipient, hpke.derive_key_pair(IKM_E))
    assert shared.hex() == SHARED
    assert enc == hpke.derive_key_pair(IKM_E).public_key().public_bytes_raw()
    key, nonce = hpke.key_schedule(shared, INFO, aead_id=1, key_size=16)
    assert (key.hex(), nonce.hex()) == ("4531685d41d65f03dc48f6b8302c05b0", "56d890e5accaaf011cff4b7d")
    plain = bytes.fromhex("4265617574792069732074727574682c20747275746820626561757479")
    sealed = AESGCM(key).encrypt(nonce, plain, b"Count-0")
    assert sealed.hex() == "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"


@given(plain=st.binary(max_size=200), info=st.binary(max_size=100), seed=st.binary(min_size=32, max_size=32))
def test_what_we_seal_the_library_opens(plain: bytes, info: bytes, seed: bytes) -> None:
    private = X25519PrivateKey.generate()
    sealed = hpke.seal(plain, private.public_key().public_bytes_raw(), info=info, seed=seed)
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    assert suite.decrypt(sealed, private, info) == plain
    assert hpke.open_sealed(sealed, private, info=info) == plain


def test_what_the_library_seals_we_open() -> None:
    private = X25519PrivateKey.generate()
    sealed = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM).encrypt(b"share", private.public_key(), b"info")
    assert hpke.open_sealed(sealed, private, info=b"info") == b"share"


def test_another_key_another_purpose_or_another_byte_is_refused() -> None:
    private = X25519PrivateKey.generate()
    sealed = hpke.seal(b"share", private.public_key().public_bytes_raw(), info=b"a", seed=os.urandom(32))
    broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
    attempts = [(sealed, X25519PrivateKey.generate(), b"a"), (sealed, private, b"b"), (broken, private, b"a")]
    for data, key, info in [*attempts, (b"", private, b"a"), (bytes(80), private, b"a")]:
        with pytest.raises(hpke.HpkeError):
            hpke.open_sealed(data, key, info=info)
