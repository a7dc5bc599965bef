"""Bad input of every kind gets a clear problem, soon, whatever SDK version it claims; what can be read is told all the same."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.notices.eforms import xml
from services.notices.eforms.check import CheckedNotice, check
from services.notices.eforms.sdk import ground
from services.notices.tools import check_files
from tests.unit.notices.notices_samples import eforms

LOT = b"<cac:ProcurementProjectLot>"
VERSIONS = (b"eforms-sdk-1.3", b"eforms-sdk-1.13", b"eforms-sdk-1.15", b"eforms-sdk-1.7#extended#urn:x")
BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">%s]>""" % b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(8)
)


def terms(checked: CheckedNotice) -> set[str]:
    return {problem.term for problem in checked.problems}


def body(data: bytes) -> bytes:
    return data.partition(b"?>")[2]


@pytest.mark.parametrize(
    ("prolog", "inside"),
    [
        (BOMB, b"&i;"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">', b"x"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', b"&e;"),
        (b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>', b"x"),
        (b"<!DOCTYPE x>", b"x"),
    ],
    ids=["bomb", "external-dtd", "external-entity", "parameter-entity", "empty-dtd"],
)
def test_no_dtd_is_read_whatever_it_declares(prolog: bytes, inside: bytes) -> None:
    began = time.process_time()
    checked = check(b"<?xml version='1.0'?>" + prolog + body(eforms(1)).replace(b">Prix<", b">" + inside + b"<"))
    assert time.process_time() - began < 1
    assert not checked.accepted
    assert checked.notice is None
    assert "DTD" in checked.problems[0].message
    assert checked.problems[0].term == "XML"


def test_an_entity_that_nothing_declares_is_refused() -> None:
    checked = check(eforms(1).replace(b">Prix<", b">&secret;<"))
    assert not checked.accepted
    assert "mal form" in checked.problems[0].message


def test_a_file_of_200_mb_is_refused_without_reading_it_whole(tmp_path: Path) -> None:
    huge = tmp_path / "huge.xml"
    with huge.open("wb") as file:
        file.write(eforms(1))
        file.truncate(200 * 2**20)
    tracemalloc.start()
    result = CliRunner().invoke(check_files, [str(huge)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20
    verdict = json.loads(result.stdout)
    assert (result.exit_code, verdict["status"]) == (1, "rejected")
    assert "taille maximale" in verdict["problems"][0]["message"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_refused_and_what_it_says_told(encoding: str) -> None:
    text = eforms(1).decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    checked = check(text.encode(encoding))
    assert not checked.accepted
    assert "UTF-8" in checked.problems[0].message
    assert checked.notice is not None
    assert checked.notice.title == "Collecte des ordures ménagères résiduelles et des emballages recyclables"


def test_bytes_that_are_no_text_are_refused() -> None:
    for data in (b"", b"   ", b"\x00" * 50, b"PK\x03\x04" + b"\x00" * 50, b"\xff\xfe\x00", b"{}", eforms(1)[:5_000]):
        checked = check(data)
        assert not checked.accepted
        assert checked.problems[0].term == "XML"
    assert "UTF-8" in check(eforms(1).replace(b"Prix", b"Pri\xe8x")).problems[0].message


@pytest.mark.parametrize("version", VERSIONS)
def test_other_namespaces_are_no_eforms(version: bytes) -> None:
    data = eforms(1).replace(b"eforms-sdk-1.13", version)
    assert "espace de noms" in check(data.replace(b":ContractNotice-2", b":ContractNotice-3")).problems[0].message
    other = check(data.replace(b"CommonBasicComponents-2", b"CommonBasicComponents-3"))
    assert {"BT-701", "OPP-070"} & terms(other)
    assert not check(data.replace(b"CommonAggregateComponents-2", b"CommonAggregateComponents-1")).accepted
    assert not check(b"<html><body>avis</body></html>").accepted
    assert "TED" in check(b"<TED_EXPORT/>").problems[0].message


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "html",
    [
        b"<b>Collecte</b> des",
        b"&lt;script&gt;alert(1)&lt;/script&gt; Collecte des",
        b"<![CDATA[<img src=x onerror=alert(1)>]]> Collecte des",
        b"&#60;iframe src='//x'&#62; Collecte des",
    ],
    ids=["elements", "script", "handler", "frame"],
)
def test_html_in_a_text_is_refused_by_its_term(version: bytes, html: bytes) -> None:
    checked = check(eforms(1).replace(b"eforms-sdk-1.13", version).replace(b"Collecte des", html, 1))
    assert not checked.accepted
    [found] = [problem for problem in checked.problems if "HTML" in problem.message]
    assert found.term == "BT-21"
    assert found.path.endswith(("cbc:Name", "cbc:Name/b", "b"))


def test_signs_and_harmless_markup_in_a_text_are_kept_as_they_are_written() -> None:
    kept = check(eforms(1).replace(b"Collecte des", b"Collecte (a &lt; b, 3 &gt; 2) des", 1))
    assert kept.accepted
    assert kept.notice is not None
    assert (kept.notice.title or "").startswith("Collecte (a < b, 3 > 2) des")
    warned = check(eforms(1).replace(b"Collecte des", b"Collecte &lt;br/&gt; des", 1))
    assert warned.accepted
    assert any("HTML" in warning.message for warning in warned.warnings)


@pytest.mark.parametrize("version", VERSIONS)
def test_identifiers_given_twice_inside_a_notice_are_refused(version: bytes) -> None:
    data = eforms(3).replace(b"eforms-sdk-1.13", version)
    assert "BT-137" in terms(check(data.replace(b">LOT-0002<", b">LOT-0001<")))
    if b"#" not in version:
        twice = check(data.replace(b">ORG-0002</cbc:ID>", b">ORG-0001</cbc:ID>"))
        assert "OPT-200" in terms(twice)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cpv_code_is_one_of_the_list_not_of_the_formula(version: bytes) -> None:
    """45233145 has a key by the formula, but the vocabulary has no such code; 03300000 is one, whose key breaks the formula."""
    data = eforms(1).replace(b"eforms-sdk-1.13", version)
    for wrong in (b"90511199", b"90511100-2", b"9051110", b"ABCDEFGH", b"45000001"):
        assert "BT-262" in terms(check(data.replace(b">90511100<", b">" + wrong + b"<"))), wrong


def test_many_references_cost_no_square_of_their_number() -> None:
    began = time.process_time()
    checked = check(_crowd(9_000))
    assert not checked.accepted
    assert time.process_time() - began < 20


def test_a_notice_whose_conditions_would_hold_the_checker_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "MAX_WORK", 10)
    checked = check(eforms(3))
    assert not checked.accepted
    assert "trop nombreux" in checked.problems[0].message


def _crowd(number: int) -> bytes:
    """Give a notice of as many lots, organisations and lots of a group."""
    data = eforms(1).replace(b"eforms-sdk-1.13", b"eforms-sdk-1.15")
    lot = b"<cac:ProcurementProjectLot><cbc:ID schemeName='Lot'>LOT-%04d</cbc:ID></cac:ProcurementProjectLot>"
    one = b"<efac:Organization><efac:Company><cac:PartyIdentification><cbc:ID>ORG-%04d</cbc:ID></cac:PartyIdentification></efac:Company></efac:Organization>"
    at = data.index(b"</efac:Organizations>")
    data = data[:at] + b"".join(one % n for n in range(100, 100 + number)) + data[at:]
    at = data.index(LOT[:-1])
    assert len(data) < xml.MAX_BYTES
    return data[:at] + b"".join(lot % n for n in range(100, 100 + number)) + data[at:]
