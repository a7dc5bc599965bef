"""Who calls: OIDC bearer tokens, checked against the issuer's keys (RFC 7519, RFC 8725), and the chosen organisation."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import unquote, urlsplit

import aiohttp
import structlog
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from libs.common.actor import Actor, CompanyStanding, OrganisationKind, Person
from libs.common.errors import FieldError, Forbidden, InvalidInput, Unauthenticated, Unavailable
from libs.common.messages.base import OrganisationId
from libs.common.settings import Settings

__all__ = [
    "ALGORITHMS",
    "ORGANISATION_HEADER",
    "Authenticator",
    "CompanyUsers",
    "IssuerKeys",
    "KeySource",
    "Memberships",
    "NoCompanyUser",
]

ALGORITHMS = ("Ed25519", "EdDSA", "ES256", "PS256", "RS256")
"""Signatures only, asymmetric only: `none` and shared secrets are never accepted (RFC 8725, section 3.1)."""
ORGANISATION_HEADER = "Halles-Organisation"

MAX_TOKEN = 16 * 1024
"""characters"""
KEYS_FRESH = 600.0
"""seconds after which the issuer's keys are asked again"""
KEYS_PAUSE = 10.0
"""seconds between two requests for keys, whatever unknown `kid` callers invent"""
VERIFIED_FRESH = 60.0
"""seconds during which a verified token is not verified again (its expiry always is)"""
VERIFIED_MOST = 10_000
SKEW = 30
"""seconds an issuer's clock may be ahead of ours (`nbf`, `iat`); expiry has none"""

_KIND = ";kind="
_OUTSIDE = frozenset({CompanyStanding.UNRECORDED, CompanyStanding.STRANGER})
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(OrganisationId)
_log = structlog.get_logger(__name__)


class _Organisation(BaseModel):
    model_config = ConfigDict(frozen=True)
    scheme: str
    id: str = Field(pattern=r"^[^\x00-\x1f\x7f]+$")
    kind: OrganisationKind

    @property
    def text(self) -> str:
        return f"{self.scheme}:{self.id}"

    @model_validator(mode="after")
    def _known_scheme(self) -> Self:
        _IDENTIFIER.validate_python(self.text)
        return self


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True)
    sub: str = Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")
    name: str = Field(default="", max_length=255)
    exp: float
    orgs: tuple[_Organisation, ...] = ()


class KeySource(Protocol):
    """Gives the issuer's public keys."""

    async def keys(self, *, renew: bool = False) -> KeySet:
        """Give the keys; `renew` after a token named one that is not known. Raises Unavailable."""
        ...


class IssuerKeys:
    """The keys published by the issuer (JWKS), kept for a while, asked again when a token names an unknown one."""

    def __init__(self, settings: Settings, session: Callable[[], aiohttp.ClientSession]) -> None:
        self._settings = settings
        self._session = session
        self._keys: KeySet | None = None
        self._asked = -KEYS_FRESH
        self._lock = asyncio.Lock()

    async def keys(self, *, renew: bool = False) -> KeySet:
        """Give the keys; those at hand when the issuer is away. Raises Unavailable when there are none."""
        if self._keys is not None and time.monotonic() - self._asked < (KEYS_PAUSE if renew else KEYS_FRESH):
            return self._keys
        async with self._lock:
            age = time.monotonic() - self._asked
            if self._keys is None or age >= (KEYS_PAUSE if renew else KEYS_FRESH):
                await self._renew()
        if self._keys is None:
            raise Unavailable(
                "Le service d'identité ne répond pas : réessayez dans un instant.",
                "The identity service does not answer: try again in a moment.",
            )
        return self._keys

    async def _renew(self) -> None:
        try:
            self._keys = KeySet.import_key_set(await self._fetch())
            self._asked = time.monotonic()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, JoseError) as error:
            _log.warning("issuer_keys_unavailable", error=type(error).__name__)
            if self._keys is not None:
                self._asked = time.monotonic()

    async def _fetch(self) -> Any:  # noqa: ANN401  # JSON, checked by the import that follows
        url = self._settings.jwks_url or await self._discover()
        if urlsplit(url).scheme == "file":
            path = Path(unquote(urlsplit(url).path))
            return json.loads(await asyncio.to_thread(path.read_bytes))
        return await self._get(url)

    async def _discover(self) -> str:
        document = await self._get(self._settings.issuer + "/.well-known/openid-configuration")
        address = document.get("jwks_uri") if isinstance(document, dict) else None
        if not isinstance(address, str):
            raise ValueError("the discovery document names no jwks_uri")  # noqa: TRY004  # bad content, not bad type
        return address

    async def _get(self, url: str) -> Any:  # noqa: ANN401  # JSON
        timeout = aiohttp.ClientTimeout(total=5)
        async with self._session().get(url, timeout=timeout, allow_redirects=False) as response:
            response.raise_for_status()
            return await response.json(content_type=None)


