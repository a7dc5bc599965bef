"""What changed between two states, and how it is said."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.notices.differences import differences
from tests.unit.notices.notices_samples import content


def lot(number: int, **said: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"lot_id": f"LOT-{number:04}", "title": f"Lot {number}"} | said


def said(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.path, each.text) for each in differences(before, after)]


def test_each_change_is_said_in_words() -> None:
    before = {
        "deadline": "2027-01-11T11:00:00Z",
        "value": {"amount": "480000.00", "currency": "EUR"},
        "electronic": True,
    }
    after = {"deadline": "2027-02-15T11:00:00Z", "value": {"amount": "500000", "currency": "EUR"}, "electronic": False}
    assert said(before, after) == [
        ("deadline", "Date limite : 11/01/2027 à 12:00 (heure de Paris) → 15/02/2027 à 12:00 (heure de Paris)"),
        ("value", "Valeur estimée hors taxes : 480\u202f000,00 EUR → 500\u202f000,00 EUR"),
        ("electronic", "Dépôt électronique : oui → non"),
    ]
    [money] = differences({"value": before["value"]}, {"value": after["value"]})
    assert (money.before, money.after) == (before["value"], after["value"])
    assert money.text_en == "Estimated value without tax: 480,000.00 EUR → 500,000.00 EUR"


def test_lots_are_matched_by_their_identifier_whatever_their_order() -> None:
    before = {"lots": [lot(1), lot(2, terms={"variants": "allowed"}), lot(3)]}
    after = {"lots": [lot(4), lot(2, terms={"variants": "not-allowed"}), lot(1, title="Gros œuvre")]}
    assert said(before, after) == [
        ("lots/LOT-0004", "LOT-0004 : ajouté"),
        ("lots/LOT-0002/terms/variants", "LOT-0002, variantes : permis → interdit"),
        ("lots/LOT-0001/title", "LOT-0001, intitulé : « Lot 1 » → « Gros œuvre »"),
        ("lots/LOT-0003", "LOT-0003 : retiré"),
    ]


def test_criteria_are_matched_by_their_name_and_those_of_the_same_name_are_numbered() -> None:
    before = {"lots": [lot(1, criteria=[{"name": "Prix", "weight": 40}, {"name": "Prix", "weight": 60}])]}
    after = {"lots": [lot(1, criteria=[{"name": "Prix", "weight": 40}, {"name": "Prix", "weight": 50.5}])]}
    assert said(before, after) == [
        ("lots/LOT-0001/criteria/Prix (2)/weight", "LOT-0001, Prix (2), pondération (%) : 60 → 50,5")
    ]


def test_what_is_empty_either_way_did_not_change_and_what_appears_is_said() -> None:
    assert said({"contact": None, "previous": []}, {"contact": None, "previous": None}) == []
    assert said({}, {"contact": {"email": "marches@ville.example", "phone": None}}) == [
        ("contact", "Contact : non renseigné → « marches@ville.example »")
    ]
    assert said({"cpv": ["45000000"]}, {"cpv": ["45000000", "45200000"]}) == [
        ("cpv", "Codes CPV : « 45000000 » → « 45000000 », « 45200000 »")
    ]
    [long] = differences({"description": ""}, {"description": "x" * 1000})
    assert (len(long.text) < 400, len(long.after)) == (True, 1000)


def test_a_notice_differs_from_itself_in_nothing() -> None:
    dumped = content().model_dump(mode="json")
    assert differences(dumped, dumped) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("aé2", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "city"]), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["title", "deadline", "cpv", "buyer", "terms", "unheard-of"]), JSON, max_size=4
)


@given(MEMBERS, MEMBERS)
def test_any_two_states_can_be_compared_and_each_difference_is_one(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    for each in differences(before, after):
        assert each.before != each.after
        assert each.text
        assert each.path


def test_hours_are_those_of_the_buyer_s_place() -> None:
    before, after = {"deadline": "2027-01-11T23:30:00Z"}, {"deadline": "2027-01-12T23:30:00Z"}
    for department, told in (
        ("21", "12/01/2027 à 00:30 (heure de Paris)"),
        ("971", "11/01/2027 à 19:30 (heure de Guadeloupe)"),
    ):
        buyer = {"buyer": {"department": department}}
        [found] = differences(buyer | before, buyer | after)
        assert found.text.startswith(f"Date limite : {told} →"), found.text
