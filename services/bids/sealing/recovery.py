"""Opening, on the platform's side: from k officers' shares to the plaintext, as a stream.

Nothing here keeps a secret longer than the file it opens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from hashlib import sha256

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing import dealing, stream
from services.bids.sealing.errors import BadlySealedError, TamperedError
from services.bids.sealing.manifest import Envelope, Manifest, SealedFile
from services.bids.sealing.names import EnvelopeName, from_text

__all__ = ["FileKeys", "Shares", "open_file", "open_manifest", "recover_file"]

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


async def open_file(
    file: SealedFile, envelope: EnvelopeName, secrets: FileKeys, content: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """Give the plaintext of a file; `content` is its stored ciphertext, in order.

    Raises TamperedError when the stored bytes are not those that were sealed.
    """
    cut = _Cut(content)
    for segment, secret in zip(file.segments, secrets, strict=True):
        name = envelope.segment(*segment.place)
        opener = stream.Opener(dealing.chunk_key(secret, name), name.context("chunk"))
        digest = sha256()
        async for data in cut.take(segment.size):
            digest.update(data)
            yield opener.update(data)
        if digest.hexdigest() != segment.sha256:
            raise TamperedError(f"segment {segment.part}/{segment.number}: not the bytes of the envelope")
        yield opener.finish()
    async for _ in cut.take(1):
        raise TamperedError("there are more bytes than the envelope names")


class _Cut:
    """Gives a stream piece by piece."""

    def __init__(self, content: AsyncIterator[bytes]) -> None:
        self._content = content
        self._rest = b""

    async def take(self, size: int) -> AsyncIterator[bytes]:
        """Give the next `size` bytes, or those that are left."""
        while size:
            data = self._rest or await anext(self._content, b"")
            if not data:
                return
            self._rest = data[size:]
            size -= min(size, len(data))
            yield data[: len(data) - len(self._rest)]
