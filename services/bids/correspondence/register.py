"""The buyer's register of correspondence: each letter, its sending, its delivery, its first reading."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.common.actor import Actor
from libs.common.grants import Permission
from libs.common.runtime import Runtime
from libs.common.spreadsheets import MARK, csv_lines
from services.bids.correspondence import store
from services.bids.correspondence.papers import REGISTER_COLUMNS, WORDS, register_pdf
from services.bids.service import consultations, papers
from services.bids.store.awards import Letter
from services.bids.store.consultations import Consultation

__all__ = ["csv", "pdf"]

_AT_ONCE = 500
_LOST = {
    "undeliverable": "aucune adresse donnée",
    "suppressed": "adresse qui ne reçoit plus",
    "refused": "refusé par le serveur",
    "failed": "serveur sans réponse",
    "bounced": "revenu",
}
"""Why a mail did not arrive."""
_WAYS = {"mail": "courriel accepté", "inbox": "affiché", None: ""}


async def csv(runtime: Runtime, actor: Actor, procedure: UUID) -> bytes:
    """Give the register as CSV (semicolons, UTF-8 with mark). Raises UnknownConsultation, Forbidden, RoleMissing."""
    _, rows = await _rows(runtime, actor, procedure)
    return (MARK + csv_lines([REGISTER_COLUMNS, *rows])).encode()


async def pdf(runtime: Runtime, actor: Actor, procedure: UUID) -> bytes:
    """Give the register as a paper under the platform's seal. Raises UnknownConsultation, Forbidden, RoleMissing."""
    consultation, rows = await _rows(runtime, actor, procedure)
    now = runtime.clock.now()
    paper = await asyncio.to_thread(register_pdf, consultation.notice.title, now, consultation.zone, rows)
    return await papers.sealed(runtime, paper, "Registre des échanges")


async def _rows(runtime: Runtime, actor: Actor, procedure: UUID) -> tuple[Consultation, list[list[str]]]:
    rows: list[list[str]] = []
    before: int | None = None
    async with runtime.read() as conn:
        consultation = await consultations.get(conn, procedure)
        await consultations.require_buyer(conn, actor, consultation, Permission.READ, runtime.clock.now())
        while True:
            found = await store.thread(conn, procedure, None, own=False, before=before, limit=_AT_ONCE)
            files = await store.enclosures(conn, [each.id for each in found])
            rows += [list(_row(each, len(files.get(each.id, [])), consultation.zone)) for each in found]
            if len(found) < _AT_ONCE:
                return consultation, rows
            before = found[-1].sequence


def _row(letter: Letter, files: int, zone: ZoneInfo) -> Iterator[str]:
    yield str(letter.id)
    yield WORDS.get(letter.kind, (letter.kind, ""))[0]
    yield letter.subject
    yield letter.sender or letter.buyer
    yield letter.addressee
    yield letter.lot
    yield _hour(letter.sent_at, zone)
    yield _hour(letter.delivered_at, zone)
    yield _WAYS[letter.delivered_by]
    yield _lost(letter, zone)
    yield _read(letter, zone)
    yield _hour(letter.answer_due_at, zone)
    yield str(files)
    yield letter.sha256


def _lost(letter: Letter, zone: ZoneInfo) -> str:
    state = letter.undelivered_state or ""
    return f"{_hour(letter.undelivered_at, zone)} : {_LOST.get(state, state)}" if letter.undelivered_at else ""


def _read(letter: Letter, zone: ZoneInfo) -> str:
    return f"{_hour(letter.first_read_at, zone)} par {letter.read_by}" if letter.first_read_at else ""


def _hour(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).isoformat(timespec="seconds")
