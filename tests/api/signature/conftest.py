"""The signature service running, with a real test PKI and a circuit of two people."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.x509 import load_pem_x509_certificate
from reportlab.pdfgen.canvas import Canvas

from deploy.local.pki import IssuedKey, TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.messages.base import DocumentReference
from libs.common.messages.bids import ContractSubmittedV1
from libs.common.testing.harness import Harness, TestClock, harness
from libs.common.timestamp import TimestampAuthority
from services.signature import signer
from services.signature.wiring import SERVICE

BUYER = "SIRET:20006682500012"
OTHER = "SIRET:21210231500018"
DIRECTOR, PRESIDENT = "person-director", "person-president"


def pdf() -> bytes:
    output = io.BytesIO()
    canvas = Canvas(output)
    canvas.drawString(72, 720, "Acte d'engagement : 230 000,00 EUR HT")
    canvas.showPage()
    canvas.save()
    return output.getvalue()


@dataclass
class Office:
    """The running service and the people around it."""

    h: Harness
    authority: TestAuthority
    tsa: LocalTimestampAuthority
    winner: IssuedKey
    president: IssuedKey

    async def call(
        self, method: str, path: str, *, sub: str = DIRECTOR, organisation: str = BUYER, json: object = None
    ) -> tuple[int, Any]:
        headers = self.h.headers(organisation, sub=sub)
        async with self.h.client.request(method, f"/signature/v1{path}", json=json, headers=headers) as answer:
            body = await answer.json() if "json" in answer.content_type else await answer.read()
            return answer.status, body

    async def set_circuit(self, organisation: str = BUYER) -> None:
        steps = [
            {"action": "visa", "person": DIRECTOR, "function": "Directrice générale des services"},
            {"action": "signature", "person": PRESIDENT, "function": "Président"},
        ]
        status, body = await self.call("PUT", "/circuit", organisation=organisation, json={"steps": steps})
        assert status == 200, body

    async def signed_by_winner(self) -> bytes:
        issued = self.winner
        return await signer.sign_pdf(
            pdf(), issued.key, issued.certificate, issued.chain, timestamp=self.tsa, at=self.h.clock.now()
        )

    async def submit(self, content: bytes, contract: UUID | None = None, **changes: str) -> dict[str, Any]:
        """Have a contract submitted by the bids service; give its signature request."""
        stored = await self.h.runtime.storage.exchange(content, media_type="application/pdf", name="contrat.pdf")
        contract = contract or uuid4()
        self.h.clock.advance(timedelta(seconds=1))
        event = ContractSubmittedV1(
            aggregate_id=contract,
            aggregate_version=1,
            organisation=BUYER,
            procedure=uuid4(),
            occurred_at=self.h.clock.now(),
            contract_id=contract,
            title="Réfection de la toiture",
            document=DocumentReference.model_validate(stored.model_dump() | changes),
        )
        await self.h.deliver(event)
        await self.h.settle()
        _, page = await self.call("GET", f"/requests?subject={contract}")
        return dict(page["items"][0])

    async def prepare(
        self, request_id: str, issued: IssuedKey | None = None, *, sub: str = PRESIDENT
    ) -> tuple[int, Any]:
        issued = issued or self.president
        body = {"certificate": issued.certificate_pem, "chain": issued.chain_pem}
        return await self.call("POST", f"/requests/{request_id}/steps/2/preparation", sub=sub, json=body)

    async def sign(self, request_id: str, to_sign: str, issued: IssuedKey | None = None) -> tuple[int, Any]:
        value = signer.sign_prepared(base64.b64decode(to_sign), (issued or self.president).key)
        body = {"signature": base64.b64encode(value).decode()}
        return await self.call("POST", f"/requests/{request_id}/steps/2/signature", sub=PRESIDENT, json=body)


@pytest.fixture(scope="session")
def authority() -> TestAuthority:
    return TestAuthority.create()


@pytest.fixture
async def office(database_url: str, authority: TestAuthority, tmp_path: Path) -> AsyncIterator[Office]:
    (tmp_path / "root.pem").write_text(authority.root_pem)
    assert load_pem_x509_certificate(authority.root_pem.encode())
    clock = TestClock()
    tsa = LocalTimestampAuthority(authority.tsa, clock)
    people = [await asyncio.to_thread(authority.issue, name, "Essai") for name in ("Titulaire", "Président")]
    async with harness(
        SERVICE, database_url, clock=clock, settings={"trust_dir": tmp_path}, ports={TimestampAuthority: tsa}
    ) as h:
        yield Office(h, authority, tsa, *people)
