"""Calls to partners' endpoints: to the address that was checked, bounded in time and size, with TLS that is verified."""

from __future__ import annotations

import asyncio
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.alerts.webhooks.answers import Answer
from services.alerts.webhooks.client import ANSWER_BYTES, Call, Caller
from services.alerts.webhooks.signing import headers
from tests.unit.alerts.webhook_names import ChangingLookup

SECRET = bytes(range(32))
EVENT, BODY = "8f7b3d3e-0000-4000-8000-000000000001", b'{"type":"x"}'
PUBLIC = "93.184.215.14"


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def endpoint(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[TestServer]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(application, scheme="https" if tls else "http")
    await server.start_server(ssl=tls)
    try:
        yield server
    finally:
        await server.close()


async def call(url: str, **options: Any) -> Answer:  # noqa: ANN401  # those of a caller
    """Make one call with a caller of its own."""
    async with aclosing(Caller(**{"timeout": 10, **options})) as caller:
        return await caller.post(a_call(url))


def a_call(url: str) -> Call:
    return Call(url, headers(EVENT, BODY, [("v1", SECRET)], int(time.time())), BODY)


async def accept(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def test_dns_rebinding_between_the_check_and_the_call_reaches_nothing() -> None:
    reached: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response()

    async with endpoint(handler) as server:
        lookup = ChangingLookup([PUBLIC], ["127.0.0.1"])
        url = f"https://partner.example:{server.port}/"
        async with aclosing(Caller(lookup=lookup, timeout=10)) as caller:
            await caller.vet(url)
            answer = await caller.post(a_call(url))
    assert reached == []
    assert (answer.status, answer.outcome) == (None, "forbidden")
    assert "not public" in (answer.error or "")


async def test_dns_rebinding_during_the_call_changes_nothing_the_name_is_resolved_once() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.host)
        return web.Response(status=204)

    async with endpoint(handler) as server:
        lookup, place = ChangingLookup(["127.0.0.1"], ["10.9.9.9"]), f"partner.example:{server.port}"
        async with aclosing(Caller(lookup=lookup, allow=[place], timeout=10)) as caller:
            answers = [await caller.post(a_call(f"http://{place}/")) for _ in range(2)]
    assert seen == [place] * 2, "the second call goes over the connection that is open, to the checked address"
    assert all(answer.accepted for answer in answers)
    assert lookup.asked == ["partner.example"]


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with endpoint(accept) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        assert (await call(str(server.make_url("/")), allow=[f"127.0.0.1:{server.port}"])).accepted


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "/hook2"]
)
async def test_no_redirect_is_followed_to_metadata_addresses_or_elsewhere(status: int, to: str) -> None:
    paths: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": to})

    async with endpoint(handler) as server:
        answer = await call(str(server.make_url("/hook")), allow=[f"127.0.0.1:{server.port}"])
    assert paths == ["/hook"]
    assert (answer.status, answer.accepted, answer.outcome) == (status, False, "redirect")


async def test_an_address_that_never_answers_is_left_after_the_time_limit() -> None:
    release = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with endpoint(handler) as server:
        answer = await call(str(server.make_url("/")), allow=[f"127.0.0.1:{server.port}"], timeout=0.3)
        release.set()
    assert (answer.status, answer.error, answer.outcome) == (None, "timeout", "timeout")
    assert 0.2 < answer.seconds < 8


async def test_of_a_5_gib_response_little_is_read() -> None:
    sent = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Length": str(5 * 2**30)})
        await response.prepare(request)
        try:
            while sent < 50 * 2**20:
                await response.write(b"x" * 65_536)
                sent += 65_536
        except ConnectionError:
            pass
        return response

    async with endpoint(handler) as server:
        answer = await call(str(server.make_url("/")), allow=[f"127.0.0.1:{server.port}"], timeout=20)
    assert answer.accepted
    assert len(answer.text or "") <= 512
    assert ANSWER_BYTES <= 2**16
    assert sent < 20 * 2**20, "the connection is closed, whatever is left"


async def test_a_bomb_that_is_compressed_is_not_unpacked() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=zlib.compress(bytes(2**24)), headers={"Content-Encoding": "deflate"})

    async with endpoint(handler) as server:
        answer = await call(str(server.make_url("/")), allow=[f"127.0.0.1:{server.port}"])
    assert answer.accepted
    assert len(answer.text or "") <= 512


async def test_a_slow_drip_of_bytes_does_not_outlast_the_time_limit() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(100):
                await response.write(b"x")
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        return response

    async with endpoint(handler) as server:
        answer = await call(str(server.make_url("/")), allow=[f"127.0.0.1:{server.port}"], timeout=0.4)
    assert answer.error == "timeout"
    assert answer.seconds < 4.5


async def test_a_slow_drip_of_headers_does_not_outlast_the_time_limit() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            for _number in range(100):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        place = "{}:{}".format(*server.sockets[0].getsockname())
        answer = await call(f"http://{place}/", allow=[place], timeout=0.4)
    assert answer.error == "timeout"
    assert answer.seconds < 4.5


async def test_a_closed_port_and_an_unknown_name_are_answers_too() -> None:
    closed = await call("http://127.0.0.1:1/", allow=["127.0.0.1:1"])
    assert (closed.status, closed.outcome) == (None, "unreachable")

    async def unknown(host: str, port: int) -> list[str]:
        raise OSError(f"{host}:{port}")

    assert (await call("https://nowhere.example/", lookup=unknown)).error


async def test_a_kept_connection_that_the_endpoint_closed_is_no_failure() -> None:
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one call a connection, and drops the next one on it without a word."""
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(BODY))
        asked += 1
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        place = "{}:{}".format(*server.sockets[0].getsockname())
        async with aclosing(Caller(allow=[place], timeout=10)) as caller:
            answers = [await caller.post(a_call(f"http://{place}/")) for _ in range(2)]
    assert [answer.status for answer in answers] == [204, 204]
    assert asked == 2


@pytest.fixture(scope="module")
def authority() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give the contexts of a server that is `partner.example` and of a client that trusts who says so."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "partner.example")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("partner.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        file.write(pem + secret)
        file.flush()
        server.load_cert_chain(file.name)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_tls_is_verified_for_the_host_while_connected_to_the_pinned_address(
    authority: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, client = authority
    named: list[str | None] = []
    server.sni_callback = lambda _, name, __: named.append(name)
    lookup = ChangingLookup(["127.0.0.1"])
    async with endpoint(accept, server) as running:
        hosts = [f"{host}:{running.port}" for host in ("partner.example", "other.example")]
        right, wrong = [await call(f"https://{host}/", allow=hosts, lookup=lookup, tls=client) for host in hosts]
        unknown = await call(f"https://{hosts[0]}/", allow=hosts, lookup=lookup)
    assert right.accepted
    assert (wrong.status, wrong.error) == (None, "ClientConnectorCertificateError"), (
        "the name is not that of the certificate"
    )
    assert (unknown.status, unknown.error) == (None, "ClientConnectorCertificateError"), (
        "nobody we trust vouches for it"
    )
    assert named == ["partner.example", "other.example", "partner.example"]
