"""Opening, on the platform's side: from k officers' shares to the secrets of the segments, and to the manifest.

Nothing here keeps a secret longer than the file it opens.
"""

from __future__ import annotations

from collections.abc import Mapping

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import dealing, stream
from services.bids.sealing.errors import BadlySealedError, TamperedError
from services.bids.sealing.manifest import Envelope, Manifest, SealedFile
from services.bids.sealing.names import EnvelopeName, from_text

__all__ = ["FileKeys", "Shares", "open_manifest", "recover_file"]

FileKeys = tuple[bytes, ...]
"""The secrets of the segments of one file, in order."""


Shares = Mapping[tuple[int, int], Mapping[str, bytes]]
"""The officers' shares by place of the segment (part, number) and officer."""


def recover_file(shares: Shares, envelope: EnvelopeName, file: SealedFile, keys: OpeningKeySet) -> FileKeys:
    """Give the secrets of a file.

    Raises ShareError, TooFewSharesError or BadlySealedError (see `dealing.recover`).
    """
    return tuple(
        dealing.recover(shares.get(each.place, {}), envelope.segment(*each.place), each, keys) for each in file.segments
    )


def open_manifest(envelope: Envelope, secrets: FileKeys) -> Manifest:
    """Open the sealed manifest and hold the envelope against it. Raises BadlySealedError, EnvelopeError."""
    name = envelope.name.segment(0, 1)
    opener = stream.Opener(dealing.chunk_key(secrets[0], name), name.context("chunk"))
    try:
        plain = opener.update(from_text(envelope.manifest_ciphertext)) + opener.finish()
        manifest = Manifest.model_validate_json(plain)
    except (TamperedError, ValueError) as error:
        raise BadlySealedError(f"the sealed manifest cannot be read: {error}", {"file": 0}) from error
    manifest.check(envelope)
    return manifest
