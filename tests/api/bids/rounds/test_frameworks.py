"""Framework agreements: several holders in one decision, then contract after contract among them, each with its own round."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from libs.common.messages.bids import Contract
from libs.common.messages.legality import ActExemptedV1
from libs.common.messages.notices import Lot, LotTerms, Place
from libs.common.messages.signature import DocumentSignedV1
from libs.common.testing.plugin import HarnessFactory
from services.opendata.decp.record import record
from tests.api.bids.bids_world import AUTHORITY, BUYER, DEADLINE, World, award_body, sign_pdf, world
from tests.api.bids.evaluation.evaluation_world import ask, award
from tests.api.bids.evaluation.test_evaluation import scored
from tests.api.bids.rounds.test_rounds import call, offers_opened

ALPHA, BETA, GAMMA = (f"SIRET:5521002540000{n}" for n in range(1, 4))
LOT = "LOT-0001"
FRAMEWORK = Lot(
    lot_id=LOT, title="Voirie", nature="works", cpv=["45233141"], duration_months=48, framework=True,
    places=[Place(department="21")],
    terms=LotTerms(framework="fa-w-rc", framework_participants=2),
)  # fmt: skip


async def deposited(service_harness: HarnessFactory, **changes: Any) -> World:
    w = await world(service_harness, threshold=1, officers=1, **({"lots": [FRAMEWORK]} | changes))
    for company in (ALPHA, BETA, GAMMA):
        await w.deposit(company, [company.encode()])
    await w.open_all()
    return w


async def decide(w: World, winner: str, *others: str, number: str = "AC-1", expect: int = 201) -> Any:
    bids = list(w.bids.values())
    told = [
        {"bid_id": str(w.bids[each]), "value": {"amount": "200000", "currency": "EUR"}, "contract_number": f"{number}-{n}"}
        for n, each in enumerate(others, 2)
    ]  # fmt: skip
    body = award_body(w.bids[winner], bids, contract_number=number, others=told)
    return await w.call("POST", f"/consultations/{w.procedure}/lots/{LOT}/award", BUYER, expect=expect, json=body)


async def sign_for_the_buyer(w: World, contract: UUID, mine: bytes) -> None:
    """Have the circuit sign a contract that its winner signed, and the control found exempt."""
    both = await sign_pdf(mine, AUTHORITY.issue("Maire", "Acheteur"), "Acheteur")
    document = await w.h.runtime.storage.exchange(both, media_type="application/pdf", name="contrat.pdf")
    now = w.h.clock.now()
    common: dict[str, Any] = {
        "aggregate_version": 1,
        "organisation": BUYER,
        "occurred_at": now,
        "subject_id": contract,
    }
    await w.h.deliver(
        DocumentSignedV1(
            aggregate_id=uuid4(), request_id=uuid4(), document=document, signatures=[], signed_at=now, **common
        ),
        ActExemptedV1(aggregate_id=uuid4(), reason="sous le seuil", **common),
    )


async def notified(w: World, contract: str, company: str, days: int = 12) -> dict[str, Any]:
    """Have a contract signed by both, cleared, notified and acknowledged; give it as it was told."""
    pdf = await w.call("GET", f"/contracts/{contract}/document", company, expect=200)
    mine = await sign_pdf(pdf, AUTHORITY.issue("Titulaire", "Entreprise"), "Titulaire")
    await w.call("PUT", f"/contracts/{contract}/winner-signature", company, expect=200, data=mine,
                 headers={"Content-Type": "application/pdf"})  # fmt: skip
    w.h.clock.advance(timedelta(days=days))
    await w.call("POST", f"/contracts/{contract}/signature-request", BUYER, expect=200)
    await sign_for_the_buyer(w, UUID(contract), mine)
    await w.call("POST", f"/contracts/{contract}/notification", BUYER, expect=200)
    await w.call("POST", f"/contracts/{contract}/acknowledgement", company, expect=200)
    await w.h.settle()
    told = [each.data["contract"] for each in w.h.events("bids.contract.notified.v1")]
    return next(each for each in told if each["contract_id"] == contract)


async def test_two_holders_then_two_subsequent_contracts_each_with_its_round(service_harness: HarnessFactory) -> None:
    w = await deposited(service_harness)
    awarded = await decide(w, BETA, ALPHA)
    assert [each["winner"] for each in awarded["others"]] == [ALPHA]
    kinds = {each["addressee"]: each["kind"] for each in awarded["letters"]}
    assert kinds == {ALPHA: "award", BETA: "award", GAMMA: "rejection"}
    first = await notified(w, awarded["contract_id"], BETA)
    second = await notified(w, awarded["others"][0]["contract_id"], ALPHA)
    assert (first["framework"], second["framework"], first["framework_number"]) == (True, True, None)
    assert first["procedure_total"]["amount"] == "245000.00", "two holders share one maximum"
    assert (first["holders"], second["holders"]) == (2, 2), "one award notice tells of both"
    for number, winner in (("MS-1", ALPHA), ("MS-2", BETA)):
        deadline = w.h.clock.now() + timedelta(days=15)
        called = await call(w, "subsequent", deadline=deadline)
        assert [each["organisation"] for each in called["invited"]] == [ALPHA, BETA]
        r = await offers_opened(w, called, ALPHA, BETA)
        award = await decide(r, winner, number=number)
        assert award["standstill_until"] is None
        assert "R2182-2" in award["standstill_reason"]
        told = await notified(r, award["contract_id"], winner, days=0)
        held = {BETA: "AC-1", ALPHA: "AC-1-2"}[winner]
        assert (told["framework"], told["framework_number"], told["number"]) == (False, held, number)
        assert told["procedure_total"]["amount"] == "245000.00", "a round is a total of its own"
    decided = w.h.events("bids.award.decided.v1")
    assert [each.procedure for each in decided] == [w.procedure] * 4


async def test_the_essential_data_of_a_subsequent_contract_name_its_framework(service_harness: HarnessFactory) -> None:
    w = await deposited(service_harness)
    await notified(w, (await decide(w, BETA))["contract_id"], BETA)
    r = await offers_opened(w, await call(w, "subsequent", deadline=w.h.clock.now() + timedelta(days=9)), BETA)
    await notified(r, (await decide(r, BETA, number="MS-1"))["contract_id"], BETA, days=0)
    contract = Contract.model_validate(w.h.events("bids.contract.notified.v1")[-1].data["contract"])
    assert record(contract, buyer_siret="20003945800017", published_at=DEADLINE)["idAccordCadre"] == "AC-1"


async def test_several_winners_are_for_a_framework_agreement_and_as_many_as_announced(
    service_harness: HarnessFactory,
) -> None:
    w = await deposited(service_harness, lots=[FRAMEWORK.model_copy(update={"framework": False, "terms": None})])
    refused = await decide(w, BETA, ALPHA, expect=422)
    assert "accord-cadre seulement" in str(refused["errors"])


async def test_more_holders_than_announced_or_one_twice_are_refused(service_harness: HarnessFactory) -> None:
    w = await deposited(service_harness)
    assert "2 titulaires au plus" in str((await decide(w, BETA, ALPHA, GAMMA, expect=422))["errors"])
    assert "deux fois" in str((await decide(w, BETA, BETA, expect=422))["errors"])
    await decide(w, BETA, ALPHA)
    await decide(w, ALPHA, expect=409)


async def test_the_first_in_rank_are_the_holders_each_with_its_proofs(service_harness: HarnessFactory) -> None:
    w = await scored(service_harness, lots=[FRAMEWORK])
    ranks = (await w.call("GET", f"/consultations/{w.procedure}/lots/{LOT}/scorings", BUYER, expect=200))["items"][0]
    order = [each["bid"] for each in sorted(ranks["scores"], key=lambda each: each["rank"])]
    await ask(w, next(company for company, bid in w.bids.items() if str(bid) == order[1]), "proofs")
    third = {"bid_id": order[2], "value": {"amount": "1", "currency": "EUR"}, "contract_number": "AC-2"}
    refused = await award(w, UUID(order[0]), expect=409, proofs_held="oui", others=[third])
    assert "attend sa réponse" in refused["detail"]
    w.h.clock.advance(timedelta(days=6))
    asked = (await w.call("GET", f"/consultations/{w.procedure}/lots/{LOT}/evaluation", BUYER, expect=200))["requests"]
    path = f"/requests/{asked[0]['request_id']}/settlement"
    await w.call("POST", path, BUYER, expect=200, json={"outcome": "missing", "reason": ""})
    second = third | {"bid_id": order[1]}
    await award(w, UUID(order[0]), expect=422, proofs_held="oui", others=[second])
    await award(w, UUID(order[0]), proofs_held="oui", others=[third])
