"""Formats told by content, names every system can write, archives laid out before they are sent."""

from __future__ import annotations

import asyncio
import io
import zipfile
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from libs.common.files.formats import dangerous, recognise
from libs.common.files.incoming import DangerousDocument, Incoming
from libs.common.spreadsheets import csv_lines
from services.notices.files.archive import Archive, Entry
from services.notices.files.names import archive_names, normal

AT = datetime(2026, 11, 20, 9, 30, 8, tzinfo=UTC)
GIB = 2**30


def office(folder: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(f"{folder}/main.xml", "<x/>")
    return target.getvalue()


def opendocument(kind: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"%PDF-1.7 rules", "rc.exe.pdf", "pdf"),
        (b"%PDF-1.7 rules", "rc.docx", "pdf"),
        (office("word"), "cctp", "docx"),
        (office("word"), "cctp.docm", "docm"),
        (office("xl"), "dpgf.zip", "xlsx"),
        (office("ppt"), "plan.pptx", "pptx"),
        (opendocument("text"), "cctp.zip", "odt"),
        (opendocument("spreadsheet"), "bpu.ods", "ods"),
        (b"PK\x03\x04" + bytes(60), "dce.zip", "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "dpgf.xls", "xls"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "dpgf", "ole"),
        (b"AC1032" + bytes(20), "plan.dwg", "dwg"),
        (b"ISO-10303-21;\nHEADER;", "maquette.ifc", "ifc"),
        (b"{\\rtf1 x}", "a.rtf", "rtf"),
        ("Poste;Quantité\r\n".encode(), "dpgf.csv", "csv"),
        ("Poste;Quantité\r\n".encode("latin-1"), "dpgf.csv", "csv"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "a.xml", "xml"),
        (b"<?xml version='1.0'?>\n<svg xmlns='x'/>", "a.xml", "svg"),
        (b"<!-- x --> <!DOCTYPE html><p>", "a.txt", "html"),
        (b"MZ comme Mulhouse", "lettre.txt", "txt"),
        (b"\x00\x01\x02", "a.pdf", "unknown"),
        (b"", "vide.pdf", "unknown"),
    ],
)
def test_a_format_is_told_by_the_content(content: bytes, name: str, code: str) -> None:
    assert recognise(content, name).code == code
    assert not dangerous(content, name)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"MZ\x90\x00\x03" + bytes(60), "plan.pdf"),
        (b"\x7fELF\x02", "plan.pdf"),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x34", "plan.pdf"),
        (b"#!/bin/sh\nrm -rf ~", "notice.txt"),
        (b"L\x00\x00\x00\x01\x14\x02\x00", "raccourci.pdf"),
        (b"%PDF-1.7", "plan.pdf.exe"),
        (b"echo", "INSTALL.BAT"),
        (b"echo", "install.ps1. "),
        (b"x", "macro.vbs"),
    ],
)
async def test_what_runs_is_refused_before_a_byte_is_kept(content: bytes, name: str) -> None:
    with pytest.raises(DangerousDocument):
        await anext(aiter(Incoming(pieces(content, 3), name)))


async def pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    for place in range(0, len(content), size):
        yield content[place : place + size]


@pytest.mark.parametrize("size", [1, 7, 8192, 100_000])
async def test_a_file_passes_unchanged_and_measured(size: int) -> None:
    content = b"%PDF-1.7" + bytes(range(256)) * 100
    incoming = Incoming(pieces(content, size), "a.pdf")
    assert b"".join([chunk async for chunk in incoming]) == content
    assert (incoming.format.media_type, incoming.crc32) == ("application/pdf", zlib.crc32(content))


def test_names_of_an_archive_can_be_written_anywhere() -> None:
    given = [
        "Plan.pdf",
        "plan.pdf",
        "PLAN.PDF",
        "con.txt",
        "a:b?.pdf",
        "..",
        "../../etc/passwd",
        "fin. ",
        "e\u0301te.pdf",
        "é" * 150 + ".pdf",
    ]
    made = list(archive_names(given))
    assert made[:9] == [
        "Plan.pdf", "plan (2).pdf", "PLAN (3).PDF", "_con.txt", "a_b_.pdf", "document", "_._etc_passwd", "fin", "éte.pdf",
    ]  # fmt: skip
    assert len(made[9].encode()) <= 220
    assert made[9].endswith(".pdf")
    assert len({name.casefold() for name in made}) == len(given)
    assert normal("e\u0301.pdf ") == "é.pdf"


