"""What the law asks to transmit, and what it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from uuid import uuid4

import pytest

from libs.common.errors import IllegalTransition
from libs.common.messages.base import DocumentReference, Money
from libs.common.messages.bids import Contract, EssentialData, Party
from services.legality.decision import decide, threshold_on
from services.legality.domain import TRANSITIONS, Act, State, authority_nature, piece_kind
from services.legality.packaging import object_of

TOWN, EPCI = "SIRET:21210231500018", "SIRET:20006682500012"


def contract(total: str = "230000", **changes: object) -> Contract:
    essential = EssentialData(
        nature=str(changes.pop("essential_nature", "Marché")), ccag="Pas de CCAG", techniques=["Sans objet"],
        execution=["Sans objet"], price_types=["Définitif ferme"], price_form="Forfaitaire", innovative=False,
        advance=False, grouping="Pas de groupement", subcontracting=False, social=["Pas de considération sociale"],
        environmental=["Pas de considération environnementale"],
    )  # fmt: skip
    content = {
        "contract_id": uuid4(), "number": "2026-01", "title": "Toiture", "lot_id": "LOT-0001", "notice_id": uuid4(),
        "buyer_name": "Commune d'Essai", "buyer_department": "21", "winners": [Party(organisation=TOWN, name="SARL")],
        "value": Money(amount=Decimal("1000")), "procedure_total": Money(amount=Decimal(total)), "nature": "works",
        "cpv": "45260000", "procedure_type": "open", "formal": True, "duration_months": 3, "place_code": "21000",
        "place_code_kind": "Code postal", "tenders_received": 3, "awarded_at": datetime(2026, 3, 2, tzinfo=UTC),
        "essential": essential,
    }  # fmt: skip
    return Contract.model_validate(content | changes)


@pytest.mark.parametrize(
    ("day", "amount"),
    [("2020-06-01", 214_000), ("2023-12-31", 215_000), ("2024-01-01", 221_000), ("2025-12-31", 221_000),
     ("2026-01-01", 216_000), ("2027-12-31", 216_000), ("2010-01-01", 214_000)],
)  # fmt: skip
def test_the_threshold_is_that_of_the_day(day: str, amount: int) -> None:
    assert threshold_on(date.fromisoformat(day)) == amount


@pytest.mark.parametrize(("total", "due"), [("215999.99", False), ("216000.00", True), ("70000", False)])
def test_a_local_authority_transmits_from_the_threshold_on_judged_on_all_lots(total: str, due: bool) -> None:
    for organisation in (TOWN, EPCI):
        decision = decide(contract(total), organisation, date(2026, 6, 1))
        assert decision.due is due
        assert "216 000,00 EUR" in decision.reason
        assert "D. 2131-5-1" in decision.reason
    assert decide(contract("218000"), TOWN, date(2025, 6, 1)).due is False, "221 000 in 2025"


def test_concessions_and_partnerships_are_always_transmitted() -> None:
    for nature in ("Concession de service public", "Délégation de service public", "Marché de partenariat"):
        assert decide(contract("1000", essential_nature=nature), TOWN, date(2026, 6, 1)).due


@pytest.mark.parametrize(
    ("organisation", "name", "word"),
    [
        ("TVA:DE123456789", "Stadt", "SIREN"),
        ("NATIONAL:NOR-974760673", "Kommune", "SIREN"),
        ("SIRET:11000101300017", "Ministère", "État"),
        ("SIRET:18008901300019", "Agence nationale", "État"),
        ("SIRET:19210018500012", "Lycée d'Essai", "enseignement"),
        ("SIRET:26210007600010", "Centre hospitalier d'Essai", "santé"),
        ("SIRET:55210055400013", "Société anonyme", "collectivité"),
    ],
)
def test_others_are_exempt_with_the_reason(organisation: str, name: str, word: str) -> None:
    decision = decide(contract("5000000", buyer_name=name), organisation, date(2026, 6, 1))
    assert (decision.due, word in decision.reason) == (False, True)


def test_local_public_bodies_transmit_too() -> None:
    assert decide(contract("300000", buyer_name="CCAS d'Essai"), "SIRET:26210007600010", date(2026, 6, 1)).due
    assert decide(contract("300000", buyer_legal_type="la"), "SIRET:55210055400013", date(2026, 6, 1)).due


def test_the_kind_of_authority_comes_from_the_siren_or_the_name() -> None:
    assert authority_nature("212102313", "Dijon") == "31"
    assert authority_nature("200066825", "Communauté de communes du Haut-Morvan") == "44"
    assert authority_nature("242100410", "Communauté d'agglomération d'Essai") == "46"
    assert authority_nature("200066825", "Autre chose") == "55"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("RC_travaux.pdf", "11_RC"), ("reglement-de-consultation.pdf", "11_RC"), ("CCAP.pdf", "11_AP"),
     ("C.C.T.P lot 1.pdf", "11_TP"), ("deliberation_2026.pdf", "10_DE"), ("avis.pdf", "11_AC"), ("plan.pdf", "99_DC")],
)  # fmt: skip
def test_the_type_of_a_piece_comes_from_its_name(name: str, kind: str) -> None:
    assert piece_kind(name) == kind


def test_an_object_fits_whatever_the_title() -> None:
    assert len(object_of("œ€’" * 400, "2026-001")) <= 500
    assert object_of("Toiture", "2026-001").endswith("(marché n° 2026-001)")


def act(state: State) -> Act:
    document = DocumentReference(key="exchange/a", name="a.pdf", media_type="application/pdf", size=1, sha256="0" * 64)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    return Act(
        act_id=uuid4(), organisation=TOWN, procedure=None, subject_id=uuid4(), state=state, version=1,
        siren="212102315", number="M202600001", object="o", decided_on=now.date(), signed_at=now, buyer_name="b",
        buyer_department="21", grounds="g", pieces=(), created_at=now, archive=document,
    )  # fmt: skip


def test_the_state_graph_has_exactly_its_edges() -> None:
    events = {event for _, event in TRANSITIONS}
    for state, event in product(State, events):
        wanted = TRANSITIONS.get((state, event))
        if wanted is None:
            with pytest.raises(IllegalTransition):
                act(state).moved(event, datetime(2026, 3, 3, tzinfo=UTC))
            continue
        moved = act(state).moved(event, datetime(2026, 3, 3, tzinfo=UTC))
        assert (moved.state, moved.version, moved.news[-1].event) == (wanted, 2, event)
    reached = {State.PREPARED, *TRANSITIONS.values()}
    assert reached == set(State)


def test_the_transmission_is_due_within_fifteen_days_of_the_signature() -> None:
    assert (act(State.PREPARED).transmit_before - act(State.PREPARED).signed_at).days == 15
