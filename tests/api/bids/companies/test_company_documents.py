"""Documents of the file of a company: attached once, in versions, copied into bids as they are sealed; nobody else reads them."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest

from libs.common.messages.notices import OpeningRules, RequiredDocument
from libs.common.testing.plugin import HarnessFactory
from services.bids import sealing
from tests.api.bids.bids_world import BUYER, World, world

COMPANY, RIVAL = "SIRET:44306184100047", "SIRET:55208131766522"
PAPER = b"%PDF-1.7 attestation d'assurance " + b"x" * 50_000
INSURANCE = {"name": "assurance.pdf", "kind": "insurance", "label": "Assurance décennale", "valid_until": "2026-12-31"}
TAX = RequiredDocument(kind="insurance", label="Assurance", envelope="offer", valid_on_deadline=True)


async def attach(
    w: World, content: bytes = PAPER, path: str = "", *, expect: int = 201, who: str = COMPANY, **said: str
) -> Any:
    wanted = f"/company/documents{path}"
    return await w.call("POST", wanted, who, expect=expect, params=INSURANCE | said, data=BytesIO(content))


async def draft(w: World, size: int, *, sealed_by: str = "platform") -> str:
    envelope = {"kind": "offer", "lots": ["LOT-0001"], "files": [{"name": "assurance.pdf", "size": size}]}
    body = {"envelopes": [envelope], "sealed_by": sealed_by}
    made = await w.call("POST", f"/consultations/{w.procedure}/bids", COMPANY, expect=201, json=body)
    return str(made["bid_id"])


async def test_a_document_is_attached_once_and_opened_byte_for_byte_in_a_bid(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1, formal=False, rules=OpeningRules(documents=[TAX]))
    made = await attach(w)
    assert (made["version"], made["media_type"], made["size"]) == (1, "application/pdf", len(PAPER))
    bid = await draft(w, len(PAPER))
    found = await w.call("GET", f"/bids/{bid}/completeness", COMPANY, expect=200)
    assert [each["problem"] for each in found["findings"]] == ["missing"]
    await w.call("POST", f"/bids/{bid}/files/1/copy", COMPANY, expect=201, json={"document_id": made["document_id"]})
    said = await w.call("GET", f"/bids/{bid}/application", COMPANY, expect=200)
    assert (said["documents"][0]["kind"], said["documents"][0]["valid_until"]) == ("insurance", "2026-12-31")
    assert (await w.call("GET", f"/bids/{bid}/completeness", COMPANY, expect=200))["complete"]
    await w.call("POST", f"/bids/{bid}/deposit", COMPANY, expect=201, json={"envelopes": []})
    await w.call("DELETE", "/company", COMPANY, expect=204)
    await w.h.settle()
    assert (await w.call("GET", "/company/documents", COMPANY, expect=200))["items"] == []
    opening = await w.open_all()
    plain = await w.call("GET", f"/openings/{opening['opening_id']}/bids/{bid}/files/1", BUYER, expect=200)
    assert plain == PAPER, "erased in the file of the company, whole in the bid"


async def test_versions_stay_and_the_last_one_is_used(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    made = await attach(w)
    path = f"/{made['document_id']}"
    again = await attach(w, b"%PDF-1.7 renewed", f"{path}/versions", valid_until="2027-12-31")
    assert (again["document_id"], again["version"]) == (made["document_id"], 2)
    await attach(w, b"other", kind="tax", name="fiscale.txt")
    listed = await w.call("GET", "/company/documents?limit=1", COMPANY, expect=200)
    rest = await w.call("GET", "/company/documents", COMPANY, expect=200, params={"cursor": listed["next"]})
    assert len(rest["items"]) == 1
    assert rest["next"] is None
    assert len((await w.call("GET", "/company/documents?versions=true", COMPANY, expect=200))["items"]) == 3
    assert await w.call("GET", f"/company/documents{path}", COMPANY, expect=200) == b"%PDF-1.7 renewed"
    assert await w.call("GET", f"/company/documents{path}?version=1", COMPANY, expect=200) == PAPER


async def test_neither_a_buyer_nor_a_rival_reads_a_document_outside_a_bid(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    made = await attach(w)
    path = f"/company/documents/{made['document_id']}"
    for who, status in ((BUYER, 403), (RIVAL, 404)):
        await w.call("GET", path, who, expect=status)
        await w.call("DELETE", path, who, expect=status)
        await attach(w, b"mine", f"/{made['document_id']}/versions", expect=status, who=who)
    assert (await w.call("GET", "/company/documents", RIVAL, expect=200))["items"] == []
    bid = await draft(w, len(PAPER))
    copy = {"document_id": made["document_id"]}
    await w.call("POST", f"/bids/{bid}/files/1/copy", RIVAL, expect=404, json=copy)
    envelope = {"kind": "offer", "lots": ["LOT-0001"], "files": [{"name": "a.pdf", "size": len(PAPER)}]}
    own = await w.call(
        "POST", f"/consultations/{w.procedure}/bids", RIVAL, expect=201,
        json={"envelopes": [envelope], "sealed_by": "platform"},
    )  # fmt: skip
    await w.call("POST", f"/bids/{own['bid_id']}/files/1/copy", RIVAL, expect=404, json=copy)


async def test_what_cannot_be_copied_is_told_and_changes_nothing(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    copy = {"document_id": (await attach(w))["document_id"]}
    mine = await draft(w, sealing.sealed_size(len(PAPER)), sealed_by="bidder")
    problem = await w.call("POST", f"/bids/{mine}/files/1/copy", COMPANY, expect=409, json=copy)
    assert problem["type"] == "urn:halles:problem:sealed-by-bidder"
    bid = await draft(w, len(PAPER) + 1)
    problem = await w.call("POST", f"/bids/{bid}/files/1/copy", COMPANY, expect=409, json=copy)
    assert str(len(PAPER)) in problem["detail"]
    await w.call("POST", f"/bids/{bid}/files/2/copy", COMPANY, expect=404, json=copy)
    await w.call("POST", f"/bids/{bid}/files/1/copy", COMPANY, expect=404, json={"document_id": str(uuid4())})
    assert (await w.call("GET", f"/bids/{bid}/application", COMPANY, expect=200))["documents"] == []


@pytest.mark.parametrize(
    ("said", "content", "status"),
    [
        ({"name": "../secret.pdf"}, b"x", 422), ({"name": "a\x00.pdf"}, b"x", 422), ({"kind": "../x"}, b"x", 422),
        ({"valid_until": "demain"}, b"x", 422), ({"name": "virus.exe"}, b"MZ\x90\x00", 415),
        ({}, b"x" * (50 * 2**20 + 1), 413),
    ],
)  # fmt: skip
async def test_a_wrong_document_is_refused_and_nothing_is_kept(
    service_harness: HarnessFactory, said: dict[str, str], content: bytes, status: int
) -> None:
    w = await world(service_harness)
    await attach(w, content, expect=status, **said)
    assert (await w.call("GET", "/company/documents", COMPANY, expect=200))["items"] == []
    assert await w.h.runtime.storage.keys("bids/companies") == []
