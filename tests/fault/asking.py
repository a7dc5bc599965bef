"""Two small services whose events ask the platform's own ones for effects outside PostgreSQL.

`notices` publishes notices: a mail to who searches for them, a call to each endpoint of a partner. `bids` sends letters
(a mail) and tells of signed contracts (a transmission to the State). `mark` is the name of an effect that was asked for.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID, uuid4

import asyncpg
import click

from libs.common.http import Routes
from libs.common.messages.base import DocumentReference, Event
from libs.common.messages.bids import ContractSignedV1, LetterSentV1
from libs.common.messages.notices import NoticePublishedV1
from libs.common.runtime import open_runtime
from libs.common.schemas import sample_of
from libs.common.service import Consumers, Service
from libs.common.settings import Settings
from libs.common.stop import pause, run_process
from services.alerts.wiring import SERVICE as ALERTS
from services.legality.wiring import SERVICE as LEGALITY

if TYPE_CHECKING:
    from libs.common.runtime import Runtime

HERE = Path(__file__).parent
COMPANY, PARTNER = "SIRET:55204599900869", "SIRET:80914567800012"
ENDPOINTS = 2
"""of the partner: each is called for each notice"""
UNDONE = 0.1  # share of the transactions that are rolled back
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)

Asked = tuple[list[str], Event]
E = TypeVar("E", bound=Event)


class UndoneError(Exception):
    """The use case failed after it had emitted."""


@click.command("ask")
@click.option("--rate", type=float, required=True, help="Transactions a second.")
@click.option("--document", type=click.Path(path_type=Path), required=True, help="Reference of a contract's document.")
@click.pass_obj
def ask_command(service: Service, rate: float, document: Path) -> None:
    """Ask for effects until told to stop."""
    reference = DocumentReference.model_validate_json(document.read_bytes())
    make: Callable[[], Asked] = notice if service is NOTICES else lambda: letter_or_contract(reference)

    async def ask(stop: asyncio.Event) -> None:
        async with open_runtime(service, service.settings()) as runtime:
            while not stop.is_set():
                await _ask(runtime, *make())
                await pause(stop, 1 / rate)

    asyncio.run(run_process(ask))


async def _ask(runtime: Runtime, marks: list[str], event: Event) -> None:
    """Ask for effects and keep that in the truth, in one transaction; undone now and then."""
    try:
        async with runtime.uow() as uow:
            await uow.conn.executemany("INSERT INTO asked (mark) VALUES ($1)", [(mark,) for mark in marks])
            uow.emit(event)
            if random.random() < UNDONE:
                raise UndoneError
    except UndoneError:
        pass
    except _AWAY:  # its fate is unknown: the truth knows
        await asyncio.sleep(0.3)


def notice() -> Asked:
    """Publish a notice."""
    event = NoticePublishedV1.model_validate(sample_of(NoticePublishedV1).data)
    identity, at = uuid4(), datetime.now(UTC)
    told = event.notice.model_copy(update={"notice_id": identity, "kind": "contract", "version": 1})
    event = _new(event, identity, at).model_copy(update={"notice": told})
    return [mail_mark(identity), *(call_mark(endpoint, identity) for endpoint in range(ENDPOINTS))], event


def letter_or_contract(document: DocumentReference) -> Asked:
    """Send a letter, or have a contract signed."""
    identity, at = uuid4(), datetime.now(UTC)
    if random.random() < 0.5:
        letter = LetterSentV1.model_validate(sample_of(LetterSentV1).data)
        letter = letter.model_copy(update={"letter_id": identity, "organisation": COMPANY})
        return [mail_mark(identity)], _new(letter, identity, at)
    event = ContractSignedV1.model_validate(sample_of(ContractSignedV1).data)
    number = identity.hex[:12]
    changes = {"contract_id": identity, "number": number, "document": document, "signed_at": at}
    contract = event.contract.model_copy(update=changes)
    event = event.model_copy(update={"contract": contract, "notice_documents": []})
    return [act_mark(number)], _new(event, identity, at)


def _new(event: E, identity: UUID, at: datetime) -> E:
    return event.model_copy(update={"aggregate_id": identity, "aggregate_version": 1, "occurred_at": at})


def mail_mark(subject: UUID | str) -> str:
    """Name the mail about a notice or a letter."""
    return f"mail {subject}"


def call_mark(endpoint: int, notice: UUID | str) -> str:
    """Name the call that tells an endpoint of a notice."""
    return f"call {endpoint} {notice}"


def act_mark(number: str) -> str:
    """Name the transmission of a contract."""
    return f"act {number}"


def _small(name: str) -> Service:
    folder = HERE / "migrations/asking"
    return Service(name, Settings, folder, Routes(name), Consumers(name), tools=(ask_command,))


NOTICES, BIDS = _small("notices"), _small("bids")
SERVICES = {service.name: service for service in (NOTICES, BIDS, ALERTS, LEGALITY)}
