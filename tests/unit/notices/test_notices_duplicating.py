"""What is taken over from a past notice, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from libs.common.errors import InvalidInput
from libs.common.messages.base import Money
from libs.common.messages.notices import Buyer, Criterion, Lot, LotTerms, OpeningKey, OpeningKeySet, Place
from services.notices.content import Contact, NoticeContent, ReviewBody
from services.notices.duplicating import begun, inspired, repeated
from tests.unit.notices.notices_samples import VILLAGE, content

AT = datetime(2027, 1, 11, 11, tzinfo=UTC)
LOTS = [
    Lot(
        lot_id=f"LOT-000{number}", title=f"Lot {number}", nature="works", cpv=["45233140"], deadline=AT,
        description="Visite : M. Petit, 03 80 45 67 89 ou petit@ville.example, voir https://ville.example/dce",
        places=[Place(nuts="FRC11", department="21")], value=Money(amount=Decimal("1000.00")), duration_months=12,
        criteria=[Criterion(kind="quality", name="Valeur technique", description="+33 3 80 45 67 89", weight=60)],
        terms=LotTerms(variants="allowed", framework_maximum=Money(amount=Decimal("5000.00"))),
    )
    for number in (1, 2)
]  # fmt: skip
KEYS = OpeningKeySet(threshold=1, officers=[OpeningKey(officer="president", public_key="A" * 43)], fingerprint="0" * 64)
FULL = content(
    lots=LOTS, opening=KEYS, deadline=AT, planned_on=AT, previous=["x"], internal_reference="2025-1", documents_url="https://e.example",
    contact=Contact(email="achats@ville.example", phone="0380456789"), review=ReviewBody(name="TA de Dijon"),
    features="Écrire à achats@ville.example", techniques=["framework"], accelerated=True,
)  # fmt: skip
OTHER = Buyer(organisation=VILLAGE, name="Commune", postal_code="35580", department="35")
CLEARED = ("deadline", "opening", "planned_on", "previous", "internal_reference", "documents_url", "results", "change")


def emptied(taken: NoticeContent) -> bool:
    return not any(getattr(taken, name) for name in CLEARED) and not any(lot.deadline for lot in taken.lots)


def test_of_ones_own_notice_all_is_kept_but_dates_keys_and_results() -> None:
    taken = repeated(FULL)
    assert emptied(taken)
    assert (taken.buyer, taken.contact, taken.review, taken.value) == (
        FULL.buyer,
        FULL.contact,
        FULL.review,
        FULL.value,
    )
    assert [lot.model_copy(update={"deadline": AT}) for lot in taken.lots] == LOTS
    assert (taken.title, taken.procedure_type, taken.techniques) == (FULL.title, "open", ["framework"])


def test_of_another_buyers_notice_the_need_alone_is_kept() -> None:
    taken = inspired(FULL, OTHER)
    assert emptied(taken)
    assert (taken.buyer, taken.departments, taken.contact, taken.review, taken.value, taken.places) == (
        OTHER, ["35"], None, None, None, []
    )  # fmt: skip
    assert [(lot.lot_id, lot.cpv, lot.duration_months, lot.places, lot.value) for lot in taken.lots] == [
        ("LOT-0001", ["45233140"], 12, [], None),
        ("LOT-0002", ["45233140"], 12, [], None),
    ]
    assert taken.lots[0].criteria[0].weight == 60
    assert taken.lots[0].terms == LotTerms(variants="allowed")


def test_no_mail_telephone_or_address_of_the_other_stays_in_a_text() -> None:
    said = inspired(FULL, OTHER).model_dump_json()
    for trace in ("@", "80 45 67", "80456789", "https://", "Trois Vallées", FULL.buyer.organisation):
        assert trace not in said
    assert said.count("[à compléter]") == 9
    assert "45233140" in said, "codes are no telephone numbers"


def test_what_is_begun_is_formal_by_the_rules_of_its_day() -> None:
    adapted = repeated(content(subtype="national", procedure_type="adapted", value=Money(amount=Decimal(900_000_000))))
    assert begun(adapted, None, datetime(2026, 3, 2, 12, tzinfo=UTC)).formal
    small = adapted.model_copy(update={"value": Money(amount=Decimal(900))})
    assert not begun(small, "Autre titre", datetime(2026, 3, 2, 12, tzinfo=UTC)).formal
    assert begun(small, "Autre titre", datetime(2026, 3, 2, 12, tzinfo=UTC)).title == "Autre titre"


@pytest.mark.parametrize("kind", ["award", "change"])
def test_a_notice_that_opens_nothing_is_no_beginning(kind: str) -> None:
    with pytest.raises(InvalidInput, match="opened"):
        repeated(FULL.model_copy(update={"kind": kind}))
