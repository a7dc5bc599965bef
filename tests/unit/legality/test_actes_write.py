"""What leaves for the State: names, XML valid against the official schema, reproducible archives."""

from __future__ import annotations

import tarfile
from datetime import date
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import standards
from services.legality.actes import archive, schema, write
from services.legality.actes.model import ActMessage, Authority, Piece, faults, latin1
from services.legality.actes.names import (
    ActName,
    EnvelopeName,
    archive_name,
    department_code,
    envelope_of_archive,
    read_envelope_name,
)
from services.legality.actes.read import parse

NAME = ActName("021", "212102313", date(2026, 12, 30), "M202600001", 4)
BUYER = Authority("212102313", "021", "2", "31")
MAIL = ("retours-actes@halles.test",)


def message(**changes: object) -> ActMessage:
    pieces = (
        Piece("11_AE", NAME.document("11_AE", 1, "pdf")),
        Piece("11_RC", NAME.document("11_RC", 2, "pdf")),
    )
    content = {
        "name": NAME, "matters": (1, 1), "object": "Réfection de la toiture", "classification": date(2026, 1, 5),
        "pieces": pieces,
    }  # fmt: skip
    return ActMessage(**(content | changes))  # type: ignore[arg-type]


def official() -> None:
    if standards.folder() is None:
        pytest.skip("the official schema is not at hand")


def test_names_follow_the_protocol_and_the_calendar_year() -> None:
    assert NAME.identifier == "021-212102313-20261230-M202600001-CC"
    assert NAME.message() == "021-212102313-20261230-M202600001-CC-1-1_0.xml"
    assert NAME.document("11_AE", 1, "pdf") == "11_AE-021-212102313-20261230-M202600001-CC-1-1_1.pdf"
    envelope = EnvelopeName("EACT", "212102313", "", date(2026, 12, 30), 6).text
    assert envelope == "EACT--212102313--20261230-6.xml", "the calendar year, not the week's"
    assert archive_name("HAL", envelope) == "HAL-EACT--212102313--20261230-6.tar.gz"
    assert envelope_of_archive("HAL-EACT--212102313--20261230-6.tar.gz") == envelope
    assert read_envelope_name(envelope) == EnvelopeName("EACT", "212102313", "", date(2026, 12, 30), 6)
    assert read_envelope_name("ANO_EACT--212102313--20261399-6.xml") is None


@pytest.mark.parametrize(
    ("given_code", "wanted"),
    [
        ("1", "001"),
        ("21", "021"),
        ("2A", "02A"),
        ("02b", "02B"),
        ("971", "971"),
        ("", None),
        ("FR", None),
        (None, None),
    ],
)
def test_departments_take_three_characters(given_code: str | None, wanted: str | None) -> None:
    assert department_code(given_code) == wanted


def test_message_and_envelope_are_valid_against_the_official_schema() -> None:
    official()
    act = message()
    assert schema.validated_with() == "actesv1_1.xsd"
    assert schema.check(write.act(act)) == []
    assert schema.check(write.envelope(BUYER, MAIL, NAME.message())) == []
    assert schema.check(write.acknowledgement(act, on=date(2027, 1, 2), classification=date(2026, 1, 5))) == []
    anomaly = write.act_anomaly(act, on=date(2027, 1, 2), nature="002", detail="d", classification=date(2026, 1, 5))
    assert schema.check(anomaly) == []
    refused = write.envelope_anomaly(BUYER, MAIL, ["a.xml"], on=date(2027, 1, 2), nature="001", detail="d")
    assert schema.check(refused) == []
    assert schema.check(write.state_envelope(department="021", siren="212102313", forms=["a.xml"])) == []


def test_what_the_schema_refuses_is_told() -> None:
    official()
    assert schema.check(write.act(message(object="x" * 501)))
    assert schema.check(write.envelope(BUYER, ["not a mail"], NAME.message()))


def test_without_the_official_schema_our_own_model_answers_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standards, "folder", lambda: None)
    assert schema.validated_with() == schema.NOT_AVAILABLE
    assert schema.check(write.act(message(object="x" * 501))) == []
    assert faults(message(object="x" * 501), BUYER, MAIL)


def test_xml_is_written_in_latin1_with_qualified_names_and_reads_back() -> None:
    data = write.act(message())
    assert data.startswith(b"<?xml version='1.0' encoding='ISO-8859-1'?>")
    assert "Réfection".encode("iso-8859-1") in data
    assert b'actes:CodeMatiere="1"' in data
    read = parse(data)
    assert (read.code, read.number, read.decided_on, read.nature) == ("1-1", "M202600001", date(2026, 12, 30), 4)
    assert (read.matters, read.problems) == ((1, 1), ())
    assert read.documents == tuple(piece.name for piece in message().pieces)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ActName("021", "212102313", date(2026, 1, 1), "m-1", 4)},
        {"name": ActName("021", "212102313", date(2026, 1, 1), "A" * 16, 4)},
        {"matters": (1,)},
        {"object": ""},
        {"object": "prix en €"},
        {"pieces": ()},
        {"pieces": (Piece("ZZ_ZZ", "a.pdf"),)},
    ],
)
def test_our_own_checks_find_each_fault(changes: dict[str, object]) -> None:
    assert faults(message(), BUYER, MAIL) == []
    assert faults(message(**changes), BUYER, MAIL)


def test_our_own_checks_find_faults_of_the_authority() -> None:
    for broken in (Authority("1", "021", "2", "31"), Authority("212102313", "21", "2", "31"),
                   Authority("212102313", "021", "", "31"), Authority("212102313", "021", "2", "x")):  # fmt: skip
        assert faults(message(), broken, MAIL)
    assert faults(message(), BUYER, ())
    assert faults(message(), BUYER, ["accent@é.fr"])


@given(st.text(max_size=600))
def test_any_text_becomes_latin1_and_xml_safe(text: str) -> None:
    plain = latin1(text)
    plain.encode("iso-8859-1")
    assert latin1(plain) == plain
    if plain:
        assert parse(write.act(message(object=plain))).object == plain


def test_typographic_signs_become_plain_ones() -> None:
    assert latin1("L’œuvre d’art – 3 000 € “ici”…") == "L'oeuvre d'art - 3 000 EUR \"ici\"..."


def test_the_same_files_give_the_same_archive_flat_and_anonymous() -> None:
    files = [("a.xml", b"<a/>"), ("b.pdf", b"%PDF-1.7")]
    assert archive.pack(files) == archive.pack(files)
    with tarfile.open(fileobj=BytesIO(archive.pack(files))) as tar:
        assert [(item.name, item.uid, item.mtime) for item in tar] == [("a.xml", 0, 0), ("b.pdf", 0, 0)]
    assert dict(archive.unpack(archive.pack(files))) == dict(files)