def archive_of(contents: dict[str, bytes]) -> tuple[Archive, dict[str, bytes]]:
    entries = [
        Entry(name, f"key/{name}", len(content), zlib.crc32(content), sha256(content).hexdigest(), AT)
        for name, content in contents.items()
    ]
    return Archive(entries), {f"key/{name}": content for name, content in contents.items()}


async def sent(archive: Archive, stored: dict[str, bytes], start: int = 0, end: int | None = None) -> bytes:
    async def read(key: str, begin: int, stop: int) -> AsyncIterator[bytes]:
        async for chunk in pieces(stored[key][begin:stop], 5):
            yield chunk

    last = archive.size if end is None else end
    return b"".join([chunk async for chunk in archive.stream(read, start, last)])


async def test_an_archive_is_read_by_others_and_is_the_same_each_time() -> None:
    contents = {"Règlement.pdf": b"%PDF rules", "vide.txt": b"", "plans.zip": bytes(range(256)) * 9}
    archive, stored = archive_of(contents)
    whole = await sent(archive, stored)
    assert len(whole) == archive.size
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        assert found.testzip() is None
        assert {info.filename: found.read(info) for info in found.infolist()} == contents
        assert found.infolist()[0].date_time == (2026, 11, 20, 10, 30, 8)
    again, _ = archive_of(contents)
    assert (await sent(again, stored), again.tag) == (whole, archive.tag)
    assert archive_of({**contents, "vide.txt": b"x"})[0].tag != archive.tag


async def test_any_part_of_an_archive_is_that_of_the_whole() -> None:
    archive, stored = archive_of({"a.txt": b"0123456789", "b.txt": b"", "c.txt": b"abcdef"})
    whole = await sent(archive, stored)
    for start in range(archive.size):
        for end in (start + 1, start + 17, archive.size):
            assert await sent(archive, stored, start, min(end, archive.size)) == whole[start:end]


def test_an_empty_archive_is_one() -> None:
    archive = Archive([])
    with zipfile.ZipFile(io.BytesIO(asyncio.run(sent(archive, {})))) as found:
        assert found.infolist() == []


class Lazy(io.RawIOBase):
    """An archive as a file: reads what is asked, whatever its size; files hold zeros."""

    def __init__(self, archive: Archive) -> None:
        self._archive, self._place = archive, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = 0) -> int:
        self._place = place + (0, self._place, self._archive.size)[whence]
        return self._place

    def read(self, size: int = -1) -> bytes:
        stop = self._archive.size if size < 0 else min(self._archive.size, self._place + size)
        found = asyncio.run(self._read(stop))
        self._place += len(found)
        return found

    async def _read(self, stop: int) -> bytes:
        async def zeros(_: str, begin: int, end: int) -> AsyncIterator[bytes]:
            yield bytes(end - begin)

        return b"".join([chunk async for chunk in self._archive.stream(zeros, self._place, stop)])


def test_an_archive_of_many_gigabytes_is_read_by_others() -> None:
    sizes = [5 * GIB, 10, 3 * GIB, 2**32 - 1, 7]
    entries = [
        Entry(f"{n}.bin", "k", size, zlib.crc32(bytes(size)) if size < 100 else 0, "0" * 64, AT)
        for n, size in enumerate(sizes)
    ]
    archive = Archive(entries)
    with zipfile.ZipFile(Lazy(archive)) as found:
        assert [info.file_size for info in found.infolist()] == sizes
        assert found.read("1.bin") == bytes(10)
        assert found.read("4.bin") == bytes(7)


def test_an_archive_of_more_files_than_two_bytes_count() -> None:
    archive = Archive([Entry(f"{n}", "k", 0, 0, "0" * 64, AT) for n in range(70_000)])
    with zipfile.ZipFile(Lazy(archive)) as found:
        assert len(found.infolist()) == 70_000


@pytest.mark.parametrize("cell", ["=1+1", "+33", "-2", "@SUM", "\tx", " =x", "＝1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert csv_lines([[cell, 'a"b;c', "plain"]]).removeprefix('"').startswith("'")
    assert csv_lines([['a"b;c', "plain"]]) == '"a""b;c";plain\r\n'
