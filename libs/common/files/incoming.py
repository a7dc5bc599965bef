"""A file that comes in: looked at before its first byte is kept, measured while it passes."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from libs.common.errors import UnsupportedMedia
from libs.common.files.formats import HEAD, Format, dangerous, recognise

__all__ = ["DangerousDocument", "Incoming"]


class DangerousDocument(UnsupportedMedia):
    """The file is a program, or may start one."""

    slug = "dangerous-document"
    title, title_en = "Fichier dangereux", "Dangerous file"


class Incoming:
    """Passes the chunks of a file on; knows its format from the first ones, and its CRC-32 after the last."""

    def __init__(self, chunks: AsyncIterator[bytes], name: str) -> None:
        self._chunks = chunks
        self._name = name
        self.format: Format = recognise(b"", name)
        self.crc32 = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the chunks. Raises DangerousDocument before the first one."""
        head = bytearray()
        async for chunk in self._chunks:
            head += chunk
            if len(head) >= HEAD:
                break
        self._look(bytes(head[:HEAD]))
        yield self._counted(bytes(head))
        async for chunk in self._chunks:
            yield self._counted(chunk)

    def _look(self, head: bytes) -> None:
        if dangerous(head, self._name):
            raise DangerousDocument(
                "Ce fichier est un programme ou peut en lancer un : il n'est pas accepté. Donnez un document (PDF, bureautique, plan, archive ZIP).",
                "This file is a program, or may start one: it is not accepted. Give a document (PDF, office, plan, ZIP archive).",
            )
        self.format = recognise(head, self._name)

    def _counted(self, chunk: bytes) -> bytes:
        self.crc32 = zlib.crc32(chunk, self.crc32)
        return chunk
