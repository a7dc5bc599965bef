"""The local issuer gives true OIDC tokens to anybody, and says that it is a sandbox."""

from __future__ import annotations

import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import test_utils, web
from joserfc import jwt
from joserfc.jwk import KeySet
from pydantic import TypeAdapter

from deploy.local.issuer import PERSONAS, Persona, application, load_or_create
from libs.common.http.edge import edge
from libs.common.messages.base import OrganisationId

URL = "http://127.0.0.1:8080/issuer"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application(middlewares=[edge])
    app.add_subapp("/issuer", application(load_or_create(tmp_path, URL)))
    async with test_utils.TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        yield session


async def claims(client: aiohttp.ClientSession, **asked: Any) -> dict[str, Any]:  # noqa: ANN401  # aiohttp's own options
    async with client.post("/issuer/token", **asked) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        answer = await response.json()
    assert answer["token_type"] == "Bearer"
    async with client.get("/issuer/jwks.json") as response:
        keys = KeySet.import_key_set(await response.json())
    assert all("d" not in key.as_dict(private=False) for key in keys.keys)
    return dict(jwt.decode(answer["access_token"], keys, algorithms=["Ed25519"]).claims)


async def test_discovery_leads_to_the_keys_and_is_marked_as_sandbox(client: aiohttp.ClientSession) -> None:
    async with client.get("/issuer/.well-known/openid-configuration") as response:
        document = await response.json()
    assert document["issuer"] == URL
    assert document["jwks_uri"] == f"{URL}/jwks.json"
    assert document["halles_sandbox"] is True
    async with client.get("/issuer/jwks.json") as response:
        (key,) = (await response.json())["keys"]
    assert "d" not in key, "the private key is published"


async def test_anybody_gets_any_token(client: aiohttp.ClientSession) -> None:
    organisation = {"scheme": "SIRET", "id": "21210231500018", "kind": "buyer"}
    found = await claims(client, json={"sub": "somebody", "name": "Quelqu'un", "orgs": [organisation]})
    assert (found["iss"], found["aud"], found["sub"], found["name"]) == (URL, "halles", "somebody", "Quelqu'un")
    assert found["orgs"] == [organisation]
    assert found["halles_sandbox"] is True
    assert found["exp"] > time.time() + 3000


async def test_expired_token_can_be_had_to_see_its_refusal(client: aiohttp.ClientSession) -> None:
    found = await claims(client, json={"sub": "somebody", "expires_in": -60})
    assert found["exp"] < time.time()


@pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.id)
async def test_persona_logs_in_with_client_credentials(client: aiohttp.ClientSession, persona: Persona) -> None:
    form = {"grant_type": "client_credentials"}
    found = await claims(client, data=form, headers={"Authorization": aiohttp.encode_basic_auth(persona.id, "any")})
    scheme, identifier = persona.organisation.split(":")
    assert found["orgs"] == [{"scheme": scheme, "id": identifier, "kind": persona.kind.value}]
    TypeAdapter(OrganisationId).validate_python(persona.organisation)


@pytest.mark.parametrize(
    "asked",
    [
        {"json": {"name": "no subject"}},
        {"json": {"sub": "x", "unknown": 1}},
        {"json": {"sub": "x", "orgs": [{"scheme": "SIRET", "id": "1", "kind": "king"}]}},
        {"json": {"sub": "x", "expires_in": 10**9}},
        {"data": {"grant_type": "password", "client_id": "acheteuse"}},
        {"data": {"grant_type": "client_credentials", "client_id": "nobody"}},
        {"data": {"grant_type": "client_credentials"}, "headers": {"Authorization": "Basic ////"}},
    ],
)
async def test_wrong_wish_is_refused_with_a_problem(client: aiohttp.ClientSession, asked: dict[str, Any]) -> None:
    async with client.post("/issuer/token", **asked) as response:
        assert response.status == 422
        assert (await response.json())["detail"]


def test_key_is_kept_and_private(tmp_path: Path) -> None:
    first, again = load_or_create(tmp_path, URL), load_or_create(tmp_path, URL)
    assert first.jwks == again.jwks
    assert stat.S_IMODE((tmp_path / "issuer.jwk").stat().st_mode) == 0o600
