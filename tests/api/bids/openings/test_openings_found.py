"""What an opening found: no plaintext at rest, decrypted as it is served, scanned, in quarantine; the sealed report."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from pypdf import PdfReader

from libs.common.testing.plugin import HarnessFactory
from services.bids.scanning.clamd import Clamd
from services.bids.scanning.port import ScannerAwayError
from services.bids.vault import LocalVault, VaultError
from tests.api.bids.bids_world import BUYER, World, offer, world
from tests.api.bids.openings.clamd_server import EICAR, fake_clamd

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"


def place(w: World, opening: dict[str, Any], company: str, number: int = 1) -> str:
    return f"/openings/{opening['opening_id']}/bids/{w.bids[company]}/files/{number}"


async def plain(content: bytes) -> Any:  # noqa: ANN401  # an async iterator
    yield content


async def test_no_plaintext_is_kept_after_the_opening_and_any_range_is_served(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    content = b"a price that nobody may read at rest " + os.urandom(900_000)
    await w.deposit(ALPHA, [content, b""])
    opening = await w.open_all()
    storage = w.h.runtime.settings.data_dir / "storage"
    kept = [each.read_bytes() for each in storage.rglob("*") if each.is_file()]
    assert kept
    assert not any(content[:30] in each or content[-30:] in each for each in kept)
    path = place(w, opening, ALPHA)
    assert await w.call("GET", path, BUYER, expect=200) == content
    assert await w.call("GET", place(w, opening, ALPHA, 2), BUYER, expect=200) == b""
    chunk = 64 * 1024
    for start, end in (
        (0, 0),
        (5, 17),
        (chunk - 1, chunk),
        (3 * chunk - 7, 12 * chunk + 3),
        (len(content) - 9, len(content) - 1),
    ):
        part = await w.call("GET", path, BUYER, expect=206, headers={"Range": f"bytes={start}-{end}"})
        assert part == content[start : end + 1]


async def test_the_database_and_the_storage_open_nothing_without_the_vault(
    service_harness: HarnessFactory, tmp_path: Path
) -> None:
    """A key destroyed is a bid destroyed; a vault that has another key opens nothing."""
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    opening = UUID((done := await w.open_all())["opening_id"])
    async with w.h.runtime.uow() as uow:
        wrapped = await uow.conn.fetchval("SELECT wrapped_key FROM opening WHERE id = $1", opening)
        other = await uow.conn.fetchval("SELECT secrets FROM opened_file WHERE opening = $1", opening)
    (keys := tmp_path / "keys").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    with pytest.raises(VaultError):
        await LocalVault.load(keys).unwrap(wrapped, opening.bytes)
    derived = LocalVault.derived([w.h.runtime.settings.secret])
    assert len(key := await derived.unwrap(wrapped, opening.bytes)) == 32
    assert key not in other
    with pytest.raises(VaultError):
        await derived.unwrap(wrapped, UUID(int=1).bytes)
    assert await w.call("GET", place(w, done, ALPHA), BUYER, expect=200) == b"offer"
    async with w.h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE opening SET wrapped_key = NULL WHERE id = $1", opening)
    await w.call("GET", place(w, done, ALPHA), BUYER, expect=404)


async def test_a_vault_keeps_opening_what_older_keys_wrapped(tmp_path: Path) -> None:
    old, new = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
    (file := tmp_path / "keys").write_text(old)
    wrapped = await LocalVault.load(file).wrap(b"k" * 32, b"context")
    file.write_text(f"{new}\n{old}\n")
    assert await LocalVault.load(file).unwrap(wrapped, b"context") == b"k" * 32
    secrets = [SecretStr("the secret of before there was a file")]
    derived = LocalVault.derived(secrets)
    wrapped = await derived.wrap(b"k" * 32, b"context")
    assert await LocalVault.load(file, secrets).unwrap(wrapped, b"context") == b"k" * 32
    with pytest.raises(VaultError):
        await LocalVault.load(file).unwrap(wrapped, b"context")
    with pytest.raises(VaultError):
        await derived.unwrap(await LocalVault.load(file, secrets).wrap(b"k" * 32, b"context"), b"context")
    for wrong in ("", "AAAA", "not base64!"):
        file.write_text(wrong)
        with pytest.raises(ValueError):  # noqa: PT011  # base64's own words, or ours
            LocalVault.load(file)


async def test_malware_is_named_in_the_report_and_served_on_a_second_step_only(service_harness: HarnessFactory) -> None:
    async with fake_clamd() as clamd:
        w = await world(service_harness, settings={"clamd": clamd.address})
        big = os.urandom(900_000)
        await w.deposit(ALPHA, [b"clean", b"before " + EICAR + b" after", big])
        opening = await w.open_all()
        assert sorted(clamd.scanned) == sorted([5, len(EICAR) + 13, len(big)])
    (line,) = opening["report"]["opened"]
    assert [each["scan"]["scan"] for each in line["files"]] == ["clean", "infected", "clean"]
    infected = line["files"][1]
    assert infected["scan"]["threat"] == "Eicar-Test-Signature"
    told = await w.call("GET", f"/consultations/{w.procedure}/evidence", BUYER, expect=200)
    steps = [each["fact"] for each in told["facts"] if each["fact"]["content"].get("step") == "malware found"]
    assert [(each["bid"], each["content"]["file"]) for each in steps] == [(str(w.bids[ALPHA]), 2)]
    refused = await w.call("GET", place(w, opening, ALPHA, 2), BUYER, expect=409)
    assert refused["type"] == "urn:halles:problem:in-quarantine"
    assert infected["sha256"] in refused["detail"]
    assert EICAR.decode() not in str(refused)
    await w.call("GET", place(w, opening, ALPHA, 2) + f"?confirm={'0' * 64}", BUYER, expect=409)
    served = await w.call("GET", place(w, opening, ALPHA, 2) + f"?confirm={infected['sha256']}", BUYER, expect=200)
    assert EICAR in served
    assert await w.call("GET", place(w, opening, ALPHA), BUYER, expect=200) == b"clean"


async def test_a_scanner_that_is_away_stops_no_opening_and_the_report_says_so(service_harness: HarnessFactory) -> None:
    async with fake_clamd() as clamd:
        pass
    w = await world(service_harness, settings={"clamd": clamd.address})
    await w.deposit(ALPHA, [b"offer"])
    (line,) = (await w.open_all())["report"]["opened"]
    assert line["files"][0]["scan"] == {
        "scan": "unscanned",
        "threat": None,
        "reason": "no answer: ConnectionRefusedError",
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"limit": 1000}, "size limit exceeded|cut off"),
        ({"answer": b"garbage\0"}, "it said: garbage"),
        ({"answer": b"x" * 9000}, "cut off"),
    ],
)
async def test_what_is_no_verdict_is_never_taken_for_one(changes: dict[str, Any], said: str) -> None:
    async with fake_clamd(**changes) as clamd:
        with pytest.raises(ScannerAwayError, match=said):
            await Clamd(clamd.address).scan(plain(b"y" * 5000))


def test_an_address_that_is_none_is_refused() -> None:
    for wrong in ("127.0.0.1:3310", "http://127.0.0.1:3310", "tcp://"):
        with pytest.raises(ValueError, match="clamd is at"):
            Clamd(wrong)


async def test_the_report_tells_all_and_is_drawn_up_once(service_harness: HarnessFactory) -> None:
    """Officers and their hours, everything found, superseded, withdrawn, late; what the platform missed."""
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"first"])
    await w.deposit(ALPHA, [b"second"])
    await w.deposit(BETA, [b"withdrawn"])
    await w.call("POST", f"/bids/{w.bids[BETA]}/withdrawal", BETA, expect=201)
    await w.close()
    await w.deposit_all(BETA, [offer([b"late"])])
    opening = await w.open_stage()
    assert {name: len(opening["report"][name]) for name in ("opened", "superseded", "late", "withdrawn")} == {
        "opened": 1, "superseded": 1, "late": 1, "withdrawn": 1,
    }  # fmt: skip
    assert opening["report"]["platform"]["interruptions"], "the test's clock jumped: no heartbeat told of these days"
    path = f"/openings/{opening['opening_id']}/report.pdf"
    pdf = await w.call("GET", path, BUYER, expect=200)
    assert await w.call("GET", path, BUYER, expect=200) == pdf
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    for words in ("officier-1", "non analysé", "remplacées", "hors délai", "retirées", "interruption"):
        assert words in text
    assert opening["report_sha256"] in text.replace(" ", "").replace("\n", "")
