"""A consultation as its people live it: a buyer, its officers, companies that seal and deposit over HTTP."""

# ruff: noqa: ANN401  # answers are JSON, options are those of aiohttp

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko_certvalidator.registry import SimpleCertificateStore

from deploy.local.pki import IssuedKey, TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.messages.base import Money
from libs.common.messages.notices import Buyer, Lot, Notice, NoticePublishedV1, Place
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from libs.common.timestamp import TimestampAuthority, TimestampUnavailableError
from services.bids import sealing
from services.bids.ports import TrustedRoots
from services.bids.sealing import Content, OfficerKey, PlainFile, SealedBid, ShareRequest
from services.bids.wiring import SERVICE

BUYER = "SIRET:20003945800017"
OTHER_BUYER = "SIRET:21350238800019"
DEADLINE = datetime(2026, 3, 20, 11, 0, tzinfo=UTC)  # noon in Paris
AUTHORITY = TestAuthority.create()
ROOTS = (AUTHORITY.root,)


@dataclass
class World:
    """One consultation of one running service."""

    h: Harness
    procedure: UUID
    notice: Notice
    officers: list[OfficerKey]
    bids: dict[str, UUID] = field(default_factory=dict)

    async def call(self, method: str, path: str, who: str | None, *, expect: int, **options: Any) -> Any:
        """Call the service and give its JSON answer (bytes when it is something else)."""
        kind = "buyer" if who in {BUYER, OTHER_BUYER} else "company"
        headers = options.pop("headers", {}) | (self.h.headers(who, kind) if who else {})
        async with self.h.client.request(method, f"/bids/v1{path}", headers=headers, **options) as answer:
            body = await answer.json() if "json" in answer.content_type else await answer.read()
            assert answer.status == expect, body
            return body

    def seal_all(self, bid: UUID, contents: list[Content]) -> SealedBid:
        assert self.notice.opening is not None
        return sealing.seal_bid(self.procedure, bid, self.notice.opening, contents)

    def seal(self, bid: UUID, contents: list[bytes], lots: tuple[str, ...] = ("LOT-0001",)) -> SealedBid:
        """Seal a bid of one envelope: an offer for these lots."""
        return self.seal_all(bid, [offer(contents, lots)])

    async def draft(
        self, company: str, contents: list[bytes], lots: tuple[str, ...] = ("LOT-0001",), *, expect: int = 201
    ) -> Any:
        return await self.draft_all(company, [offer(contents, lots)], expect=expect)

    async def draft_all(self, company: str, contents: list[Content], *, expect: int = 201) -> Any:
        numbers = count(1)
        envelopes = [
            {
                "kind": each.kind,
                "lots": list(each.lots),
                "files": [
                    {"name": f"pli-{next(numbers)}.bin", "size": sealing.sealed_size(len(file.content))}
                    for file in each.files
                ],
            }
            for each in contents
        ]
        body = {"envelopes": envelopes, "depositor_name": f"Entreprise {company[-4:]}"}
        return await self.call("POST", f"/consultations/{self.procedure}/bids", company, expect=expect, json=body)

    async def send(
        self, company: str, bid: str, number: int, data: Any, *, length: int | None = None, expect: int = 201
    ) -> Any:
        """Upload a file in one request of tus: creation with upload."""
        size = len(data) if length is None else length
        headers = {
            "Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Content-Type": "application/offset+octet-stream",
        }  # fmt: skip
        path = f"/bids/{bid}/files/{number}/uploads"
        return await self.call("POST", path, company, expect=expect, data=data, headers=headers)

    async def upload(self, company: str, bid: str, sealed: SealedBid) -> None:
        for number, data in enumerate(sealed.ciphertexts, 1):
            await self.send(company, bid, number, data)

    async def deposit(self, company: str, contents: list[bytes], lots: tuple[str, ...] = ("LOT-0001",)) -> Any:
        """Deposit a whole bid of one envelope, an offer; give its receipt."""
        return await self.deposit_all(company, [offer(contents, lots)])

    async def deposit_all(self, company: str, contents: list[Content]) -> Any:
        """Deposit a whole bid; give its receipt."""
        draft = await self.draft_all(company, contents)
        sealed = self.seal_all(UUID(draft["bid_id"]), contents)
        await self.upload(company, draft["bid_id"], sealed)
        receipt = await self.finish(company, draft["bid_id"], sealed)
        self.bids[company] = UUID(draft["bid_id"])
        return receipt

    async def finish(self, company: str, bid: str, sealed: SealedBid, *, expect: int = 201) -> Any:
        body = {"envelopes": [each.model_dump(mode="json") for each in sealed.envelopes]}
        return await self.call("POST", f"/bids/{bid}/deposit", company, expect=expect, json=body)

    async def close(self) -> None:
        self.h.clock.set(DEADLINE + timedelta(minutes=5))

    async def start_opening(self, *, expect: int = 201, **wanted: Any) -> Any:
        path = f"/consultations/{self.procedure}/openings"
        return await self.call("POST", path, BUYER, expect=expect, json=wanted)

    async def opened_shares(self, opening: str, officer: OfficerKey) -> dict[str, Any]:
        path = f"/openings/{opening}/shares?officer={officer.officer}"
        request = ShareRequest.model_validate(await self.call("GET", path, BUYER, expect=200))
        return sealing.open_shares(request, officer, ROOTS).model_dump(mode="json")

    async def present(self, opening: str, officer: OfficerKey, *, expect: int = 201) -> Any:
        shares = await self.opened_shares(opening, officer)
        return await self.call("POST", f"/openings/{opening}/shares", BUYER, expect=expect, json=shares)

    async def open_all(self, officers: list[OfficerKey] | None = None) -> Any:
        """Open with the first k officers, or with those given."""
        await self.close()
        return await self.open_stage(officers)

    async def open_stage(self, officers: list[OfficerKey] | None = None, **wanted: Any) -> Any:
        """Open a stage with the first k officers, or with those given; give the completed opening."""
        opening = await self.start_opening(**wanted)
        for officer in officers or self.officers[: opening["threshold"]]:
            await self.present(opening["opening_id"], officer)
        return await self.complete(opening["opening_id"])

    async def complete(self, opening: str) -> Any:
        """Have the worker open the envelopes; give the completed opening."""
        await self.call("POST", f"/openings/{opening}/completion", BUYER, expect=202)
        await self.h.settle()
        completed = await self.call("GET", f"/openings/{opening}", BUYER, expect=200)
        assert completed["state"] == "completed"
        return completed


