"""Evaluating a lot over HTTP: each step in its order, with its arithmetic; the award follows from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.common.messages.notices import Buyer, Criterion, Lot
from libs.common.testing.plugin import HarnessFactory
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, World, award_body, world
from tests.api.bids.evaluation.evaluation_world import (
    ALPHA,
    BETA,
    DELTA,
    GAMMA,
    LOT,
    answer,
    ask,
    award,
    judge,
    lot_path,
    mark,
    opened,
    score,
    set_method,
    settle,
)

PRICES = {ALPHA: "100000", BETA: "90000", GAMMA: "120000"}
DELAYS = {ALPHA: "10", BETA: "15", GAMMA: "30"}
MARKS = {ALPHA: "9", BETA: "7", GAMMA: "8"}


async def scored(service_harness: HarnessFactory, **changes: Any) -> World:  # noqa: ANN401
    w = await opened(service_harness, *PRICES, **changes)
    await set_method(w)
    for company in PRICES:
        await judge(w, company)
    await mark(w, MARKS)
    await score(w, PRICES, DELAYS)
    return w


async def test_each_step_is_refused_until_the_one_before_is_done(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    await w.deposit(ALPHA, [b"a"])
    refused = await judge(w, ALPHA, expect=409)
    assert refused["type"] == "urn:halles:problem:not-opened"
    await w.open_all()
    refused = await score(w, {}, {}, expect=409)
    assert "méthode de notation" in refused["detail"]
    refused = await mark(w, {ALPHA: "5"}, expect=409)
    assert "méthode de notation" in refused["detail"]
    await set_method(w)
    refused = await score(w, {ALPHA: "1"}, {ALPHA: "1"}, expect=409)
    assert "recevable" in refused["detail"]
    await judge(w, ALPHA)
    refused = await score(w, {}, {}, expect=422)
    missing = {each["message"] for each in refused["errors"]}
    assert len(missing) == 4  # a price, a delay, a mark, reasons
    refused = await award(w, ALPHA, expect=409)
    assert "Notez d'abord" in refused["detail"]
    refused = await ask(w, ALPHA, "proofs", expect=409)
    assert "classez d'abord" in refused["detail"]


async def test_scores_show_their_arithmetic_and_each_version_stays(service_harness: HarnessFactory) -> None:
    w = await scored(service_harness)
    listed = await w.call("GET", lot_path(w, "scorings"), BUYER, expect=200)
    (first,) = listed["items"]
    best, second, third = first["scores"]
    assert [each["bid"] for each in (best, second, third)] == [str(w.bids[each]) for each in (ALPHA, BETA, GAMMA)]
    assert best["total"] == "91.00"
    assert [each["arithmetic"] for each in best["parts"]] == [
        "60 × 90\u202f000 / 100\u202f000 = 54", "30 × 9 / 10 = 27", "10 × 1 (10 : palier jusqu'à 10) = 10",
    ]  # fmt: skip
    assert [each["points"] for each in second["criteria"]] == ["60.00", "26.00"]
    assert third["parts"][2]["arithmetic"] == "10 × 0 (30 : au-delà du dernier palier) = 0"
    other = w.h.headers(BUYER, "buyer", sub="second-evaluator")
    marks = [{"bid_id": str(w.bids[each]), "criterion": "Moyens", "mark": "10"} for each in PRICES]
    await w.call("PUT", lot_path(w, "marks"), None, expect=200, json={"marks": marks}, headers=other)
    refused = await award(w, ALPHA, expect=409)
    assert "notez de nouveau" in refused["detail"]
    again = await score(w, PRICES, DELAYS)
    assert again["version"] == 2
    assert again["scores"][0]["parts"][1]["arithmetic"] == "30 × ((10 + 9) / 2) / 10 = 28,5"
    page = await w.call("GET", lot_path(w, "scorings?limit=1"), BUYER, expect=200)
    older = await w.call("GET", lot_path(w, f"scorings?limit=1&cursor={page['next']}"), BUYER, expect=200)
    assert [each["version"] for each in (*page["items"], *older["items"])] == [2, 1]


async def test_the_award_follows_the_ranking_and_the_winners_proofs(service_harness: HarnessFactory) -> None:
    w = await scored(service_harness)
    refused = await award(w, BETA, expect=422)
    assert str(w.bids[ALPHA]) in refused["errors"][0]["message"]
    refused = await award(w, ALPHA, expect=422)
    assert "R2144-4" in refused["errors"][0]["message"]
    await ask(w, BETA, "proofs", expect=409)
    request = await ask(w, ALPHA, "proofs")
    refused = await award(w, ALPHA, expect=409)
    assert "attend sa réponse" in refused["detail"]
    await settle(w, request, "missing", expect=409)
    w.h.clock.advance(timedelta(days=6))
    await settle(w, request, "missing")
    await answer(w, ALPHA, request, expect=409)
    next_one = await ask(w, BETA, "proofs")
    path = f"/requests/{next_one['request_id']}"
    pdf = {"Content-Type": "application/pdf"}
    await w.call("POST", f"{path}/documents", BETA, expect=422, data=b"MZ", headers=pdf)
    await w.call("POST", f"{path}/documents", ALPHA, expect=404, data=b"%PDF-1.7", headers=pdf)
    await w.call("POST", f"{path}/documents", BETA, expect=201, data=b"%PDF-1.7 attestation", headers=pdf)
    answered = await answer(w, BETA, next_one)
    assert (answered["state"], len(answered["documents"])) == ("answered", 1)
    assert await w.call("GET", f"{path}/documents/1", BUYER, expect=200) == b"%PDF-1.7 attestation"
    for who, status in ((ALPHA, 404), (OTHER_BUYER, 404)):
        await w.call("GET", path, who, expect=status)
    await settle(w, next_one, "accepted")
    evaluations = [{"bid_id": str(w.bids[BETA]), "criteria": [{"name": "Prix", "score": "1"}], "reasons": "x"}]
    await award(w, BETA, expect=422, evaluations=evaluations)
    done = await award(w, BETA)
    assert {each["addressee"]: each["kind"] for each in done["letters"]} == {
        ALPHA: "rejection", BETA: "award", GAMMA: "rejection",
    }  # fmt: skip
    letter = next(each for each in done["letters"] if each["addressee"] == ALPHA)
    read = await w.call("GET", f"/letters/{letter['letter_id']}", ALPHA, expect=200)
    told = "\n".join(read["paragraphs"])
    assert "Prix 54/60" in told
    assert "R2144-7" in told
    await judge(w, GAMMA, expect=409)


async def test_a_bid_set_aside_has_no_rank_and_its_bidder_learns_why(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, *PRICES)
    await set_method(w)
    refused = await judge(w, GAMMA, "irregular", expect=422)
    assert refused["errors"][0]["where"] == "body/reason"
    await judge(w, GAMMA, "irregular", "Le bordereau des prix manque.")
    await judge(w, ALPHA)
    await judge(w, BETA)
    await mark(w, MARKS)
    told = await score(w, {each: PRICES[each] for each in (ALPHA, BETA)}, DELAYS)
    assert [each["bid"] for each in told["set_aside"]] == [str(w.bids[GAMMA])]
    assert len(told["scores"]) == 2
    await award(w, GAMMA, expect=422)
    done = await award(w, ALPHA, proofs_held="Attestations obtenues par API Entreprise.")
    letter = next(each for each in done["letters"] if each["addressee"] == GAMMA)
    read = await w.call("GET", f"/letters/{letter['letter_id']}", GAMMA, expect=200)
    assert any("L2152-2" in each and "Le bordereau des prix manque." in each for each in read["paragraphs"])


async def test_a_low_offer_is_flagged_and_rejected_only_after_it_was_explained(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, *PRICES)
    await set_method(w)
    for company in PRICES:
        await judge(w, company)
    await mark(w, MARKS)
    prices = PRICES | {BETA: "40000"}
    told = await score(w, prices, DELAYS)
    assert told["abnormally_low"] == {
        str(w.bids[BETA]): "40\u202f000 < 0,8 × 110\u202f000 (moyenne des 2 autres offres) = 88\u202f000"
    }
    refused = await award(w, BETA, expect=409, proofs_held="oui")
    assert "L2152-6" in refused["detail"]
    refused = await judge(w, BETA, "abnormally-low", "Prix inexpliqué.", expect=409)
    assert refused["type"] == "urn:halles:problem:evaluation-order"
    request = await ask(w, BETA, "explanation")
    await ask(w, BETA, "explanation", expect=409)
    await ask(w, ALPHA, "explanation", expect=422, days=0.5)
    await answer(w, BETA, request)
    await settle(w, request, "refused", expect=422)
    await settle(w, request, "refused", "Sous-détail incohérent.")
    await judge(w, BETA, "abnormally-low", "Prix inexpliqué.")
    await score(w, {each: prices[each] for each in (ALPHA, GAMMA)}, DELAYS)
    await award(w, ALPHA, proofs_held="Déjà remises en 2026 (R2143-14).")


async def test_equal_bids_share_their_rank_and_the_choice_is_reasoned(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA, BETA)
    await set_method(w)
    await judge(w, ALPHA)
    await judge(w, BETA)
    await mark(w, {ALPHA: "5", BETA: "5"})
    told = await score(w, {ALPHA: "10", BETA: "10"}, {ALPHA: "5", BETA: "5"})
    assert [each["rank"] for each in told["scores"]] == [1, 1]
    refused = await award(w, BETA, expect=422, proofs_held="oui")
    assert refused["errors"][0]["where"] == "body/choice_reason"
    await award(w, BETA, proofs_held="oui", choice_reason="Tirage au sort prévu au règlement.")


async def test_an_incomplete_application_is_asked_for_then_rejected(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, ALPHA, BETA)
    await set_method(w)
    request = await ask(w, BETA, "application")
    await answer(w, ALPHA, request, expect=404)
    await answer(w, BETA, request)
    await settle(w, request, "refused", "Capacités insuffisantes.")
    told = await w.call("GET", lot_path(w, "evaluation"), BUYER, expect=200)
    verdicts = {each["bidder"]: each["verdict"] for each in told["bids"]}
    assert verdicts == {ALPHA: None, BETA: "application-rejected"}
    await settle(w, request, "accepted", expect=409)


async def test_the_weights_of_the_notice_bind(service_harness: HarnessFactory) -> None:
    criteria = [Criterion(kind="price", name="Prix", weight=50), Criterion(kind="quality", name="Délai de garantie")]
    lot = Lot(lot_id=LOT, title="Lot", nature="services", cpv=["65100000"], criteria=criteria, duration_months=12)
    w = await world(service_harness, threshold=1, officers=1, lots=[lot])
    refused = await set_method(w, expect=422)
    assert {each["message"] for each in refused["errors"]} == {
        "« Prix » : l'avis annonce un poids de 50, et non de 60", "le critère « Délai de garantie » de l'avis manque",
        "« Valeur technique » n'est pas un critère de l'avis",
    }  # fmt: skip
    await set_method(w, expect=422, criteria=[{"name": "Prix", "weight": "99", "formula": "linear"}])
    good = [{"name": "Prix", "weight": "50", "formula": "linear"}, {"name": "Délai de garantie", "weight": "50"}]
    await set_method(w, criteria=good)


async def test_a_formal_award_of_a_local_authority_needs_its_committee(service_harness: HarnessFactory) -> None:
    buyer = Buyer(organisation=BUYER, name="Commune", department="21", legal_type="la")
    w = await scored(service_harness, buyer=buyer)
    refused = await award(w, ALPHA, expect=422, proofs_held="oui")
    assert "L1414-2" in refused["errors"][0]["message"]
    now = w.h.clock.now()
    meeting = {
        "met_at": now.isoformat(),
        "voting_members": 6,
        "present": ["président", "membre 1", "membre 2"],
        "in_favour": 3,
    }
    refused = await award(w, ALPHA, expect=422, proofs_held="oui", committee=meeting)
    assert "quorum non atteint : 3 présents, il en faut 4" in refused["errors"][0]["message"]
    for wrong in ({"met_at": (now + timedelta(days=1)).isoformat()}, {"in_favour": 2}, {"in_favour": 0, "against": 3}):
        await award(w, ALPHA, expect=422, proofs_held="oui", committee=meeting | {"second_call": True} | wrong)
    await award(w, ALPHA, proofs_held="oui", committee=meeting | {"second_call": True})


async def test_a_local_establishment_meets_its_committee_or_says_why_none_met(service_harness: HarnessFactory) -> None:
    buyer = Buyer(organisation=BUYER, name="Syndicat", department="21", legal_type="body-pl-la")
    w = await scored(service_harness, buyer=buyer)
    refused = await award(w, ALPHA, expect=422, proofs_held="oui")
    assert "no_committee" in refused["errors"][0]["message"]
    await award(w, ALPHA, expect=422, proofs_held="oui", no_committee="too-busy")
    await award(w, ALPHA, proofs_held="oui", no_committee="social")
    report = await w.call("GET", f"/consultations/{w.procedure}/presentation-report", BUYER, expect=200)
    assert report["lots"][0]["decision"]["committee"].startswith("sans réunion : établissement public social")


async def test_a_village_is_no_social_establishment_but_may_be_in_urgency(service_harness: HarnessFactory) -> None:
    buyer = Buyer(organisation=BUYER, name="Commune", department="21", legal_type="la")
    w = await scored(service_harness, buyer=buyer)
    refused = await award(w, ALPHA, expect=422, proofs_held="oui", no_committee="social")
    assert "no_committee" in refused["errors"][0]["message"]
    await award(w, ALPHA, proofs_held="oui", no_committee="urgency")


async def test_nothing_of_the_award_is_told_before_the_letters(service_harness: HarnessFactory) -> None:
    w = await scored(service_harness)
    secrets = [str(each) for each in w.bids.values()] + ["54.00", "91.00"]
    public = await w.call("GET", f"/consultations/{w.procedure}", None, expect=200)
    assert not any(each in str(public) for each in secrets)
    for company in (ALPHA, BETA, DELTA):
        for path in ("evaluation", "scorings"):
            await w.call("GET", lot_path(w, path), company, expect=403)
        letters = await w.call("GET", "/letters", company, expect=200)
        assert all(each["kind"] == "receipt" for each in letters["items"])
        assert (await w.call("GET", "/contracts", company, expect=200))["items"] == []
    await w.h.settle()
    assert len(w.h.events("bids.bid.judged.v1")) == 3
    assert len(w.h.events("bids.lot.scored.v1")) == 1
    for who in (None, ALPHA, DELTA):
        feed = await w.call("GET", "/events?limit=200", who, expect=200)
        for kind in ("bids.bid.judged.v1", "bids.lot.scored.v1", "bids.award.decided.v1"):
            assert kind not in str(feed)
    await award(w, ALPHA, proofs_held="oui")
    await w.h.settle()
    sent = [each.type for each in w.h.events() if each.type in {"bids.award.decided.v1", "bids.letter.sent.v1"}]
    assert sent.count("bids.award.decided.v1") == 1
    feed = await w.call("GET", "/events?limit=200", BETA, expect=200)
    assert "bids.letter.sent.v1" in str(feed)
    assert "bids.award.decided.v1" not in str(feed)


async def test_minutes_and_report_say_what_is_recorded(service_harness: HarnessFactory) -> None:
    w = await opened(service_harness, *PRICES)
    report = f"/consultations/{w.procedure}/presentation-report"
    await w.call("GET", report, ALPHA, expect=403)
    await set_method(w)
    await judge(w, GAMMA, "unacceptable", "Prix au-dessus des crédits.")
    await judge(w, ALPHA)
    await judge(w, BETA)
    await mark(w, MARKS)
    await score(w, {each: PRICES[each] for each in (ALPHA, BETA)}, DELAYS)
    before = await w.call("GET", report, BUYER, expect=200)
    assert before["gaps"][0] == "décision sur les lots qui n'en ont pas"
    await w.call("GET", lot_path(w, "award/minutes.pdf"), BUYER, expect=404)
    meeting = {
        "met_at": w.h.clock.now().isoformat(), "voting_members": 3, "present": ["président", "membre 1"], "in_favour": 2,
    }  # fmt: skip
    await award(w, ALPHA, proofs_held="Attestations en ligne.", committee=meeting)
    told = (await w.call("GET", report, BUYER, expect=200))["lots"][0]
    assert told["decision"]["winner"] == "Entreprise 0001"
    assert told["decision"]["committee"] == "2 présents sur 3 ; 2 pour, 0 contre, 0 abstentions"
    assert {each["name"]: each["fate"] for each in told["bids"]}["Entreprise 0003"] == (
        "Offre inacceptable (art. L2152-3 CCP) : Prix au-dessus des crédits."
    )
    assert [each["rank"] for each in told["scoring"]["scores"]] == [1, 2]
    for path in (f"{report}.pdf", lot_path(w, "award/minutes.pdf")):
        pdf = await w.call("GET", path, BUYER, expect=200)
        assert pdf.startswith(b"%PDF")
        assert b"/MarkInfo" in pdf


async def test_the_contract_carries_what_the_journal_asks_of_the_bidders(service_harness: HarnessFactory) -> None:
    foreign = "TVA:DE123456789"
    w = await opened(service_harness, ALPHA, foreign)
    sizes = [{"bid_id": str(bid), "size": "medium", "city": "Dijon", "postal_code": "21000"} for bid in w.bids.values()]
    done = await award(
        w, ALPHA, evaluations=award_body(w.bids[ALPHA], list(w.bids.values()))["evaluations"], bidders=sizes
    )
    async with w.h.runtime.read() as conn:
        content = await conn.fetchval("SELECT content FROM contract WHERE id = $1", UUID(done["contract_id"]))
    assert content["submissions"] == {
        "t-esubm": 2, "t-oth-eea": 1, "t-no-eea": 0, "t-micro": 0, "t-small": 0, "t-med": 2, "t-large": 0, "t-sme": 2,
    }  # fmt: skip
    (winner,) = content["winners"]
    assert (winner["city"], winner["country"], winner["size"]) == ("Dijon", "FR", "medium")
