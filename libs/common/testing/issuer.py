"""An OIDC issuer for tests and the local platform: real keys, real tokens, for anybody. Never in production."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import OKPKey

__all__ = ["TestIssuer"]


class TestIssuer:
    """Issues bearer tokens signed with an Ed25519 key of its own."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    def __init__(
        self, issuer: str = "https://issuer.test", *, audience: str = "halles", key: OKPKey | None = None
    ) -> None:
        self.issuer = issuer.rstrip("/")
        self.audience = audience
        self._keys = [key or _new_key()]

    @property
    def key(self) -> OKPKey:
        """The key that signs now."""
        return self._keys[-1]

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys, as served to those who verify."""
        return {"keys": [key.as_dict(private=False) for key in self._keys]}

    def rotate(self, *, forget: bool = False) -> None:
        """Sign with a new key from now on; `forget` withdraws the former ones."""
        self._keys = [*([] if forget else self._keys), _new_key()]

    def token(
        self,
        *,
        sub: str = "test-person",
        name: str = "Camille Martin",
        organisation: str | Sequence[tuple[str, str]] | None = "SIRET:21210231500018",
        kind: str = "buyer",
        expires_in: float = 3600,
        claims: Mapping[str, Any] | None = None,
    ) -> str:
        """Give a token for a person of one organisation (`scheme:id`), or of several (`[("scheme:id", kind), ...]`).

        `expires_in` in seconds, negative for an expired token; `claims` replaces or adds any (None removes one).
        """
        now = time.time()
        several = [(organisation, kind)] if isinstance(organisation, str) else organisation or []
        content: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "iat": int(min(now, now + expires_in)),
            "exp": int(now + expires_in),
            "jti": uuid4().hex,
            "sub": sub,
            "name": name,
            "orgs": [_organisation(text, org_kind) for text, org_kind in several],
        }
        content |= claims or {}
        header = {"alg": "Ed25519", "kid": self.key.kid, "typ": "at+jwt"}
        return jwt.encode(
            header,
            {key: value for key, value in content.items() if value is not None},
            self.key,
            algorithms=["Ed25519"],
        )

    def write_jwks(self, folder: Path) -> str:
        """Write the public keys to a file and give its `file://` address, for `HALLES_JWKS_URL`."""
        path = folder.absolute() / "jwks.json"
        path.write_text(json.dumps(self.jwks))
        return path.as_uri()

    def application(self) -> web.Application:
        """Serve the discovery document and the keys, to be mounted at the path of `issuer`."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/jwks.json", self._serve_keys)
        return app

    async def _discovery(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks.json"})

    async def _serve_keys(self, _: web.Request) -> web.Response:
        return web.json_response(self.jwks)


def _new_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "Ed25519"}, private=True, auto_kid=True)


def _organisation(text: str, kind: str) -> dict[str, str]:
    scheme, _, identifier = text.partition(":")
    return {"scheme": scheme, "id": identifier, "kind": kind}
