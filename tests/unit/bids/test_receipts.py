"""Receipts, checked offline: what holds, and each way in which one does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import click
import pytest
from click.testing import CliRunner, Result

from deploy.local.pki import TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.testing.harness import TestClock
from services.bids.evidence import Fact, merkle
from services.bids.evidence.batches import Batch, Recorded
from services.bids.evidence.facts import leaf
from services.bids.evidence.proof import prove
from services.bids.evidence.tool import verify_receipt_command
from services.bids.sealing.receipt import (
    ACTS,
    PartyName,
    Receipt,
    ReceiptDocument,
    ReceiptError,
    ReceiptStatement,
    verify_receipt,
)

AUTHORITY = TestAuthority.create()
ROOTS = (AUTHORITY.root,)
RECEIVED = datetime(2026, 3, 20, 11, 59, 59, tzinfo=UTC)
STAMPED = RECEIVED + timedelta(seconds=1)


def statement(**changes: object) -> ReceiptStatement:
    told: dict[str, Any] = {
        "act": "deposit", "receipt_id": uuid4(), "bid_id": UUID(int=2), "title": "Eau", "object": "Entretien",
        "lots": ("LOT-0001",), "depositor": PartyName(organisation="SIRET:55210025400001", name="Alpha"),
        "buyer": PartyName(organisation="SIRET:20003945800017", name="Val d'Ouche"), "procedure": UUID(int=3),
        "received_at": RECEIVED, "time_zone": "Europe/Paris",
        "documents": (ReceiptDocument(number=1, name="pli.bin", size=17, sha256="a" * 64),),
        "envelope_sha256": "b" * 64, "key_fingerprint": "c" * 64,
    }  # fmt: skip
    return ReceiptStatement(**told | changes)


async def receipts(told: Sequence[ReceiptStatement], at: datetime = STAMPED) -> list[Receipt]:
    """Give the receipts of these statements, all in one batch, stamped then."""
    facts = [
        Fact(each.procedure, each.bid_id, ACTS[each.act], each.received_at,
             {"receipt": str(each.receipt_id), "sha256": each.digest.hex()})
        for each in told
    ]  # fmt: skip
    names = [uuid4() for _ in facts]
    hashes = [leaf(name, fact) for name, fact in zip(names, facts, strict=True)]
    seed, previous = bytes(32), sha256(b"before").digest()
    leaves = merkle.fill(hashes, seed)
    root = merkle.root(leaves)
    head = merkle.head_of(previous, root)
    token = await LocalTimestampAuthority(AUTHORITY.tsa, TestClock(at)).stamp(head)
    batch = Batch(uuid4(), 7, seed, leaves, previous, root, head, at, token, at)
    kept = [
        Recorded(name, fact, batch.id, leaves.index(each))
        for name, fact, each in zip(names, facts, hashes, strict=True)
    ]
    return [Receipt.of(each, prove(recorded, batch)) for each, recorded in zip(told, kept, strict=True)]


async def receipt(at: datetime = STAMPED, **changes: object) -> Receipt:
    return (await receipts([statement(**changes)], at))[0]


def run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    folder = tmp_path / "trust"
    folder.mkdir()
    (folder / "root.pem").write_text(AUTHORITY.root_pem)
    return folder


async def test_a_receipt_is_verified_without_the_platform(tmp_path: Path, trust: Path) -> None:
    whole = await receipt()
    assert (whole.timestamp, verify_receipt(whole, ROOTS)) == ("stamped", STAMPED)
    path = tmp_path / "receipt.json"
    path.write_text(whole.model_dump_json())
    told = json.loads(run(verify_receipt_command, path, "--trust", trust).output)
    assert (told["valid"], told["authority"], told["bid"]) == (True, "trusted", str(UUID(int=2)))
    assert json.loads(run(verify_receipt_command, path).output)["authority"] == "not checked: give --trust"
    assert run(verify_receipt_command, path, "--trust", trust, "--envelope", "b" * 64).exit_code == 0


async def test_what_the_tool_refuses_it_explains(tmp_path: Path, trust: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_text((await receipt()).model_dump_json())
    for options, reason in [
        (("--bid", uuid4()), "another bid"),
        (("--envelope", "d" * 64), "another one was deposited"),
    ]:
        result = run(verify_receipt_command, path, "--trust", trust, *options)
        assert (result.exit_code, reason in result.output) == (1, True)
    path.write_text(path.read_text().replace("11:59:59", "11:00:00"))
    result = run(verify_receipt_command, path, "--trust", trust)
    assert (result.exit_code, "altered" in result.output) == (1, True)
    path.write_text("{}")
    assert run(verify_receipt_command, path, "--trust", trust).exit_code == 1


def again(whole: Receipt, told: ReceiptStatement) -> Receipt:
    """Give another statement with its own right hash, and the proof of this receipt."""
    return whole.model_copy(update={"statement": told, "sha256": told.digest.hex()})


async def test_replayed_altered_and_unproved_receipts_are_refused_with_the_reason() -> None:
    first, withdrawn, other = await receipts(
        [statement(), statement(act="withdrawal"), statement(bid_id=UUID(int=9), receipt_id=uuid4())]
    )
    assert first.proof is not None
    assert withdrawn.proof is not None
    hour = first.statement.model_copy(update={"received_at": RECEIVED - timedelta(seconds=10)})
    moved = first.statement.model_copy(update={"bid_id": UUID(int=9)})
    renamed = first.statement.model_copy(update={"title": "Autre"})
    forged = first.proof.fact.model_copy(
        update={"content": {"receipt": str(first.statement.receipt_id), "sha256": renamed.digest.hex()}}
    )
    for wrong, reason in [
        (first.model_copy(update={"statement": hour}), "altered"),
        (again(first, moved), "replayed"),
        (again(first, renamed), "another receipt"),
        (first.model_copy(update={"proof": withdrawn.proof}), "another bid, consultation or act"),
        (first.model_copy(update={"proof": other.proof}), "another bid, consultation or act"),
        (
            again(first, renamed).model_copy(update={"proof": first.proof.model_copy(update={"fact": forged})}),
            "stamped head",
        ),
        (first.model_copy(update={"proof": None}), "pending"),
        (first.model_copy(update={"proof": first.proof.model_copy(update={"token": None})}), "pending"),
        (
            first.model_copy(update={"proof": first.proof.model_copy(update={"token": withdrawn.proof.token[:-8]})})
            if withdrawn.proof.token
            else first,
            "not valid",
        ),
        (await receipt(RECEIVED - timedelta(hours=1)), "earlier"),
    ]:
        with pytest.raises(ReceiptError, match=reason):
            verify_receipt(wrong, ROOTS)
    with pytest.raises(ReceiptError, match="not valid"):
        verify_receipt(first, (TestAuthority.create().root,))


def test_the_hash_of_a_receipt_survives_storage() -> None:
    told = statement()
    assert ReceiptStatement.model_validate_json(told.model_dump_json()).digest == told.digest
