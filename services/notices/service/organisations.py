"""The page of a buyer: what it says of itself, else what its last public notice says; and what its notices tell."""

from __future__ import annotations

from dataclasses import dataclass

from libs.common.actor import Actor
from libs.common.errors import FieldError, InvalidInput, NotFound, StaleVersion
from libs.common.messages.notices import Buyer
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.content import Contact
from services.notices.domain.organisation import Details, KeptDetails
from services.notices.domain.roles import Permission
from services.notices.service import roles
from services.notices.store import organisations as store

__all__ = ["Organisation", "keep", "organisation", "own_buyer"]

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Organisation:
    """All that the page of a buyer shows."""

    organisation: str
    details: Details
    kept: KeptDetails | None
    counts: store.Counts
    open_count: int
    open_procedures: list[store.OpenProcedure]
    awards: list[store.AwardLine]


async def organisation(runtime: Runtime, identifier: str) -> Organisation:
    """Give the page of a buyer seen in a public notice, or that made itself known. Raises NotFound."""
    now = runtime.clock.now()
    async with runtime.read() as conn:
        kept = await store.details(conn, identifier)
        said = kept.details if kept else _told(await store.last_notice(conn, identifier))
        return Organisation(
            organisation=identifier,
            details=said,
            kept=kept,
            counts=await store.counts(conn, identifier),
            open_count=await store.count_open(conn, identifier, now),
            open_procedures=await store.open_procedures(conn, identifier, now, None, _SHOWN),
            awards=await store.awards(conn, identifier, None, _SHOWN),
        )


def _told(seen: tuple[Buyer, Contact | None] | None) -> Details:
    """Give what a public notice says of its buyer. Raises NotFound where there is none."""
    if seen is None:
        raise NotFound(
            "Aucun avis public ne vient de cette organisation.", "No public notice comes from this organisation."
        )
    buyer, said = seen[0], seen[1] or Contact()
    return Details(
        name=buyer.name,
        legal_type=buyer.legal_type,
        department_name=said.department,
        street=said.street,
        postal_code=buyer.postal_code,
        city=buyer.city,
        email=said.email,
        phone=said.phone,
        website=said.url,
    )


async def keep(uow: Uow, identifier: str, version: int, details: Details, actor: Actor) -> None:
    """Keep what an organisation says of itself, by its administrator. Raises Forbidden, RoleMissing, StaleVersion."""
    await roles.require(uow, actor, identifier, None, Permission.ADMINISTER)
    if await store.keep_details(uow.conn, identifier, version, details, uow.now()) is None:
        raise StaleVersion(
            "La page de l'organisation a changé : relisez-la, puis refaites votre modification.",
            "The page of the organisation has changed: read it again, then redo your change.",
        )
    uow.audit("organisation-kept", identifier)


async def own_buyer(uow: Uow, identifier: str) -> Buyer:
    """Give the caller's organisation as its notices name it. Raises InvalidInput where nothing names it yet."""
    if kept := await store.details(uow.conn, identifier):
        return kept.details.buyer(identifier)
    if seen := await store.last_buyer(uow.conn, identifier):
        return seen
    told = (
        "Votre organisation n'a encore aucun avis : donnez son nom (buyer), ou remplissez sa page.",
        "Your organisation has no notice yet: give its name (buyer), or fill in its page.",
    )
    raise InvalidInput(*told, errors=[FieldError("body/buyer", *told)])
