"""Time stamps of RFC 3161: the port the services ask, its HTTP adapter with a second authority, and verification.

A token is the DER of a CMS `TimeStampToken` over a SHA-256 digest. What makes a stamp "qualified" (eIDAS, article 42) is the
authority's certificate: an operator configures qualified ones by `HALLES_TIMESTAMP_URLS` and their roots by `HALLES_TRUST_DIR`.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar, Protocol

import aiohttp
import structlog
from asn1crypto import algos, cms, core, tsp
from cryptography import x509
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

__all__ = [
    "HttpTimestampAuthority",
    "TimestampAuthority",
    "TimestampError",
    "TimestampResponse",
    "TimestampUnavailableError",
    "claimed_time",
    "verify",
]

TIMEOUT = aiohttp.ClientTimeout(total=15)
MAX_RESPONSE = 64 * 1024
"""Bytes; a token with its certificates is about 5 KiB."""
GRANTED = ("granted", "granted_with_mods")

log = structlog.get_logger(__name__)


class TimestampError(Exception):
    """The token or the answer is not a valid time stamp of this digest."""


class TimestampUnavailableError(TimestampError):
    """No configured authority gave a stamp; asking again later may work."""


class TimestampResponse(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """`TimeStampResp` of RFC 3161, 2.4.2; asn1crypto's own forgets that a rejection carries no token."""

    _fields: ClassVar = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


class TimestampAuthority(Protocol):
    """Gives proof that a digest existed at a time."""

    async def stamp(self, digest: bytes) -> bytes:
        """Give a token (DER) over this SHA-256 digest (32 bytes). Raises TimestampUnavailableError."""
        ...


class HttpTimestampAuthority:
    """Asks RFC 3161 authorities over HTTP, in order: the next one when the one before fails, or is silent for so long.

    `patience`: seconds of silence after which the next one is asked too; the first token wins. By default only a failure
    leads to the next one.
    """

    def __init__(self, urls: Sequence[str], session: aiohttp.ClientSession, *, patience: float | None = None) -> None:
        self._urls = tuple(urls)
        self._session = session
        self._patience = patience

    async def stamp(self, digest: bytes) -> bytes:
        """Give a token (DER) over this SHA-256 digest. Raises TimestampUnavailableError when no authority does."""
        failures: list[str] = []
        asked: set[asyncio.Task[bytes | None]] = set()
        try:
            for url in self._urls:
                asked.add(asyncio.create_task(self._try(url, digest, failures)))
                if token := await _first(asked, self._patience):
                    return token
            if token := await _first(asked, None):
                return token
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        raise TimestampUnavailableError("; ".join(failures) or "no time stamp authority is configured")

    async def _try(self, url: str, digest: bytes, failures: list[str]) -> bytes | None:
        try:
            return await self._ask(url, digest)
        except (aiohttp.ClientError, TimeoutError, TimestampError) as error:
            reason = str(error) or type(error).__name__
            log.warning("timestamp_authority_failed", url=url, reason=reason)
            failures.append(f"{url}: {reason}")
            return None

    async def _ask(self, url: str, digest: bytes) -> bytes:
        request = make_request(digest)
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        async with self._session.post(url, data=request.dump(), headers=headers, timeout=TIMEOUT) as response:
            if response.status != 200:
                raise TimestampError(f"HTTP status {response.status}")
            body = await _read_limited(response.content)
        return read_response(body, request)


