"""The same notice written in another way gives the same verdict; what no reader should have to guess is refused with its reason."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable
from typing import Final

import pytest

from services.notices.eforms import schema, xml
from services.notices.eforms.check import check
from services.notices.offline.files import Unit
from services.notices.offline.readings import verdict
from tests.unit.notices.notices_samples import eforms

TITLE: Final = "Collecte des ordures ménagères résiduelles et des emballages recyclables"
TOLD: Final = ("status", "subtype", "title", "buyers", "cpv", "lots", "deadline", "problems")


def body(data: bytes) -> str:
    return data.decode().partition("?>")[2]


def declared(encoding: str, python: str) -> bytes:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{body(eforms(1))}'
    return text.encode(python, "xmlcharrefreplace")


def renamed(data: bytes) -> bytes:
    for prefix in (b"cbc", b"cac", b"efac", b"efbc", b"ext", b"efext"):
        data = re.sub(rb"(</?|xmlns:)" + prefix + rb"\b", rb"\1my-" + prefix, data)
    return data


def defaulted(data: bytes) -> bytes:
    uri = xml.NAMESPACES["cbc"].encode()
    return re.sub(rb"<cbc:(\w+)", rb'<\1 xmlns="' + uri + rb'"', data).replace(b"</cbc:", b"</")


def told(data: bytes) -> dict[str, object]:
    found = verdict(Unit("notice.xml", data))
    return {name: found[name] for name in TOLD}


@pytest.mark.parametrize(
    "written",
    [
        renamed,
        defaulted,
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: body(data).encode(),
        lambda data: data.replace(b"<cbc:ID", b"<!-- <cbc:ID> -->\n<?a b?><cbc:ID"),
        lambda data: re.sub(rb">(\d{4})(\d{4})<", rb">\1<!-- c -->\2<", data),
        lambda data: data.replace(b"Collecte des ordures", b"Coll<?p q?>ecte <![CDATA[des ]]>ordures", 1),
        lambda data: re.sub(rb">([\w-]+)</cbc:", rb"><![CDATA[\1]]></cbc:", data),
        lambda data: b"<?xml-stylesheet href='http://127.0.0.1:9/a.xsl'?>" + body(data).encode(),
    ],
    ids=["prefixes", "default", "mark", "bare", "comments", "in-code", "in-text", "cdata", "stylesheet"],
)
def test_a_notice_written_in_another_way_says_the_same(written: Callable[[bytes], bytes]) -> None:
    data = eforms(1)
    assert written(data) != data
    assert told(written(data)) == told(data)
    assert told(data)["title"] == TITLE


@pytest.mark.parametrize(
    ("encoding", "python"),
    [
        ("ISO-8859-1", "latin-1"), ("latin1", "latin-1"), ("ISO_8859-1", "latin-1"), ("ISO8859-15", "iso8859-15"),
        ("windows-1252", "cp1252"), ("windows-1250", "cp1250"), ("iso-8859-2", "iso8859-2"), ("us-ascii", "ascii"), ("utf8", "utf-8"),
    ],
)  # fmt: skip
def test_a_declared_encoding_is_read_by_any_of_its_names_with_a_warning(encoding: str, python: str) -> None:
    data = declared(encoding, python)
    assert told(data) == told(eforms(1))
    warned = [warning.message for warning in check(data).warnings if "UTF-8" in warning.message]
    assert len(warned) == (python not in {"utf-8", "ascii"})


@pytest.mark.parametrize("python", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_declared_or_not_is_refused_and_what_the_notice_says_told(python: str) -> None:
    found = verdict(Unit("notice.xml", declared("UTF-16", python)))
    assert found["status"] == "rejected"
    assert found["title"] == TITLE
    [problem] = found["problems"]
    assert problem["term"] == "XML"
    assert "UTF-16" in problem["message"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (gzip.compress(eforms(1)), "gzip"),
        (b"PK\x03\x04" + bytes(100), "zip"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xef\xbb\xbf", "vide"),
        (body(eforms(1)).encode("utf-32"), "utf-32"),
        (declared("UTF-7", "utf-8"), "utf-7"),
        (declared("rot13", "utf-8"), "rot-13"),
        (eforms(1).replace(b"Collecte", b"Col\0lecte", 1), "mal form"),
        (eforms(1) + body(eforms(1)).encode(), "mal form"),
    ],
    ids=["gzip", "zip", "pdf", "mark", "utf-32", "utf-7", "rot13", "nul", "two"],
)
def test_what_is_no_notice_in_a_readable_encoding_says_what_it_is(data: bytes, says: str) -> None:
    [problem] = check(data).problems
    assert problem.term == "XML"
    assert says in problem.message


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: data[: data.rindex(b"</cac:ProcurementProject>")],
        lambda data: data.replace(b"<cbc:VersionID>", b"<cbc:VersionID>&#xD800;&#8;&#xFFFFFFFF;\x01", 1),
        lambda data: data.replace(b"<cbc:VersionID>", b"<cbc:VersionID>&secret;", 1),
        lambda data: data.replace(b"<cbc:VersionID>", b"<cbc:VersionID>\xff\xfe\x00", 1),
        lambda data: data + b"\0\0 rest",
        lambda data: data + body(data).encode(),
        lambda data: data.replace(b"</cbc:VersionID>", b"</cbc:Version>", 1),
    ],
    ids=["cut", "references", "entity", "bytes", "tail", "twice", "unbalanced"],
)
def test_of_a_malformed_notice_what_can_be_read_is_told(broken: Callable[[bytes], bytes]) -> None:
    whole, found = told(eforms(1)), told(broken(eforms(1)))
    assert found["status"] == "rejected"
    assert [problem["term"] for problem in found["problems"]] == ["XML"]  # type: ignore[attr-defined]
    assert {name: found[name] for name in ("subtype", "title", "buyers", "cpv")} == {
        name: whole[name] for name in ("subtype", "title", "buyers", "cpv")
    }


@pytest.mark.parametrize("prolog", [b"<!DOCTYPE a>", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>"])
def test_of_a_hostile_file_nothing_is_read(prolog: bytes) -> None:
    for tail in (b"", b"</unbalanced>"):
        checked = check(prolog + body(eforms(1)).encode() + tail)
        assert not checked.accepted
        assert checked.notice is None


def test_an_element_out_of_place_is_told_in_french_where_the_schema_is_at_hand() -> None:
    if not schema.available():
        pytest.skip("official XSD not available (HALLES_STANDARDS)")
    data = eforms(1).replace(b"eforms-sdk-1.13", b"eforms-sdk-1.15")
    moved = data.replace(b"<cbc:IssueDate", b"<cbc:Note>x</cbc:Note><cbc:IssueDate", 1)
    [problem] = [problem for problem in check(moved).problems if problem.term == "XSD"]
    assert "n'est pas attendu ici, mais" in problem.message
    assert "remettez-le à sa place" in problem.message
    assert "not expected" in problem.message_en


def test_an_element_of_many_attributes_is_refused_before_the_schema_compares_them() -> None:
    many = b" ".join(b'a%d="1"' % number for number in range(50_000))
    began = time.process_time()
    [problem] = check(eforms(1).replace(b"<cbc:VersionID", b"<cbc:VersionID " + many, 1)).problems
    assert time.process_time() - began < 2
    assert "attributs" in problem.message