def offer(contents: list[bytes], lots: tuple[str, ...] = ("LOT-0001",)) -> Content:
    """Give an offer for these lots, in one envelope."""
    return Content("offer", lots, tuple(_papers("offre", contents)))


def application(contents: list[bytes], lots: tuple[str, ...] = ("LOT-0001",)) -> Content:
    """Give an application for these lots, in one envelope."""
    return Content("application", lots, tuple(_papers("candidature", contents)))


def _papers(kind: str, contents: list[bytes]) -> list[PlainFile]:
    return [PlainFile(f"{kind}-{n}.pdf", "application/pdf", each) for n, each in enumerate(contents, 1)]


ESSENTIAL: dict[str, Any] = {
    "nature": "Marché", "ccag": "Fournitures courantes et services", "techniques": ["Sans objet"],
    "execution": ["Sans objet"], "price_types": ["Définitif ferme"], "price_form": "Forfaitaire", "innovative": False,
    "advance": True, "advance_rate": 0.2, "grouping": "Pas de groupement", "subcontracting": False,
    "social": ["Clause sociale"], "environmental": ["Critère environnemental"],
}  # fmt: skip


def award_body(winner: UUID, bids: list[UUID], **changes: Any) -> dict[str, Any]:
    """Give a complete decision."""
    evaluations = [
        {
            "bid_id": str(bid),
            "criteria": [{"name": "Prix", "score": "40", "out_of": "60"}, {"name": "Délai", "score": "30,5"}],
            "total": "70,5" if bid != winner else "85",
            "rank": 1 if bid == winner else 2,
            "reasons": "Offre la mieux notée." if bid == winner else "Le prix est plus élevé.",
        }
        for bid in bids
    ]
    value = {"amount": "245000.00", "currency": "EUR"}
    body = {"bid_id": str(winner), "value": value, "contract_number": "2026-EAU-01", "evaluations": evaluations}
    return body | {"essential": ESSENTIAL, "duration_months": 24} | changes


