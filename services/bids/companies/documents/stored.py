"""A stored document, given to an upload as if a client sent it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from libs.common.runtime import Runtime
from services.bids.companies.documents.store import CompanyDocument
from services.bids.sealing.onfly_process import Wire
from services.bids.uploads.body import Body
from services.bids.uploads.receiving import HandedOverError

__all__ = ["StoredBody"]


class StoredBody(Body):
    """The content of a document in the place of the body of a request: read here, there is no connection to hand over."""

    def __init__(self, runtime: Runtime, document: CompanyDocument) -> None:
        self.length = document.size
        self.checksum = None
        self._runtime = runtime
        self._document = document
        self._stopped = False

    def stop(self) -> None:
        """Have whoever reads keep what came, and read no more."""
        self._stopped = True

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the content. Raises HandedOverError once it is stopped."""
        async for chunk in self._runtime.storage.open(self._document.key):
            if self._stopped:
                raise HandedOverError
            yield chunk

    @contextmanager
    def connection(self) -> Iterator[Wire | None]:
        """Give none."""
        yield None
