"""Reading a stored document into buffers that are used again: for a thread that has much to read, not for the event loop."""

from __future__ import annotations

from io import RawIOBase
from typing import TYPE_CHECKING

from obstore import open_reader
from obstore.store import ObjectStore

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["ObjectReader"]

_BUFFER = 4 * 2**20  # bytes asked of the store at a time


class ObjectReader(RawIOBase):
    """A document in an object store, read from its start."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        """Open it. Raises FileNotFoundError."""
        self._reader = open_reader(store, key, buffer_size=_BUFFER)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer as far as there are bytes; give how many."""
        view = memoryview(buffer).cast("B")
        data = memoryview(self._reader.read(len(view)))
        view[: len(data)] = data
        return len(data)
