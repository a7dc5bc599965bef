"""Taking what an absent officer sealed again to his deputy, and serving it; on the officer's signature, whoever carries it."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from uuid import UUID

import asyncpg

from libs.common.actor import Actor
from libs.common.errors import FieldError, InvalidInput, NotFound
from libs.common.grants import Permission
from libs.common.uow import Uow
from services.bids.deputies import store
from services.bids.deputies.store import HandedOver
from services.bids.domain.states import OPENING, after
from services.bids.errors import OfficerPresent
from services.bids.sealing import EnvelopeError, ShareRequest
from services.bids.sealing.resealing import ResealedShares, check_resealed, key_digest
from services.bids.service import openings
from services.bids.store import openings as opening_store

__all__ = ["deposit", "handed_over"]


async def deposit(uow: Uow, actor: Actor, opening_id: UUID, told: ResealedShares) -> HandedOver:
    """Take an officer's resealed shares, for his deputy to fetch. Nobody is present by that, nothing opens.

    Raises UnknownOpening, NotFound (officer), IllegalTransition, ProcedureSuspended, LotEnded, OfficerPresent, InvalidInput
    when the officer did not sign this, for this opening.
    """
    officer = told.request.officer
    _, consultation = await openings.buyers_opening(uow.conn, actor, opening_id, Permission.OPEN, uow.now())
    opening = await opening_store.lock(uow.conn, opening_id)
    assert opening is not None  # noqa: S101  # openings are never removed
    openings.require_openable(consultation)
    asked = await openings.share_request(uow.conn, actor, opening_id, officer, uow.now())
    if any(each.officer == officer for each in await opening_store.presences(uow.conn, opening_id)):
        raise OfficerPresent(f"L'officier {officer} a déjà présenté ses parts.", f"{officer} presented already.")
    try:
        check_resealed(told, await openings.keys_of(uow.conn, opening))
        _require_same(told.request, asked)
    except EnvelopeError as error:
        raise _refused(officer, error) from error
    handed = HandedOver(officer, told.deputy_key.officer, key_digest(told.deputy_key), told.at, uow.now())
    await store.keep(uow.conn, opening_id, handed, told)
    await openings.record_step(
        uow.conn, opening, "shares resealed", uow.now(), officer=officer, deputy=handed.deputy,
        deputy_key_sha256=handed.deputy_key_sha256, paper_sha256=sha256(told.signed).hexdigest(),
    )  # fmt: skip
    uow.audit("deposit_resealed_shares", f"{opening_id}/{officer}")
    return handed


def _require_same(made: ShareRequest, asked: ShareRequest) -> None:
    """Let pass what was made of the very request of this opening: only the sealed texts differ. Raises EnvelopeError."""
    if (made.statement, made.token) != (asked.statement, asked.token):
        raise EnvelopeError("sealed again for another opening")
    told, expected = ([each.model_dump(exclude={"sealed"}) for each in request.shares] for request in (made, asked))
    if told != expected:
        raise EnvelopeError("not the shares of this officer in this opening, in their order")


def _refused(officer: str, error: EnvelopeError) -> InvalidInput:
    fault = FieldError("body", f"non signées par {officer}, ou pas de cette ouverture", str(error))
    return InvalidInput(
        f"Ces parts ne sont pas celles que l'officier {officer} a scellées de nouveau pour cette ouverture : qu'il relance "
        "l'outil `reseal` sur la demande de cette ouverture, avec le fichier de clé de son suppléant.",
        f"Not what {officer} sealed again for this opening: have `reseal` run again on its request.", errors=[fault],
    )  # fmt: skip


async def handed_over(
    conn: asyncpg.Connection, actor: Actor, opening_id: UUID, officer: str, at: datetime
) -> ResealedShares:
    """Give what an officer sealed again, for his deputy's tool. Raises UnknownOpening, IllegalTransition, NotFound."""
    opening, _ = await openings.buyers_opening(conn, actor, opening_id, Permission.OPEN, at)
    after(OPENING, opening.state, "present shares")
    found = await store.paper(conn, opening_id, officer)
    if found is None:
        raise NotFound(
            f"L'officier {officer} n'a remis à personne ses parts de cette ouverture.",
            f"{officer} handed nothing over.",
        )
    return found