async def _first(asked: set[asyncio.Task[bytes | None]], seconds: float | None) -> bytes | None:
    """Give the first token of those asked; None when all failed, or none came within so many seconds."""
    while asked:
        done, _ = await asyncio.wait(asked, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None
        asked -= done
        for task in done:
            if token := task.result():
                return token
    return None


async def _read_limited(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_RESPONSE:
            raise TimestampError("the answer is too large for a time stamp")
    return bytes(body)


def make_request(digest: bytes) -> tsp.TimeStampReq:
    """Give a request (RFC 3161, 2.4.1) over a SHA-256 digest, with a nonce, asking for the certificates."""
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("a SHA-256 digest has 32 bytes")
    imprint = {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": digest}
    return tsp.TimeStampReq(
        {"version": "v1", "message_imprint": imprint, "nonce": secrets.randbits(63), "cert_req": True}
    )


def read_response(body: bytes, request: tsp.TimeStampReq) -> bytes:
    """Give the token (DER) of an authority's answer after comparing it with what was asked. Raises TimestampError."""
    try:
        response = TimestampResponse.load(body, strict=True)
        status = response["status"]["status"].native
        if status not in GRANTED:
            raise TimestampError(f"refused: {status} {response['status']['fail_info'].native or ''}".rstrip())
        info = _token_info(response["time_stamp_token"])
        asked = request["message_imprint"]["hashed_message"].native
        if info["message_imprint"]["hashed_message"].native != asked:
            raise TimestampError("the authority stamped another digest")
        if info["nonce"].native != request["nonce"].native:
            raise TimestampError("the answer has another nonce")
        return bytes(response["time_stamp_token"].dump())
    except (ValueError, TypeError, KeyError) as error:
        raise TimestampError("the answer is not an RFC 3161 one") from error


def verify(token: bytes, digest: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    """Check that the token stamps this SHA-256 digest under one of the roots and give its time, in UTC.

    Checked: signature, certificate chain valid at the stamped time, critical `timeStamping` usage, ESS certificate
    identifier (RFC 5816), imprint. Revocation is not: the validation of long-lived signatures does it.
    Raises TimestampError.
    """
    if not roots:
        raise TimestampError("no trusted root was given")
    try:
        parsed = cms.ContentInfo.load(token, strict=True)
        info = _token_info(parsed)
        if info["message_imprint"]["hash_algorithm"]["algorithm"].native != "sha256":
            raise TimestampError("the token is not over a SHA-256 digest")
        _check_signer_identifier(parsed)
        builder = VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify(decode_timestamp_response(_as_response(token)), digest)
        stamped: datetime = info["gen_time"].native
        return stamped.astimezone(UTC)
    except (ValueError, TypeError, KeyError, IndexError, VerificationError) as error:
        raise TimestampError(f"not a valid time stamp of this digest: {error}") from error


def claimed_time(token: bytes, digest: bytes) -> datetime:
    """Give the time that a token claims for this SHA-256 digest, in UTC; who wrote the token is not checked.

    Raises TimestampError when it is no token, or one over something else.
    """
    try:
        info = _token_info(cms.ContentInfo.load(token, strict=True))
        imprint = info["message_imprint"]
        stamped: datetime = info["gen_time"].native
    except (ValueError, TypeError, KeyError) as error:
        raise TimestampError(f"not a time stamp: {error}") from error
    if (imprint["hash_algorithm"]["algorithm"].native, imprint["hashed_message"].native) != ("sha256", digest):
        raise TimestampError("the token stamps something else")
    return stamped.astimezone(UTC)


def _as_response(token: bytes) -> bytes:
    """Wrap a bare token as a granted answer, the form that the verifier reads."""
    content = TimestampResponse({"status": {"status": "granted"}, "time_stamp_token": cms.ContentInfo.load(token)})
    return bytes(content.dump())


def _token_info(token: cms.ContentInfo) -> tsp.TSTInfo:
    if token["content_type"].native != "signed_data":
        raise TimestampError("the token is not signed data")
    content = token["content"]["encap_content_info"]
    if content["content_type"].native != "tst_info":
        raise TimestampError("the signed data is not a time stamp")
    return content["content"].parsed


def _check_signer_identifier(token: cms.ContentInfo) -> None:
    """Compare the ESS certificate identifier with the embedded signer: a substituted certificate is refused."""
    data = token["content"]
    signer = data["signer_infos"][0]
    serial = signer["sid"].chosen["serial_number"].native
    embedded = [
        certificate.chosen for certificate in data["certificates"] if certificate.chosen.serial_number == serial
    ]
    if not embedded:
        raise TimestampError("the signer's certificate is not in the token")
    der = embedded[0].dump()
    known = {hashlib.sha256(der).digest(), hashlib.sha1(der).digest()}  # noqa: S324  # the identifiers of RFC 3161 are SHA-1
    if not _identified_certificate(signer["signed_attrs"]) & known:
        raise TimestampError("the token was signed for another certificate")


def _identified_certificate(attributes: cms.CMSAttributes) -> set[bytes]:
    return {
        attribute["values"][0]["certs"][0]["cert_hash"].native
        for attribute in attributes
        if attribute["type"].native in ("signing_certificate", "signing_certificate_v2")
    }
