"""A test time stamp authority (RFC 3161 over HTTP) that stamps with the domain clock. For local running and tests only."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC

from aiohttp import web
from asn1crypto import algos, cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding

from deploy.local.pki import IssuedKey
from libs.common.clock import Clock
from libs.common.timestamp import TimestampResponse

__all__ = ["POLICY", "LocalTimestampAuthority", "application"]

POLICY = "1.3.6.1.4.1.60000.1.3161"
"""Test policy: an arbitrary identifier, no commitment stands behind it."""
MAX_REQUEST = 4096
"""Bytes; a request is about 70."""
DIGEST_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}


class LocalTimestampAuthority:
    """Stamps digests with the time of a clock, under a key of the test authority. A `TimestampAuthority`."""

    def __init__(self, issued: IssuedKey, clock: Clock) -> None:
        self._issued = issued
        self._clock = clock

    async def stamp(self, digest: bytes) -> bytes:
        """Give a token (DER) over this SHA-256 digest."""
        imprint = {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": digest}
        request = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "cert_req": True})
        return bytes(self._token(request).dump())

    def answer(self, body: bytes) -> bytes:
        """Give the answer (DER `TimeStampResp`) to a request: a token, or a rejection with its reason."""
        try:
            request = tsp.TimeStampReq.load(body, strict=True)
            algorithm = request["message_imprint"]["hash_algorithm"]["algorithm"].native
            size = len(request["message_imprint"]["hashed_message"].native)
        except (ValueError, TypeError, KeyError):
            return _rejection("bad_data_format")
        if algorithm not in DIGEST_SIZES:
            return _rejection("bad_alg")
        if size != DIGEST_SIZES[algorithm]:
            return _rejection("bad_data_format")
        if request["req_policy"].native not in (None, POLICY):
            return _rejection("unaccepted_policy")
        response = TimestampResponse({"status": {"status": "granted"}, "time_stamp_token": self._token(request)})
        return bytes(response.dump())

    def _token(self, request: tsp.TimeStampReq) -> cms.ContentInfo:
        info = self._info(request)
        attributes = self._signed_attributes(info)
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": self._signer_identifier(),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "signed_attrs": attributes,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": self._signature_algorithm()}),
                "signature": self._sign(attributes.untag().dump()),
            }
        )
        data = {
            "version": "v3",
            "digest_algorithms": cms.DigestAlgorithms([algos.DigestAlgorithm({"algorithm": "sha256"})]),
            "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(info.dump())},
            "signer_infos": [signer],
        }
        if request["cert_req"].native:
            data["certificates"] = self._certificates()
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)})

    def _info(self, request: tsp.TimeStampReq) -> tsp.TSTInfo:
        info = {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": request["message_imprint"],
            "serial_number": secrets.randbits(63),
            "gen_time": self._clock.now().astimezone(UTC),
            "accuracy": {"seconds": 1},
        }
        if request["nonce"].native is not None:
            info["nonce"] = request["nonce"]
        return tsp.TSTInfo(info)

    def _signed_attributes(self, info: tsp.TSTInfo) -> cms.CMSAttributes:
        certificate = self._issued.certificate.public_bytes(Encoding.DER)
        identifier = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(certificate).digest()}]})
        return cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(info.dump()).digest()]}),
                cms.CMSAttribute({"type": "signing_certificate_v2", "values": [identifier]}),
            ]
        )

    def _signer_identifier(self) -> cms.SignerIdentifier:
        certificate = _parsed(self._issued.certificate)
        return cms.SignerIdentifier(
            {"issuer_and_serial_number": {"issuer": certificate.issuer, "serial_number": certificate.serial_number}}
        )

    def _certificates(self) -> list[asn1_x509.Certificate]:
        return [_parsed(certificate) for certificate in (self._issued.certificate, *self._issued.chain)]

    def _signature_algorithm(self) -> str:
        return "sha256_ecdsa" if isinstance(self._issued.key, ec.EllipticCurvePrivateKey) else "sha256_rsa"

    def _sign(self, data: bytes) -> bytes:
        key = self._issued.key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data, ec.ECDSA(hashes.SHA256()))
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _parsed(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def _rejection(reason: str) -> bytes:
    status = tsp.PKIStatusInfo({"status": "rejection", "fail_info": {reason}})
    return bytes(TimestampResponse({"status": status}).dump())


def application(authority: LocalTimestampAuthority) -> web.Application:
    """Give the HTTP face of the authority: `POST /` with `application/timestamp-query` (RFC 3161, 3.4)."""

    async def stamp(request: web.Request) -> web.Response:
        if request.content_type != "application/timestamp-query":
            raise web.HTTPUnsupportedMediaType(text="application/timestamp-query expected")
        answer = authority.answer(await request.read())
        return web.Response(body=answer, content_type="application/timestamp-reply")

    app = web.Application(client_max_size=MAX_REQUEST)
    app.router.add_post("", stamp)
    app.router.add_post("/", stamp)
    return app
