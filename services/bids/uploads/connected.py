"""Receiving a request whose connection the processes that seal read themselves: its plaintext never comes here."""

from __future__ import annotations

from collections.abc import Callable

from libs.common.http.documents import too_slow
from services.bids.sealing.onfly_process import Wire
from services.bids.sealing.onfly_sources import Ending
from services.bids.uploads.parts import ConnectedPart, Destination
from services.bids.uploads.receiving import Commit, HandedOverError, Incoming, Receiver

__all__ = ["ConnectionReceiver"]

_ENDED_BY: dict[Ending, Callable[[], Exception]] = {
    Ending.GONE: lambda: ConnectionResetError("the client is gone"),
    Ending.STALLED: too_slow,
    Ending.STOPPED: HandedOverError,
}


class ConnectionReceiver(Receiver[ConnectedPart]):
    """Gives the connection to the process of each part in turn.

    A request with a checksum is one part: nothing of it counts before its end.
    """

    def __init__(self, wire: Wire, destination: Destination, first: int, commit: Commit) -> None:
        super().__init__(lambda segment: destination.connect(segment, wire), destination.storage, first, commit)
        self._wire = wire

    async def _fill(self, incoming: Incoming, cut: int) -> None:
        most = cut if incoming.checksum is None else self._wire.length
        while incoming.ended_by is None and (left := self._wire.length - incoming.received):
            part = await self._begin()
            self._ahead(incoming, most)
            ending = await part.take(self._wire, min(most, left))
            incoming.received += part.size
            if ending is not Ending.WHOLE:
                incoming.ended_by = _ENDED_BY[ending]()
            elif left > most:
                await self._cut(part, incoming)

    async def _close(self, part: ConnectedPart, incoming: Incoming, *, wait: bool) -> None:
        await super()._close(part, incoming, wait=wait)
        incoming.matched = part.matches
