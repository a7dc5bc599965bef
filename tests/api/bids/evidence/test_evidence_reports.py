"""Evidence reports, incidents, hours of receipt, papers under the platform's seal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from asn1crypto import x509 as asn1_x509
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from deploy.local.pki import write_seal
from libs.common.messages.bids import IncidentDeclaredV1
from libs.common.testing.plugin import HarnessFactory
from services.bids import evidence
from services.bids.documents.platform_seal import FileSeal
from services.bids.evidence import Fact, FactKind
from services.bids.evidence.proof import ProofError
from services.bids.evidence.report import EvidenceReport, verify_report
from services.bids.evidence.tool import verify_evidence_command
from services.bids.sealing.receipt import Receipt, verify_receipt
from tests.api.bids.bids_world import AUTHORITY, BUYER, DEADLINE, ROOTS, World, notice, world

ALPHA, BETA = "SIRET:55210025400001", "SIRET:55210025400002"
OPERATOR = "SIRET:13002526500013"


async def note(w: World, bid: str, kind: FactKind, **content: object) -> None:
    async with w.h.runtime.uow() as uow:
        await evidence.record(uow.conn, Fact(w.procedure, UUID(bid), kind, uow.now(), content))


async def interrupted_upload(w: World, bid: str) -> None:
    """As the upload layer records one: an error, a resume, the end."""
    upload: dict[str, object] = {"upload": str(uuid4()), "file": 1}
    steps: list[tuple[int, FactKind, dict[str, object]]] = [
        (0, FactKind.UPLOAD_CREATED, {"length": 5000}),
        (1, FactKind.UPLOAD_STARTED, {}),
        (2, FactKind.UPLOAD_INTERRUPTED, {"offset": 1000, "reason": "client_gone"}),
        (3, FactKind.UPLOAD_RESUMED, {"offset": 1000}),
        (4, FactKind.UPLOAD_COMPLETED, {"length": 5000}),
    ]
    for minutes, kind, more in steps:
        await note(w, bid, kind, **(upload | more))
        w.h.clock.advance(timedelta(minutes=minutes))


async def report(w: World, path: str, who: str) -> EvidenceReport:
    return EvidenceReport.model_validate(await w.call("GET", path, who, expect=200))


async def operator(w: World, method: str, path: str, *, expect: int, **options: Any) -> Any:  # noqa: ANN401  # JSON
    headers = w.h.headers(OPERATOR, "operator")
    async with w.h.client.request(method, f"/bids/v1{path}", headers=headers, **options) as answer:
        body = await answer.json()
        assert answer.status == expect, body
        return body


async def test_a_bidder_proves_his_attempts_and_our_availability_offline(
    service_harness: HarnessFactory, tmp_path: Path
) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer"])
    await interrupted_upload(w, draft["bid_id"])
    await w.deposit(BETA, [b"another's"])
    told = await report(w, f"/bids/{draft['bid_id']}/evidence", ALPHA)
    (attempt,) = [each for each in told.attempts if each.errors]
    assert (attempt.outcome, len(attempt.resumed_at), attempt.errors[0].reason) == ("complete", 1, "client_gone")
    assert attempt.first_byte_at is not None
    assert attempt.last_byte_at == attempt.first_byte_at + timedelta(minutes=6)
    assert {each.bid for each in told.bids} == {UUID(draft["bid_id"])}
    assert {each.fact.bid for each in told.facts} <= {None, UUID(draft["bid_id"])}
    assert len(told.interruptions) == 2, "the test's clock jumped: no heartbeat told of these minutes"
    verdict = verify_report(told, ROOTS)
    assert verdict["pending"] == 0
    (trust := tmp_path / "trust").mkdir()
    (trust / "root.pem").write_text(AUTHORITY.root_pem)
    file = tmp_path / "evidence.json"
    file.write_text(told.model_dump_json())
    result = CliRunner().invoke(verify_evidence_command, [str(file), "--trust", str(trust)])
    assert json.loads(result.output)["facts"] == len(told.facts)
    await w.call("GET", f"/bids/{draft['bid_id']}/evidence", BETA, expect=404)


async def test_an_altered_report_is_refused_whatever_was_altered(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer"])
    await interrupted_upload(w, draft["bid_id"])
    told = await report(w, f"/bids/{draft['bid_id']}/evidence", ALPHA)
    first = told.facts[0]
    earlier = first.fact.model_copy(update={"at": first.fact.at - timedelta(minutes=9)})
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"attempts": ()}, "attempts are not what the facts say"),
        ({"interruptions": ()}, "interruptions are not"),
        ({"facts": (first.model_copy(update={"fact": earlier}), *told.facts[1:])}, "altered"),
        ({"batches": ()}, "not in the report"),
    ]
    for change, reason in wrong:
        with pytest.raises(ProofError, match=reason):
            verify_report(told.model_copy(update=change), ROOTS)
    with pytest.raises(ProofError, match="not valid"):
        verify_report(told, ())


async def test_the_buyer_reads_the_evidence_after_the_deadline_only(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"offer"])
    path = f"/consultations/{w.procedure}/evidence"
    refused = await w.call("GET", path, BUYER, expect=409)
    assert refused["type"] == "urn:halles:problem:before-deadline"
    await w.close()
    await w.call("GET", path, ALPHA, expect=403)
    told = await report(w, path, BUYER)
    assert [each.depositor for each in told.bids] == [ALPHA]
    assert FactKind.DEPOSITED in {each.fact.kind for each in told.facts}
    assert [each.fact.content["deadline"] for each in told.facts if each.fact.kind is FactKind.DEADLINE_SET] == [
        DEADLINE.isoformat()
    ]
    assert verify_report(told, ROOTS)["pending"] == 0
    pdf = PdfReader(BytesIO(await w.call("GET", f"{path}.pdf", BUYER, expect=200)))
    attached = EvidenceReport.model_validate_json(pdf.attachments["preuves.json"][0])
    assert verify_report(attached, ROOTS)["pending"] == 0
    assert ALPHA in pdf.pages[0].extract_text()


async def test_the_hour_never_goes_back_when_the_clock_does(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer"])
    sealed = w.seal(UUID(draft["bid_id"]), [b"offer"])
    await w.upload(ALPHA, draft["bid_id"], sealed)
    w.h.clock.set(DEADLINE - timedelta(seconds=1))
    await note(w, draft["bid_id"], FactKind.UPLOAD_COMPLETED, upload=str(uuid4()), file=1)
    w.h.clock._now -= timedelta(hours=1)  # what nobody should do to a clock
    receipt = Receipt.model_validate(await w.finish(ALPHA, draft["bid_id"], sealed))
    assert receipt.statement.received_at == DEADLINE - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("after", "standing"),
    [(timedelta(microseconds=999_999), "counts"), (timedelta(seconds=1), "late")],
)
async def test_the_second_of_the_deadline_is_in_time_and_the_next_is_late(
    service_harness: HarnessFactory, after: timedelta, standing: str
) -> None:
    w = await world(service_harness)
    w.h.clock.set(DEADLINE + after)
    receipt = await w.deposit(ALPHA, [b"offer"])
    assert receipt["statement"]["received_at"] == f"2026-03-20T12:00:0{int(after.total_seconds())}+01:00"
    assert receipt["statement"]["time_zone"] == "Europe/Paris"
    assert "late" not in json.dumps(receipt), "a receipt states an hour, not a verdict"
    view = await w.call("GET", f"/bids/{w.bids[ALPHA]}", ALPHA, expect=200)
    assert view["standing"] == standing


async def test_hours_are_those_of_the_buyers_place_overseas(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    other = uuid4()
    away = notice(other, w.officers)
    buyer = away.notice.buyer.model_copy(update={"department": "974"})
    event = away.model_copy(update={"notice": away.notice.model_copy(update={"buyer": buyer})})
    await w.h.deliver(event)
    reunion = World(w.h, other, event.notice, w.officers)
    receipt = await reunion.deposit(ALPHA, [b"offer"])
    assert receipt["statement"]["time_zone"] == "Indian/Reunion"
    assert receipt["statement"]["received_at"].endswith("+04:00")
    text = (await w.call("GET", f"/bids/{reunion.bids[ALPHA]}/receipt.txt", ALPHA, expect=200)).decode()
    assert "UTC+04:00" in text


async def test_a_deadline_moved_during_an_upload_is_judged_by_its_last_version(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer"])
    bid, sealed = draft["bid_id"], w.seal(UUID(draft["bid_id"]), [b"offer"])
    await w.upload(ALPHA, bid, sealed)
    w.h.clock.set(DEADLINE + timedelta(minutes=30))
    receipt = await w.finish(ALPHA, bid, sealed)
    assert (await w.call("GET", f"/bids/{bid}", ALPHA, expect=200))["standing"] == "late"
    later = notice(
        w.procedure, w.officers, notice_id=uuid4(), kind="change", deadline=DEADLINE + timedelta(hours=2),
        published_at=datetime(2026, 3, 20, 11, 20, tzinfo=UTC),
    )  # fmt: skip
    await w.h.deliver(later)
    assert (await w.call("GET", f"/bids/{bid}", ALPHA, expect=200))["standing"] == "counts"
    told = await report(w, f"/bids/{bid}/evidence", ALPHA)
    heard = [each.fact.content["deadline"] for each in told.facts if each.fact.kind is FactKind.DEADLINE_SET]
    assert heard == [DEADLINE.isoformat(), (DEADLINE + timedelta(hours=2)).isoformat()]
    assert await w.call("GET", f"/bids/{bid}/receipt", ALPHA, expect=200) == receipt


@pytest.fixture
def seal_file(tmp_path: Path) -> Path:
    write_seal(AUTHORITY, tmp_path / "seal.pem")
    return tmp_path / "seal.pem"


async def test_receipts_are_papers_under_the_platforms_seal_and_letters(
    service_harness: HarnessFactory, seal_file: Path
) -> None:
    w = await world(service_harness, settings={"seal_file": seal_file})
    _stamp_seals(w, seal_file)
    await w.deposit(ALPHA, [b"offer"])
    bid = w.bids[ALPHA]
    await w.call("POST", f"/bids/{bid}/withdrawal", ALPHA, expect=201)
    for path, hour in (("receipt.pdf", "fin du transfert"), ("withdrawal.pdf", "retrait")):
        pdf = await w.call("GET", f"/bids/{bid}/{path}", ALPHA, expect=200)
        await _check_seal(pdf)
        read = PdfReader(BytesIO(pdf))
        assert hour in " ".join(page.extract_text() for page in read.pages)
        assert verify_receipt(Receipt.model_validate_json(read.attachments["accuse.json"][0]), ROOTS)
        assert "/MarkInfo" in read.root_object
    await w.call("GET", f"/bids/{bid}/withdrawal.pdf", BETA, expect=404)
    await w.h.settle()
    letters = (await w.call("GET", "/letters", ALPHA, expect=200))["items"]
    assert [each["kind"] for each in letters] == ["receipt", "receipt"]
    await _check_seal(await w.call("GET", f"/letters/{letters[0]['letter_id']}/document", ALPHA, expect=200))
    assert [each.data["kind"] for each in w.h.events("bids.letter.sent.v1")] == ["receipt", "receipt"]
    assert (await w.call("GET", "/letters", BUYER, expect=200))["items"] == [], "who deposited is secret"


def _stamp_seals(w: World, seal_file: Path) -> None:
    from libs.common.timestamp import TimestampAuthority
    from services.bids.documents.platform_seal import PlatformSeal

    authority = w.h.runtime.port(TimestampAuthority)  # type: ignore[type-abstract]  # a port is a protocol
    w.h.runtime.give_ports({PlatformSeal: FileSeal.load(seal_file, authority)})


async def _check_seal(pdf: bytes) -> None:
    (signature,) = PdfFileReader(BytesIO(pdf)).embedded_signatures
    root = asn1_x509.Certificate.load(AUTHORITY.root.public_bytes(Encoding.DER))
    status = await async_validate_pdf_signature(
        signature, ValidationContext(trust_roots=[root], moment=datetime.now(UTC))
    )
    assert status.intact
    assert status.valid
    assert status.trusted
    assert "cachet" in status.signing_cert.subject.native["common_name"]


async def test_an_incident_near_a_deadline_is_told_to_the_buyer_who_extends_in_one_step(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    far = notice(uuid4(), w.officers, deadline=DEADLINE + timedelta(days=20))
    await w.h.deliver(far)
    w.h.clock.set(DEADLINE - timedelta(hours=2))
    body: dict[str, Any] = {
        "begins": (DEADLINE - timedelta(hours=4)).isoformat(),
        "ends": (DEADLINE - timedelta(hours=3)).isoformat(),
        "what": "Le dépôt des plis ne répondait plus.", "what_en": "Deposits were not answered.",
    }  # fmt: skip
    await w.call("POST", "/incidents", BUYER, expect=403, json=body)
    wrong = body | {"begins": DEADLINE.isoformat()}
    refused = await operator(w, "POST", "/incidents", expect=422, json=wrong)
    assert {each["where"] for each in refused["errors"]} == {"body/begins", "body/ends"}
    declared = await operator(w, "POST", "/incidents", expect=201, json=body)
    assert declared["consultations"] == 1
    await w.h.settle()
    (event,) = w.h.events(IncidentDeclaredV1.type)
    assert (event.organisation, event.procedure) == (BUYER, w.procedure)
    assert datetime.fromisoformat(event.data["proposed_deadline"]) == DEADLINE + timedelta(days=1)
    (near,) = (await w.call("GET", f"/consultations/{w.procedure}/incidents", BUYER, expect=200))["items"]
    assert near["extension"]["url"].endswith(f"/notices/v1/notices/{w.notice.notice_id}/corrections")
    assert near["extension"]["body"]["deadline"] == "2026-03-21T12:00:00+01:00"
    (letter,) = (await w.call("GET", "/letters", BUYER, expect=200))["items"]
    document = PdfReader(BytesIO(await w.call("GET", f"/letters/{letter['letter_id']}/document", BUYER, expect=200)))
    assert json.loads(document.attachments["report.json"][0]) == near["extension"]["body"]
    (listed,) = (await operator(w, "GET", "/incidents", expect=200))["items"]
    assert listed["incident_id"] == declared["incident_id"] == near["incident_id"]
    await w.deposit(ALPHA, [b"offer"])
    told = await report(w, f"/bids/{w.bids[ALPHA]}/evidence", ALPHA)
    assert [str(each.id) for each in told.incidents] == [declared["incident_id"]]


async def test_the_register_marks_what_is_late_superseded_or_withdrawn_after_the_deadline(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness)
    await w.deposit(ALPHA, [b"first"], ("LOT-0001", "LOT-0002"))
    await w.deposit(ALPHA, [b"second lot again"], ("LOT-0002",))
    await w.deposit(BETA, [b"given up"])
    await w.call("POST", f"/bids/{w.bids[BETA]}/withdrawal", BETA, expect=201)
    path = f"/consultations/{w.procedure}/register"
    for ending in ("", ".csv", ".pdf"):
        assert (await w.call("GET", path + ending, BUYER, expect=409))["type"] == "urn:halles:problem:before-deadline"
    await w.close()
    await w.deposit(BETA, [b"too late"])
    told = (await w.call("GET", path, BUYER, expect=200))["deposits"]
    assert [each["standing"] for each in told] == ["counts", "counts", "withdrawn", "late"]
    assert told[0]["lot_standings"] == {"LOT-0001": "counts", "LOT-0002": "superseded"}
    table = (await w.call("GET", f"{path}.csv", BUYER, expect=200)).decode("utf-8-sig")
    assert "LOT-0001 compte ; LOT-0002 remplacé" in table
    pdf = PdfReader(BytesIO(await w.call("GET", f"{path}.pdf", BUYER, expect=200)))
    words = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    for each in ("hors délai", "retiré", "remplacé", "(CET, UTC+01:00)"):
        assert each in words


async def test_a_refused_deposit_is_evidence_that_its_bidder_tried(service_harness: HarnessFactory) -> None:
    w = await world(service_harness)
    draft = await w.draft(ALPHA, [b"offer"])
    sealed = w.seal(UUID(draft["bid_id"]), [b"offer"])
    await w.finish(ALPHA, draft["bid_id"], sealed, expect=422)
    await w.finish(BETA, draft["bid_id"], sealed, expect=404)
    told = await report(w, f"/bids/{draft['bid_id']}/evidence", ALPHA)
    refused = [each.fact for each in told.facts if each.fact.kind is FactKind.DEPOSIT_REFUSED]
    assert [each.content for each in refused] == [{"reason": "wrong-envelope"}]
