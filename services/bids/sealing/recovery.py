"""Opening, on the platform's side: from k officers' shares to the plaintext, as a stream.

Nothing here keeps a secret longer than the file it opens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from hashlib import sha256

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import dealing, stream
from services.bids.sealing.errors import BadlySealedError, TamperedError
from services.bids.sealing.manifest import Envelope, Manifest, SealedFile
from services.bids.sealing.names import BidName, from_text

__all__ = ["FileKeys", "open_file", "open_manifest", "recover_file"]

FileKeys = tuple[bytes, ...]
"""The secrets of the segments of one file, in order."""


def recover_file(
    shares: Mapping[int, Mapping[str, bytes]], bid: BidName, file: SealedFile, keys: OpeningKeySet
) -> FileKeys:
    """Give the secrets of a file from the officers' shares by segment number.

    Raises ShareError, TooFewSharesError or BadlySealedError (see `dealing.recover`).
    """
    return tuple(
        dealing.recover(shares.get(each.number, {}), bid.segment(file.number, each.number), each, keys)
        for each in file.segments
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


async def open_file(
    file: SealedFile, bid: BidName, secrets: FileKeys, read: Callable[[int, int], AsyncIterator[bytes]]
) -> AsyncIterator[bytes]:
    """Give the plaintext of a file; `read(start, end)` gives its stored ciphertext.

    Raises TamperedError when the stored bytes are not those that were sealed.
    """
    start = 0
    for segment, secret in zip(file.segments, secrets, strict=True):
        name = bid.segment(file.number, segment.number)
        opener = stream.Opener(dealing.chunk_key(secret, name), name.context("chunk"))
        digest = sha256()
        async for data in read(start, start + segment.size):
            digest.update(data)
            yield opener.update(data)
        if digest.hexdigest() != segment.sha256:
            raise TamperedError(f"segment {segment.number}: the stored bytes are not those of the envelope")
        yield opener.finish()
        start += segment.size