def notice(procedure: UUID, officers: list[OfficerKey], threshold: int = 2, **changes: Any) -> NoticePublishedV1:
    """Give a published contract notice."""
    lots = [
        Lot(lot_id=f"LOT-000{n}", title=f"Lot {n}", nature="services", cpv=["65100000"], duration_months=24,
            places=[Place(department="21")])
        for n in (1, 2)
    ]  # fmt: skip
    content = Notice(
        notice_id=changes.pop("notice_id", uuid4()), version=1, kind="contract", subtype="OPP-070",
        title="Exploitation du service de l'eau", description="Entretien et relève",
        buyer=Buyer(organisation=BUYER, name="Communauté de communes du Val d'Ouche", department="21"),
        procedure_type="open", formal=True, nature="services", cpv=["65100000"],
        value=Money(amount="300000"), published_at=datetime(2026, 3, 2, 9, tzinfo=UTC), deadline=DEADLINE, lots=lots,
        opening=sealing.key_set(threshold, [each.public for each in officers]).model_copy(
            update={"rules": changes.pop("rules", None)}
        ),
    )  # fmt: skip
    content = content.model_copy(update=changes)
    return NoticePublishedV1(
        aggregate_id=content.notice_id, aggregate_version=content.version, organisation=BUYER, procedure=procedure,
        occurred_at=content.published_at, notice=content,
    )  # fmt: skip


class AbsentAuthority:
    """A time stamp authority that is away until it is told to come back."""

    def __init__(self, clock: TestClock) -> None:
        self.present = LocalTimestampAuthority(AUTHORITY.tsa, clock)
        self.away = True

    async def stamp(self, digest: bytes) -> bytes:
        if self.away:
            raise TimestampUnavailableError("away")
        return await self.present.stamp(digest)


async def world(
    service_harness: HarnessFactory,
    *,
    threshold: int = 2,
    officers: int = 3,
    recovery: int = 0,
    tsa: Callable[[TestClock], TimestampAuthority] | None = None,
    **changes: Any,
) -> World:
    """Start the service with one open consultation."""
    clock = TestClock()
    authority = tsa(clock) if tsa else LocalTimestampAuthority(AUTHORITY.tsa, clock)
    h = await service_harness(
        SERVICE, clock=clock, ports={TimestampAuthority: authority, TrustedRoots: TrustedRoots(ROOTS)},
        settings=changes.pop("settings", {}),
    )  # fmt: skip
    keys = [sealing.generate(f"officier-{n}") for n in range(1, officers + 1)]
    keys += [sealing.generate(f"secours-{n}", recovery=True) for n in range(1, recovery + 1)]
    procedure = uuid4()
    event = notice(procedure, keys, threshold, **changes)
    await h.deliver(event)
    return World(h, procedure, event.notice, keys)


async def sign_pdf(pdf: bytes, issued: IssuedKey, field_name: str) -> bytes:
    """Sign a PDF as a person's own tool does: an incremental update."""
    key = issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    chain = [asn1_x509.Certificate.load(each.public_bytes(Encoding.DER)) for each in issued.chain]
    registry.register_multiple(chain)
    signer = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(issued.certificate.public_bytes(Encoding.DER)),
        signing_key=asn1_keys.PrivateKeyInfo.load(key),
        cert_registry=registry,
    )
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    metadata = signers.PdfSignatureMetadata(field_name=field_name, md_algorithm="sha256")
    signed = await signers.async_sign_pdf(writer, metadata, signer=signer, in_place=False)
    return bytes(signed.getvalue())
