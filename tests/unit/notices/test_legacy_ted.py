"""Notices of TED of before eForms: read in the platform's terms, whatever the time and place that they were written in."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from libs.common import standards
from libs.common.messages.base import Money
from libs.common.reference import nuts
from services.notices.content import NoticeContent, public_notice
from services.notices.disclosure import public_record
from services.notices.legacy import ted as reader
from services.notices.legacy import terms
from services.notices.legacy.contents import content_of
from services.notices.legacy.countries import country, language, present_region
from services.notices.legacy.notice import LegacyNotice
from services.notices.legacy.ted_forms import procedure_of, subtype_of
from tests.unit.notices.legacy_samples import ted


def read(**changes: object) -> LegacyNotice:
    return reader.read(json.dumps(ted(**changes)).encode())


def content(**changes: object) -> NoticeContent:
    legacy = read(**changes)
    assert legacy.checked.accepted, legacy.checked.problems
    assert legacy.checked.notice is not None
    return content_of(legacy, legacy.checked.notice)


def warned(**changes: object) -> set[str]:
    return {warning.term for warning in read(**changes).checked.warnings}


def faults(data: bytes) -> set[str]:
    return {problem.term for problem in reader.read(data).checked.problems}


def test_a_contract_notice_is_read_in_todays_terms() -> None:
    told = content()
    assert (told.kind, told.subtype, told.notice_type, told.procedure_type) == ("contract", "16", "cn-standard", "open")
    assert (told.language, told.legal_basis, told.nature, told.formal) == ("FRA", "32014L0024", "works", True)
    assert told.description == "Réfection des chaussées & trottoirs."
    assert (told.buyer.organisation, told.buyer.name) == ("SIRET:21210231500018", "Commune de Démonstration")
    assert (told.buyer.department, told.departments, told.places[0].nuts) == ("21", ["21"], "FRC11")
    assert told.value == Money(amount="6000000.00")
    assert told.deadline == datetime(2018, 2, 19, 11, tzinfo=UTC)
    assert told.contact is not None
    assert (told.contact.email, told.contact.activity) == (None, "gen-pub")
    first, second = told.lots
    assert (first.lot_id, first.duration_months, first.value) == ("LOT-0001", 24, Money(amount="4000000.00"))
    assert [(each.kind, each.name, each.weight) for each in first.criteria] == [
        ("quality", "Valeur technique", 40.0),
        ("price", "Prix", 60.0),
    ]
    assert (second.duration_months, second.value, second.deadline) == (14, None, told.deadline)
    assert [each.weight for each in second.criteria] == [25.0, 75.0]


def test_a_notice_keeps_its_identity() -> None:
    first, again = read().checked.notice, read(title="Autre", doc_id="817-2018").checked.notice
    assert first is not None
    assert again is not None
    assert first.notice_id == again.notice_id
    assert read(ref_notice=["2018/S 001-000817", "none"]).follows == (first.notice_id,)


@pytest.mark.parametrize(
    ("written", "place", "expected"),
    [
        ("20180219 12:00", "FR", "2018-02-19T11:00:00+00:00"),
        ("20180719 12:00", "FR", "2018-07-19T10:00:00+00:00"),
        ("20180219 12:00", "UK", "2018-02-19T12:00:00+00:00"),
        ("20180219 12:00", "EL", "2018-02-19T10:00:00+00:00"),
        ("20180219", "FR", "2018-02-19T22:59:59+00:00"),
        ("20180219 24:00", "FR", "2018-02-19T22:59:59+00:00"),
        ("20180219 12:00", "ZQ", "2018-02-19T12:00:00+00:00"),
    ],
)
def test_a_deadline_without_a_zone_is_that_of_the_buyers_country(written: str, place: str, expected: str) -> None:
    assert content(deadline=written, country=place).deadline == datetime.fromisoformat(expected)
    assert "BT-131" in warned(deadline=written, country=place)


def test_an_unreadable_deadline_is_none() -> None:
    assert content(deadline="20180231 12:00", deadline_form=None).deadline is None


@pytest.mark.parametrize(
    ("old", "present"),
    [("FR716", "FRK26"), ("FR824", "FRL04"), ("FR301", "FRE11"), ("FR511", "FRG01"), ("FR261", "FRC11"), ("FR245", "FRB05"),
     ("FR940", "FRY40"), ("FRA10", "FRY10"), ("FR82", "FRL0"), ("FR3", "FRE1"), ("FR101", "FR101"), ("FR7", "FR7"),
     ("UKC1", "UKC1")],
)  # fmt: skip
def test_regions_of_before_2018_have_a_code_today(old: str, present: str) -> None:
    assert present_region(old) == present


def test_every_old_french_department_is_one_of_today() -> None:
    sizes = {"21": 4, "22": 3, "23": 2, "24": 6, "25": 3, "26": 4, "30": 2, "41": 4, "42": 2, "43": 4, "51": 5, "52": 4, "53": 4,
             "61": 5, "62": 8, "63": 3, "71": 8, "72": 4, "81": 5, "82": 6, "83": 2}  # fmt: skip
    found = [present_region(f"FR{head}{last}") for head, count in sizes.items() for last in range(1, count + 1)]
    assert None not in {nuts.department(code) for code in found}
    assert len(set(found)) == sum(sizes.values())


def test_unknown_codes_are_kept_with_a_warning() -> None:
    assert {"BT-5071", "BT-262"} <= warned(nuts=["UKC1"], cpv=["45233140", "99999999"])
    told = content(nuts=["UKC1", "00"], cpv=["45233140", "99999999"])
    assert [place.nuts for place in told.places] == ["UKC1"]
    assert told.places[0].country == "GBR"
    assert told.cpv == ["45233140"]


def test_what_is_missing_is_told_by_term() -> None:
    assert faults(json.dumps({"title": " "}).encode()) == {"BT-701", "BT-21", "BT-05", "OPP-070", "BT-262"}


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'"x"', b"null", b"[" * 200_000, b'{"title": "\xff"}', b'{"lots": 3}', b'{"awards": [1]}',
     b'{"buyer": "x"}', b" " * (reader.MAX_BYTES + 1)],
)  # fmt: skip
def test_bad_files_are_refused_with_a_reason(data: bytes) -> None:
    checked = reader.read(data).checked
    assert not checked.accepted
    assert all(problem.message and problem.message_en for problem in checked.problems)


ODD: Final[tuple[Any, ...]] = ("", " ", "0", "-1", "NaN", "1e400", "9" * 40, "http://[bad", "<b>", "é\u0000", "20189999 99:99", "00", "1,2", None, [], {}, 3,
              1.5, True, [[]], ["x"], {"name": 1}, "x" * 3000)  # fmt: skip


def changed(value: Any, dice: random.Random) -> Any:  # noqa: ANN401  # any JSON
    """Give a record with something else at one place in sixty."""
    if dice.random() < 1 / 60:
        return dice.choice(ODD)
    if isinstance(value, dict):
        return {name: changed(member, dice) for name, member in value.items()}
    return [changed(member, dice) for member in value] if isinstance(value, list) else value


def test_a_damaged_record_never_breaks_the_reader() -> None:
    dice = random.Random(20261122)
    whole = ted(
        awards=[{"lot": "1", "value": "3", "winners": [{"name": "A", "id": "552 100 554 00013", "country": "FR"}]}]
    )
    accepted = 0
    for _ in range(600):
        record = {name: changed(value, dice) for name, value in whole.items()}
        legacy = reader.read(json.dumps(record).encode())
        list(terms.terms(public_record(record)))
        if (
            legacy.checked.accepted
            and legacy.checked.notice
            and legacy.checked.notice.notice_id
            and legacy.published_at
        ):
            told = content_of(legacy, legacy.checked.notice)
            identity = legacy.checked.notice.notice_id
            assert public_notice(identity, 1, told, published_at=legacy.published_at, documents=[]).lots
            accepted += 1
    assert 100 < accepted < 600


def test_control_characters_never_reach_the_database() -> None:
    assert content(title="Voirie\x00 \u0007urbaine").title == "Voirie urbaine"


def test_a_notice_that_names_no_buyer_is_known_by_its_site() -> None:
    assert content(buyer=None).buyer.name == "www.commune.example"
    assert "BT-500" in warned(buyer=None)


def test_a_correction_names_the_notice_that_it_changes() -> None:
    told = content(form="F14", notice_type_code="2", doc_id="900-2018", ref_notice=["2018/S 001-000817"])
    assert told.kind == "change"
    assert told.change is not None
    first = read().checked.notice
    assert first is not None
    assert told.change.notice_id == first.notice_id


def test_lots_whose_numbers_are_words_are_named_by_their_place() -> None:
    lots = [{"no": "Lot A", "title": "A"}, {"no": "Lot B", "title": "B"}]
    awards = [{"lot": "Lot B", "winners": [{"name": "Routes", "country": "FR"}], "nb_tenders": "3"}]
    told = content(form="F03", notice_type_code="7", lots=lots, awards=awards)
    assert [lot.lot_id for lot in told.lots] == ["LOT-0001", "LOT-0002"]
    [result] = told.results
    assert (result.lot_id, result.tenders_received, result.winner) == ("LOT-0002", 3, "NATIONAL:FRA-Routes")


@pytest.mark.parametrize(
    ("form", "kind", "utilities", "concession", "expected"),
    [("F01", "0", False, False, "4"), ("F01", "A", False, False, "10"), ("F05", "3", True, False, "17"),
     ("F12", "D", True, False, "24"), ("F15", "V", False, True, "28"), ("F20", "K", False, True, "40"),
     ("F21", "7", False, False, "33"), ("F23", "J", False, True, "35"), ("2", "3", False, False, "16"),
     ("17", "3", False, False, "18"), ("T02", "7", False, False, "T02"), ("F99", "7", False, False, "29"),
     ("F99", "?", False, False, None)],
)  # fmt: skip
def test_forms_are_the_subtypes_of_today(
    form: str,
    kind: str,
    utilities: bool,
    concession: bool,
    expected: str | None,  # of a table
) -> None:
    assert subtype_of(form, kind, utilities=utilities, concession=concession) == expected


def test_procedures_countries_and_languages_have_todays_codes() -> None:
    assert procedure_of("Accelerated restricted procedure") == ("restricted", True)
    assert procedure_of("Not applicable") == (None, False)
    assert (language("EL"), language("fr"), language("XX")) == ("ELL", "FRA", None)
    greece = country("EL")
    assert greece is not None
    assert (greece.alpha3, greece.zone.key) == ("GRC", "Europe/Athens")


def test_every_member_is_a_term_and_only_contacts_of_the_buyer_are_public() -> None:
    record = ted(unknown={"a": [True, None, 2], "contact_name": "Mme Dupont", "winner": {"email": "x@y.example"}})
    everything = {term.path: term for term in terms.terms(record)}
    assert everything["title"].term == "BT-21"
    assert everything["lots[1].value"].currency == "EUR"
    assert (everything["lots[0].criteria[0][2]"].value, everything["lots[0].criteria[0][2]"].term) == ("40 %", "BT-539")
    assert (everything["unknown.a[0]"].value, everything["unknown.a[2]"].value) == ("true", "2")
    public = {term.path for term in terms.terms(public_record(record))}
    assert everything.keys() - public == {"unknown.contact_name", "unknown.winner.email"}
    assert "buyer.email" in public, "the journal publishes it"


def test_every_real_notice_is_read_and_leads_to_a_public_notice() -> None:
    base = standards.folder()
    file = base / "notices" / "ted.jsonl" if base else None
    if file is None or not file.is_file():
        pytest.skip("real notices of TED not available (HALLES_STANDARDS)")
    lines = file.read_bytes().splitlines()
    kinds: Counter[str] = Counter()
    for line in lines[::4]:
        legacy = reader.read(line)
        assert legacy.checked.accepted, legacy.checked.problems
        notice = legacy.checked.notice
        assert notice is not None
        assert notice.notice_id is not None
        assert legacy.published_at is not None
        told = content_of(legacy, notice)
        public = public_notice(notice.notice_id, 1, told, published_at=legacy.published_at, documents=[])
        kinds[public.kind] += 1
        assert told.deadline is not None or "deadline" not in json.loads(line)
    assert set(kinds) == {"planning", "contract", "award", "change"}
