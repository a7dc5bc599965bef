"""The legality service running, with the State's side played over real HTTP."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from reportlab.pdfgen.canvas import Canvas

from libs.common.messages.base import DocumentReference, Money
from libs.common.messages.bids import Contract, ContractSignedV1, EssentialData, Party
from libs.common.testing.harness import Harness, TestClock, harness
from services.legality import simulator
from services.legality.wiring import SERVICE

BUYER = "SIRET:20006682500012"
OTHER = "SIRET:21210231500018"
STATE = "SIRET:17210001100019"


def pdf(text: str = "Acte d'engagement signé") -> bytes:
    output = io.BytesIO()
    canvas = Canvas(output, invariant=True)
    canvas.drawString(72, 720, text)
    canvas.showPage()
    canvas.save()
    return output.getvalue()


ESSENTIAL = EssentialData(
    nature="Marché", ccag="Pas de CCAG", techniques=["Sans objet"], execution=["Sans objet"],
    price_types=["Définitif ferme"], price_form="Forfaitaire", innovative=False, advance=False,
    grouping="Pas de groupement", subcontracting=False, social=["Pas de considération sociale"],
    environmental=["Pas de considération environnementale"],
)  # fmt: skip


@dataclass
class Prefecture:
    """The running service and the State's side."""

    h: Harness
    app: web.Application

    @property
    def state(self) -> simulator.Simulator:
        return self.app[simulator.SIMULATOR]

    async def call(
        self,
        method: str,
        path: str,
        *,
        organisation: str = BUYER,
        kind: str = "buyer",
        **options: Any,  # noqa: ANN401  # those of aiohttp
    ) -> tuple[int, Any]:
        headers = self.h.headers(organisation, kind) | options.pop("headers", {})
        async with self.h.client.request(method, f"/legality/v1{path}", headers=headers, **options) as answer:
            body = await answer.json() if "json" in answer.content_type else await answer.read()
            return answer.status, body

    async def store(self, content: bytes, name: str = "contrat.pdf") -> DocumentReference:
        return await self.h.runtime.storage.exchange(content, media_type="application/pdf", name=name)

    async def sign(
        self,
        total: str = "230000",
        content: bytes | None = None,
        **changes: Any,  # noqa: ANN401  # fields of the contract
    ) -> UUID:
        """Have a contract signed, as the bids service tells it; give its identifier."""
        self.h.clock.advance(timedelta(seconds=1))
        documents = changes.pop("notice_documents", [])
        fields: dict[str, Any] = {
            "contract_id": uuid4(), "number": "2026-01", "title": "Réfection de la toiture", "lot_id": "LOT-0001",
            "notice_id": uuid4(), "buyer_name": "Communauté de communes d'Essai", "buyer_department": "21",
            "winners": [Party(organisation=OTHER, name="SARL")], "value": Money(amount=Decimal(total)),
            "procedure_total": Money(amount=Decimal(total)), "nature": "works", "cpv": "45260000",
            "procedure_type": "open", "formal": True, "duration_months": 3, "place_code": "21000",
            "place_code_kind": "Code postal", "tenders_received": 3, "awarded_at": self.h.clock.now(),
            "signed_at": self.h.clock.now(), "essential": ESSENTIAL,
            "document": await self.store(content if content is not None else pdf()),
        }  # fmt: skip
        organisation = changes.pop("organisation", BUYER)
        contract = Contract.model_validate(fields | changes)
        event = ContractSignedV1(
            aggregate_id=contract.contract_id, aggregate_version=3, organisation=organisation, procedure=uuid4(),
            occurred_at=self.h.clock.now(), contract=contract, notice_documents=documents,
        )  # fmt: skip
        await self.h.deliver(event)
        return contract.contract_id

    async def answered(self) -> None:
        """Let jobs run and the State's answers come in."""
        await self.h.settle()
        while self.state.tasks:
            await asyncio.gather(*self.state.tasks)
        await self.h.settle()

    async def act(self, contract: UUID) -> dict[str, Any]:
        _, page = await self.call("GET", f"/acts?subject={contract}")
        _, found = await self.call("GET", f"/acts/{page['items'][0]['act_id']}")
        return dict(found)

    async def give_return(self, content: bytes, media_type: str = "application/gzip") -> tuple[int, Any]:
        headers = {"Content-Type": media_type}
        return await self.call("POST", "/returns", organisation=STATE, kind="state", data=content, headers=headers)


@pytest.fixture
async def prefecture(database_url: str, tmp_path: Path) -> AsyncIterator[Prefecture]:
    clock = TestClock()
    place = {"url": "http://127.0.0.1:9/not-yet"}

    def token() -> str:
        return running.token(STATE, "state")

    app = simulator.application(return_url=place["url"], token=token, clock=clock)
    async with TestServer(app) as server:
        settings = {"state_url": str(server.make_url("/"))}
        async with harness(SERVICE, database_url, clock=clock, settings=settings) as running:
            app[simulator.SIMULATOR].return_url = str(running.client._build_url("/legality/v1/returns"))
            yield Prefecture(running, app)
