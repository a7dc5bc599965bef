"""What webhooks are signed with, and what is read of the answers to them."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from services.alerts.webhooks.answers import kept, retry_after
from services.alerts.webhooks.signing import headers, public_text, secret_of, secret_text

SECRET = bytes(range(32))
EVENT, BODY = "8f7b3d3e-0000-4000-8000-000000000001", b'{"type":"x"}'


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("120", 120), (" 5 ", 5), ("0", 0), ("99999999999", 1e6), ("-1", None), ("soon", None), ("", None), ("１２", None),
        ("Mon, 02 Mar 2026 09:02:00 GMT", 120), ("Mon, 02 Mar 2026 08:00:00 GMT", None), ("Mon, 99 Mar 2026 09:00:00 GMT", None),
        ("Mon, 02 Mar 2026 10:02:00 +0100", 120),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_a_date(given: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": given}, datetime(2026, 3, 2, 9, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("seen: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", "K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN"),
        ("Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
        ("token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "c2ln"),
        ('{"password": "hunter22"}', "hunter22"), ("mysql://root:hunter22@db/x", "hunter22"), ("api_key=hunter22&x=1", "hunter22"),
        ("-----BEGIN PRIVATE KEY-----\nhunter22\n-----END PRIVATE KEY-----", "hunter22"),
        ("Set-Cookie: session=hunter22; Path=/", "hunter22"), ("mot de passe: x, mot_de_passe: hunter22", "hunter22"),
    ],
)  # fmt: skip
def test_what_is_kept_of_an_answer_holds_no_secret(said: str, secret: str) -> None:
    told = kept(f"Oops\x00 {said} end".encode())
    assert told is not None
    assert secret not in told
    assert told.startswith("Oops\N{REPLACEMENT CHARACTER}")


def test_little_is_kept_of_an_answer() -> None:
    assert kept(b"") is None
    assert kept(b"x" * 10_000) == "x" * 512
    assert kept("é".encode()[:1]) == "\N{REPLACEMENT CHARACTER}"


def test_signature_is_verified_by_the_reference_library() -> None:
    at = int(time.time())
    verifier = Webhook(secret_text(SECRET))
    assert verifier.verify(BODY.decode(), headers(EVENT, BODY, [("v1", SECRET)], at)) == {"type": "x"}
    assert base64.b64decode(secret_text(SECRET).removeprefix("whsec_")) == SECRET
    for changed in ({"webhook-id": "other"}, {"webhook-timestamp": str(at + 1)}, {"webhook-signature": "v1,AAAA"}):
        with pytest.raises(Exception, match=r"signature|Signature"):
            verifier.verify(BODY.decode(), headers(EVENT, BODY, [("v1", SECRET)], at) | changed)


def test_an_ed25519_signature_is_verified_with_the_public_key_by_the_letter_of_the_specification() -> None:
    at = int(time.time())
    told = headers(EVENT, BODY, [("v1a", SECRET)], at)
    scheme, _, signature = told["webhook-signature"].partition(",")
    assert scheme == "v1a"
    prefix, _, public = public_text(SECRET).partition("_")
    assert prefix == "whpk"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
    key.verify(base64.b64decode(signature), f"{EVENT}.{at}.".encode() + BODY)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), f"{EVENT}.{at + 1}.".encode() + BODY)


def test_several_signatures_are_told_apart_by_the_reference_library() -> None:
    at, other = int(time.time()), bytes(32)
    told = headers(EVENT, BODY, [("v1a", SECRET), ("v1", other), ("v1", SECRET)], at)
    assert len(told["webhook-signature"].split(" ")) == 3
    for secret in (other, SECRET):
        assert Webhook(secret_text(secret)).verify(BODY.decode(), told) == {"type": "x"}


def test_each_generation_of_each_endpoint_has_a_secret_of_its_own() -> None:
    made = {secret_of("platform", UUID(int=number), generation) for number in (1, 2) for generation in (1, 2, 3)}
    assert len(made) == 6
    assert {len(secret) for secret in made} == {32}
    assert secret_of("other", UUID(int=1)) not in made
