"""Signatures made by other tools, held against what an independent validator says of them (data/signed/EXPECTED.md)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.common import standards
from services.bids.signatures import Trust
from services.bids.signatures.verifying import verify_file

AT = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN: dict[str, tuple[bytes | None, list[tuple[str, bool]]]] = {
    "dss-cades/Signature-C-B-B-8.p7m": (None, [("indeterminate", True)]),
    "dss-cades/cades-detached.pkcs7": (b"Hello World", [("indeterminate", True)]),
    "dss-cades/cades-enveloping-broken.pkcs7": (None, [("invalid", False)]),
    "dss-xades/dss-signed.xml": (None, [("indeterminate", True)]),
    "dss-xades/dss-signed-altered-refRemoved.xml": (None, [("invalid", False)]),
    "dss-xades/doubleSignedTest.xml": (None, [("indeterminate", True)] * 2),
    "dss-xades/xades-enveloped-baseline-lta.xml": (None, [("indeterminate", True)]),
    "dss-xades/TEST_S1a_C1a_InTL_VALID.xml": (None, [("indeterminate", True)] * 2),
    "dss-xades/xades-lta-detached.xml": (None, [("indeterminate", False)]),
    "dss-xades/Signature-X-FR_NOT-3.xml": (None, [("indeterminate", False)]),
}
"""The file that a detached one signs; verdict and integrity of each signature. No root is trusted here: none is valid."""


@pytest.mark.parametrize("name", KNOWN)
def test_signatures_of_other_tools_are_read_as_an_independent_validator_does(name: str) -> None:
    folder = standards.folder()
    if folder is None or not (folder / "signed" / name).is_file():
        pytest.skip("the signed files of other tools are not on this machine")
    signed, expected = KNOWN[name]
    found = verify_file((folder / "signed" / name).read_bytes(), Trust((), AT), signed)
    assert [(each.verdict, each.intact) for each in found] == expected