class Memberships(Protocol):
    """Knows the persons who may act for a buyer that their token does not name: the platform's own dated records."""

    async def is_member(self, subject: str, organisation: str) -> bool:
        """Say whether the person may act for the buyer now. Asked at each request, never kept: what is revoked is over."""
        ...

    async def reads_all(self, actor: Actor) -> bool:
        """Say whether the caller may read now all that is of the buyer, not of some consultations only."""
        ...


class CompanyUsers(Protocol):
    """Knows the users of companies: the platform's own dated records."""

    async def standing(self, subject: str, company: str) -> CompanyStanding:
        """Say what the person is for the company now. Asked at each request, never kept: what is revoked is over."""
        ...


class NoCompanyUser(Forbidden):
    """The company has recorded users, and the caller is none of them now, whatever the token says."""

    slug = "no-company-user"
    title, title_en = "Accès à cette entreprise non accordé", "No access to this company"

    def __init__(self) -> None:
        super().__init__(
            "Cette entreprise tient ici la liste de ses utilisateurs et vous n'en êtes pas, ou plus : "
            "demandez une invitation à son administrateur.",
            "This company keeps the list of its users here, and you are not one of them, or no more: "
            "ask its administrator for an invitation.",
        )


@dataclass(frozen=True, slots=True)
class _Verified:
    claims: _Claims
    keys: KeySet
    at: float


class Authenticator:
    """Turns a bearer token into an Actor; keeps what it verified for a minute, so that a token costs once."""

    def __init__(self, settings: Settings, keys: KeySource) -> None:
        self._keys = keys
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()
        self._issuer = settings.issuer.rstrip("/")
        skew = {"nbf": SKEW, "iat": SKEW}
        self._dates = jwt.JWTClaimsRegistry(leeway=max(skew.values()))
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "values": [self._issuer, self._issuer + "/"]},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
        )

    async def authenticate(
        self,
        authorization: str | None,
        organisation: str | None = None,
        memberships: Memberships | None = None,
        users: CompanyUsers | None = None,
    ) -> Actor | None:
        """Give who calls; None when no token came. `memberships`: who else may act for a buyer, where somebody knows.

        `users`: who may act for a company, where it keeps the list of them. Raises Unauthenticated (bad token), Forbidden
        (not a member of that organisation; NoCompanyUser), InvalidInput (several organisations or kinds, and none chosen),
        Unavailable (no keys).
        """
        if authorization is None:
            return None
        claims = await self._claimed(authorization)
        if organisation is not None and not _named(claims.orgs, organisation):
            return await _recorded(claims, organisation, memberships, users)
        chosen = _choose(claims.orgs, organisation)
        actor = Actor(claims.sub, claims.name, chosen.text, chosen.kind)
        return actor if users is None else await _of_company(actor, users)

    async def identify(self, authorization: str | None) -> Person | None:
        """Give who calls, whatever organisation they act for; None when no token came. Raises Unauthenticated, Unavailable."""
        if authorization is None:
            return None
        claims = await self._claimed(authorization)
        return Person(claims.sub, claims.name)

    async def _claimed(self, authorization: str) -> _Claims:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN:
            raise _refused("un jeton « Bearer » est attendu", "a Bearer token is expected")
        return await self._verify(token)

    async def _verify(self, token: str) -> _Claims:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        keys = await self._keys.keys()
        known = self._verified.get(digest)
        if known is None or known.keys is not keys or time.monotonic() - known.at > VERIFIED_FRESH:
            claims, keys = await self._decode(token, keys)
            known = self._remember(digest, _Verified(claims, keys, time.monotonic()))
        if known.claims.exp <= time.time():
            self._verified.pop(digest, None)
            raise _expired()
        return known.claims

    def _remember(self, digest: bytes, verified: _Verified) -> _Verified:
        self._verified[digest] = verified
        self._verified.move_to_end(digest)
        if len(self._verified) > VERIFIED_MOST:
            self._verified.popitem(last=False)
        return verified

    async def _decode(self, token: str, keys: KeySet) -> tuple[_Claims, KeySet]:
        try:
            return self._check(token, keys), keys
        except InvalidKeyIdError:
            renewed = await self._keys.keys(renew=True)
        try:
            return self._check(token, renewed), renewed
        except InvalidKeyIdError:
            raise _refused("clé de signature inconnue", "unknown signing key") from None

    def _check(self, token: str, keys: KeySet) -> _Claims:
        try:
            decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
            if decoded.header.get("typ", "JWT").lower() not in ("jwt", "at+jwt"):
                raise _refused("type de jeton non accepté", "token type not accepted")
            claims = decoded.claims
            self._claims.validate({name: value for name, value in claims.items() if name not in ("nbf", "iat")})
            self._dates.validate({name: claims[name] for name in ("nbf", "iat") if name in claims})
            return _Claims.model_validate(claims)
        except InvalidKeyIdError:
            raise
        except ExpiredTokenError:
            raise _expired() from None
        except ValidationError as error:
            _log.info("token_claims_refused", fields=[".".join(map(str, fault["loc"])) for fault in error.errors()])
            raise _refused("contenu du jeton incomplet", "incomplete token claims") from None
        except (JoseError, ValueError, TypeError, AttributeError) as error:
            _log.info("token_refused", error=type(error).__name__)
            raise _refused("jeton invalide", "invalid token") from None


