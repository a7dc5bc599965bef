"""The local OIDC issuer: sandbox personas, and any token to anybody who asks. Production refuses tokens of such an issuer.

It serves discovery and keys like a real one, so that the services verify its tokens as they would verify Keycloak's.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.actor import OrganisationKind
from libs.common.errors import FieldError, InvalidInput
from libs.common.testing.issuer import TestIssuer

__all__ = ["PERSONAS", "Persona", "application", "load_or_create"]

LIFETIME = 3600
"""Seconds a token is valid when the caller does not say."""
LONGEST = 24 * 3600


@dataclass(frozen=True, slots=True)
class Persona:
    """An invented person to try the platform with. The SIRETs are invented too, and pass the Luhn check."""

    id: str
    name: str
    organisation: str
    kind: OrganisationKind
    role: str


PERSONAS = (
    Persona("acheteuse", "Claire Vannier", "SIRET:90000101700012", OrganisationKind.BUYER, "secrétaire de mairie"),
    Persona("maire", "Yves Le Goff", "SIRET:90000101700012", OrganisationKind.BUYER, "maire, signe les marchés"),
    Persona("entreprise", "Nadia Benali", "SIRET:90000102500015", OrganisationKind.COMPANY, "gérante"),
    Persona("concurrente", "Paul Guérin", "SIRET:90000103300019", OrganisationKind.COMPANY, "chargé d'affaires"),
    Persona("partenaire", "Veille Ouverte", "SIRET:90000104100012", OrganisationKind.PARTNER, "plateforme partenaire"),
    Persona("prefecture", "Contrôle de légalité", "SIRET:90000105800016", OrganisationKind.STATE, "système de l'État"),
    Persona("exploitation", "Sacha Morel", "SIRET:90000106600019", OrganisationKind.OPERATOR, "exploitant"),
)


class _Organisation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    scheme: str = Field(min_length=1)
    id: str = Field(min_length=1)
    kind: OrganisationKind


class _Wish(BaseModel):
    """The token somebody would like: nothing is checked but its form."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sub: str = Field(min_length=1)
    name: str = ""
    orgs: tuple[_Organisation, ...] = ()
    expires_in: Annotated[int, Field(le=LONGEST)] = LIFETIME
    """Negative: an expired token, to see how it is refused."""


def load_or_create(folder: Path, url: str) -> TestIssuer:
    """Give the issuer at this address with the key kept in the folder, made at the first call."""
    path = folder / "issuer.jwk"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "Ed25519"}, private=True, auto_kid=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(key.as_dict(private=True), file)
    return TestIssuer(url, key=OKPKey.import_key(json.loads(path.read_text())))


def application(issuer: TestIssuer) -> web.Application:
    """Give the issuer's HTTP face, to be mounted at the path of its address.

    `POST /token` takes JSON (`sub`, `name`, `orgs`, `expires_in`: any person) or an OAuth 2.0 form (`client_credentials`
    with a persona as `client_id`, any secret).
    """
    face = _Face(issuer)
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", face.discovery)
    app.router.add_get("/jwks.json", face.keys)
    app.router.add_get("/personas", face.personas)
    app.router.add_post("/token", face.token)
    return app


class _Face:
    def __init__(self, issuer: TestIssuer) -> None:
        self._issuer = issuer

    async def discovery(self, _: web.Request) -> web.Response:
        """What OpenID Connect Discovery 1.0, section 3 asks, with the mark of the sandbox."""
        url = self._issuer.issuer
        return web.json_response(
            {
                "issuer": url,
                "jwks_uri": f"{url}/jwks.json",
                "token_endpoint": f"{url}/token",
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["Ed25519"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "halles_sandbox": True,
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        """The public keys (RFC 7517)."""
        return web.json_response(self._issuer.jwks)

    async def personas(self, _: web.Request) -> web.Response:
        """Who one may be at once."""
        return web.json_response({"personas": [asdict(persona) for persona in PERSONAS]})

    async def token(self, request: web.Request) -> web.Response:
        """A bearer token for whoever is asked for."""
        wish = await _read_wish(request)
        organisations = [(f"{org.scheme}:{org.id}", org.kind.value) for org in wish.orgs]
        token = self._issuer.token(
            sub=wish.sub,
            name=wish.name,
            organisation=organisations,
            expires_in=wish.expires_in,
            claims={"halles_sandbox": True},
        )
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": wish.expires_in}
        return web.json_response(answer, headers={"Cache-Control": "no-store"})


async def _read_wish(request: web.Request) -> _Wish:
    if request.content_type == "application/json":
        try:
            return _Wish.model_validate_json(await request.read())
        except ValidationError as error:
            faults = [
                FieldError("/" + "/".join(map(str, fault["loc"])), fault["msg"], fault["msg"])
                for fault in error.errors()
            ]
            raise InvalidInput("Jeton demandé incorrect.", "The token asked for is wrong.", errors=faults) from error
    return _wish_of_persona(request, await request.post())


def _wish_of_persona(request: web.Request, form: Any) -> _Wish:  # noqa: ANN401  # aiohttp's multidict
    asked = str(form.get("client_id") or _basic_user(request))
    persona = next((persona for persona in PERSONAS if persona.id == asked), None)
    if form.get("grant_type") != "client_credentials" or persona is None:
        known = ", ".join(persona.id for persona in PERSONAS)
        raise InvalidInput(
            f"Demandez grant_type=client_credentials avec pour client_id l'un de : {known} ; ou du JSON (sub, name, orgs).",
            f"Ask for grant_type=client_credentials with client_id one of: {known}; or JSON (sub, name, orgs).",
        )
    scheme, _, identifier = persona.organisation.partition(":")
    organisation = _Organisation(scheme=scheme, id=identifier, kind=persona.kind)
    return _Wish(sub=persona.id, name=persona.name, orgs=(organisation,))


def _basic_user(request: web.Request) -> str:
    """Give the client of an `Authorization: Basic` header (RFC 6749, 2.3.1), empty when there is none."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials).decode().partition(":")[0]
    except (Base64Error, UnicodeDecodeError):
        return ""
