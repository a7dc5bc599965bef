"""The officers' and bidders' tools: files in, files out, no platform, no early opening."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import click
import pytest
from click.testing import CliRunner, Result

from deploy.local.pki import TestAuthority
from services.bids import sealing
from services.bids.sealing import Envelope, EnvelopeError, ProofError, SealingError, keys
from services.bids.sealing.folder import contents
from services.bids.sealing.keys import KeyFileError
from services.bids.sealing.opening import OpenedShares, reseal
from services.bids.sealing.rehearsal import Rehearsal, check_rehearsal
from services.bids.sealing.resealing import ResealedShares, check_resealed, key_digest
from services.bids.sealing.tool import (
    keygen_command,
    open_shares_command,
    rehearse_command,
    reseal_command,
    seal_command,
)
from tests.unit.bids.sealing_people import (
    AUTHORITY,
    BID,
    CONSULTATION,
    DEADLINE,
    ROOTS,
    key_set,
    officers,
    sealed_bid,
    share_request,
)

MIDDLE = datetime(2026, 3, 20, 12, tzinfo=UTC)


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    folder = tmp_path / "trust"
    folder.mkdir()
    (folder / "root.pem").write_text(AUTHORITY.root_pem)
    return folder


def run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_keygen_writes_a_key_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "president.key"
    made = run(keygen_command, "president", "-o", path)
    assert made.exit_code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(made.stdout) == keys.load(path).public.model_dump()
    assert key_digest(keys.load(path).public) in made.stderr
    assert run(keygen_command, "president", "-o", path).exit_code == 1
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        keys.load(path)


def test_a_key_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.key"
    for content in (
        "not json",
        "{}",
        '{"kind": "x", "officer": "a", "public_key": "AA", "seed": "AA", "recovery": false}',
        "[1]",
    ):
        path.write_text(content)
        path.chmod(0o600)
        with pytest.raises(KeyFileError):
            keys.load(path)


async def test_a_bid_goes_from_the_bidders_tool_to_the_officers_tool(tmp_path: Path, trust: Path) -> None:
    people = [tmp_path / f"{name}.key" for name in ("president", "adjoint")]
    for path in people:
        run(keygen_command, path.stem, "-o", path)
    opening = sealing.key_set(2, [keys.load(path).public for path in people])
    told = {"procedure": str(CONSULTATION), "title": "Eau", "opening": opening.model_dump(mode="json")}
    consultation, offer = tmp_path / "consultation.json", tmp_path / "offre.pdf"
    consultation.write_text(json.dumps(told))
    offer.write_bytes(b"%PDF offer" * 20_000)
    options = ("--consultation", consultation, "--bid", BID, "--offer", f"LOT-0001={offer}")
    refused = run(seal_command, *options, "--fingerprint", "0" * 64, "-o", tmp_path / "no")
    assert "key set" in refused.output
    made = run(seal_command, *options, "--fingerprint", opening.fingerprint, "-o", tmp_path / "out")
    assert made.exit_code == 0, made.output
    (paper,) = json.loads((tmp_path / "out" / "deposit.json").read_bytes())["envelopes"]
    envelope = Envelope.model_validate(paper)
    envelope.check(opening)
    assert (tmp_path / "out" / "1.sealed").stat().st_size == envelope.files[0].size
    request = await share_request(sealing.Sealed(envelope, ()), opening, "president")
    asked = tmp_path / "request.json"
    asked.write_text(request.model_dump_json())
    output = tmp_path / "shares.json"
    told_options = ("--trust", trust, "--not-before", "2026-03-20T12:00:00+0100", "--fingerprint", opening.fingerprint)
    opened = run(open_shares_command, asked, "--key", people[0], *told_options, "-o", output)
    assert opened.exit_code == 0, opened.output
    assert json.loads(opened.output)["problems"] == 0
    assert output.stat().st_mode & 0o777 == 0o600
    wrong = run(open_shares_command, asked, "--key", people[1], *told_options, "-o", tmp_path / "x")
    assert wrong.exit_code == 1
    assert "president" in wrong.output


def test_an_officer_rehearses_before_the_deadline(tmp_path: Path) -> None:
    mine, other = sealing.generate("maire"), sealing.generate("adjoint")
    opening = sealing.key_set(1, [mine.public, other.public])
    consultation = tmp_path / "consultation.json"
    consultation.write_text(json.dumps({"procedure": str(CONSULTATION), "opening": opening.model_dump(mode="json")}))
    key, lost = tmp_path / "maire.key", tmp_path / "lost.key"
    keys.save(mine, key)
    keys.save(sealing.generate("maire"), lost)
    done = run(rehearse_command, consultation, "--key", key, "--fingerprint", opening.fingerprint)
    assert done.exit_code == 0, done.output
    told = Rehearsal.model_validate_json(done.output)
    check_rehearsal(told, CONSULTATION, opening)
    for wrong in ({"officer": "adjoint"}, {"officer": "intrus"}, {"consultation": uuid4()}, {"at": DEADLINE}):
        with pytest.raises(SealingError):
            check_rehearsal(told.model_copy(update=wrong), CONSULTATION, opening)
    refused = run(rehearse_command, consultation, "--key", lost)
    assert (refused.exit_code, "not the one in this file" in refused.output) == (1, True)
    assert run(rehearse_command, consultation, "--key", key, "--fingerprint", "0" * 64).exit_code == 1


async def test_an_absent_officer_seals_his_shares_again_to_a_deputy(tmp_path: Path, trust: Path) -> None:
    """The deputy's key opens what was sealed to him and nothing else; the shares stay the officer's."""
    mine, deputy = sealing.generate("officier-1"), sealing.generate("adjoint")
    opening = key_set(1, [mine])
    request = await share_request(sealed_bid(opening, [b"x"]), opening, "officier-1")
    asked, key, card = tmp_path / "request.json", tmp_path / "mine.key", tmp_path / "adjoint.json"
    asked.write_text(request.model_dump_json())
    keys.save(mine, key)
    card.write_text(deputy.public.model_dump_json())
    made = run(reseal_command, asked, "--key", key, "--deputy", card, "--trust", trust, "-o", tmp_path / "again.json")
    assert made.exit_code == 0, made.output
    signed = ResealedShares.model_validate_json((tmp_path / "again.json").read_bytes())
    check_resealed(signed, opening)
    again = signed.request
    for share in sealing.open_shares(request, mine, ROOTS).shares:
        assert str(share.share) not in made.output + signed.model_dump_json()
    keys.save(deputy, tmp_path / "adjoint.key")
    opened = run(
        open_shares_command, tmp_path / "again.json", "--key", tmp_path / "adjoint.key", "--trust", trust, "-o",
        tmp_path / "shares.json",
    )  # fmt: skip
    assert opened.exit_code == 0, opened.output
    shares = OpenedShares.model_validate_json((tmp_path / "shares.json").read_bytes())
    assert (shares.officer, shares.deputy) == ("officier-1", "adjoint")
    assert shares.shares == sealing.open_shares(request, mine, ROOTS).shares
    with pytest.raises(EnvelopeError, match="sealed to adjoint"):
        sealing.open_shares(again, mine, ROOTS)
    stranger = sealing.open_shares(again, sealing.generate("adjoint"), ROOTS)
    assert all(each.problem and each.share is None for each in stranger.shares)
    command = (reseal_command, asked, "--key", key, "--deputy", card, "--trust", trust, "-o", tmp_path / "no.json")
    assert run(*command, "--deputy-key-sha256", "0" * 64).exit_code == 1
    card.write_text(deputy.public.model_copy(update={"proof": None}).model_dump_json())
    refused = run(*command)
    assert (refused.exit_code, (tmp_path / "no.json").exists()) == (1, False)
    early = await share_request(sealed_bid(opening, [b"x"]), opening, "officier-1", stamped=DEADLINE)
    with pytest.raises(ProofError):
        reseal(early, mine, deputy.public, ROOTS)


def test_offers_are_named_by_lot_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "a=b.pdf").write_bytes(b"x")
    made = contents([], [f"LOT-0002,LOT-0001={tmp_path / 'a=b.pdf'}"])
    assert [(each.kind, each.lots) for each in made] == [("offer", ("LOT-0001", "LOT-0002"))]
    for wrong in ([], ["offer.pdf"], ["LOT-0001=nowhere.pdf"], [f"={tmp_path / 'a=b.pdf'}"]):
        with pytest.raises(EnvelopeError):
            contents([], wrong)


@pytest.mark.parametrize("stamped", [DEADLINE, DEADLINE - timedelta(seconds=1), DEADLINE - timedelta(days=3)])
async def test_shares_stay_closed_without_a_stamp_later_than_the_deadline(stamped: datetime) -> None:
    people = officers(1)
    opening = key_set(1, people)
    request = await share_request(sealed_bid(opening, [b"x"]), opening, "officier-1", stamped=stamped)
    with pytest.raises(ProofError, match="not after the deadline"):
        sealing.open_shares(request, people[0], ROOTS)


async def test_forged_proofs_open_nothing() -> None:
    people = officers(1)
    opening = key_set(1, people)
    request = await share_request(sealed_bid(opening, [b"x"]), opening, "officier-1")
    earlier = request.statement.model_copy(update={"deadline": DEADLINE - timedelta(days=9)})
    stranger = TestAuthority.create()
    for forged, roots in [
        (request.model_copy(update={"statement": earlier}), ROOTS),
        (request.model_copy(update={"token": "AAAA"}), ROOTS),
        (request, (stranger.root,)),
        (request, ()),
    ]:
        with pytest.raises(ProofError):
            sealing.open_shares(forged, people[0], roots)


async def test_what_the_officer_knows_prevails_over_what_the_platform_says() -> None:
    people = officers(1)
    opening = key_set(1, people)
    request = await share_request(sealed_bid(opening, [b"x"]), opening, "officier-1")
    with pytest.raises(ProofError):
        sealing.open_shares(request, people[0], ROOTS, not_before=MIDDLE)
    with pytest.raises(EnvelopeError, match="published"):
        sealing.open_shares(request, people[0], ROOTS, fingerprint="1" * 64)
    for elsewhere in ({"bid": uuid4()}, {"envelope": 2}):
        foreign = request.shares[0].model_copy(update=elsewhere)
        with pytest.raises(EnvelopeError, match="does not name"):
            sealing.open_shares(request.model_copy(update={"shares": (foreign,)}), people[0], ROOTS)


async def test_a_share_badly_sealed_by_the_bidder_is_claimed_not_hidden() -> None:
    people = officers(2)
    opening = key_set(2, people)
    sealed = sealed_bid(opening, [b"x"])
    request = await share_request(sealed, opening, "officier-1")
    first, second = request.shares
    broken = (
        first.model_copy(update={"sealed": second.sealed}),
        second.model_copy(update={"commitment": "0" * 64}),
    )
    opened = sealing.open_shares(request.model_copy(update={"shares": broken}), people[0], ROOTS)
    assert [each.problem is not None for each in opened.shares] == [True, True]
    assert opened.shares[1].share is not None
