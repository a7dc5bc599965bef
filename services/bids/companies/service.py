"""Filling in, refreshing, reading and erasing the file of one's own company."""

from __future__ import annotations

from dataclasses import replace

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import InvalidInput, NotFound
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.bids.applications.identifiers import identifier_problem
from services.bids.companies import store
from services.bids.companies.file import CompanyData, CompanyFile
from services.bids.companies.provider import CompanyDataProvider

__all__ = ["declare", "erase", "own", "refresh"]

_WHY = "candidature aux marches publics"


async def own(conn: asyncpg.Connection, actor: Actor) -> CompanyFile:
    """Give the last version of the file of the caller's company. Raises Forbidden, NotFound."""
    actor.require(OrganisationKind.COMPANY)
    found = await store.last(conn, actor.organisation)
    if found is None:
        raise NotFound(
            "Votre entreprise n'a pas encore de dossier : remplissez-le, ou demandez-le par son SIRET.",
            "Your company has no file yet: fill it in, or have it fetched by its SIRET.",
        )
    return found


async def declare(uow: Uow, actor: Actor, declared: CompanyData) -> CompanyFile:
    """Save what the company says of itself as a new version; official data stay as they are. Raises Forbidden."""
    return await _save(uow, actor, "declare_company", declared=declared)


async def refresh(runtime: Runtime, actor: Actor) -> CompanyFile:
    """Ask the provider for official data of the company; nothing changes when it does not answer.

    Raises Forbidden, InvalidInput (no SIRET, or a wrong one), UnknownCompany, NoProvider, Unavailable.
    """
    actor.require(OrganisationKind.COMPANY)
    siret = _siret(actor.organisation)
    provider = runtime.port(CompanyDataProvider)  # type: ignore[type-abstract]  # a port
    data = await provider.fetch(siret, reason=_WHY)
    async with runtime.uow(actor=actor) as uow:
        return await _save(uow, actor, "refresh_company", provided=(data, provider.name))


async def erase(uow: Uow, actor: Actor) -> None:
    """Erase the file of the caller's company, every version; sealed bids and received papers are another matter."""
    actor.require(OrganisationKind.COMPANY)
    await store.hold(uow.conn, actor.organisation)
    await store.erase(uow.conn, actor.organisation)
    uow.audit("erase_company", actor.organisation)


async def _save(
    uow: Uow,
    actor: Actor,
    action: str,
    *,
    declared: CompanyData | None = None,
    provided: tuple[CompanyData, str] | None = None,
) -> CompanyFile:
    actor.require(OrganisationKind.COMPANY)
    await store.hold(uow.conn, actor.organisation)
    now = uow.now()
    before = await store.last(uow.conn, actor.organisation)
    file = before or CompanyFile(actor.organisation, 0, CompanyData(), None, None, None, now)
    file = replace(file, version=file.version + 1, saved_at=now)
    if declared is not None:
        file = replace(file, declared=declared)
    if provided is not None:
        file = replace(file, provided=provided[0], provider=provided[1], provided_at=now)
    await store.add(uow.conn, file, actor.subject)
    uow.audit(action, actor.organisation)
    return file


def _siret(organisation: str) -> str:
    scheme, _, value = organisation.partition(":")
    problem = identifier_problem(organisation)
    if scheme != "SIRET" or problem is not None:
        told = problem or ("seules les entreprises françaises ont un SIRET", "only French companies have a SIRET")
        raise InvalidInput(f"Données à déclarer vous-même : {told[0]}.", f"Declare the data yourself: {told[1]}.")
    return value