async def _recorded(claims: _Claims, wanted: str, memberships: Memberships | None, users: CompanyUsers | None) -> Actor:
    """Give who acts for an organisation by a record of the platform. Raises Forbidden, in the same words whoever they name.

    One that is a buyer and a company is the buyer, unless `;kind=company` says otherwise.
    """
    name, _, kind = wanted.partition(_KIND)
    if not _is_identifier(name):
        raise _not_given()
    if (
        memberships is not None
        and kind in ("", OrganisationKind.BUYER)
        and await memberships.is_member(claims.sub, name)
    ):
        return Actor(claims.sub, claims.name, name, OrganisationKind.BUYER, recorded=True)
    if users is not None and kind in ("", OrganisationKind.COMPANY):
        standing = await users.standing(claims.sub, name)
        if standing not in _OUTSIDE:
            reads_only = standing is CompanyStanding.READER
            return Actor(claims.sub, claims.name, name, OrganisationKind.COMPANY, recorded=True, reads_only=reads_only)
    raise _not_given()


async def _of_company(actor: Actor, users: CompanyUsers) -> Actor:
    """Hold what a token says of a company against the list of its users, once it keeps one. Raises NoCompanyUser."""
    if actor.kind is not OrganisationKind.COMPANY:
        return actor
    standing = await users.standing(actor.subject, actor.organisation)
    if standing is CompanyStanding.STRANGER:
        raise NoCompanyUser
    return replace(actor, reads_only=standing is CompanyStanding.READER)


def _is_identifier(name: str) -> bool:
    try:
        _IDENTIFIER.validate_python(name)
    except ValidationError:
        return False
    return True


def _choose(orgs: Sequence[_Organisation], wanted: str | None) -> _Organisation:
    if not orgs:
        raise Forbidden(
            "Le jeton ne nomme aucune organisation pour laquelle agir.", "The token names no organisation to act for."
        )
    found = list(dict.fromkeys(orgs if wanted is None else _named(orgs, wanted)))
    if not found:
        raise _not_given()
    if len(found) > 1:
        raise _several()
    return found[0]


def _not_given() -> Forbidden:
    return Forbidden(
        f"L'en-tête {ORGANISATION_HEADER} nomme une organisation, ou une qualité, que le jeton ne donne pas.",
        f"The header {ORGANISATION_HEADER} names an organisation, or a kind of it, that the token does not give.",
    )


def _named(orgs: Sequence[_Organisation], wanted: str) -> list[_Organisation]:
    """Give what the header means: `SIRET:...`, or `SIRET:...;kind=company` for an organisation of several kinds."""
    name, _, kind = wanted.partition(_KIND)
    return [each for each in orgs if each.text == name and kind in ("", each.kind)]


def _several() -> InvalidInput:
    french = (
        f"Plusieurs organisations ou qualités possibles : dites laquelle dans l'en-tête {ORGANISATION_HEADER} "
        "(SIRET:..., ou SIRET:...;kind=company)."
    )
    english = (
        f"Several organisations or kinds are possible: say which in the header {ORGANISATION_HEADER} "
        "(SIRET:..., or SIRET:...;kind=company)."
    )
    return InvalidInput(french, english, errors=[FieldError(f"header/{ORGANISATION_HEADER}", french, english)])


def _refused(french: str, english: str) -> Unauthenticated:
    return Unauthenticated(
        f"Jeton refusé : {french}. Demandez-en un nouveau.", f"Token refused: {english}. Ask for a new one."
    )


def _expired() -> Unauthenticated:
    return Unauthenticated("Jeton expiré : demandez-en un nouveau.", "Token expired: ask for a new one.")
