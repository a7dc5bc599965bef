"""PAdES in two steps: what goes out, what comes back, what is refused."""

from __future__ import annotations

from asyncio import to_thread as in_thread
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding

from deploy.local.pki import IssuedKey
from deploy.local.tsa import LocalTimestampAuthority
from libs.common import standards
from services.signature import pades, signer


def signatory(issued: IssuedKey, field: str = "Signature_1") -> pades.Signatory:
    return pades.Signatory(
        certificate=x509.Certificate.load(issued.certificate.public_bytes(Encoding.DER)),
        chain=[x509.Certificate.load(item.public_bytes(Encoding.DER)) for item in issued.chain],
        field=field,
        reason="Signature du marché",
        at=datetime.now(UTC),
    )


async def test_winner_then_buyer_sign_and_both_signatures_verify_at_level_t(
    contract_pdf: bytes, winner: IssuedKey, mayor: IssuedKey, tsa: LocalTimestampAuthority, trust: pades.Trust
) -> None:
    once = await signer.sign_pdf(contract_pdf, winner.key, winner.certificate, winner.chain, timestamp=tsa)
    twice = await signer.sign_pdf(once, mayor.key, mayor.certificate, mayor.chain, timestamp=tsa)
    report = await verify(twice, trust)
    assert report.indication is pades.Indication.TOTAL_PASSED
    assert [item.field for item in report.signatures] == ["Signature_titulaire", "Signature_titulaire_2"]
    assert all(item.level == "PAdES-T" and item.timestamped and item.intact for item in report.signatures)
    assert [item.covers_whole_document for item in report.signatures] == [False, True]
    assert report.intact
    assert twice.startswith(once)


async def test_without_time_stamp_the_level_is_b_and_the_time_only_claimed(
    contract_pdf: bytes, winner: IssuedKey, trust: pades.Trust
) -> None:
    signed = await signer.sign_pdf(contract_pdf, winner.key, winner.certificate, winner.chain, timestamp=None)
    report = await verify(signed, trust)
    assert report.indication is pades.Indication.TOTAL_PASSED
    assert report.signatures[0].level == "PAdES-B"
    assert not report.signatures[0].timestamped


async def test_a_prepared_document_takes_only_its_own_signature_value(
    contract_pdf: bytes, mayor: IssuedKey, winner: IssuedKey, tsa: LocalTimestampAuthority
) -> None:
    first = await prepare(contract_pdf, signatory(mayor))
    second = await prepare(contract_pdf + b"\n", signatory(mayor))
    replayed = signer.sign_prepared(first.attributes, mayor.key)
    foreign = signer.sign_prepared(second.attributes, winner.key)
    assert pades.value_matches(first, replayed)
    assert not pades.value_matches(second, replayed)
    assert not pades.value_matches(second, foreign)
    with pytest.raises(pades.UnsignableError):
        pades.complete(second, replayed, None)


async def test_a_time_stamp_of_another_signature_is_refused(
    contract_pdf: bytes, mayor: IssuedKey, tsa: LocalTimestampAuthority
) -> None:
    prepared = await prepare(contract_pdf, signatory(mayor))
    signature = signer.sign_prepared(prepared.attributes, mayor.key)
    token = await tsa.stamp(pades.digest_to_stamp(b"another signature"))
    with pytest.raises(pades.UnsignableError):
        await complete(prepared, signature, token)


async def test_a_document_that_is_no_pdf_cannot_be_prepared(mayor: IssuedKey) -> None:
    with pytest.raises(pades.UnsignableError, match="ne peut pas recevoir"):
        await prepare(b"not a pdf", signatory(mayor))


async def test_documents_certified_or_locked_take_no_further_signature(mayor: IssuedKey) -> None:
    for name in ("dss-pades/certified-no-change-permitted.pdf", "parapheur/test_pdf_verouille.pdf"):
        with pytest.raises(pades.UnsignableError):
            await prepare(_sample(name).read_bytes(), signatory(mayor))


def _sample(name: str) -> Path:
    folder = standards.folder()
    if folder is None or not (folder / "signed" / name).is_file():
        pytest.skip("signed samples are not at hand")
    return folder / "signed" / name


async def prepare(pdf: bytes, who: pades.Signatory) -> pades.Prepared:
    return await in_thread(pades.prepare, pdf, who)


async def complete(prepared: pades.Prepared, signature: bytes, token: bytes | None) -> bytes:
    return await in_thread(pades.complete, prepared, signature, token)


async def verify(data: bytes, trust: pades.Trust) -> pades.VerificationReport:
    return await in_thread(pades.verify, data, trust, datetime.now(UTC))
