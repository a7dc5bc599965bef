"""What the walk of every route finds where contracts go: signature, legality, open data."""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from deploy.local.pki import TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.messages.base import DocumentReference
from libs.common.messages.bids import ContractSignedV1, ContractSubmittedV1
from libs.common.testing.harness import Harness, TestClock, harness
from libs.common.timestamp import TimestampAuthority
from services.bids.documents.pdf import Text, render
from services.signature import signer
from tests.api.security.objects import PDF, XML, call
from tests.api.security.security_world import SERVICES, Caller, World, operations
from tests.unit.opendata import opendata_samples as opendata


async def legality(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """A contract to be transmitted."""
    buyer = Caller("buyer", opendata.BUYER)
    clock = TestClock()
    h = await stack.enter_async_context(harness(SERVICES["legality"], database_url, clock=clock))
    document = await h.runtime.storage.exchange(b"%PDF-1.4 act", media_type="application/pdf", name="secret.pdf")
    contract = opendata.contract(document=document, buyer_department="21", number="SECRET-1")
    await h.deliver(
        ContractSignedV1(
            aggregate_id=contract.contract_id, aggregate_version=3, organisation=buyer.organisation,
            procedure=uuid4(), occurred_at=clock.now(), contract=contract,
        )
    )  # fmt: skip
    await h.settle()
    (act,) = (await call(h, buyer, "GET", "/acts", expect=200))["items"]
    authority = {"department": "021", "arrondissement": "1", "nature": "44", "email": "secret@mairie.example.fr"}
    await call(h, buyer, "PUT", "/authority", expect=200, json=authority)
    return World(
        h,
        {"buyer": buyer},
        targets=await operations(h) | {"act_id": [{"act_id": act["act_id"]}]},
        bodies={
            ("PUT", "/v1/authority"): {"json": {"department": "071", "arrondissement": "1", "nature": "31"}},
            ("POST", "/v1/returns"): {"data": b"<a/>", "headers": XML},
        },
        secrets=(act["act_id"], "SECRET-1", "secret@mairie", "secret-body", buyer.organisation),
    )


async def of_opendata(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """A published contract, and one whose data wait for a correction."""
    h = await stack.enter_async_context(harness(SERVICES["opendata"], database_url))
    await h.deliver(opendata.published(), opendata.notified())
    pending = uuid4()
    wrong = opendata.essential(ccag="Rien")
    await h.deliver(opendata.notified(contract_id=pending, number="SECRET-2", essential=wrong, title="secret-title"))
    await h.settle()
    (shown,) = (await call(h, Caller("buyer", opendata.BUYER), "GET", "/contracts", expect=200))["items"]
    return World(
        h,
        {"buyer": Caller("buyer", opendata.BUYER)},
        targets=await operations(h)
        | {
            "contract_id": [{"contract_id": str(pending)}],
            "uid": [{"uid": shown["uid"]}],
            "ocid": [{"ocid": shown["ocid"]}],
        },
        bodies={
            ("POST", "/v1/contracts/{contract_id}/completion"): {"json": opendata.essential().model_dump(mode="json")}
        },
        secrets=("secret-body",),
    )


async def signature(stack: AsyncExitStack, database_url: str, folder: Path) -> World:
    """A contract in its buyer's circuit, waiting for a signature."""
    authority, clock = TestAuthority.create(), TestClock()
    (folder / "root.pem").write_text(authority.root_pem)
    tsa = LocalTimestampAuthority(authority.tsa, clock)
    settings, ports = {"trust_dir": folder}, {TimestampAuthority: tsa}
    run = harness(SERVICES["signature"], database_url, clock=clock, settings=settings, ports=ports)
    h = await stack.enter_async_context(run)
    buyer = Caller("buyer", "SIRET:20006682500012", "secret-person")
    steps = [{"action": "signature", "person": buyer.subject, "function": "Maire"}]
    await call(h, buyer, "PUT", "/circuit", expect=200, json={"steps": steps})
    winner, mayor = authority.issue("Titulaire", "Essai"), authority.issue("Maire", "Essai")
    pdf = await signer.sign_pdf(
        paper_to_sign(), winner.key, winner.certificate, winner.chain, timestamp=tsa, at=clock.now()
    )
    await _submit(h, buyer, await h.runtime.storage.exchange(pdf, media_type="application/pdf", name="secret.pdf"))
    (request,) = (await call(h, buyer, "GET", "/requests", expect=200))["items"]
    certificate = {"certificate": mayor.certificate_pem, "chain": mayor.chain_pem}
    value = base64.b64encode(b"x" * 256).decode()
    one = {"request_id": request["request_id"]}
    others = [{"action": "visa", "person": "other", "function": "Adjoint"}, steps[0]]
    return World(
        h,
        {"buyer": buyer},
        targets=await operations(h) | {"request_id": [one], "request_id,number": [one | {"number": "1"}]},
        bodies={
            ("PUT", "/v1/circuit"): {"json": {"steps": others}},
            ("POST", "/v1/requests/{request_id}/steps/{number}/preparation"): {"json": certificate},
            ("POST", "/v1/requests/{request_id}/steps/{number}/signature"): {"json": {"signature": value}},
            ("POST", "/v1/requests/{request_id}/refusal"): {"json": {"reason": "montant erroné"}},
            ("POST", "/v1/verifications"): {"data": b"%PDF-1.4", "headers": PDF},
        },
        secrets=(request["request_id"], "secret-title", "secret.pdf", "secret-body", buyer.organisation),
    )


def paper_to_sign() -> bytes:
    """Give a contract to sign."""
    return render("Acte d'engagement", [Text("245 000,00 EUR")])


async def _submit(h: Harness, buyer: Caller, document: DocumentReference) -> None:
    contract = uuid4()
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    await h.deliver(
        ContractSubmittedV1(
            aggregate_id=contract, aggregate_version=1, organisation=buyer.organisation, procedure=uuid4(),
            occurred_at=now, contract_id=contract, title="secret-title", document=document,
        )
    )  # fmt: skip
    await h.settle()
