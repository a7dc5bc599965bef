"""A signed contract goes to the State and comes back acknowledged, over real HTTP."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import aiohttp
import pytest

from libs.common import standards
from services.legality.actes import archive, schema, write
from services.legality.actes.model import ActMessage, Piece
from services.legality.actes.names import ActName
from services.legality.actes.read import parse
from services.legality.transmitter import FolderTransmitter, NoTransmitter, TransmissionError, Transmitter
from tests.api.legality.conftest import OTHER, STATE, pdf

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.legality.conftest import Prefecture


async def test_a_contract_above_the_threshold_is_transmitted_acknowledged_and_stamped(prefecture: Prefecture) -> None:
    contract = await prefecture.sign()
    await prefecture.answered()
    act = await prefecture.act(contract)
    assert (act["state"], act["number"], act["nature"], act["matter"]) == ("acknowledged", "M202600001", "4-CC", "1.1")
    assert act["act_identifier"] == "021-200066825-20260302-M202600001-CC"
    assert act["envelope"] == "TACT--200066825--20260302-1.xml"
    assert act["archive"]["name"] == "HAL-TACT--200066825--20260302-1.tar.gz"
    assert act["received_on"] == "2026-03-02"
    assert [line["event"] for line in act["history"]] == ["prepared", "packaged", "transmitted", "acknowledged"]
    assert [item["code"] for item in act["returns"]] == ["1-2"]
    kinds = [event.type for event in prefecture.h.events()]
    assert kinds == ["legality.act.transmitted.v1", "legality.act.acknowledged.v1"]
    told = prefecture.h.events()[-1].data
    assert (told["subject_id"], told["act_identifier"]) == (str(contract), act["act_identifier"])
    status, copy = await prefecture.call("GET", f"/acts/{act['act_id']}/stamped")
    assert (status, copy.startswith(pdf())) == (200, True)
    assert "Accusé de réception en préfecture".encode("cp1252") in copy
    assert b"021-200066825-20260302-M202600001-CC" in copy
    assert "Reçu le 02/03/2026  -  COPIE".encode("cp1252") in copy


async def test_the_archive_holds_valid_messages_and_the_signed_document(prefecture: Prefecture) -> None:
    annexes = [
        await prefecture.store(pdf("Règlement"), "RC.pdf"),
        await prefecture.store(b"PK\x03\x04", "bordereau.xlsx"),
    ]
    contract = await prefecture.sign(notice_documents=annexes)
    await prefecture.answered()
    act = await prefecture.act(contract)
    _, packed = await prefecture.call("GET", f"/acts/{act['act_id']}/archive")
    files = archive.unpack(packed)
    base = "021-200066825-20260302-M202600001-CC-1-1"
    assert list(files) == [
        "TACT--200066825--20260302-1.xml", f"{base}_0.xml", f"11_AE-{base}_1.pdf", f"11_RC-{base}_2.pdf",
    ]  # fmt: skip
    assert files[f"11_AE-{base}_1.pdf"] == pdf()
    message = parse(files[f"{base}_0.xml"])
    assert message.object == "Réfection de la toiture (marché n° 2026-01)"
    if standards.folder() is not None:
        assert act["validated_with"] == "actesv1_1.xsd"
        assert [schema.check(content) for name, content in files.items() if name.endswith(".xml")] == [[], []]
    assert "bordereau.xlsx" in act["history"][1]["detail"]


async def test_below_the_threshold_the_contract_is_exempt_with_its_reason(prefecture: Prefecture) -> None:
    contract = await prefecture.sign("70000", formal=False)
    await prefecture.answered()
    _, page = await prefecture.call("GET", f"/exemptions?subject={contract}")
    assert "70 000,00 EUR" in page["items"][0]["reason"]
    assert [event.type for event in prefecture.h.events()] == ["legality.act.exempted.v1"]
    assert prefecture.h.events()[0].data["reason"] == page["items"][0]["reason"]
    _, acts = await prefecture.call("GET", f"/acts?subject={contract}")
    assert acts["items"] == []
    assert prefecture.state.received == {}


async def test_numbers_have_no_gap_within_an_authority_and_a_year(prefecture: Prefecture) -> None:
    contracts = [await prefecture.sign() for _ in range(3)]
    await prefecture.sign("70000")
    contracts.append(await prefecture.sign())
    other = await prefecture.sign(organisation="SIRET:24210041000019")
    prefecture.h.clock.set(datetime(2027, 1, 4, 9, tzinfo=UTC))
    later = await prefecture.sign()
    numbers = [(await prefecture.act(contract))["number"] for contract in contracts]
    assert numbers == ["M202600001", "M202600002", "M202600003", "M202600004"]
    assert (await prefecture.act(later))["number"] == "M202700001"
    _, page = await prefecture.call("GET", f"/acts?subject={other}", organisation="SIRET:24210041000019")
    assert page["items"][0]["number"] == "M202600001"


async def test_an_anomaly_rejects_the_act_which_leaves_again_with_the_right_classification(
    prefecture: Prefecture,
) -> None:
    prefecture.state.scenario = "anomaly"
    contract = await prefecture.sign()
    await prefecture.answered()
    act = await prefecture.act(contract)
    assert (act["state"], "ODT-VERIF-01" in act["problem"]) == ("rejected", True)
    assert prefecture.h.events()[-1].type == "legality.act.rejected.v1"
    prefecture.state.scenario = "acknowledge"
    path = f"/acts/{act['act_id']}/transmission"
    assert (await prefecture.call("POST", path, organisation=OTHER))[0] == 403
    assert (await prefecture.call("POST", path))[0] == 200
    await prefecture.answered()
    again = await prefecture.act(contract)
    assert (again["state"], again["number"]) == ("acknowledged", act["number"])
    assert again["envelope"] == "TACT--200066825--20260302-2.xml"
    _, packed = await prefecture.call("GET", f"/acts/{act['act_id']}/archive")
    message = next(item for name, item in archive.unpack(packed).items() if name.endswith("1-1_0.xml"))
    assert parse(message).classification == date(2026, 1, 5), "learnt from the anomaly"
    assert (await prefecture.call("POST", path))[0] == 409


async def test_a_silent_state_leaves_the_act_transmitted(prefecture: Prefecture) -> None:
    prefecture.state.scenario = "silent"
    contract = await prefecture.sign()
    await prefecture.answered()
    act = await prefecture.act(contract)
    assert (act["state"], act["acknowledged_at"]) == ("transmitted", None)
    assert (await prefecture.call("GET", f"/acts/{act['act_id']}/stamped"))[0] == 409


async def test_a_repeated_transmission_keeps_its_name_and_is_answered_once(prefecture: Prefecture) -> None:
    contract = await prefecture.sign()
    await prefecture.answered()
    act = await prefecture.act(contract)
    async with prefecture.h.runtime.database.acquire() as conn:
        await conn.execute("UPDATE act SET state = 'packaged', transmitted_at = NULL")
        await conn.execute("UPDATE job SET state = 'waiting', lease = NULL, not_before = now() WHERE kind = 'transmit'")
    await prefecture.answered()
    assert list(prefecture.state.received) == [act["archive"]["name"]]
    assert (await prefecture.act(contract))["state"] == "transmitted", "the second sending got no second answer"


async def test_an_answer_that_overtakes_our_own_mark_is_told_in_order(prefecture: Prefecture) -> None:
    prefecture.state.scenario = "silent"
    contract = await prefecture.sign()
    await prefecture.answered()
    act = await prefecture.act(contract)
    async with prefecture.h.runtime.database.acquire() as conn:
        await conn.execute("UPDATE act SET state = 'packaged', transmitted_at = NULL")
    status, _ = await prefecture.give_return(acknowledgement(act), "application/xml")
    assert status == 201
    await prefecture.answered()
    assert [event.type for event in prefecture.h.events()][-2:] == [
        "legality.act.transmitted.v1",
        "legality.act.acknowledged.v1",
    ]


async def test_the_same_return_twice_changes_nothing_the_second_time(prefecture: Prefecture) -> None:
    prefecture.state.scenario = "silent"
    contract = await prefecture.sign()
    await prefecture.answered()
    body = acknowledgement(await prefecture.act(contract))
    _, first = await prefecture.give_return(body, "application/xml")
    _, second = await prefecture.give_return(body, "application/xml")
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["return_id"] == second["return_id"]
    assert first["messages"][0]["outcome"] == "applied"
    await prefecture.answered()
    assert [event.type for event in prefecture.h.events()].count("legality.act.acknowledged.v1") == 1


async def test_letters_and_unknown_messages_are_kept_with_the_act_and_change_no_state(prefecture: Prefecture) -> None:
    contract = await prefecture.sign()
    await prefecture.answered()
    act = await prefecture.act(contract)
    letter = acknowledgement(act).replace(b"actes:ARActe", b"actes:LettreObservations")
    unknown = acknowledgement(act).replace(b"actes:ARActe", b"actes:MessageDeDemain")
    stranger = acknowledgement(act).replace(act["number"].encode(), b"M209900001")
    for body, outcome in ((letter, "kept"), (unknown, "kept"), (stranger, "unmatched"), (b"broken", "unreadable")):
        status, answer = await prefecture.give_return(body, "application/xml")
        assert (status, answer["messages"][0]["outcome"]) == (201, outcome)
    found = await prefecture.act(contract)
    assert found["state"] == "acknowledged"
    assert [item["element"] for item in found["returns"]] == ["ARActe", "LettreObservations", "MessageDeDemain"]


async def test_several_files_come_as_a_mail_brings_them(prefecture: Prefecture) -> None:
    prefecture.state.scenario = "silent"
    contract = await prefecture.sign()
    await prefecture.answered()
    form = aiohttp.FormData()
    envelope = write.state_envelope(department="021", siren="200066825", forms=["a.xml"])
    form.add_field("file", envelope, filename="../../EACT--PREF021-200066825-20260302-1.xml")
    form.add_field("file", acknowledgement(await prefecture.act(contract)), filename="a.xml")
    status, answer = await prefecture.call("POST", "/returns", organisation=STATE, kind="state", data=form)
    assert (status, [item["outcome"] for item in answer["messages"]]) == (201, ["kept", "applied"])
    assert (await prefecture.act(contract))["state"] == "acknowledged"


async def test_hostile_returns_are_refused_and_nothing_is_kept(prefecture: Prefecture) -> None:
    from tests.unit.legality.test_actes_read import member, tar_of

    bomb = tar_of(member("a.xml"), content=b"\x00" * (2**20))
    for body in (tar_of(member("../a.xml")), b"\x1f\x8b broken", b"neither"):
        status, answer = await prefecture.give_return(body)
        assert (status, answer["type"]) == (422, "urn:halles:problem:unreadable-return")
    assert (await prefecture.give_return(bomb))[0] == 201, "a megabyte of nothing is no bomb"
    entities = b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>'
    status, answer = await prefecture.give_return(entities, "application/xml")
    assert (status, answer["messages"][0]["outcome"]) == (201, "unreadable"), "kept, never expanded"
    assert (await prefecture.give_return(b"x", "text/html"))[0] == 415


async def test_only_the_state_gives_returns_and_only_the_buyer_reads_its_acts(prefecture: Prefecture) -> None:
    contract = await prefecture.sign()
    await prefecture.answered()
    act = await prefecture.act(contract)
    for kind in ("buyer", "company", "partner"):
        status, _ = await prefecture.call(
            "POST", "/returns", kind=kind, data=b"x", headers={"Content-Type": "text/xml"}
        )
        assert status == 403
    for path in ("", "/archive", "/stamped"):
        assert (await prefecture.call("GET", f"/acts/{act['act_id']}{path}", organisation=OTHER))[0] == 403
        assert (await prefecture.call("GET", f"/acts/{act['act_id']}{path}", kind="company"))[0] == 403
    _, page = await prefecture.call("GET", "/acts", organisation=OTHER)
    assert page["items"] == []
    assert (await prefecture.call("GET", f"/acts/{UUID(int=1)}"))[0] == 404


async def test_what_is_missing_blocks_the_act_until_it_is_mended(prefecture: Prefecture) -> None:
    contract = await prefecture.sign(buyer_department=None)
    await prefecture.answered()
    act = await prefecture.act(contract)
    assert (act["state"], "département" in act["problem"]) == ("blocked", True)
    body = {"department": "021", "arrondissement": "2", "nature": "44", "email": "mairie@essai.test"}
    for name, wrong in (("department", "21"), ("arrondissement", "12"), ("nature", "x"), ("email", "no"), ("more", 1)):
        assert (await prefecture.call("PUT", "/authority", json=body | {name: wrong}))[0] == 422
    assert (await prefecture.call("PUT", "/authority", json=body))[0] == 200
    assert (await prefecture.call("POST", f"/acts/{act['act_id']}/transmission"))[0] == 200
    await prefecture.answered()
    assert (await prefecture.act(contract))["state"] == "acknowledged"
    _, packed = await prefecture.call("GET", f"/acts/{act['act_id']}/archive")
    envelope = archive.unpack(packed)["TACT--200066825--20260302-2.xml"]
    assert b'actes:Nature="44"' in envelope
    assert b"mairie@essai.test" in envelope


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a document"])
async def test_a_contract_that_is_no_document_blocks_the_act(prefecture: Prefecture, content: bytes) -> None:
    contract = await prefecture.sign(content=content)
    await prefecture.answered()
    act = await prefecture.act(contract)
    assert (act["state"], "PDF" in act["problem"]) == ("blocked", True)
    assert prefecture.state.received == {}


async def test_archives_that_do_not_hold_together_get_an_anomaly_of_the_envelope(prefecture: Prefecture) -> None:
    prefecture.state.scenario = "silent"
    contract = await prefecture.sign()
    await prefecture.answered()
    act = await prefecture.act(contract)
    name = "HAL-TACT--200066825--20260302-1.tar.gz"
    del prefecture.state.received[name]
    assert prefecture.state.take(name, archive.pack([("other.xml", b"<a/>")])) == "received"
    await prefecture.answered()
    found = await prefecture.act(contract)
    assert (found["state"], found["returns"][0]["element"]) == ("rejected", "AnomalieEnveloppe")
    assert act["state"] == "transmitted"


async def test_the_folder_adapter_drops_whole_files_once(tmp_path: Path) -> None:
    sender: Transmitter = FolderTransmitter(tmp_path / "drop")
    await sender.send("HAL-a.tar.gz", b"content")
    await sender.send("HAL-a.tar.gz", b"content")
    with pytest.raises(TransmissionError):
        await sender.send("HAL-a.tar.gz", b"other")
    assert [path.name for path in (tmp_path / "drop").iterdir()] == ["HAL-a.tar.gz"]


async def test_without_a_way_out_archives_wait(prefecture: Prefecture) -> None:
    prefecture.h.runtime.give_ports({Transmitter: NoTransmitter()})
    contract = await prefecture.sign()
    await prefecture.answered()
    assert (await prefecture.act(contract))["state"] == "packaged"


def acknowledgement(act: dict[str, Any]) -> bytes:
    """Write the State's acknowledgement of an act."""
    day = date.fromisoformat(act["decision_date"])
    name = ActName("021", act["siren"], day, act["number"], 4)
    pieces = (Piece("11_AE", name.document("11_AE", 1, "pdf")),)
    message = ActMessage(name, (1, 1), act["object"], date(2026, 1, 5), pieces)
    return write.acknowledgement(message, on=day + timedelta(days=1), classification=date(2026, 1, 5))
