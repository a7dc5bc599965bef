"""What comes from the State: every real sample reads, every trap is refused."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from libs.common import standards
from services.legality.actes import archive
from services.legality.actes.codes import ACTES
from services.legality.actes.read import parse
from services.legality.actes.xml import HostileXmlError, UnreadableXmlError
from services.legality.tool import parse_files

FOLDER = standards.folder()
SAMPLES = sorted((FOLDER / "actes").glob("*/*.xml")) if FOLDER else []
MESSAGES = [path for path in SAMPLES if path.parent.name != "totem"]
needs_samples = pytest.mark.skipif(not MESSAGES, reason="the ACTES samples are not at hand")


@needs_samples
def test_every_real_message_is_recognised() -> None:
    for path in MESSAGES:
        message = parse(path.read_bytes())
        assert message.code is not None, path.name


@needs_samples
def test_files_of_another_kind_are_unknown_and_no_crash() -> None:
    for path in SAMPLES:
        if path.parent.name == "totem":
            assert parse(path.read_bytes()).code is None


@needs_samples
def test_the_real_archive_opens_and_its_messages_read() -> None:
    assert FOLDER is not None
    for path in (FOLDER / "actes").glob("*/*.tar.gz"):
        files = archive.unpack(path.read_bytes())
        codes = {parse(content).code for name, content in files.items() if name.endswith(".xml")}
        assert codes == {"envelope", "1-1"}


def written(body: str, encoding: str = "utf-8") -> bytes:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    return (head + body.replace("<a:", "<a:", 1).replace(">", f' xmlns:a="{ACTES}">', 1)).encode(encoding)


def test_an_anomaly_that_departs_from_the_schema_still_reads() -> None:
    body = (
        "<a:AnomalieActe><a:Date>pas une date</a:Date><a:Nature>2</a:Nature><a:Detail>Refusé</a:Detail>"
        '<a:ActeRecu Date="2026-03-02" NumeroInterne="M1" CodeNatureActe="4"><a:Objet>Objet</a:Objet></a:ActeRecu>'
        "</a:AnomalieActe>"
    )
    message = parse(written(body))
    assert (message.code, message.anomaly, message.detail) == ("1-3", "2", "Refusé")
    assert (message.number, message.decided_on, message.nature) == ("M1", date(2026, 3, 2), 4)
    assert any("illisible" in problem for problem in message.problems)


@pytest.mark.parametrize("nature", ["0", "7", "9" * 40, "-4", "CC"])
def test_natures_that_do_not_exist_are_forgiven_and_left_out(nature: str) -> None:
    message = parse(written(f'<a:AnomalieActe><a:ActeRecu CodeNatureActe="{nature}"></a:ActeRecu></a:AnomalieActe>'))
    assert (message.nature, len(message.problems)) == (None, 1)


def test_answers_that_hold_the_identifier_on_a_child_are_found() -> None:
    body = (
        '<a:ARPieceComplementaire a:DateReception="2026-05-04"><a:InfosCourrierPref a:DateCourrierPref="2026-05-01"'
        ' a:IDActe="021-212102313-20260302-M1-CC"/></a:ARPieceComplementaire>'
    )
    message = parse(written(body))
    assert (message.code, message.act_identifier) == ("3-5", "021-212102313-20260302-M1-CC")
    assert (message.siren, message.number, message.dated) == ("212102313", "M1", date(2026, 5, 4))


def test_unknown_elements_and_namespaces_are_kept_with_a_problem() -> None:
    assert parse(written("<a:MessageDeDemain></a:MessageDeDemain>")).code is None
    other = parse(b'<ARActe xmlns="urn:other" IDActe="021-212102313-20260302-M1-CC"/>')
    assert (other.code, len(other.problems)) == ("1-2", 1)


def test_a_cut_message_gives_what_can_still_be_read() -> None:
    whole = written('<a:ARActe a:IDActe="021-212102313-20260302-M1-CC"><a:ActeRecu></a:ActeRecu></a:ARActe>')
    message = parse(whole[:-12])
    assert message.act_identifier == "021-212102313-20260302-M1-CC"
    assert message.problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_bombs_and_external_entities_are_refused_before_they_expand(encoding: str) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(12))
    bomb = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE r [{entities}]><r a="&e11;">&e11;</r>'
    with pytest.raises(HostileXmlError):
        parse(bomb.encode(encoding))
    outside = '<?xml version="1.0"?><!DocType r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>'
    with pytest.raises(UnreadableXmlError):
        parse(outside.encode())


def test_what_is_no_xml_is_unreadable() -> None:
    for data in (b"", b"%PDF-1.7", b"\x00" * 100, b"<"):
        with pytest.raises(UnreadableXmlError):
            parse(data)


def tar_of(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w:gz") as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return output.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "hostile",
    [
        tar_of(member("../outside.xml")),
        tar_of(member("/etc/passwd")),
        tar_of(member("folder/a.xml")),
        tar_of(member("link.xml", tarfile.SYMTYPE, "/etc/passwd")),
        tar_of(member("hard.xml", tarfile.LNKTYPE, "other.xml")),
        tar_of(member("pipe", tarfile.FIFOTYPE)),
        tar_of(member("device", tarfile.CHRTYPE)),
        tar_of(member("a.xml"), member("a.xml")),
        tar_of(*(member(f"{n}.xml") for n in range(archive.MAX_FILES + 1))),
        b"\x1f\x8b" + b"\x00" * 50,
        b"not an archive",
        gzip.compress(b"not a tar"),
    ],
    ids=lambda content: (
        f"{len(content)} bytes"
    ),  # gzip writes the time: the bytes would name another test in each process
)
def test_archives_that_try_something_are_refused(hostile: bytes) -> None:
    try:
        files = archive.unpack(hostile)
    except archive.HostileArchiveError:
        return
    assert files == {}, "a few bytes of nothing are an empty archive"


def test_a_bomb_stops_at_the_limit() -> None:
    bomb = tar_of(member("a.xml"), content=b"\x00" * (8 * 2**20))
    assert len(bomb) < 2**16
    with pytest.raises(archive.HostileArchiveError, match="more than"):
        archive.unpack(bomb, limit=2**20)


def test_the_offline_tool_gives_one_object_a_line_and_an_honest_exit(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.xml", tmp_path / "b.xml"
    good.write_bytes(written('<a:ARActe a:IDActe="021-212102313-20260302-M1-CC"></a:ARActe>'))
    bad.write_bytes(b"nothing")
    packed = tmp_path / "c.tar.gz"
    packed.write_bytes(archive.pack([("a.xml", good.read_bytes()), ("b.pdf", b"%PDF-")]))
    result = CliRunner().invoke(parse_files, [str(good), str(bad), str(packed), str(tmp_path / "absent")])
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert [line["status"] for line in lines] == ["parsed", "rejected", "parsed", "rejected"]
    assert (lines[0]["code"], lines[2]["members"][0]["code"], result.exit_code) == ("1-2", "1-2", 1)
