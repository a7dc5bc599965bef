"""The way from an award to a contract in force, as the village secretary and the mason walk it: each is told what comes next."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from typing import Any
from uuid import UUID

from libs.common.testing.plugin import HarnessFactory
from services.bids.domain.next_steps import NEXT_STEPS
from services.bids.domain.states import ContractState
from tests.api.bids.bids_world import AUTHORITY, BUYER, World, award_body, sign_pdf
from tests.api.bids.evaluation.evaluation_world import opened
from tests.api.bids.rounds.test_frameworks import sign_for_the_buyer

MASON, OTHER = "SIRET:55210025400001", "SIRET:55210025400002"
PDF = {"Content-Type": "application/pdf"}


async def contract_of(w: World, who: str, contract: str) -> Any:
    return await w.call("GET", f"/contracts/{contract}", who, expect=200)


async def letter(w: World, who: str, kind: str) -> str:
    (found,) = [each for each in (await w.call("GET", "/letters", who, expect=200))["items"] if each["kind"] == kind]
    return " ".join((await w.call("GET", f"/letters/{found['letter_id']}", who, expect=200))["paragraphs"])


async def seen_by_others(w: World) -> str:
    """Give all that anybody, and a bidder who lost, may read of the award."""
    told = [await w.call("GET", f"/consultations/{w.procedure}", who, expect=200) for who in (None, OTHER)]
    told += [await w.call("GET", "/events?limit=200", who, expect=200) for who in (None, "SIRET:55210025400009")]
    return str(told)


async def test_the_secretary_and_the_mason_are_told_each_step(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, MASON, OTHER, formal=False, procedure_type="adapted")
    secrets = ("245000", "2026-EAU-01", "award.decided")
    before = await seen_by_others(w)
    assert not any(each in before for each in secrets)
    path = f"/consultations/{w.procedure}/lots/LOT-0001/award"
    awarded = await w.call("POST", path, BUYER, expect=201, json=award_body(w.bids[MASON], list(w.bids.values())))
    await w.h.settle()
    after = await seen_by_others(w)
    assert not any(each in after for each in secrets), "the award is told by letters alone"
    won = await letter(w, MASON, "award")
    assert "Le contrat n° 2026-EAU-01 est à votre disposition" in won
    assert "ne vaut pas notification" in won
    lost = await letter(w, OTHER, "rejection")
    assert "Entreprise 0001, pour un montant de" in lost
    assert "à votre disposition" not in lost
    contract = awarded["contract_id"]
    await w.call("GET", f"/contracts/{contract}", OTHER, expect=404)
    steps = [(await contract_of(w, MASON, contract))["next_by"]]
    pdf = await w.call("GET", f"/contracts/{contract}/document", MASON, expect=200)
    mine = await sign_pdf(pdf, AUTHORITY.issue("Maçon", "Alpha"), "Titulaire")
    await w.call("PUT", f"/contracts/{contract}/winner-signature", MASON, expect=200, data=mine, headers=PDF)
    steps.append((await contract_of(w, BUYER, contract))["next_by"])
    await w.call("POST", f"/contracts/{contract}/signature-request", BUYER, expect=200)
    early = await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=409)
    assert early["detail"]
    await sign_for_the_buyer(w, UUID(contract), mine)
    told = await contract_of(w, BUYER, contract)
    assert (told["state"], told["next_by"]) == ("cleared", "buyer")
    assert "notifie le marché" in told["next_step"]
    await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=200)
    steps.append((await contract_of(w, MASON, contract))["next_by"])
    assert "Accusez réception" in await letter(w, MASON, "notification")
    assert "bids.contract.notified.v1" not in {each.type for each in w.h.events()}
    await w.call("POST", f"/contracts/{contract}/acknowledgement", MASON, expect=200)
    await w.h.settle()
    (event,) = w.h.events("bids.contract.notified.v1")
    assert event.data["contract"]["notified_at"]
    steps.append((await contract_of(w, BUYER, contract))["next_by"])
    assert steps == ["winner", "buyer", "winner", "nobody"]


def test_every_state_of_a_contract_has_its_next_step() -> None:
    assert set(NEXT_STEPS) == set(ContractState)
