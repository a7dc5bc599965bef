"""Who plays in the story: invented people and companies, with their tokens, and their own signing keys."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from deploy.local.story.client import Api, StoryError

__all__ = ["COMPANIES", "LATE_COMPANY", "PARTNER", "Company", "Person", "log_in"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token, acting for one organisation."""

    subject: str
    name: str
    organisation: str
    kind: str
    api: Api


@dataclass(frozen=True, slots=True)
class Company:
    """A bidder of the story. SIRETs are invented and pass the Luhn check."""

    organisation: str
    name: str
    subject: str
    email: str


COMPANIES = (
    Company("SIRET:90000001900019", "Maçonnerie du Morvan", "macon-morvan", "offres@maconnerie-morvan.example"),
    Company("SIRET:90000002700012", "Ateliers de l'Auxois", "ateliers-auxois", "marches@ateliers-auxois.example"),
    Company("SIRET:90000003500015", "Coopérative de l'Odet", "cooperative-odet", "contact@cooperative-odet.example"),
)
LATE_COMPANY = Company("SIRET:90000004300019", "Entreprise Tardieu", "entreprise-tardieu", "appel@tardieu.example")
PARTNER = Company("SIRET:90000005000014", "Veille Marchés", "veille-marches", "api@veille-marches.example")


async def log_in(
    session: aiohttp.ClientSession, base: str, *, subject: str, name: str, organisation: str, kind: str
) -> Person:
    """Get a token from the sandbox's issuer. Raises StoryError."""
    scheme, identifier = organisation.split(":", 1)
    claims = {"sub": subject, "name": name, "orgs": [{"scheme": scheme, "id": identifier, "kind": kind}]}
    async with session.post(f"{base}/issuer/token", json=claims) as response:
        if response.status != 200:
            raise StoryError(f"the local issuer gave no token to {subject}: {response.status}")
        token = (await response.json())["access_token"]
    return Person(subject, name, organisation, kind, Api(session, base, token))
