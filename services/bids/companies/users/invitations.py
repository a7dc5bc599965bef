"""Inviting somebody to act for a company, by mail: a token that works once, kept as its digest alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from libs.common.actor import Actor, OrganisationKind, Person
from libs.common.mail.message import Envelope, build
from libs.common.mail.smtp import Mailer, hand_over
from libs.common.mail.tokens import write_token
from libs.common.messages.companies import CompanyRole
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job
from libs.common.uow import Uow
from services.bids.companies import store as files
from services.bids.companies.users import mails, service, store
from services.bids.companies.users.errors import AlreadyUser, TooManyInvitations, UnknownInvitation
from services.bids.companies.users.store import CompanyUser, Invitation
from services.bids.settings import BidsSettings

__all__ = ["INVITE_JOB", "Shown", "accept", "expire", "invite", "revoke", "send", "shown"]

INVITE_JOB: Final = "company_invitation"
VALID: Final = timedelta(days=7)
PER_DAY: Final = 20
"""Invitations of one company in a day: a company of a hundred takes a week, a mailbox is not flooded."""
_PURPOSE: Final = "company-invitation"


@dataclass(frozen=True, slots=True)
class Shown:
    """What an invitation says to who holds its token: never the address, nor who invites."""

    invitation: Invitation
    company_name: str


async def invite(uow: Uow, actor: Actor, email: str, role: CompanyRole, function: str) -> Invitation:
    """Invite somebody; the first one to do so becomes the administrator. Raises Forbidden, TooManyInvitations."""
    actor.require(OrganisationKind.COMPANY)
    await service.begin(uow, actor)
    await service.require_administrator(uow.conn, actor)
    now, identity = uow.now(), uuid4()
    if await store.invited_since(uow.conn, actor.organisation, now - timedelta(days=1)) >= PER_DAY:
        raise TooManyInvitations(
            f"{PER_DAY} invitations par jour au plus : recommencez demain.",
            f"{PER_DAY} invitations a day at most: go on tomorrow.",
        )
    token = _token(uow.runtime.settings.secret.get_secret_value(), identity)
    made = Invitation(
        identity, actor.organisation, role, function, email, _digest(token), actor.subject, now, now + VALID
    )
    await store.add_invitation(uow.conn, made)
    uow.enqueue(INVITE_JOB, key=str(identity), payload={"invitation": str(identity)})
    uow.audit("invite_company_user", str(identity))
    return made


async def revoke(uow: Uow, actor: Actor, invitation_id: UUID) -> None:
    """Take an open invitation of the caller's company back. Raises Forbidden, UnknownInvitation."""
    await service.require_administrator(uow.conn, actor)
    found = await store.invitation(uow.conn, invitation_id)
    if found is None or found.company != actor.organisation:
        raise UnknownInvitation
    if not await store.end_invitation(uow.conn, invitation_id, "revoked", uow.now()):
        raise UnknownInvitation
    uow.audit("revoke_company_invitation", str(invitation_id))


async def shown(runtime: Runtime, token: str) -> Shown:
    """Give what an open invitation says. Raises UnknownInvitation."""
    async with runtime.read() as conn:
        found = await store.invitation_of_token(conn, _digest(token), runtime.clock.now())
        if found is None:
            raise UnknownInvitation
        return Shown(found, await _company_name(conn, found.company))


async def accept(runtime: Runtime, person: Person, token: str) -> CompanyUser:
    """Become a user of the company that invites: once. Raises UnknownInvitation, AlreadyUser."""
    company = (await shown(runtime, token)).invitation.company
    actor = Actor(person.subject, person.name, company, OrganisationKind.COMPANY)
    async with runtime.uow(actor=actor) as uow:
        await store.hold(uow.conn, company)
        found = await store.invitation_of_token(uow.conn, _digest(token), uow.now())  # another may have been quicker
        if found is None:
            raise UnknownInvitation
        if await store.user_of(uow.conn, company, person.subject) is not None:
            raise AlreadyUser(
                "Vous êtes déjà utilisateur de cette entreprise : son administrateur peut changer votre rôle.",
                "You are a user of this company already: its administrator can change your role.",
            )
        await store.end_invitation(uow.conn, found.invitation_id, "accepted", uow.now())
        return await service.add(uow, company, person.subject, found.role, by=found.invited_by, function=found.function)


async def send(runtime: Runtime, job: Job) -> Completion | None:
    """Hand the mail of an invitation over, under the same Message-ID each time; nothing for one that ended."""
    async with runtime.read() as conn:
        found = await store.invitation(conn, UUID(job.payload["invitation"]))
        name = await _company_name(conn, found.company) if found else ""
    token = _sent_token(runtime, found) if found else None
    if found is None or found.email is None or token is None:
        return None
    settings = runtime.port(BidsSettings)
    url = f"{settings.public_url}/bids/v1/invitations/{token}/page"
    envelope = Envelope(found.invitation_id, settings.mail_from, found.email, settings.mail_domain)
    message = build(envelope, mails.invitation(name, found.role, found.expires_at, url))
    mailer = runtime.port(Mailer)  # type: ignore[type-abstract]  # a port is named by its protocol
    handed = await hand_over(mailer, message, attempt=job.attempt)

    async def close(uow: Uow) -> None:
        await store.mailed(uow.conn, found.invitation_id, handed.fate.value)

    return close


async def expire(runtime: Runtime) -> None:
    """End the invitations that nobody answered, and erase their addresses."""
    async with runtime.uow() as uow:
        await store.expire(uow.conn, uow.now())


async def _company_name(conn: asyncpg.Connection, company: str) -> str:
    """Give the official name of a company, else its identifier: what it declares would let it write to strangers."""
    file = await files.last(conn, company)
    return (file.provided.name if file and file.provided else None) or company


def _token(secret: str, invitation: UUID) -> str:
    return write_token(secret, invitation, 0, purpose=_PURPOSE)


def _sent_token(runtime: Runtime, invitation: Invitation) -> str | None:
    """Give the token of an invitation again, made under the present secret or an old one."""
    secrets = (runtime.settings.secret, *runtime.settings.old_secrets)
    made = (_token(each.get_secret_value(), invitation.invitation_id) for each in secrets)
    return next((token for token in made if _digest(token) == invitation.token_sha256), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
