"""The register of deposits, for the buyer, after the deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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
from services.bids.documents.register import COLUMNS, register_pdf
from services.bids.domain.bids import Standing, lot_standings, overall
from services.bids.domain.time import legal_time
from services.bids.errors import BeforeDeadline, UnknownConsultation
from services.bids.service import consultations, papers
from services.bids.store import bids
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
    lot_standings: dict[str, str]
    sealed_by: str
    envelope_sha256: str

    @classmethod
    def of(cls, bid: Bid, consultation: Consultation, lots: Mapping[str, Standing]) -> Self:
        """Present a deposit."""
        assert bid.received_at is not None  # noqa: S101  # deposits only
        return cls(
            bid_id=bid.id,
            depositor=bid.depositor,
            depositor_name=bid.depositor_name,
            lots=list(bid.lots),
            received_at=legal_time(bid.received_at, consultation.zone),
            state=bid.state,
            standing=overall(lots),
            lot_standings={lot: lots[lot] for lot in sorted(lots)},
            sealed_by=bid.sealed_by,
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
    "/v1/consultations/{procedure}/register", errors=[UnknownConsultation, Forbidden, BeforeDeadline], tag="registers"
)
async def get_register(runtime: Runtime, actor: Actor, procedure: UUID) -> Register:
    """Read the register of deposits, with the evidence of each attempt; after the deadline only."""
    async with runtime.read() as conn:
        consultation = await _passed(conn, actor, procedure, runtime.clock.now())
        lines = await _lines(conn, consultation)
        attempts = [AttemptView.of(each) for each in await bids.attempts_of_procedure(conn, procedure)]
    deadline = legal_time(consultation.deadline, consultation.zone)
    return Register(procedure=procedure, deadline=deadline, deposits=lines, attempts=attempts)


@routes.get(
    "/v1/consultations/{procedure}/register.csv",
    errors=[UnknownConsultation, Forbidden, BeforeDeadline],
    tag="registers",
    produces=["text/csv"],
)
async def get_register_csv(runtime: Runtime, actor: Actor, procedure: UUID) -> web.Response:
    """Download the register of deposits as CSV (semicolons, UTF-8 with mark, as spreadsheets read it in France)."""
    async with runtime.read() as conn:
        lines = await _lines(conn, await _passed(conn, actor, procedure, runtime.clock.now()))
    headers = {"Content-Disposition": attachment(f"registre-depots-{procedure}.csv"), "Cache-Control": "no-store"}
    return web.Response(body=_csv(lines), content_type="text/csv", charset="utf-8", headers=headers)


@routes.get(
    "/v1/consultations/{procedure}/register.pdf",
    errors=[UnknownConsultation, Forbidden, BeforeDeadline],
    tag="registers",
    produces=["application/pdf"],
)
async def get_register_pdf(runtime: Runtime, actor: Actor, procedure: UUID) -> web.Response:
    """Download the register of deposits as a paper under the platform's seal."""
    now = runtime.clock.now()
    async with runtime.read() as conn:
        consultation = await _passed(conn, actor, procedure, now)
        rows = _rows(await _lines(conn, consultation))
    title, hours = consultation.notice.title, (consultation.deadline, now)
    pdf = await papers.sealed(
        runtime, await asyncio.to_thread(register_pdf, title, hours, consultation.zone, rows), "Registre des dépôts"
    )
    headers = {"Content-Disposition": attachment(f"registre-depots-{procedure}.pdf"), "Cache-Control": "no-store"}
    return web.Response(body=pdf, content_type="application/pdf", headers=headers)


async def _passed(conn: asyncpg.Connection, actor: Actor, procedure: UUID, at: datetime) -> Consultation:
    consultation = await consultations.get(conn, procedure)
    await consultations.require_buyer(conn, actor, consultation, Permission.READ, at)
    consultations.require_passed(at, consultation)
    return consultation


async def _lines(conn: asyncpg.Connection, consultation: Consultation) -> list[RegisterLine]:
    received = await bids.deposited(conn, consultation.procedure)
    judged = lot_standings([each.deposited for each in received], consultation.deadline, add_up=consultation.adds_up)
    return [RegisterLine.of(each, consultation, judged[each.id]) for each in received]


_WORDS = {"counts": "compte", "superseded": "remplacé", "late": "hors délai", "withdrawn": "retiré"}
_SEALERS = {"bidder": "déposant", "platform": "plateforme"}


def _rows(lines: list[RegisterLine]) -> list[list[str]]:
    return [
        [
            str(each.bid_id), each.depositor, each.depositor_name, " ".join(each.lots), each.received_at.isoformat(),
            _WORDS[each.standing],
            " ; ".join(f"{lot} {_WORDS[standing]}" for lot, standing in each.lot_standings.items()),
            _SEALERS[each.sealed_by], each.envelope_sha256,
        ]
        for each in lines
    ]  # fmt: skip


def _csv(lines: list[RegisterLine]) -> bytes:
    return (MARK + csv_lines([COLUMNS, *_rows(lines)])).encode()
