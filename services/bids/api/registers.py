"""The register of deposits, for the buyer, after the opening."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

import asyncpg
from aiohttp import web
from pydantic import BaseModel, ConfigDict

from libs.common.actor import Actor
from libs.common.errors import Forbidden
from libs.common.grants import Permission
from libs.common.http import Routes, attachment
from libs.common.runtime import Runtime
from libs.common.spreadsheets import MARK, csv_lines
from services.bids.api.views import AttemptView
from services.bids.domain.bids import Standing, standings
from services.bids.domain.states import OpeningState
from services.bids.domain.time import legal_time
from services.bids.errors import NotOpened, UnknownConsultation
from services.bids.service import consultations
from services.bids.store import bids, openings
from services.bids.store.bids import Bid
from services.bids.store.consultations import Consultation

__all__ = ["routes"]

routes = Routes("bids")


class RegisterLine(BaseModel):
    """One deposit."""

    model_config = ConfigDict(frozen=True)

    bid_id: UUID
    depositor: str
    depositor_name: str
    lots: list[str]
    received_at: datetime
    state: str
    standing: str
    envelope_sha256: str

    @classmethod
    def of(cls, bid: Bid, consultation: Consultation, standing: Standing) -> Self:
        """Present a deposit."""
        assert bid.received_at is not None  # noqa: S101  # deposits only
        return cls(
            bid_id=bid.id,
            depositor=bid.depositor,
            depositor_name=bid.depositor_name,
            lots=list(bid.lots),
            received_at=legal_time(bid.received_at, consultation.zone),
            state=bid.state,
            standing=standing,
            envelope_sha256=bid.deposit_sha256 or "",
        )


class Register(BaseModel):
    """The deposits of a consultation and every attempt at them."""

    model_config = ConfigDict(frozen=True)

    procedure: UUID
    deadline: datetime
    deposits: list[RegisterLine]
    attempts: list[AttemptView]


@routes.get(
    "/v1/consultations/{procedure}/register", errors=[UnknownConsultation, Forbidden, NotOpened], tag="registers"
)
async def get_register(runtime: Runtime, actor: Actor, procedure: UUID) -> Register:
    """Read the register of deposits, with the evidence of each attempt; after the opening only."""
    async with runtime.read() as conn:
        consultation = await _opened(conn, actor, procedure, runtime.clock.now())
        lines = await _lines(conn, consultation)
        attempts = [AttemptView.of(each) for each in await bids.attempts_of_procedure(conn, procedure)]
    deadline = legal_time(consultation.deadline, consultation.zone)
    return Register(procedure=procedure, deadline=deadline, deposits=lines, attempts=attempts)


@routes.get(
    "/v1/consultations/{procedure}/register.csv",
    errors=[UnknownConsultation, Forbidden, NotOpened],
    tag="registers",
    produces=["text/csv"],
)
async def get_register_csv(runtime: Runtime, actor: Actor, procedure: UUID) -> web.Response:
    """Download the register of deposits as CSV (semicolons, UTF-8 with mark, as spreadsheets read it in France)."""
    async with runtime.read() as conn:
        lines = await _lines(conn, await _opened(conn, actor, procedure, runtime.clock.now()))
    headers = {"Content-Disposition": attachment(f"registre-depots-{procedure}.csv"), "Cache-Control": "no-store"}
    return web.Response(body=_csv(lines), content_type="text/csv", charset="utf-8", headers=headers)


async def _opened(conn: asyncpg.Connection, actor: Actor, procedure: UUID, at: datetime) -> Consultation:
    consultation = await consultations.get(conn, procedure)
    await consultations.require_buyer(conn, actor, consultation, Permission.READ, at)
    if not any(each.state is OpeningState.COMPLETED for each in await openings.of_procedure(conn, procedure)):
        raise NotOpened(
            "Le registre des dépôts se lit après l'ouverture des plis.", "The register is readable after the opening."
        )
    return consultation


async def _lines(conn: asyncpg.Connection, consultation: Consultation) -> list[RegisterLine]:
    received = await bids.deposited(conn, consultation.procedure)
    judged = standings([each.deposited for each in received], consultation.deadline, add_up=consultation.adds_up)
    return [RegisterLine.of(each, consultation, judged[each.id]) for each in received]


_WORDS = {"counts": "compte", "superseded": "remplacé", "late": "hors délai", "withdrawn": "retiré"}


_HEADER = ("pli", "déposant", "nom", "lots", "reçu le", "situation", "sha256 de l'enveloppe")


def _csv(lines: list[RegisterLine]) -> bytes:
    rows = [
        [str(each.bid_id), each.depositor, each.depositor_name, " ".join(each.lots), each.received_at.isoformat(),
         _WORDS[each.standing], each.envelope_sha256]
        for each in lines
    ]  # fmt: skip
    return (MARK + csv_lines([_HEADER, *rows])).encode()
