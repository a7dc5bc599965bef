"""Read a return from an HTTP request: a tar.gz, an XML message, or several files as a mail would bring them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from libs.common.errors import FieldError, MalformedInput, TooLarge
from libs.common.http import read_body
from services.legality.actes.archive import MAX_FILES, HostileArchiveError, pack, unpack
from services.legality.errors import UnreadableReturn

__all__ = ["MEDIA_TYPES", "Upload", "read_return"]

MEDIA_TYPES = (
    "application/gzip", "application/x-gzip", "application/octet-stream",
    "application/xml", "text/xml", "multipart/form-data",
)  # fmt: skip
_GZIP = b"\x1f\x8b"
_SAFE = re.compile(r"[^A-Za-z0-9_.\-]")


@dataclass(frozen=True, slots=True)
class Upload:
    """A return: its bytes as they are kept, and the files in it."""

    name: str
    media_type: str
    content: bytes
    files: Mapping[str, bytes]


async def read_return(request: web.Request, limit: int) -> Upload:
    """Read a return of at most `limit` bytes. Raises UnreadableReturn, MalformedInput, TooLarge."""
    if request.content_type == "multipart/form-data":
        files = await _parts(request, limit)
        if len(files) == 1:
            name, content = next(iter(files.items()))
            return await _single(name, content, limit)
        return Upload("retour.tar.gz", "application/gzip", await asyncio.to_thread(pack, list(files.items())), files)
    name = "retour.xml" if request.content_type.endswith("xml") else "retour.tar.gz"
    return await _single(name, await read_body(request, limit), limit)


async def _single(name: str, content: bytes, limit: int) -> Upload:
    if not content.startswith(_GZIP):
        if not name.lower().endswith(".xml"):
            raise _refused(
                "Un retour est une archive tar.gz ou un message XML.", "A return is a tar.gz or an XML message."
            )
        return Upload(name, "application/xml", content, {name: content})
    try:
        files = await asyncio.to_thread(unpack, content, 4 * limit)
    except HostileArchiveError as error:
        raise _refused(f"L'archive est refusée : {error}.", f"The archive is refused: {error}.") from error
    return Upload(name, "application/gzip", content, files)


async def _parts(request: web.Request, limit: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = count = 0
    try:
        async for part in await request.multipart():
            count += 1
            if not isinstance(part, BodyPartReader):
                raise _refused("Un envoi dans un envoi n'est pas lu.", "A nested multipart is not read.")
            if count > 2 * MAX_FILES:  # empty parts have no size to be stopped by
                raise _refused("L'envoi a trop de parties.", "The body has too many parts.")
            content = await _part(part, limit - total)
            total += len(content)
            if part.filename is not None:
                _keep(files, part.filename, content)
    except ValueError as error:
        raise MalformedInput(
            "L'envoi en plusieurs parties est mal formé.", "The multipart body is malformed."
        ) from error
    if not files:
        raise _refused("Aucun fichier n'est joint.", "No file is attached.")
    return files


async def _part(part: BodyPartReader, room: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(2**16):
        content += chunk
        if len(content) > room:
            raise TooLarge("Le retour dépasse la taille permise.", "The return is larger than allowed.")
    return bytes(content)


def _keep(files: dict[str, bytes], name: str, content: bytes) -> None:
    """Keep a file under a plain name: what a sender calls it leads nowhere."""
    plain = _SAFE.sub("_", name)[-99:].lstrip(".") or "fichier"
    if plain in files or len(files) >= MAX_FILES:
        raise _refused("Deux fichiers ont le même nom, ou ils sont trop nombreux.", "A file twice, or too many files.")
    files[plain] = content


def _refused(french: str, english: str) -> UnreadableReturn:
    return UnreadableReturn(french, english, errors=[FieldError("/body", french, english)])
