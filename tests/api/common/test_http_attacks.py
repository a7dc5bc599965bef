"""What hostile or broken callers try: a clear problem, nothing changed, nothing told."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import asyncpg
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from yarl import URL

from libs.common.http import documents
from libs.common.testing.harness import Harness
from libs.common.testing.issuer import TestIssuer
from libs.common.testing.plugin import HarnessFactory
from tests.api.common.sample import SERVICE
from tests.api.common.test_http_routes import BUYER, OTHER, create, notes, problem_of


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


def _unsigned(issuer: TestIssuer, algorithm: str) -> str:
    """Give a true token whose signature was taken away (`alg: none`)."""
    _, claims, _ = issuer.token().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{header}.{claims}."


def _confused(issuer: TestIssuer) -> str:
    """Give a token signed with the public key as if it were a shared secret (HS256)."""
    secret = OctKey.import_key(json.dumps(issuer.jwks["keys"][0]))
    claims = json.loads(base64.urlsafe_b64decode(issuer.token().split(".")[1] + "=="))
    return jwt.encode({"alg": "HS256", "kid": issuer.key.kid}, claims, secret, algorithms=["HS256"])


def _tampered(issuer: TestIssuer) -> str:
    header, claims, signature = issuer.token().split(".")
    content = json.loads(base64.urlsafe_b64decode(claims + "=="))
    content["orgs"] = [{"scheme": "SIRET", "id": "20006682500012", "kind": "buyer"}]
    return f"{header}.{base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b'=').decode()}.{signature}"


def _headed(issuer: TestIssuer, header: dict[str, Any]) -> str:
    """Give a token of an issuer with a header that it would not write."""
    head, claims, _ = issuer.token().split(".")
    full = json.loads(base64.urlsafe_b64decode(head + "==")) | header
    signed = f"{base64.urlsafe_b64encode(json.dumps(full).encode()).rstrip(b'=').decode()}.{claims}"
    key: Any = issuer.key.private_key
    return f"{signed}.{base64.urlsafe_b64encode(key.sign(signed.encode())).rstrip(b'=').decode()}"


def _bad_tokens(issuer: TestIssuer) -> dict[str, str]:
    stranger = TestIssuer(issuer.issuer)
    return {
        "expired": issuer.token(expires_in=-1),
        "not yet valid": issuer.token(claims={"nbf": int(time.time()) + 600}),
        "issued in the future": issuer.token(claims={"iat": int(time.time()) + 600}),
        "without expiry": issuer.token(claims={"exp": None}),
        "of another audience": issuer.token(claims={"aud": "another"}),
        "of several other audiences": issuer.token(claims={"aud": ["a", "b"]}),
        "without audience": issuer.token(claims={"aud": None}),
        "of another issuer": issuer.token(claims={"iss": "https://evil.example"}),
        "without issuer": issuer.token(claims={"iss": None}),
        "without subject": issuer.token(claims={"sub": None}),
        "subject with a line break": issuer.token(sub="a\nb"),
        "unknown kind of organisation": issuer.token(kind="king"),
        "unknown scheme": issuer.token(organisation="EVIL:1"),
        "forged by another key": stranger.token(),
        "bringing its own key": _headed(stranger, {"jwk": stranger.jwks["keys"][0]}),
        "naming where its key is": _headed(stranger, {"jku": "https://evil.example/jwks.json"}),
        "key named by a path": _headed(stranger, {"kid": "../../../dev/null"}),
        "key named by a query": _headed(stranger, {"kid": "x' OR 1=1 --"}),
        "critical header we do not know": _headed(issuer, {"crit": ["evil"], "evil": 1}),
        "identity token, not access token": _headed(issuer, {"typ": "secevent+jwt"}),
        "without signature": _unsigned(issuer, "none"),
        "without signature, NONE": _unsigned(issuer, "NonE"),
        "public key as shared secret": _confused(issuer),
        "changed after signature": _tampered(issuer),
        "not a token": "abc",
        "empty parts": "..",
        "too long": "a" * 20_000,
        "bytes": "\udcff",
    }


async def test_no_bad_token_passes(h: Harness) -> None:
    good = {"Authorization": f"Bearer {_headed(h.issuer, {})}"}
    async with h.client.get("/sample/v1/notes", headers=good) as answer:
        assert answer.status == 200, "these tokens are refused for what was done to them"
    for name, token in _bad_tokens(h.issuer).items():
        headers = {"Authorization": f"Bearer {token}"}
        if name == "bytes":
            continue
        for path, method in (("/sample/v1/notes", "POST"), ("/sample/v1/notes", "GET")):
            async with h.client.request(method, path, json={"title": "x"}, headers=headers) as answer:
                if name == "too long" and answer.status == 400:
                    continue  # refused before us: the header is over the limit
                told = await problem_of(answer, 401, "unauthenticated")
                assert answer.headers["WWW-Authenticate"].startswith("Bearer"), name
                assert token not in json.dumps(told), name
    assert await notes(h) == 0


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic dXNlcjpwYXNz", "Token x", "Bearer  "])
async def test_another_way_to_authenticate_is_refused(h: Harness, authorization: str) -> None:
    async with h.client.get("/sample/v1/notes", headers={"Authorization": authorization}) as answer:
        await problem_of(answer, 401, "unauthenticated")


async def test_an_operation_that_needs_a_token_says_so(h: Harness) -> None:
    async with h.client.post("/sample/v1/notes", json={"title": "x"}) as answer:
        await problem_of(answer, 401, "unauthenticated")


async def test_a_caller_acts_only_for_an_organisation_of_its_token(h: Harness) -> None:
    several = [(BUYER, "buyer"), (OTHER, "buyer")]
    token = {"Authorization": f"Bearer {h.issuer.token(organisation=several)}"}
    note = {"title": "x"}
    async with h.client.post("/sample/v1/notes", json=note, headers=token) as answer:
        told = await problem_of(answer, 422, "invalid-input")
        assert told["errors"][0]["where"] == "header/Halles-Organisation"
    async with h.client.post(
        "/sample/v1/notes", json=note, headers=token | {"Halles-Organisation": "SIRET:13002526500013"}
    ) as answer:
        await problem_of(answer, 403, "forbidden")
    async with h.client.post("/sample/v1/notes", json=note, headers=token | {"Halles-Organisation": OTHER}) as answer:
        assert answer.status == 201
        made = await answer.json()
    async with h.client.patch(
        f"/sample/v1/notes/{made['note_id']}", json=note, headers=h.headers(BUYER) | {"If-Match": '"1"'}
    ) as answer:
        await problem_of(answer, 403, "forbidden")
    single = h.headers(BUYER) | {"Halles-Organisation": OTHER}
    async with h.client.post("/sample/v1/notes", json=note, headers=single) as answer:
        await problem_of(answer, 403, "forbidden")
    assert await notes(h) == 1


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b"  ",
    "cut": b'{"title": "x"',
    "no JSON": b"title=x",
    "single quotes": b"{'title': 'x'}",
    "two values": b'{"title": "x"} {"title": "y"}',
    "duplicate member": b'{"title": "x", "title": "y"}',
    "duplicate member inside": b'{"title": "x", "lines": [{"label": "a", "label": "b", "value": 1}]}',
    "not a number": b'{"title": "x", "lines": [{"label": "a", "value": NaN}]}',
    "infinity": b'{"title": "x", "lines": [{"label": "a", "value": -Infinity}]}',
    "not UTF-8": b'{"title": "\xff"}',
    "UTF-16": '{"title": "x"}'.encode("utf-16"),
    "half a surrogate": b'{"title": "\\ud800"}',
    "byte order mark": b"\xef\xbb\xbf" + b'{"title": "x"}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "deep but closed": b'{"title": "x", "lines": ' + b"[" * 500 + b"]" * 500 + b"}",
    "huge number": b'{"title": "x", "lines": [{"label": "a", "value": ' + b"9" * 10_000 + b"}]}",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_json_is_refused(h: Harness, name: str) -> None:
    headers = h.headers(BUYER) | {"Content-Type": "application/json"}
    async with h.client.post("/sample/v1/notes", data=MALFORMED[name], headers=headers) as answer:
        await problem_of(answer, 400, "malformed-input")
    assert await notes(h) == 0


async def test_a_null_character_never_reaches_the_database(h: Harness) -> None:
    headers = h.headers(BUYER) | {"Content-Type": "application/json"}
    for body in (b'{"title": "a\\u0000b"}', b'{"title": "\\\\\\u0000"}'):
        async with h.client.post("/sample/v1/notes", data=body, headers=headers) as answer:
            await problem_of(answer, 422, "invalid-input")
    async with h.client.post("/sample/v1/notes", data=b'{"title": "\\\\u0000"}', headers=headers) as answer:
        assert answer.status == 201
        assert (await answer.json())["title"] == "\\u0000"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Type": "text/plain"}, 415), ({"Content-Type": "application/xml"}, 415), ({"Content-Type": ""}, 415),
     ({"Content-Type": "application/json; charset=latin-1"}, 415), ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
     ({"Content-Type": "application/json; charset=utf-8"}, 201)],
)  # fmt: skip
async def test_another_content_type_is_refused(h: Harness, headers: dict[str, str], status: int) -> None:
    async with h.client.post("/sample/v1/notes", data=b'{"title": "x"}', headers=h.headers(BUYER) | headers) as answer:
        assert answer.status == status
    assert await notes(h) == (status == 201)


async def test_a_compressed_bomb_is_refused_before_it_is_read(h: Harness) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = h.headers(BUYER) | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with h.client.post("/sample/v1/notes", data=bomb, headers=headers) as answer:
        await problem_of(answer, 415, "unsupported-media")


async def _many(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1000):
        yield b" " * 1000


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_oversized_body_is_refused(service_harness: HarnessFactory, chunked: bool) -> None:
    h = await service_harness(SERVICE, settings={"max_body_bytes": 100_000})
    headers = h.headers(BUYER) | {"Content-Type": "application/json"}
    data: Any = _many(300_000) if chunked else b" " * 300_000
    async with h.client.post("/sample/v1/notes", data=data, headers=headers) as answer:
        await problem_of(answer, 413, "too-large")
    data = _many(5_000) if chunked else b"x" * 5_000
    async with h.client.post("/sample/v1/checks", data=data, headers={"Content-Type": "text/xml"}) as answer:
        await problem_of(answer, 413, "too-large")
    data = _many(4_000_000) if chunked else io.BytesIO(b"x" * 4_000_000)
    async with h.client.put("/sample/v1/files/a.pdf", data=data) as answer:
        await problem_of(answer, 413, "too-large")
    stored = h.runtime.settings.data_dir.rglob("*")
    assert not [path for path in stored if path.is_file() and "storage" in path.parts], "no part of it stays"


async def test_a_body_that_does_not_come_is_given_up(h: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "IDLE", 0.2)

    async def never() -> AsyncIterator[bytes]:
        yield b'{"title": '
        await asyncio.sleep(30)
        yield b'"x"}'

    headers = h.headers(BUYER) | {"Content-Type": "application/json"}
    async with h.client.post("/sample/v1/notes", data=never(), headers=headers) as answer:
        await problem_of(answer, 408, "request-timeout")


async def test_a_body_that_drips_is_given_up(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE, settings={"request_seconds": 0.5})

    async def drip() -> AsyncIterator[bytes]:
        yield b'{"title": "'
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.05)

    headers = h.headers(BUYER) | {"Content-Type": "application/json"}
    async with h.client.post("/sample/v1/notes", data=drip(), headers=headers) as answer:
        await problem_of(answer, 503, "unavailable")
    async with h.client.get("/sample/v1/slow") as answer:
        await problem_of(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fetc%2Fpasswd", "%2e%2e", "a%5Cb", "a%00b", "a%0D%0ASet-Cookie:x", "%E2%80%AEgnp.exe", "a" * 301]
)
async def test_a_name_cannot_be_a_path_nor_hide_anything(h: Harness, name: str) -> None:
    address = URL(f"{h.client._base_url}sample/v1/files/{name}", encoded=True)
    async with h.client.put(address, data=b"x") as answer:
        assert answer.status in (404, 405, 422), await answer.text()
        assert answer.content_type == "application/problem+json"
        assert "Set-Cookie" not in answer.headers
    stored = h.runtime.settings.data_dir.rglob("*")
    assert not [path for path in stored if path.is_file() and "storage" in path.parts]


async def test_a_failure_of_ours_tells_nothing_and_changes_nothing(
    h: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    async with h.client.post("/sample/v1/failures") as answer:
        told = await problem_of(answer, 500, "internal-error")
    assert "secret-in-the-message" not in json.dumps(told)
    assert await notes(h) == 0


async def test_an_answer_that_breaks_half_way_is_not_taken_for_whole(h: Harness) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        async with h.client.get("/sample/v1/broken-stream") as answer:
            assert b"secret" not in await answer.read()


async def test_what_a_caller_writes_never_becomes_a_header(h: Harness) -> None:
    for number in range(3):
        await create(h, f"note {number}")
    async with h.client.get("/sample/v1/notes", params={"q": "note\r\nSet-Cookie: a=b"}) as answer:
        assert answer.status == 200
        assert "Set-Cookie" not in answer.headers
    async with h.client.get("/sample/v1/notes", params={"q": "note", "words": "a\r\nSet-Cookie: b>; rel=x"}) as answer:
        assert "Set-Cookie" not in answer.headers
        assert "\r" not in answer.headers["Link"]
        assert list(answer.links) == ["next"]


async def test_a_body_where_none_is_read_is_refused(h: Harness) -> None:
    async with h.client.post("/sample/v1/failures", json={"title": "x"}) as answer:
        told = await problem_of(answer, 422, "invalid-input")
        assert told["errors"][0]["where"] == "body"
    async with h.client.post("/sample/v1/failures", data=b"x" * 5000) as answer:
        await problem_of(answer, 413, "too-large")


async def test_too_many_requests_are_slowed_down_for_that_caller_alone(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE, settings={"rate_per_minute": 5})
    first, second = h.headers(BUYER, sub="first"), h.headers(BUYER, sub="second")
    for _ in range(5):
        async with h.client.get("/sample/v1/notes", headers=first) as answer:
            assert answer.status == 200
    async with h.client.get("/sample/v1/notes", headers=first) as answer:
        await problem_of(answer, 429, "too-many-requests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 12
    async with h.client.get("/sample/v1/notes", headers=second) as answer:
        assert answer.status == 200
    async with h.client.get("/livez") as answer:
        assert answer.status == 200


async def test_a_caller_cannot_guess_tokens_for_ever(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE, settings={"rate_per_minute": 5})
    statuses = []
    for number in range(7):
        headers = {"Authorization": f"Bearer guess{number}", "X-Forwarded-For": f"198.51.100.{number}"}
        async with h.client.get("/sample/v1/notes", headers=headers) as answer:
            statuses.append(answer.status)
    assert statuses == [401] * 5 + [429] * 2, "and no header of its own makes it another caller"


async def test_behind_a_proxy_of_ours_callers_are_told_apart(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICE, settings={"rate_per_minute": 1, "proxies": 1})
    for address, status in (("198.51.100.1", 200), ("198.51.100.1", 429), ("9.9.9.9, 198.51.100.2", 200)):
        async with h.client.get("/sample/v1/notes", headers={"X-Forwarded-For": address}) as answer:
            assert answer.status == status


@pytest.mark.parametrize(
    ("closing", "opening"),
    [("CONNECTION LIMIT 0", "CONNECTION LIMIT -1"), ("ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true")],
    ids=["no room", "not accepting connections"],
)
async def test_the_database_away_is_a_503_until_it_is_back(
    closing: str, opening: str, h: Harness, database_url: str
) -> None:
    await create(h)
    name = h.runtime.database.url.rsplit("/", 1)[1]
    conn = await asyncpg.connect(database_url)
    try:
        await conn.execute(f'ALTER DATABASE "{name}" {closing}')
        await conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        async with h.client.get("/sample/v1/notes") as answer:
            await problem_of(answer, 503, "unavailable")
            assert "Retry-After" in answer.headers
        async with h.client.get("/readyz") as answer:
            assert answer.status == 503
        async with h.client.get("/livez") as answer:
            assert answer.status == 200
        await conn.execute(f'ALTER DATABASE "{name}" {opening}')
        async with h.client.get("/sample/v1/notes") as answer:
            assert answer.status == 200
    finally:
        await conn.close()


async def test_a_broken_request_line_gets_no_trace_of_ours(h: Harness) -> None:
    url = h.client._base_url
    assert url is not None
    assert url.host
    assert url.port
    for attempt in (b"GET / HTTP/9.9\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
                    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):  # fmt: skip
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(attempt)
        answer = await asyncio.wait_for(reader.read(4000), 5)
        writer.close()
        await writer.wait_closed()
        assert b" 400 " in answer.splitlines()[0], answer
        assert b"Traceback" not in answer
        assert b".py" not in answer
