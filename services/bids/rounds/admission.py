"""Who may deposit what: applications alone in the first of two stages, those invited alone in a round."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import asyncpg

from libs.common.actor import Actor, OrganisationKind
from libs.common.grants import Permission
from libs.common.grants.known import permissions
from services.bids.errors import UnknownConsultation
from services.bids.rounds import store
from services.bids.rounds.errors import ApplicationsOnly, NotInvited
from services.bids.rounds.states import TWO_STAGES
from services.bids.sealing.manifest import EnvelopeKind
from services.bids.store.consultations import Consultation

__all__ = ["admit", "require_visible", "takes_applications"]


async def admit(
    conn: asyncpg.Connection,
    consultation: Consultation,
    company: str,
    envelopes: Iterable[tuple[EnvelopeKind, tuple[str, ...]]],
) -> None:
    """Let pass a bid that may be deposited here; each envelope is (kind, lots). Raises ApplicationsOnly, NotInvited."""
    told = list(envelopes)
    offers = any(kind == "offer" for kind, _ in told)
    if await takes_applications(conn, consultation):
        if offers:
            raise ApplicationsOnly(
                "Ici se déposent les candidatures au système d'acquisition dynamique : une fois admis, vous serez invité par écrit "
                "à chaque marché spécifique.",
                "Applications to the dynamic purchasing system: once admitted, you are invited to each specific contract.",
            )
        return
    if consultation.principal is None:
        if offers and consultation.notice.procedure_type in TWO_STAGES:
            raise ApplicationsOnly(
                "La procédure est en deux temps : déposez votre candidature seule. Si elle est retenue, une invitation écrite "
                "vous dira où et jusqu'à quand déposer une offre.",
                "Two stages: deposit your application alone. If it is selected, a written invitation will say where and "
                "until when to deposit an offer.",
            )
        return
    lots = await store.invitation(conn, consultation.procedure, company)
    asked = {lot for _, named in told for lot in named}
    if not asked <= lots:
        named = ", ".join(sorted(lots)) or "aucun"
        raise NotInvited(
            f"Seules les entreprises invitées déposent à ce tour, pour leurs lots. Votre entreprise y est invitée pour : {named}.",
            f"Only those invited deposit in this round, for their lots. Your company is invited for: {named}.",
        )


async def takes_applications(conn: asyncpg.Connection, consultation: Consultation) -> bool:
    """Say whether this is a window of applications to a dynamic purchasing system: open to anybody (R2162-44 CCP)."""
    return consultation.principal is not None and await store.kind_of(conn, consultation.procedure) == "application"


async def require_visible(
    conn: asyncpg.Connection, actor: Actor | None, consultation: Consultation, at: datetime
) -> None:
    """Let pass for what is public, and for a round those invited and who reads for its buyer. Raises UnknownConsultation."""
    if consultation.principal is None or await takes_applications(conn, consultation):
        return
    if actor is not None and actor.kind is OrganisationKind.COMPANY:
        if await store.invitation(conn, consultation.procedure, actor.organisation):
            return
    elif actor is not None:
        given = await permissions(conn, actor, consultation.buyer, consultation.announced, at)
        if Permission.READ in given:
            return
    raise UnknownConsultation(
        "Aucune consultation de cette procédure ne reçoit de plis électroniques.",
        "No consultation of that procedure takes electronic bids.",
    )
