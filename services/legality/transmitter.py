"""The port through which archives leave, and its adapters. At least once, always under the archive's own name."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import aiohttp

from services.legality.settings import LegalitySettings

__all__ = ["FolderTransmitter", "HttpTransmitter", "NoTransmitter", "TransmissionError", "Transmitter", "transmitter"]

TIMEOUT = aiohttp.ClientTimeout(total=120)


class TransmissionError(Exception):
    """The archive was not taken; trying again later, under the same name, is right."""


class Transmitter(Protocol):
    """Hands archives to the State, or to an approved operator."""

    async def send(self, name: str, archive: bytes) -> None:
        """Send an archive. The receiver knows a repetition by the name. Raises TransmissionError."""
        ...


class HttpTransmitter:
    """Posts archives as multipart (`name`, `filename`, `file`), as operators do, with a client certificate or not."""

    def __init__(self, url: str, session: aiohttp.ClientSession, certificate: Path | None = None) -> None:
        self._url = url
        self._session = session
        self._ssl: ssl.SSLContext | bool = True
        if certificate is not None:
            self._ssl = ssl.create_default_context()
            self._ssl.load_cert_chain(certificate)

    async def send(self, name: str, archive: bytes) -> None:
        """Post an archive; any answer but 2xx is a failure."""
        form = aiohttp.FormData()
        form.add_field("name", name)
        form.add_field("filename", name)
        form.add_field("file", archive, filename=name, content_type="application/gzip")
        try:
            async with self._session.post(
                self._url, data=form, ssl=self._ssl, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                if not 200 <= answer.status < 300:
                    raise TransmissionError(f"the receiver answered with status {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransmissionError(f"the receiver cannot be reached: {error or type(error).__name__}") from error


class FolderTransmitter:
    """Drops archives in a folder, whole or not at all; a repetition finds its file there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, name: str, archive: bytes) -> None:
        """Write an archive."""
        try:
            await asyncio.to_thread(self._write, name, archive)
        except OSError as error:
            raise TransmissionError(f"the folder cannot be written: {error}") from error

    def _write(self, name: str, archive: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / name
        if target.exists():
            if target.read_bytes() != archive:
                raise TransmissionError(f"{name} is there with another content")
            return
        draft = self._folder / f".{name}.{uuid4().hex}"
        with draft.open("xb") as file:
            file.write(archive)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)


class NoTransmitter:
    """No way out is configured: archives wait, as the history says, until one is."""

    async def send(self, name: str, archive: bytes) -> None:
        """Refuse."""
        raise TransmissionError("no way out is configured: set HALLES_STATE_URL or HALLES_STATE_FOLDER")


def transmitter(settings: LegalitySettings, session: aiohttp.ClientSession) -> Transmitter:
    """Give the adapter that the settings ask for."""
    if settings.state_url is not None:
        return HttpTransmitter(settings.state_url, session, settings.state_certificate)
    if settings.state_folder is not None:
        return FolderTransmitter(settings.state_folder)
    return NoTransmitter()
