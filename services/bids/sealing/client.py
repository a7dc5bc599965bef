"""The bidder's tool over HTTP: announce a bid, seal it here, upload its files (tus 1.0.0), deposit, keep the receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import aiohttp

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing.errors import SealingError
from services.bids.sealing.folder import Papers, seal_to_folder
from services.bids.sealing.names import canonical
from services.bids.sealing.stream import sealed_size

__all__ = ["Deposit", "RefusedError", "deposit"]

_TUS = {"Tus-Resumable": "1.0.0"}
_PIECE = 16 * 2**20  # bytes a request: what is sent again at worst
_ATTEMPTS = 20
_PAUSE = 3.0  # seconds


class RefusedError(SealingError):
    """The platform refused; its words say how to mend it."""


@dataclass(frozen=True)
class Deposit:
    """What to deposit where. `base` is the address of the bids service, `.../bids/v1`."""

    base: str
    token: str
    procedure: UUID
    name: str
    papers: Sequence[Papers]
    fingerprint: str | None = None
    """Of the key set, as read in the published notice."""


async def deposit(what: Deposit, folder: Path) -> dict[str, Any]:
    """Deposit a bid; its sealed files stay in the (new) folder. Raises RefusedError, SealingError, OSError."""
    headers = {"Authorization": f"Bearer {what.token}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(sock_read=120)) as session:
        here = f"{what.base}/consultations/{what.procedure}"
        keys = OpeningKeySet.model_validate((await _call(session, "GET", here))["opening"])
        if what.fingerprint is not None and keys.fingerprint != what.fingerprint:
            raise SealingError("the key set is not the one of the published notice: do not deposit, tell the buyer")
        body = {"envelopes": _announced(what.papers), "depositor_name": what.name}
        bid = await _call(session, "POST", f"{here}/bids", body)
        if bid["key_fingerprint"] != keys.fingerprint:
            raise SealingError("the key set changed meanwhile: read the notice again, then begin again")
        told = await asyncio.to_thread(_seal, what, UUID(bid["bid_id"]), keys, folder)
        for each in bid["files"]:
            address = f"{what.base}/bids/{bid['bid_id']}/files/{each['number']}/uploads"
            await _upload(session, address, folder / f"{each['number']}.sealed", each["size"])
        return await _call(session, "POST", f"{what.base}/bids/{bid['bid_id']}/deposit", told)


def _seal(what: Deposit, bid: UUID, keys: OpeningKeySet, folder: Path) -> dict[str, Any]:
    folder.mkdir(mode=0o700)
    envelopes = seal_to_folder(what.procedure, bid, keys, what.papers, folder)
    told = {"envelopes": [each.model_dump(mode="json") for each in envelopes]}
    (folder / "deposit.json").write_bytes(canonical(told))
    return told


def _announced(papers: Sequence[Papers]) -> list[dict[str, Any]]:
    """Announce the envelopes; declared file names tell nothing of the content."""
    return [
        {
            "kind": each.kind,
            "lots": list(each.lots),
            "files": [
                {"name": f"{number}-{place}.sealed", "size": sealed_size(file.stat().st_size)}
                for place, file in enumerate(each.files, 1)
            ],
        }
        for number, each in enumerate(papers, 1)
    ]


async def _call(session: aiohttp.ClientSession, method: str, url: str, body: object = None) -> dict[str, Any]:
    async with session.request(method, url, json=body) as answer:
        await _require(answer)
        read: dict[str, Any] = await answer.json()
        return read


async def _require(answer: aiohttp.ClientResponse) -> None:
    """Raise RefusedError, with the platform's words, unless it agreed."""
    if answer.status >= 400:
        problem = await answer.json(content_type=None) if "json" in answer.content_type else {}
        faults = "; ".join(f"{each['where']}: {each['message']}" for each in problem.get("errors", []))
        told = problem.get("detail") or problem.get("title") or answer.reason
        raise RefusedError(f"{answer.status}: {told} {faults}".strip())


async def _upload(session: aiohttp.ClientSession, address: str, path: Path, size: int) -> None:
    """Send a file in pieces; after an interruption go on from the byte that the platform has. Raises RefusedError."""
    async with session.post(address, headers=_TUS | {"Upload-Length": str(size)}) as answer:
        await _require(answer)
        place = urljoin(str(answer.url), answer.headers["Location"])
    offset, failures = 0, 0
    while offset < size:
        try:
            offset = await _send(session, place, path, offset)
            failures = 0
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
            failures += 1
            if failures == _ATTEMPTS:
                raise
            await asyncio.sleep(_PAUSE)
            offset = await _offset(session, place, offset)


async def _send(session: aiohttp.ClientSession, place: str, path: Path, offset: int) -> int:
    with path.open("rb") as file:
        file.seek(offset)
        piece = file.read(_PIECE)
    headers = _TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    async with session.patch(place, data=piece, headers=headers) as answer:
        await _require(answer)
        return int(answer.headers["Upload-Offset"])


async def _offset(session: aiohttp.ClientSession, place: str, before: int) -> int:
    try:
        async with session.head(place, headers=_TUS) as answer:
            return int(answer.headers.get("Upload-Offset", before))
    except (aiohttp.ClientConnectionError, TimeoutError):
        return before
