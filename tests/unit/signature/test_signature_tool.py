"""The offline verifier: one JSON object a file, an honest exit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner

from deploy.local.pki import IssuedKey, TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from services.signature import signer
from services.signature.tool import verify


def test_it_verifies_with_given_roots_and_time(
    tmp_path: Path, contract_pdf: bytes, winner: IssuedKey, tsa: LocalTimestampAuthority, authority: TestAuthority
) -> None:
    roots = tmp_path / "roots"
    roots.mkdir()
    (roots / "root.pem").write_text(authority.root_pem)
    signed = asyncio.run(signer.sign_pdf(contract_pdf, winner.key, winner.certificate, winner.chain, timestamp=tsa))
    good, plain, other = tmp_path / "good.pdf", tmp_path / "plain.pdf", tmp_path / "a.xml"
    good.write_bytes(signed)
    plain.write_bytes(contract_pdf)
    other.write_bytes(b"<signature/>")
    result = CliRunner().invoke(verify, [str(good), "--trust", str(roots)])
    assert (result.exit_code, json.loads(result.output)["indication"]) == (0, "TOTAL_PASSED")
    files = [str(good), str(plain), str(other), str(tmp_path / "absent.pdf")]
    result = CliRunner().invoke(verify, files)
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert [line["indication"] for line in lines] == ["INDETERMINATE", "NO_SIGNATURE", "REFUSED", "REFUSED"]
    assert all(set(line) >= {"file", "indication", "sub_indication", "signatures", "problems"} for line in lines)
    assert result.exit_code == 1
    early = CliRunner().invoke(verify, [str(good), "--trust", str(roots), "--at", "2020-06-01"])
    assert json.loads(early.output)["sub_indication"] == "TIMESTAMP_ORDER_FAILURE"


def test_detached_content_broken_roots_and_times_are_said(tmp_path: Path, contract_pdf: bytes) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(contract_pdf)
    detached = CliRunner().invoke(verify, [str(path), "--content", str(path)])
    assert json.loads(detached.output)["sub_indication"] == "UNSUPPORTED_FORMAT"
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert CliRunner().invoke(verify, [str(path), "--trust", str(tmp_path)]).exit_code == 2
    assert CliRunner().invoke(verify, [str(path), "--at", "yesterday"]).exit_code == 2
