"""Bearer tokens: whose they are, and the keys that prove it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from joserfc.jwk import KeySet

from libs.common import auth
from libs.common.actor import OrganisationKind
from libs.common.auth import Authenticator, IssuerKeys
from libs.common.errors import Forbidden, InvalidInput, Unauthenticated, Unavailable
from libs.common.http import serve
from libs.common.settings import Settings
from libs.common.testing.issuer import TestIssuer


def _keys_of(issuer: TestIssuer) -> KeySet:
    served: Any = issuer.jwks
    return KeySet.import_key_set(served)


class CountedKeys:
    def __init__(self, issuer: TestIssuer) -> None:
        self.issuer = issuer
        self.asked = 0
        self._keys = _keys_of(issuer)

    async def keys(self, *, renew: bool = False) -> KeySet:
        if renew:
            self.asked += 1
            self._keys = _keys_of(self.issuer)
        return self._keys


def authenticator(issuer: TestIssuer) -> tuple[Authenticator, CountedKeys]:
    keys = CountedKeys(issuer)
    return Authenticator(Settings(environment="test", issuer=issuer.issuer), keys), keys


async def test_a_token_says_who_acts_and_for_which_organisation() -> None:
    issuer = TestIssuer()
    who, _ = authenticator(issuer)
    token = issuer.token(sub="p-1", name="Jeanne Moreau", organisation="SIRET:21210231500018", kind="buyer")
    actor = await who.authenticate(f"bearer {token}")
    assert actor is not None
    assert (actor.subject, actor.organisation, actor.kind) == ("p-1", "SIRET:21210231500018", OrganisationKind.BUYER)
    assert await who.authenticate(None) is None


async def test_an_organisation_of_any_scheme_may_act() -> None:
    issuer = TestIssuer()
    who, _ = authenticator(issuer)
    for organisation in ("TVA:DE123456789", "NATIONAL:NOR-974760673", "HORS-UE:CHExample SA"):
        actor = await who.authenticate(f"Bearer {issuer.token(organisation=organisation, kind='company')}")
        assert actor is not None
        assert actor.organisation == organisation


async def test_an_organisation_of_two_kinds_says_as_which_it_acts() -> None:
    issuer = TestIssuer()
    who, _ = authenticator(issuer)
    city, other = "SIRET:21210231500018", "SIRET:13002526500013"
    token = (
        f"Bearer {issuer.token(organisation=[(city, 'buyer'), (city, 'company'), (other, 'buyer'), (other, 'buyer')])}"
    )
    for kind in ("company", "buyer"):
        actor = await who.authenticate(token, f"{city};kind={kind}")
        assert actor is not None
        assert (actor.organisation, actor.kind) == (city, kind)
    with pytest.raises(InvalidInput, match="kind=company"):
        await who.authenticate(token, city)
    listed_twice = await who.authenticate(token, other)
    assert listed_twice is not None
    for wrong in (
        f"{city};kind=state",
        f"{other};kind=company",
        f"{city};kind=",
        f"{city};",
        f"{city};kind=buyer;kind=state",
    ):
        with pytest.raises((Forbidden, InvalidInput)):
            await who.authenticate(token, wrong)


async def test_a_token_without_organisation_may_not_act() -> None:
    issuer = TestIssuer()
    who, _ = authenticator(issuer)
    with pytest.raises(Forbidden):
        await who.authenticate(f"Bearer {issuer.token(organisation=None)}")


async def test_a_token_expires_even_when_it_is_remembered() -> None:
    issuer = TestIssuer()
    who, _ = authenticator(issuer)
    token = issuer.token(expires_in=1.2)
    assert await who.authenticate(f"Bearer {token}") is not None
    await asyncio.sleep(1.3)
    with pytest.raises(Unauthenticated):
        await who.authenticate(f"Bearer {token}")


async def test_a_new_key_of_the_issuer_is_learnt_and_a_withdrawn_one_forgotten() -> None:
    issuer = TestIssuer()
    who, keys = authenticator(issuer)
    before = issuer.token()
    assert await who.authenticate(f"Bearer {before}") is not None
    issuer.rotate()
    assert await who.authenticate(f"Bearer {issuer.token()}") is not None
    assert await who.authenticate(f"Bearer {before}") is not None
    issuer.rotate(forget=True)
    assert await who.authenticate(f"Bearer {issuer.token()}") is not None
    with pytest.raises(Unauthenticated):
        await who.authenticate(f"Bearer {before}")
    assert keys.asked == 3


@pytest.fixture
async def session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def test_keys_come_from_the_issuer_and_outlast_its_absence(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = {"document": 0, "keys": 0}
    issuer = TestIssuer()
    app = web.Application()

    async def document(request: web.Request) -> web.Response:
        served["document"] += 1
        return web.json_response({"jwks_uri": str(request.url.with_path("/jwks"))})

    async def keys(_: web.Request) -> web.Response:
        served["keys"] += 1
        return web.json_response(issuer.jwks)

    app.router.add_get("/.well-known/openid-configuration", document)
    app.router.add_get("/jwks", keys)
    async with session:
        async with serve(app, "127.0.0.1", 0) as url:
            issuer.issuer = str(url).rstrip("/")
            settings = Settings(environment="test", issuer=issuer.issuer)
            found = IssuerKeys(settings, lambda: session)
            who = Authenticator(settings, found)
            tokens = [issuer.token() for _ in range(20)]
            await asyncio.gather(*(who.authenticate(f"Bearer {token}") for token in tokens))
            assert served == {"document": 1, "keys": 1}, "asked once, however many callers wait for it"
            stranger = TestIssuer(issuer.issuer)
            for _ in range(5):
                with pytest.raises(Unauthenticated):
                    await who.authenticate(f"Bearer {stranger.token()}")
            assert served["keys"] == 1, "callers cannot make us ask again and again"
        monkeypatch.setattr(auth, "KEYS_FRESH", 0.0)
        monkeypatch.setattr(auth, "KEYS_PAUSE", 0.0)
        assert await who.authenticate(f"Bearer {issuer.token()}") is not None, "the issuer is away, its keys are known"


async def test_without_any_key_the_service_says_try_again(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    issuer = TestIssuer()
    async with session:
        for address in ("http://127.0.0.1:9/jwks", (tmp_path / "absent.json").as_uri()):
            settings = Settings(environment="test", issuer=issuer.issuer, jwks_url=address)
            who = Authenticator(settings, IssuerKeys(settings, lambda: session))
            with pytest.raises(Unavailable):
                await who.authenticate(f"Bearer {issuer.token()}")


async def test_keys_may_come_from_a_file(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    issuer = TestIssuer()
    async with session:
        settings = Settings(environment="test", issuer=issuer.issuer, jwks_url=issuer.write_jwks(tmp_path))
        who = Authenticator(settings, IssuerKeys(settings, lambda: session))
        assert await who.authenticate(f"Bearer {issuer.token()}") is not None
        (tmp_path / "jwks.json").write_text("{not json")
        broken = Authenticator(settings, IssuerKeys(settings, lambda: session))
        with pytest.raises(Unavailable):
            await broken.authenticate(f"Bearer {issuer.token()}")
