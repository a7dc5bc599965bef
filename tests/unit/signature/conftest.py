"""A real test PKI and a small contract, for the signature tests."""

from __future__ import annotations

import io

import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding
from reportlab.pdfgen.canvas import Canvas

from deploy.local.pki import IssuedKey, TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.clock import SystemClock
from services.signature import pades


@pytest.fixture(scope="session")
def authority() -> TestAuthority:
    return TestAuthority.create()


@pytest.fixture(scope="session")
def tsa(authority: TestAuthority) -> LocalTimestampAuthority:
    return LocalTimestampAuthority(authority.tsa, SystemClock())


@pytest.fixture(scope="session")
def trust(authority: TestAuthority) -> pades.Trust:
    return pades.Trust((x509.Certificate.load(authority.root.public_bytes(Encoding.DER)),))


@pytest.fixture(scope="session")
def winner(authority: TestAuthority) -> IssuedKey:
    return authority.issue("Claire Martin", "SARL Toitures du Morvan")


@pytest.fixture(scope="session")
def mayor(authority: TestAuthority) -> IssuedKey:
    return authority.issue("Paul Durand", "Commune d'Essai", algorithm="rsa")


@pytest.fixture(scope="session")
def contract_pdf() -> bytes:
    output = io.BytesIO()
    canvas = Canvas(output)
    for page in ("Acte d'engagement", "Prix : 230 000,00 EUR HT"):
        canvas.drawString(72, 720, page)
        canvas.showPage()
    canvas.save()
    return output.getvalue()
