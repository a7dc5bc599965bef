"""Official data of companies, asked by SIRET alone ("tell us once", the heir of MPS): a port, and its adapter over HTTP.

API Entreprise asks each caller to say for whom and why (`context`, `recipient`, `object`); its editor may never be the
recipient. The form taken here is that of a relay in front of it, which answers one document a company.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp
from pydantic import ValidationError

from libs.common.errors import Conflict, NotFound, Unavailable
from libs.common.runtime import Runtime
from services.bids.companies.file import CompanyData
from services.bids.settings import BidsSettings

__all__ = ["CompanyDataProvider", "HttpCompanyData", "NoCompanyData", "NoProvider", "UnknownCompany", "provider_of"]

TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
LARGEST: Final = 2**20
"""Bytes of an answer."""
_FOUND: Final = 200
_UNKNOWN: Final = 404


class UnknownCompany(NotFound):
    """The provider knows no company of that SIRET."""

    slug = "unknown-company"
    title, title_en = "Entreprise inconnue", "Unknown company"


class NoProvider(Conflict):
    """No provider of company data is configured on this platform."""

    slug = "no-company-data"
    title, title_en = "Données d'entreprises non disponibles", "No company data here"


class CompanyDataProvider(Protocol):
    """Gives official data of French companies."""

    @property
    def name(self) -> str:
        """How it is named where its data are shown."""
        ...

    async def fetch(self, siret: str, *, reason: str) -> CompanyData:
        """Give what is known of a company. Raises UnknownCompany, NoProvider, Unavailable."""
        ...


class NoCompanyData:
    """No provider is configured (`HALLES_COMPANY_DATA_URL`)."""

    name = "none"

    async def fetch(self, siret: str, *, reason: str) -> CompanyData:
        """Raise NoProvider."""
        del siret, reason
        raise NoProvider(
            "Aucun fournisseur de données d'entreprises n'est branché : remplissez le dossier vous-même.",
            "No provider of company data is configured: fill the file in yourself.",
        )


@dataclass(frozen=True)
class HttpCompanyData:
    """Asks `GET <url>/companies/<siret>` with a bearer token."""

    runtime: Runtime
    url: str
    token: str
    recipient: str
    """SIRET of who is responsible for the platform, to whom the data go."""
    name: str = "API Entreprise"

    async def fetch(self, siret: str, *, reason: str) -> CompanyData:
        """Give what is known of a company. Raises UnknownCompany, Unavailable."""
        params = {"context": "marches publics", "recipient": self.recipient, "object": reason}
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        try:
            async with self.runtime.http.get(
                f"{self.url}/companies/{siret}", params=params, headers=headers, timeout=TIMEOUT, allow_redirects=False
            ) as answer:
                return _read(answer.status, await answer.content.read(LARGEST + 1) if answer.status == _FOUND else b"")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _away() from error


def _read(status: int, body: bytes) -> CompanyData:
    if status == _UNKNOWN:
        raise UnknownCompany("Aucune entreprise n'a ce SIRET.", "No company has that SIRET.")
    if status != _FOUND or len(body) > LARGEST:
        raise _away()
    try:
        return CompanyData.model_validate_json(body)
    except ValidationError as error:
        raise _away() from error


def _away() -> Unavailable:
    return Unavailable(
        "Le fournisseur de données d'entreprises ne répond pas comme il devrait : réessayez plus tard, ou déclarez vous-même.",
        "The provider of company data does not answer as it should: try later, or declare yourself.",
    )


def provider_of(runtime: Runtime, settings: BidsSettings) -> CompanyDataProvider:
    """Give the provider that the settings name."""
    if settings.company_data_url is None:
        return NoCompanyData()
    token = settings.company_data_token.get_secret_value()
    return HttpCompanyData(runtime, settings.company_data_url.rstrip("/"), token, settings.company_data_recipient)
