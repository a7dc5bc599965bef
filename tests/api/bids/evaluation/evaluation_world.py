"""A lot that is evaluated: opened bids, a method with a price and marks, the calls of evaluators and bidders."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from libs.common.testing.plugin import HarnessFactory
from tests.api.bids.bids_world import BUYER, ESSENTIAL, World, world

ALPHA, BETA, GAMMA, DELTA = (f"SIRET:5521002540000{n}" for n in range(1, 5))
METHOD: dict[str, Any] = {
    "criteria": [
        {"name": "Prix", "weight": "60", "formula": "proportional"},
        {"name": "Valeur technique", "weight": "40", "parts": [
            {"name": "Moyens", "weight": "30", "out_of": "10"},
            {"name": "Délai", "weight": "10", "formula": "steps",
             "steps": [{"up_to": "10", "share": "1"}, {"up_to": "20", "share": "0.5"}]},
        ]},
    ],
    "price": "Prix",
}  # fmt: skip
LOT = "LOT-0001"


async def opened(service_harness: HarnessFactory, *companies: str, **changes: Any) -> World:
    """Give a consultation whose bids for one lot are opened."""
    w = await world(service_harness, threshold=1, officers=1, **changes)
    for company in companies:
        await w.deposit(company, [b"offer of " + company.encode()])
    await w.open_all()
    return w


def lot_path(w: World, rest: str) -> str:
    return f"/consultations/{w.procedure}/lots/{LOT}/{rest}"


async def set_method(w: World, expect: int = 200, **changes: Any) -> Any:
    return await w.call("PUT", lot_path(w, "scoring-method"), BUYER, expect=expect, json=METHOD | changes)


async def judge(w: World, company: str, verdict: str = "admissible", reason: str = "", expect: int = 200) -> Any:
    path = lot_path(w, f"bids/{w.bids[company]}/judgement")
    return await w.call("PUT", path, BUYER, expect=expect, json={"verdict": verdict, "reason": reason})


async def mark(w: World, marks: dict[str, str], expect: int = 200) -> Any:
    told = [{"bid_id": str(w.bids[company]), "criterion": "Moyens", "mark": each} for company, each in marks.items()]
    return await w.call("PUT", lot_path(w, "marks"), BUYER, expect=expect, json={"marks": told})


async def score(w: World, prices: dict[str, str], delays: dict[str, str], expect: int = 201) -> Any:
    figures = [
        {"bid_id": str(w.bids[company]), "criterion": name, "figure": figure}
        for name, given in (("Prix", prices), ("Délai", delays)) for company, figure in given.items()
    ]  # fmt: skip
    reasons = [{"bid_id": str(w.bids[each]), "reasons": f"Avantages de {each[-1]}."} for each in prices]
    return await w.call(
        "POST", lot_path(w, "scorings"), BUYER, expect=expect, json={"figures": figures, "reasons": reasons}
    )


async def ask(w: World, company: str, kind: str, expect: int = 201, days: float = 5) -> Any:
    due = (w.h.clock.now() + timedelta(days=days)).isoformat()
    body = {"bid_id": str(w.bids[company]), "kind": kind, "text": "Merci de répondre.", "due_at": due}
    return await w.call("POST", lot_path(w, "requests"), BUYER, expect=expect, json=body)


async def settle(w: World, request: Any, outcome: str, reason: str = "", expect: int = 200) -> Any:
    path = f"/requests/{request['request_id']}/settlement"
    return await w.call("POST", path, BUYER, expect=expect, json={"outcome": outcome, "reason": reason})


async def answer(w: World, company: str, request: Any, expect: int = 200) -> Any:
    path = f"/requests/{request['request_id']}/answer"
    return await w.call("POST", path, company, expect=expect, json={"text": "Voici."})


async def award(w: World, company: str | UUID, expect: int = 201, **changes: Any) -> Any:
    body = {
        "bid_id": str(w.bids[company] if isinstance(company, str) else company), "contract_number": "2026-EAU-01",
        "value": {"amount": "90000", "currency": "EUR"}, "essential": ESSENTIAL,
    }  # fmt: skip
    return await w.call("POST", lot_path(w, "award"), BUYER, expect=expect, json=body | changes)
