"""The test authority's time stamps are true RFC 3161 ones: our verification and OpenSSL's agree."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import stat
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import test_utils, web
from cryptography import x509

from deploy.local.pki import TestAuthority
from deploy.local.tsa import LocalTimestampAuthority, application
from libs.common.timestamp import (
    HttpTimestampAuthority,
    TimestampError,
    TimestampResponse,
    TimestampUnavailableError,
    make_request,
    read_response,
    verify,
)

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
DIGEST = hashlib.sha256(b"une offre").digest()
OTHER = hashlib.sha256(b"une autre").digest()


class FixedClock:
    def now(self) -> datetime:
        return NOON


@pytest.fixture(scope="module")
def authority() -> TestAuthority:
    return TestAuthority.create()


@pytest.fixture
def tsa(authority: TestAuthority) -> LocalTimestampAuthority:
    return LocalTimestampAuthority(authority.tsa, FixedClock())


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    async with test_utils.TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_stamp_carries_the_domain_time(authority: TestAuthority, tsa: LocalTimestampAuthority) -> None:
    assert verify(await tsa.stamp(DIGEST), DIGEST, [authority.root]) == NOON


async def test_stamp_of_another_digest_is_refused(authority: TestAuthority, tsa: LocalTimestampAuthority) -> None:
    token = await tsa.stamp(DIGEST)
    with pytest.raises(TimestampError):
        verify(token, OTHER, [authority.root])


async def test_stamp_under_another_root_is_refused(tsa: LocalTimestampAuthority) -> None:
    token = await tsa.stamp(DIGEST)
    with pytest.raises(TimestampError):
        verify(token, DIGEST, [TestAuthority.create().root])
    with pytest.raises(TimestampError):
        verify(token, DIGEST, [])


async def test_signer_certificate_cannot_stamp(authority: TestAuthority) -> None:
    signer = LocalTimestampAuthority(authority.issue("Jeanne Martin", "Mairie"), FixedClock())
    with pytest.raises(TimestampError):
        verify(await signer.stamp(DIGEST), DIGEST, [authority.root])


@pytest.mark.parametrize("position", [40, 90, 300, -40])
async def test_altered_stamp_is_refused(authority: TestAuthority, tsa: LocalTimestampAuthority, position: int) -> None:
    token = bytearray(await tsa.stamp(DIGEST))
    token[position] ^= 0x55
    with pytest.raises(TimestampError):
        verify(bytes(token), DIGEST, [authority.root])


@pytest.mark.parametrize("token", [b"", b"\x30\x00", b"not a token", b"\x30\x84\xff\xff\xff\xff"])
def test_what_is_no_token_is_refused(authority: TestAuthority, token: bytes) -> None:
    with pytest.raises(TimestampError):
        verify(token, DIGEST, [authority.root])


async def test_openssl_verifies_the_stamp(
    authority: TestAuthority, tsa: LocalTimestampAuthority, tmp_path: Path
) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "root.pem").write_text(authority.root_pem)
    (tmp_path / "data").write_bytes(b"une offre")
    query, reply = tmp_path / "query.tsq", tmp_path / "reply.tsr"
    await _run(openssl, "ts", "-query", "-data", tmp_path / "data", "-sha256", "-cert", "-out", query)
    reply.write_bytes(tsa.answer(query.read_bytes()))
    await _run(openssl, "ts", "-verify", "-in", reply, "-queryfile", query, "-CAfile", tmp_path / "root.pem")


async def _run(*command: object) -> None:
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def test_http_adapter_asks_the_authority(authority: TestAuthority, tsa: LocalTimestampAuthority) -> None:
    async with served(application(tsa)) as url, aiohttp.ClientSession() as session:
        token = await HttpTimestampAuthority([url], session).stamp(DIGEST)
    assert verify(token, DIGEST, [authority.root]) == NOON


async def test_second_authority_answers_when_the_first_fails(
    authority: TestAuthority, tsa: LocalTimestampAuthority
) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(body=b"out of order", content_type="application/timestamp-reply")

    first = web.Application()
    first.router.add_post("/", broken)
    async with served(first) as bad, served(application(tsa)) as good, aiohttp.ClientSession() as session:
        token = await HttpTimestampAuthority([bad, "http://127.0.0.1:9/", good], session).stamp(DIGEST)
        assert verify(token, DIGEST, [authority.root]) == NOON
        with pytest.raises(TimestampUnavailableError, match="not an RFC 3161"):
            await HttpTimestampAuthority([bad], session).stamp(DIGEST)


async def test_second_authority_answers_when_the_first_is_silent(
    authority: TestAuthority, tsa: LocalTimestampAuthority
) -> None:
    asked = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")

    mute = web.Application()
    mute.router.add_post("/", silent)
    async with served(mute) as first, served(application(tsa)) as second, aiohttp.ClientSession() as session:
        async with asyncio.timeout(10):
            token = await HttpTimestampAuthority([first, second], session, patience=0.05).stamp(DIGEST)
    assert asked.is_set()
    assert verify(token, DIGEST, [authority.root])


async def test_http_adapter_refuses_an_answer_to_another_request(tsa: LocalTimestampAuthority) -> None:
    answer = tsa.answer(make_request(OTHER).dump())
    with pytest.raises(TimestampError, match="another digest"):
        read_response(answer, make_request(DIGEST))
    with pytest.raises(TimestampError, match="another nonce"):
        read_response(tsa.answer(make_request(DIGEST).dump()), make_request(DIGEST))


def test_bad_requests_are_rejected_with_their_reason(tsa: LocalTimestampAuthority) -> None:
    assert _failure(tsa.answer(b"junk")) == {"bad_data_format"}
    request = make_request(DIGEST)
    request["message_imprint"]["hash_algorithm"] = {"algorithm": "sha1"}
    assert _failure(tsa.answer(request.dump(force=True))) == {"bad_alg"}
    request = make_request(DIGEST)
    request["req_policy"] = "1.2.3"
    assert _failure(tsa.answer(request.dump(force=True))) == {"unaccepted_policy"}
    request = make_request(DIGEST)
    request["message_imprint"]["hashed_message"] = b"short"
    assert _failure(tsa.answer(request.dump(force=True))) == {"bad_data_format"}


async def test_rejection_says_why(tsa: LocalTimestampAuthority) -> None:
    with pytest.raises(TimestampError, match="refused: rejection"):
        read_response(tsa.answer(b"junk"), make_request(DIGEST))


def _failure(body: bytes) -> object:
    status = TimestampResponse.load(body)["status"]
    assert status["status"].native == "rejection"
    return status["fail_info"].native


async def test_http_face_wants_its_media_type_and_a_small_body(tsa: LocalTimestampAuthority) -> None:
    async with served(application(tsa)) as url, aiohttp.ClientSession() as session:
        async with session.post(url, data=b"x") as response:
            assert response.status == 415
        async with session.post(
            url, data=b"x" * 9000, headers={"Content-Type": "application/timestamp-query"}
        ) as response:
            assert response.status == 413


def test_authority_is_kept_in_its_folder_with_private_keys_private(tmp_path: Path) -> None:
    first = TestAuthority.load_or_create(tmp_path / "pki")
    again = TestAuthority.load_or_create(tmp_path / "pki")
    assert again.root == first.root
    assert again.tsa.certificate == first.tsa.certificate
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "pki").glob("*.key")}
    assert modes == {0o600}
    assert [path.name for path in tmp_path.iterdir()] == ["pki"], "a draft is left behind"


@pytest.mark.parametrize("algorithm", ["ec", "rsa"])
def test_signer_certificate_allows_signature_and_non_repudiation(authority: TestAuthority, algorithm: str) -> None:
    issued = authority.issue("Jeanne Martin", "Mairie", algorithm="rsa" if algorithm == "rsa" else "ec")
    usage = issued.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    issued.certificate.verify_directly_issued_by(issued.chain[0])
    issued.chain[0].verify_directly_issued_by(authority.root)
    assert issued.certificate.not_valid_before_utc < NOON < issued.certificate.not_valid_after_utc - timedelta(days=365)
    assert issued.chain_pem[-1] == authority.root_pem
