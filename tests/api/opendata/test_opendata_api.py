"""The open data service, running: nothing before the notification, once after it, and what holds it back."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from lxml import etree

from libs.common.messages.base import Money
from libs.common.messages.bids import Party
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.opendata.decp.check import check_document
from services.opendata.ocds.official import package_faults, release_faults
from services.opendata.wiring import SERVICE
from tests.unit.opendata.opendata_samples import (
    BUYER,
    CONTRACT,
    OTHER_BUYER,
    PROCEDURE,
    WINNER,
    disclosed,
    essential,
    notified,
    published,
)

Json = dict[str, Any]
UID = "242100410001232026-T-014"
OCID = f"ocds-halles-{PROCEDURE}"


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


async def get(h: Harness, path: str, status: int = 200, headers: dict[str, str] | None = None) -> Json:
    async with h.client.get(f"/opendata{path}", headers=headers) as answer:
        assert answer.status == status, await answer.text()
        body: Json = await answer.json()
        return body


async def complete(h: Harness, contract_id: UUID, organisation: str, *, status: int, **items: object) -> Json:
    body = essential(**items).model_dump(mode="json")
    path = f"/opendata/v1/contracts/{contract_id}/completion"
    async with h.client.post(path, json=body, headers=h.headers(organisation)) as answer:
        assert answer.status == status, await answer.text()
        told: Json = await answer.json()
        return told


async def test_nothing_on_the_contract_before_its_notification(h: Harness) -> None:
    await h.deliver(published())
    assert (await get(h, "/v1/contracts"))["items"] == []
    assert await get(h, "/v1/decp.json") == {"marches": {"marche": []}}
    package = await get(h, f"/v1/ocds/releases/{OCID}")
    assert [release["tag"] for release in package["releases"]] == [["tender"]]
    assert "awards" not in package["releases"][0]


async def test_a_notified_contract_is_published_once_and_told(h: Harness) -> None:
    await h.deliver(published(), notified(), notified())
    await h.settle()
    listed = (await get(h, "/v1/contracts"))["items"]
    assert [item["uid"] for item in listed] == [UID]
    one = await get(h, f"/v1/contracts/{UID}")
    assert one["record"]["acheteur"] == {"id": "24210041000123"}
    assert one["validated_with"] in {"schema_decp_v2.0.3.json", "own model"}
    assert one["ocid"] == OCID
    told = h.events("opendata.contract.published.v1")
    assert len(told) == 1
    assert told[0].data["uid"] == UID
    assert told[0].procedure == PROCEDURE
    package = await get(h, f"/v1/ocds/releases/{OCID}")
    assert [release["tag"] for release in package["releases"]] == [["tender"], ["award", "contract"]]
    assert package_faults(package)[0] == []
    async with h.client.get(f"/opendata/v1/ocds/releases/{OCID}") as answer:
        assert answer.headers["Halles-Validated-With"] in {"OCDS 1.1.5 dereferenced-release-schema.json", "own model"}


async def test_the_official_file_is_valid_and_by_buyer(h: Harness) -> None:
    other = notified(OTHER_BUYER, UUID(int=7), contract_id=UUID(int=8), number="B2")
    await h.deliver(notified(), other)
    whole = await get(h, "/v1/decp.json")
    assert check_document(whole) == []
    assert [marche["id"] for marche in whole["marches"]["marche"]] == ["B2", "2026-T-014"]
    own = await get(h, f"/v1/decp.json?buyer={OTHER_BUYER}")
    assert [marche["id"] for marche in own["marches"]["marche"]] == ["B2"]
    async with h.client.get("/opendata/v1/decp.xml") as answer:
        root = etree.fromstring(await answer.read())
    assert [node.findtext("id") for node in root.iter("marche")] == ["B2", "2026-T-014"]


async def test_a_wrong_item_blocks_is_named_in_french_and_can_be_corrected(h: Harness) -> None:
    await h.deliver(notified(essential=essential(ccag="CCAG Travaux")))
    await h.settle()
    assert h.events("opendata.contract.published.v1") == []
    await get(h, f"/v1/contracts/{UID}", status=404)
    await get(h, "/v1/ocds/releases", status=404)
    assert await get(h, "/v1/decp.json") == {"marches": {"marche": []}}

    pending = (await get(h, "/v1/contracts/pending", headers=h.headers(BUYER)))["items"]
    assert [(item["state"], item["problems"][0]["item"]) for item in pending] == [("pending", "CCAG de référence")]
    assert (await get(h, "/v1/contracts/pending", headers=h.headers(OTHER_BUYER)))["items"] == []
    await get(h, "/v1/contracts/pending", status=403, headers=h.headers(WINNER, "company"))
    await get(h, "/v1/contracts/pending", status=401)

    await complete(h, CONTRACT, OTHER_BUYER, status=404)
    still = await complete(h, CONTRACT, BUYER, status=200, ccag="Rien")
    assert still["state"] == "pending"
    done = await complete(h, CONTRACT, BUYER, status=200)
    assert done["state"] == "published"
    assert (await complete(h, CONTRACT, BUYER, status=409))["type"] == "urn:halles:problem:data-not-pending"
    await h.settle()
    assert len(h.events("opendata.contract.published.v1")) == 1
    assert (await get(h, f"/v1/contracts/{UID}"))["record"]["ccag"] == "Travaux"


async def test_a_buyer_without_siret_is_listed_as_not_applicable_with_the_reason(h: Harness) -> None:
    await h.deliver(notified("NATIONAL:NOR-974760673"))
    await h.settle()
    assert h.events("opendata.contract.published.v1") == []
    items = (await get(h, "/v1/contracts?state=not_applicable"))["items"]
    assert [item["contract_id"] for item in items] == [str(CONTRACT)]
    assert "SIRET" in items[0]["reason"]
    assert items[0]["record"] is None
    package = await get(h, f"/v1/ocds/releases/{OCID}")
    assert package["releases"][0]["parties"][0]["identifier"]["scheme"] == "NOR-NATIONAL"


async def test_below_the_threshold_no_record_is_due(h: Harness) -> None:
    small = Money(amount=Decimal(39000))
    await h.deliver(notified(value=small, procedure_total=small))
    items = (await get(h, f"/v1/contracts?state=not_applicable&procedure={PROCEDURE}"))["items"]
    assert "40000" in items[0]["reason"]


async def test_release_dates_of_one_process_strictly_increase_at_the_same_instant(h: Harness) -> None:
    lots = [
        notified(contract_id=UUID(int=number), number=f"L{number}", lot_id=f"LOT-000{number}") for number in (1, 2, 3)
    ]
    await h.deliver(published(), published(version=2), *lots)
    package = await get(h, f"/v1/ocds/releases/{OCID}")
    releases = package["releases"]
    dates = [release["date"] for release in releases]
    assert dates == sorted(set(dates))
    assert len({release["id"] for release in releases}) == len(releases) == 5
    assert all(release_faults(release)[0] == [] for release in releases)


async def test_the_same_number_twice_is_refused_until_corrected(h: Harness) -> None:
    await h.deliver(notified(), notified(contract_id=UUID(int=5)))
    pending = (await get(h, "/v1/contracts/pending", headers=h.headers(BUYER)))["items"]
    assert [item["problems"][0]["item"] for item in pending] == ["Identifiant de marché"]


async def test_pages_and_filters(h: Harness) -> None:
    for number in range(1, 6):
        party = Party(organisation=f"SIRET:0000000000000{number % 2}", name="Entreprise")
        procedure = UUID(int=1000 + number)
        await h.deliver(notified(BUYER, procedure, contract_id=UUID(int=number), number=f"N{number}", winners=[party]))
    seen: list[str] = []
    path = "/v1/contracts?limit=2"
    while True:
        page = await get(h, path)
        seen += [item["record"]["id"] for item in page["items"]]
        if page["next"] is None:
            break
        path = f"/v1/contracts?limit=2&cursor={page['next']}"
    assert seen == ["N1", "N2", "N3", "N4", "N5"]
    odd = await get(h, "/v1/contracts?winner=SIRET:00000000000001")
    assert [item["record"]["id"] for item in odd["items"]] == ["N1", "N3", "N5"]
    assert (await get(h, "/v1/contracts?bidder=x", status=422))["errors"][0]["where"].endswith("bidder")
    await get(h, "/v1/contracts?cursor=forged", status=422)


async def test_release_packages_lead_from_one_to_the_next(h: Harness) -> None:
    for number in range(1, 6):
        await h.deliver(published(UUID(int=number), notice_id=UUID(int=number)))
        h.clock.advance(timedelta(seconds=1))
    first = await get(h, "/v1/ocds/releases?limit=3")
    assert package_faults(first)[0] == []
    following = first["links"]["next"]
    await get(h, f"/v1/contracts?{following.partition('?')[2].partition('&')[2]}", status=422)
    second = await get(h, following[following.index("/v1/") :])
    assert len(first["releases"]) == 3
    assert len(second["releases"]) == 2
    assert "links" not in second
    assert {release["ocid"] for release in [*first["releases"], *second["releases"]]} == {
        f"ocds-halles-{UUID(int=number)}" for number in range(1, 6)
    }


async def test_what_a_call_withheld_is_released_on_its_day_as_an_update(h: Harness) -> None:
    await h.deliver(published(procedure_type="restricted"), disclosed(2, procedure_type="open"))
    await h.deliver(disclosed(3, kind="award"))  # an award is released with its contract
    releases = (await get(h, f"/v1/ocds/releases/{OCID}"))["releases"]
    assert [release["tag"] for release in releases] == [["tender"], ["tenderUpdate"]]
    assert [release["tender"]["procurementMethod"] for release in releases] == ["selective", "open"]
    assert all(release_faults(release)[0] == [] for release in releases)


async def test_an_award_notice_gives_no_release(h: Harness) -> None:
    await h.deliver(published(kind="award"), published(None))
    await get(h, "/v1/ocds/releases", status=404)


async def test_events_and_journal_hold_no_name(h: Harness) -> None:
    await h.deliver(notified())
    await h.settle()
    told = json.dumps([event.data for event in h.events()])
    assert "Toitures" not in told
    async with h.runtime.read() as conn:
        rows = await conn.fetch("SELECT action, subject FROM journal ORDER BY position")
    assert ("opendata.contract.published", str(CONTRACT)) in {(row["action"], row["subject"]) for row in rows}
