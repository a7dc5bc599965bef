"""The officers' keys: made, kept and read by the officers' own tool; the private key never leaves its file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from libs.common import possession
from libs.common.messages.notices import OpeningKey, OpeningKeySet, key_set_fingerprint
from services.bids.sealing.errors import EnvelopeError, SealingError
from services.bids.sealing.names import from_text, to_text
from services.bids.sealing.sharing import sharing

__all__ = ["KeyFileError", "OfficerKey", "check_key_set", "generate", "key_set", "load", "save"]

_KIND = "halles-officer-key-2"
_KEY_SIZE = 32


class KeyFileError(SealingError):
    """This is no key file of an officer, or others can read it."""


@dataclass(frozen=True)
class OfficerKey:
    """The key pair of an officer, made of one seed: X25519 to open shares, Ed25519 to prove that it is held."""

    officer: str
    seed: bytes = field(repr=False)
    recovery: bool = False

    @property
    def private(self) -> X25519PrivateKey:
        """What opens the officer's shares."""
        return possession.exchange_key(self.seed)

    @property
    def public_text(self) -> str:
        """The public key as notices carry it: base64url without padding."""
        return to_text(self.private.public_key().public_bytes_raw())

    @property
    def public(self) -> OpeningKey:
        """What is published of it, with the proof of possession."""
        return OpeningKey(
            officer=self.officer,
            public_key=self.public_text,
            recovery=self.recovery,
            proof=possession.prove(self.seed, self.officer),
        )

    def sign(self, message: bytes) -> str:
        """Sign as this officer: `libs.common.possession.signed_by` checks it against the public key."""
        return possession.sign(self.seed, message)


def generate(officer: str, *, recovery: bool = False) -> OfficerKey:
    """Make a new key pair from the system's randomness."""
    return OfficerKey(officer, os.urandom(_KEY_SIZE), recovery)


def save(key: OfficerKey, path: Path) -> None:
    """Write a key file that only its owner can read (0600). Raises FileExistsError: keys are never overwritten."""
    content = {"kind": _KIND, "officer": key.officer, "recovery": key.recovery, "public_key": key.public_text}
    content["seed"] = to_text(key.seed)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)


def load(path: Path) -> OfficerKey:
    """Read a key file. Raises KeyFileError."""
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path} can be read by others: chmod 600 {path}")
    try:
        content = json.loads(path.read_text())
        key = OfficerKey(str(content["officer"]), from_text(content["seed"]), bool(content["recovery"]))
        known = len(key.seed) == _KEY_SIZE and content["kind"] == _KIND and content["public_key"] == key.public_text
    except (ValueError, KeyError, TypeError, EnvelopeError) as error:
        raise KeyFileError(f"{path} is no key file of an officer") from error
    if not known:
        raise KeyFileError(f"{path}: the public key does not belong to the seed")
    return key


def key_set(threshold: int, officers: list[OpeningKey]) -> OpeningKeySet:
    """Give the key set of a consultation with its fingerprint. Raises EnvelopeError when it cannot work."""
    fingerprint = key_set_fingerprint(threshold, officers)
    result = OpeningKeySet(threshold=threshold, officers=officers, fingerprint=fingerprint)
    check_key_set(result)
    return result


def check_key_set(keys: OpeningKeySet) -> None:
    """Check threshold, names, keys, proofs of possession and fingerprint. Raises EnvelopeError that says which is wrong.

    A key without proof passes here: whoever takes keys from a buyer asks for it (`services.notices`).
    """
    names = [each.officer for each in keys.officers]
    publics = [from_text(each.public_key) for each in keys.officers]
    if len(set(names)) != len(names) or len(set(publics)) != len(publics):
        raise EnvelopeError("two officers have the same name or the same key")
    if any(len(each) != _KEY_SIZE for each in publics):
        raise EnvelopeError("an officer's key is no X25519 public key")
    sharing(keys)
    _check_proofs(keys)
    if keys.fingerprint != key_set_fingerprint(keys.threshold, keys.officers):
        raise EnvelopeError("the fingerprint is not that of these keys")


def _check_proofs(keys: OpeningKeySet) -> None:
    for each in keys.officers:
        try:
            if each.proof is not None:
                possession.verify_possession(each.officer, each.public_key, each.proof)
        except possession.PossessionError as error:
            raise EnvelopeError(f"{each.officer}: {error}") from error
