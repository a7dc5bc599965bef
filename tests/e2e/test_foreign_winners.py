"""Foreign companies end to end: a VAT number of the Union and a number from outside deposit, win, and stand in the essential data."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.messages.legality import ActExemptedV1
from libs.common.messages.signature import DocumentSignedV1
from libs.common.standards import folder
from libs.common.testing.plugin import HarnessFactory
from services.opendata.decp import official
from services.opendata.wiring import SERVICE as OPEN_DATA
from tests.api.bids.bids_world import AUTHORITY, BUYER, World, award_body, sign_pdf, world

BELGIAN, SWISS, NORWEGIAN, GERMAN = (
    "TVA:BE0403170701",
    "HORS-UE:CHCHE123456789",
    "NATIONAL:NOR-974760673",
    "TVA:DE129273398",
)
LOTS = ("LOT-0001", "LOT-0002")
PDF = {"Content-Type": "application/pdf"}


async def award(w: World, lot: str, winner: str, number: str) -> Any:
    """Award a lot; the buyer says nothing of the size and the town of the companies."""
    body = award_body(w.bids[winner], list(w.bids.values()), contract_number=number)
    return await w.call("POST", f"/consultations/{w.procedure}/lots/{lot}/award", BUYER, expect=201, json=body)


async def bind(w: World, contract: str, winner: str) -> None:
    """Have a contract signed by both, cleared, notified and acknowledged."""
    pdf = await w.call("GET", f"/contracts/{contract}/document", winner, expect=200)
    mine = await sign_pdf(pdf, AUTHORITY.issue("Titulaire", "Firm"), "Titulaire")
    await w.call("PUT", f"/contracts/{contract}/winner-signature", winner, expect=200, data=mine, headers=PDF)
    await w.call("POST", f"/contracts/{contract}/signature-request", BUYER, expect=200)
    both = await sign_pdf(mine, AUTHORITY.issue("Maire", "Village"), "Acheteur")
    document = await w.h.runtime.storage.exchange(both, media_type="application/pdf", name="contrat.pdf")
    told: dict[str, Any] = {
        "aggregate_id": uuid4(), "aggregate_version": 1, "organisation": BUYER, "occurred_at": w.h.clock.now(),
        "subject_id": UUID(contract),
    }  # fmt: skip
    await w.h.deliver(
        DocumentSignedV1(request_id=uuid4(), document=document, signatures=[], signed_at=w.h.clock.now(), **told),
        ActExemptedV1(reason="sous le seuil", **told),
    )
    await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=200)
    w.h.clock.advance(timedelta(days=1))
    await w.call("POST", f"/contracts/{contract}/acknowledgement", winner, expect=200)


async def published(service_harness: HarnessFactory, w: World) -> Any:
    """Give the essential data that the open data service makes of what bids told."""
    await w.h.settle()
    data = await service_harness(OPEN_DATA)
    data.clock.set(w.h.clock.now())
    await data.deliver(*w.h.events("bids.contract.notified.v1"))
    async with data.client.get("/opendata/v1/decp.json") as answer:
        assert answer.status == 200
        return await answer.json()


@pytest.mark.timeout(240)
async def test_a_vat_number_and_a_number_from_outside_the_union_stand_in_the_essential_data(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness, threshold=1, officers=1, formal=False, procedure_type="adapted")
    address = {"street": "Rue Haute 1", "postcode": "1000", "city": "Bruxelles", "country": "BEL"}
    await w.call("PUT", "/company", BELGIAN, expect=200, json={"size": "medium", "address": address})
    await w.call("PUT", "/company", SWISS, expect=200, json={"size": "small"})
    for company in (BELGIAN, SWISS):
        receipt = await w.deposit(company, [b"offer"], LOTS)
        assert receipt["statement"]["depositor"]["organisation"] == company
    await w.open_all()
    contracts = [
        (await award(w, lot, winner, number))["contract_id"]
        for lot, winner, number in zip(LOTS, (BELGIAN, SWISS), ("2026-1", "2026-2"), strict=True)
    ]
    for contract, winner in zip(contracts, (BELGIAN, SWISS), strict=True):
        await bind(w, contract, winner)
    file = await published(service_harness, w)
    holders = [each["titulaires"][0]["titulaire"] for each in file["marches"]["marche"]]
    assert sorted(holders, key=lambda each: str(each["typeIdentifiant"])) == [
        {"typeIdentifiant": "HORS-UE", "id": "CHCHE123456789"},
        {"typeIdentifiant": "TVA", "id": "BE0403170701"},
    ]
    problems, judge = official.validate(file)
    assert problems == []
    assert folder() is None or judge != "own model", "the official schema is at hand and was not asked"
    first = w.h.events("bids.contract.notified.v1")[0].data["contract"]
    (party,) = first["winners"]
    assert (party["size"], party["city"], party["postal_code"], party["country"]) == (
        "medium",
        "Bruxelles",
        "1000",
        "BE",
    )
    counted = first["submissions"]
    assert (counted["t-oth-eea"], counted["t-no-eea"], counted["t-sme"]) == (1, 1, 2)


@pytest.mark.timeout(240)
async def test_each_member_of_a_group_is_a_holder_the_mandatary_first(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1, formal=False, procedure_type="adapted")
    draft = await w.draft(BELGIAN, [b"offer"])
    members = [
        {"organisation": BELGIAN, "name": "Bouwbedrijf NV"},
        {"organisation": GERMAN, "name": "Bau GmbH", "lots": ["LOT-0002"]},
        {"organisation": NORWEGIAN, "name": "Bygg AS"},
    ]
    said = {"group": {"form": "several", "mandatary": NORWEGIAN, "members": members}}
    await w.call("PUT", f"/bids/{draft['bid_id']}/application", BELGIAN, expect=200, json=said)
    sealed = w.seal(UUID(draft["bid_id"]), [b"offer"])
    await w.upload(BELGIAN, draft["bid_id"], sealed)
    await w.finish(BELGIAN, draft["bid_id"], sealed)
    w.bids[BELGIAN] = UUID(draft["bid_id"])
    await w.open_all()
    await bind(w, (await award(w, "LOT-0001", BELGIAN, "2026-3"))["contract_id"], BELGIAN)
    (record,) = (await published(service_harness, w))["marches"]["marche"]
    assert [each["titulaire"] for each in record["titulaires"]] == [
        {"typeIdentifiant": "HORS-UE", "id": "NO974760673"}, {"typeIdentifiant": "TVA", "id": "BE0403170701"},
    ]  # fmt: skip
