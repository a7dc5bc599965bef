"""The register of downloads (registre des retraits): who took which document under their name, told to the buyer alone.

Nobody has to say who they are (R2132-2 CCP): other downloads leave no trace. Names and addresses are in the register and
nowhere else: no event, no log, no entry of the journal holds them, nor says that somebody took documents.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import NotFound
from libs.common.mail.tokens import read_token, write_token
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.notices.domain.procedure import Procedure
from services.notices.domain.roles import Permission
from services.notices.service import roles
from services.notices.settings import NoticesSettings
from services.notices.store import procedures as procedure_store
from services.notices.store import registers as store
from services.notices.store.registers import Person, Registrant

__all__ = [
    "consent_token",
    "download_key",
    "forget_old",
    "known",
    "read_consent",
    "record",
    "register",
    "require_own",
    "withdraw",
]

_DOWNLOAD = "download"
_CONSENT = "consent"


async def register(uow: Uow, procedure_id: UUID, person: Person, actor: Actor | None) -> Registrant:
    """Write who takes the documents of a public procedure: a person of an organisation, or whoever filled the form."""
    if actor is None:
        return await store.add_registrant(uow.conn, procedure_id, person, uow.now())
    who = (actor.organisation, actor.subject)
    return await store.set_registrant(uow.conn, procedure_id, person, *who, uow.now())


async def record(
    runtime: Runtime, procedure_id: UUID, actor: Actor | None, key: str | None, taken: tuple[str | None, int, str]
) -> bool:
    """Write a download where its author is known: by the key of a registration, else as a company with its token.

    `taken`: the document (None: all), its version, its hash. Gives whether it was written. Raises NotFound on a key of ours
    for nobody.
    """
    if key is None and (actor is None or actor.kind is not OrganisationKind.COMPANY):
        return False
    async with runtime.uow() as uow:  # without its actor: the journal must not tell who takes documents
        if key is not None:
            by = await known(uow.conn, runtime, procedure_id, key)
        elif actor is not None:
            who = (actor.organisation, actor.subject, actor.name)
            by = await store.registrant_of(uow.conn, procedure_id, *who, uow.now())
        await store.add_download(uow.conn, by, *taken, uow.now())
    return True


async def known(conn: asyncpg.Connection, runtime: Runtime, procedure_id: UUID, key: str) -> Registrant:
    """Give whose key this is, in a procedure. Raises NotFound."""
    read = read_token(runtime.settings.secret.get_secret_value(), key, purpose=_DOWNLOAD)
    found = await store.registrant(conn, read[0]) if read else None
    if found is None or found.procedure_id != procedure_id:
        raise NotFound(
            "Cette clé de téléchargement est inconnue ou n'a plus cours : inscrivez-vous à nouveau, ou téléchargez sans clé.",
            "This download key is unknown or no longer good: register again, or download without a key.",
        )
    return found


def download_key(runtime: Runtime, registrant: Registrant) -> str:
    """Give what a registrant's downloads are asked with, so that they are written under their name."""
    return write_token(runtime.settings.secret.get_secret_value(), registrant.registrant_id, 0, purpose=_DOWNLOAD)


def consent_token(runtime: Runtime, registrant: Registrant) -> str:
    """Give the token of the link that withdraws the present consent."""
    secret = runtime.settings.secret.get_secret_value()
    return write_token(secret, registrant.registrant_id, registrant.generation, purpose=_CONSENT)


def read_consent(runtime: Runtime, token: str) -> tuple[UUID, int]:
    """Give whose consent, and which, a link withdraws. Raises NotFound."""
    read = read_token(runtime.settings.secret.get_secret_value(), token, purpose=_CONSENT)
    if read is None:
        raise NotFound("Ce lien de désinscription est inconnu.", "This unsubscription link is unknown.")
    return read


async def withdraw(uow: Uow, token: str) -> None:
    """Tell the addressee of a mail nothing more of this procedure. Repeating it changes nothing. Raises NotFound."""
    await store.withdraw_consent(uow.conn, *read_consent(uow.runtime, token), uow.now())


async def require_own(
    conn: asyncpg.Connection,
    procedure_id: UUID,
    actor: Actor,
    at: datetime,
    permission: Permission = Permission.WRITE,
) -> Procedure:
    """Give a procedure to which the caller may do this: who took documents and who asked is for those who run it alone.

    Raises NotFound, Forbidden, RoleMissing.
    """
    actor.require(OrganisationKind.BUYER)
    procedure = await procedure_store.get_procedure(conn, procedure_id)
    if procedure is None:
        raise NotFound("Aucune consultation ne porte cet identifiant.", "No procedure has this identifier.")
    given = await roles.permissions(conn, actor, procedure.organisation, procedure_id, at)
    roles.refuse_without(given, permission, actor, procedure.organisation)
    return procedure


async def forget_old(runtime: Runtime) -> None:
    """Erase the registers kept long enough (HALLES_REGISTER_DAYS)."""
    before = runtime.clock.now() - timedelta(days=runtime.port(NoticesSettings).register_days)
    erased = 1
    while erased:
        async with runtime.uow() as uow:
            erased = await store.forget_before(uow.conn, before)
