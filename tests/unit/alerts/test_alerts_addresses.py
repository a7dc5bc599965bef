"""Where webhooks may go: public addresses only, however they are written, resolved or changed on the way."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from services.alerts.webhooks.addresses import (
    ForbiddenAddressError,
    GuardedResolver,
    SystemLookup,
    check_url,
    forbidden,
)
from services.alerts.webhooks.client import ANSWER_BYTES, Call, Caller, headers, secret_text

SECRET = bytes(range(32))
PUBLIC = "93.184.215.14"


class ChangingLookup:
    """A resolver of ours whose answer changes at each call: DNS rebinding."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.0.0.8", "192.88.99.1",  # noqa: S104  # refused, not bound
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::1",
        "2606:4700::1111%eth0", "0177.0.0.1", "2130706433", "127.1", "", "localhost",
    ],
)  # fmt: skip
def test_address_is_refused(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "2a01:cb00::1"])
def test_public_address_passes(address: str) -> None:
    assert not forbidden(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
@settings(deadline=None)
def test_a_private_address_stays_refused_in_every_ipv6_dress(address: object) -> None:
    assert isinstance(address, IPv4Address)
    number = int(address)
    nat64, six_to_four = IPv6Address((0x64FF9B << 96) | number), IPv6Address((0x2002 << 112) | (number << 80))
    for dressed in (f"::ffff:{address}", f"::{address}", str(nat64), str(six_to_four)):
        assert forbidden(dressed), dressed


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0177.0.0.1/", "http://2130706433/",
        "http://127.1/", "http://１２７.0.0.1/", "http://169.254.169.254/latest/meta-data/", "https://10.1.2.3:8443/",
        "ftp://partner.example/", "file:///etc/passwd", "gopher://partner.example/", "//partner.example/", "partner.example",
        "http:///path", "https://user:pass@partner.example/", "https://8.8.8.8@127.0.0.1/", "http://[::1", "http://x:99999/", "",
    ],
)  # fmt: skip
def test_url_is_refused_without_resolving(url: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        check_url(url)


def test_allow_list_is_exact() -> None:
    allow = ("127.0.0.1:8055",)
    assert check_url("http://127.0.0.1:8055/x", allow).port == 8055
    for url in ("http://127.0.0.1:8056/", "http://127.0.0.1/", "http://127.0.0.2:8055/"):
        with pytest.raises(ForbiddenAddressError):
            check_url(url, allow)


@pytest.mark.parametrize("host", ["0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "127.1", "localhost"])
async def test_what_the_system_reads_as_a_private_address_is_refused(host: str) -> None:
    with pytest.raises(OSError, match="not public"):
        await GuardedResolver(SystemLookup()).resolve(host, 80)


async def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    resolver = GuardedResolver(ChangingLookup([PUBLIC, "10.0.0.1"]))
    with pytest.raises(ForbiddenAddressError):
        await resolver.resolve("partner.example", 443)
    fine = await GuardedResolver(ChangingLookup([PUBLIC, "2606:4700:4700::1111"])).resolve("partner.example", 443)
    assert [result["host"] for result in fine] == [PUBLIC, "2606:4700:4700::1111"]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def endpoint(handler: Handler) -> AsyncIterator[TestServer]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(application)
    async with server:
        yield server


def a_call(url: str) -> Call:
    return Call(url, "8f7b3d3e-0000-4000-8000-000000000001", b'{"type":"x"}', SECRET)


async def test_a_host_that_turns_private_after_the_check_is_not_reached() -> None:
    reached: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response()

    async with endpoint(handler) as server:
        lookup = ChangingLookup([PUBLIC], ["127.0.0.1"])
        caller = Caller(lookup=lookup, timeout=10)
        url = f"http://partner.example:{server.port}/"
        await caller.vet(url)
        answer = await caller.post(a_call(url))
    assert reached == []
    assert answer.status is None
    assert answer.error is not None
    assert "not public" in answer.error


async def test_the_connection_goes_to_the_checked_address_resolved_once() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.host)
        return web.Response(status=204)

    async with endpoint(handler) as server:
        lookup = ChangingLookup(["127.0.0.1"], ["10.9.9.9"])
        caller = Caller(lookup=lookup, allow=[f"partner.example:{server.port}"], timeout=10)
        answer = await caller.post(a_call(f"http://partner.example:{server.port}/"))
        assert seen == [f"partner.example:{server.port}"]
    assert answer.accepted
    assert lookup.asked == ["partner.example"]


async def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    async with endpoint(handler) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        caller = Caller(allow=[f"127.0.0.1:{server.port}"], timeout=10)
        assert (await caller.post(a_call(str(server.make_url("/"))))).accepted


async def test_a_redirect_is_a_failure_and_is_not_followed() -> None:
    paths: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})

    async with endpoint(handler) as server:
        answer = await Caller(allow=[f"127.0.0.1:{server.port}"], timeout=10).post(
            a_call(str(server.make_url("/hook")))
        )
    assert paths == ["/hook"]
    assert (answer.status, answer.accepted) == (302, False)


async def test_an_endpoint_that_never_answers_is_left_after_the_time_limit() -> None:
    release = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with endpoint(handler) as server:
        answer = await Caller(allow=[f"127.0.0.1:{server.port}"], timeout=0.3).post(a_call(str(server.make_url("/"))))
        release.set()
    assert (answer.status, answer.error) == (None, "timeout")
    assert 0.2 < answer.seconds < 8


async def test_of_an_endless_answer_little_is_read() -> None:
    sent = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while sent < 50 * 2**20:
                await response.write(b"x" * 65_536)
                sent += 65_536
        except ConnectionError:
            pass
        return response

    async with endpoint(handler) as server:
        answer = await Caller(allow=[f"127.0.0.1:{server.port}"], timeout=20).post(a_call(str(server.make_url("/"))))
    assert answer.accepted
    assert ANSWER_BYTES <= 2**16
    assert sent < 20 * 2**20, "the connection is closed, whatever is left"


async def test_a_drip_of_bytes_does_not_outlast_the_time_limit() -> None:
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
        answer = await Caller(allow=[f"127.0.0.1:{server.port}"], timeout=0.4).post(a_call(str(server.make_url("/"))))
    assert answer.error == "timeout"
    assert answer.seconds < 4.5


async def test_a_closed_port_and_an_unknown_name_are_answers_too() -> None:
    closed = await Caller(allow=["127.0.0.1:1"], timeout=10).post(a_call("http://127.0.0.1:1/"))
    assert closed.status is None
    assert closed.error

    async def unknown(host: str, port: int) -> list[str]:
        raise OSError(f"{host}:{port}")

    assert (await Caller(lookup=unknown, timeout=10).post(a_call("http://nowhere.example/"))).error


def test_signature_is_verified_by_the_reference_library() -> None:
    import time

    call, at = a_call("https://partner.example/"), int(time.time())
    verifier = Webhook(secret_text(SECRET))
    assert verifier.verify(call.body.decode(), headers(call, at)) == {"type": "x"}
    assert base64.b64decode(secret_text(SECRET).removeprefix("whsec_")) == SECRET
    for changed in ({"webhook-id": "other"}, {"webhook-timestamp": str(at + 1)}, {"webhook-signature": "v1,AAAA"}):
        with pytest.raises(Exception, match=r"signature|Signature"):
            verifier.verify(call.body.decode(), headers(call, at) | changed)
