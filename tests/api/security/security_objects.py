"""One owner's objects in each service, made as people make them."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from deploy.local.pki import TestAuthority
from deploy.local.tsa import LocalTimestampAuthority
from libs.common.mail.tokens import write_token
from libs.common.messages.base import DocumentReference
from libs.common.messages.bids import ContractSignedV1, ContractSubmittedV1
from libs.common.testing.harness import Harness, TestClock, harness
from libs.common.timestamp import TimestampAuthority
from services.bids import sealing
from services.bids.documents.pdf import Text, render
from services.bids.sealing import OpeningStatement, ShareRequest
from services.bids.sealing.resealing import ResealedShares
from services.signature import signer
from tests.api.bids import bids_world as bids
from tests.api.security.security_world import SERVICES, Caller, World, operations
from tests.unit.alerts.alerts_samples import BUYER, NOTICE, PROCEDURE, published
from tests.unit.notices import notices_samples as notices
from tests.unit.opendata import opendata_samples as opendata

__all__ = ["WORLDS"]

Build = Callable[[AsyncExitStack, str, Path], Awaitable[World]]
PARTNER = Caller("partner", "SIRET:53210025400019")
COMPANY = Caller("company", "SIRET:55210025400001")
XML = {"Content-Type": "application/xml"}
PDF = {"Content-Type": "application/pdf"}


async def call(h: Harness, who: Caller, method: str, path: str, *, expect: int, **options: Any) -> Any:  # noqa: ANN401  # JSON
    headers = options.pop("headers", {}) | h.headers(who.organisation, str(who.kind), sub=who.subject)
    async with h.client.request(method, f"/{h.runtime.service.name}/v1{path}", headers=headers, **options) as answer:
        body = await answer.json() if "json" in answer.content_type else await answer.read()
        assert answer.status == expect, body
        return body


async def alerts(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """A company with an address, a search; a partner with an endpoint."""
    h = await stack.enter_async_context(harness(SERVICES["alerts"], database_url))
    contact = {"email": "secret-address@entreprise.example"}
    search = {"name": "secret-search", "words": ["toiture"]}
    webhook = {"url": "https://9.9.9.9/secret-hook", "types": ["notices.notice.published.v1"]}
    await call(h, COMPANY, "PUT", "/contact", expect=200, json=contact)
    made = await call(h, COMPANY, "POST", "/searches", expect=201, json=search)
    await h.deliver(published())
    hook = await call(h, PARTNER, "POST", "/webhooks", expect=201, json=webhook)
    async with h.runtime.read() as conn:
        contact_id = await conn.fetchval("SELECT contact_id FROM contact")
    token = write_token(h.runtime.settings.secret.get_secret_value(), contact_id, 99)  # of no present wish
    return World(
        h,
        {"company": COMPANY, "partner": PARTNER},
        targets=await operations(h)
        | {
            "search_id": [{"search_id": made["search_id"]}],
            "procedure": [{"procedure": str(PROCEDURE)}],
            "webhook_id": [{"webhook_id": hook["webhook_id"]}],
            "search_id,notice_id": [{"search_id": made["search_id"], "notice_id": str(NOTICE)}],
            "kind,subject": [{"kind": "notice", "subject": str(NOTICE)}],
            "token": [{"token": token}],
            "token,procedure": [{"token": token, "procedure": str(PROCEDURE)}],
            "token,search_id": [{"token": token, "search_id": made["search_id"]}],
            "token,search_id,notice_id": [{"token": token, "search_id": made["search_id"], "notice_id": str(NOTICE)}],
            "token,kind,subject": [{"token": token, "kind": "buyer", "subject": BUYER}],
        },
        bodies={
            ("PUT", "/v1/contact"): {"json": {"email": "other@entreprise.example"}},
            ("PUT", "/v1/me"): {"json": {"email": "me@entreprise.example"}},
            ("PATCH", "/v1/me"): {"json": {"digest_hour": 8}},
            ("PATCH", "/v1/searches/{search_id}"): {"json": {"paused": False}},
            ("PUT", "/v1/searches/{search_id}/matches/{notice_id}/feedback"): {"json": {"relevant": True}},
            ("POST", "/v1/subscriptions"): {"json": {"email": "a@b.example", "search": {"name": "x", "words": ["y"]}}},
            ("POST", "/v1/subscriptions/link"): {"json": {"email": "a@b.example"}},
            ("POST", "/v1/searches"): {"json": {"name": "mine", "words": ["voirie"]}},
            ("POST", "/v1/webhooks"): {"json": {"url": "https://9.9.9.9/mine"}},
        },
        secrets=(
            "secret-address",
            "secret-search",
            made["search_id"],
            "secret-hook",
            hook["webhook_id"],
            "secret-body",
        ),
    )


async def of_bids(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """Two companies; a procedure that was opened and awarded, another one that still takes bids."""

    def run(service: Any, **options: Any) -> Any:  # noqa: ANN401  # the fixture of the same shape
        return stack.enter_async_context(harness(service, database_url, **options))

    w = await bids.world(run, threshold=1, officers=1, formal=False)
    rival = "SIRET:55210025400099"
    await w.deposit(COMPANY.organisation, [b"the offer"])
    await w.deposit(rival, [b"the rival's offer"])
    opening = await w.open_all()
    path = f"/consultations/{w.procedure}/lots/LOT-0001/award"
    award = bids.award_body(w.bids[COMPANY.organisation], list(w.bids.values()))
    award["committee"] = {
        "met_at": w.h.clock.now().isoformat(), "voting_members": 3, "present": ["président", "membre"], "in_favour": 2,
    }  # fmt: skip
    asked = {
        "bid_id": str(w.bids[COMPANY.organisation]), "kind": "precision", "text": "secret question",
        "due_at": (w.h.clock.now() + timedelta(days=5)).isoformat(),
    }  # fmt: skip
    request = await w.call("POST", path.replace("/award", "/requests"), bids.BUYER, expect=201, json=asked)
    request_path = f"/requests/{request['request_id']}"
    await w.call("POST", f"{request_path}/documents", COMPANY.organisation, expect=201, data=b"%PDF-1.7", headers=PDF)
    awarded = await w.call("POST", path, bids.BUYER, expect=201, json=award)
    opened, open_bid, destruction = w.procedure, w.bids[COMPANY.organisation], uuid4()
    async with w.h.runtime.uow() as uow:  # five years later
        await uow.conn.execute(
            "INSERT INTO destruction (id, procedure, buyer, kept_until, reason, proposed_at) VALUES ($1, $2, $3, $4, '', $4)",
            destruction, opened, bids.BUYER, w.h.clock.now(),
        )  # fmt: skip
    w.procedure, w.officers = uuid4(), [sealing.generate("officier-9")]
    later = w.h.clock.now() + timedelta(days=30)
    event = bids.notice(w.procedure, w.officers, 1, deadline=later)
    w.notice = event.notice
    assert w.notice.opening is not None
    await w.h.deliver(event)
    receipt = await w.deposit(COMPANY.organisation, [b"secret offer"])
    draft = await w.draft(COMPANY.organisation, [b"other"], ("LOT-0002",))
    sealed = w.seal(UUID(draft["bid_id"]), [b"other"], ("LOT-0002",))
    secret_bid = str(w.bids[COMPANY.organisation])
    letters = {each["addressee"]: each["letter_id"] for each in awarded["letters"]}
    (announced,) = (each["size"] for each in draft["files"])
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": str(announced)}
    company = w.h.headers(COMPANY.organisation, "company")
    path = f"/bids/v1/bids/{draft['bid_id']}/files/1/uploads"
    async with w.h.client.post(path, headers=company | tus) as made:
        upload = made.headers["Location"].rpartition("/")[2]
    opening_id = opening["opening_id"]
    arrival = {
        "purpose": "backup", "medium": "paper", "depositor": COMPANY.organisation, "depositor_name": "secret-name",
        "lots": ["LOT-0001"], "received_at": "2026-03-01T08:00:00Z",
    }  # fmt: skip
    copy = await w.call("POST", f"/consultations/{opened}/copies", bids.BUYER, expect=201, json=arrival)
    threads = f"/consultations/{opened}"
    note = await w.call(
        "POST", f"{threads}/attachments?name=note.pdf", bids.BUYER, expect=201, data=b"%PDF-1.7", headers=PDF
    )
    message = {
        "kind": "clarification", "subject": "secret-body", "text": "secret-body", "addressees": [COMPANY.organisation],
        "attachments": [note["attachment_id"]],
    }  # fmt: skip
    sent = await w.call("POST", f"{threads}/messages", bids.BUYER, expect=201, json=message)
    attached = {"name": "secret-body.pdf", "kind": "tax"}
    paper = await w.call(
        "POST", "/company/documents", COMPANY.organisation, expect=201, params=attached, data=b"secret-body"
    )
    invitation = await w.call(
        "POST",
        "/company/invitations",
        COMPANY.organisation,
        expect=201,
        json={"email": "secret-body@entreprise.example"},
    )
    async with w.h.runtime.uow() as uow:
        await uow.conn.execute(
            "INSERT INTO company_user (record_id, company, person, role, since, given_by)"
            " VALUES ($1, $2, 'colleague', 'depositor', $3, 'test-person')",
            UUID(int=7), COMPANY.organisation, w.h.clock.now(),
        )  # fmt: skip
    procedures = [{"procedure": str(w.procedure)}, {"procedure": str(opened)}]
    own_bids = [{"bid_id": bid} for bid in (draft["bid_id"], secret_bid, str(open_bid))]
    return World(
        w.h,
        {"buyer": Caller("buyer", bids.BUYER), "company": COMPANY},
        targets=await operations(w.h)
        | {
            "procedure": procedures,
            "procedure,lot": [each | {"lot": "LOT-0001"} for each in procedures],
            "bid_id": own_bids,
            "bid_id,number": [{"bid_id": draft["bid_id"], "number": "1"}],
            "upload_id": [{"upload_id": upload}],
            "name": [{"name": "sha256.mjs"}],
            "opening_id": [{"opening_id": opening_id}],
            "opening_id,bid_id,number": [{"opening_id": opening_id, "bid_id": str(open_bid), "number": "1"}],
            "letter_id": [{"letter_id": letters[COMPANY.organisation]}],
            "letter_id,attachment_id": [{"letter_id": sent["letters"][0], "attachment_id": note["attachment_id"]}],
            "procedure,lot,bid_id": [{"procedure": str(opened), "lot": "LOT-0001", "bid_id": str(open_bid)}],
            "destruction_id": [{"destruction_id": str(destruction)}],
            "request_id": [{"request_id": request["request_id"]}],
            "request_id,number": [{"request_id": request["request_id"], "number": "1"}],
            "contract_id": [{"contract_id": awarded["contract_id"]}],
            "copy_id": [{"copy_id": copy["copy_id"]}],
            "record_id": [{"record_id": str(UUID(int=7))}],
            "document_id": [{"document_id": paper["document_id"]}],
            "invitation_id": [{"invitation_id": invitation["invitation_id"]}],
            "token": [{"token": write_token(_secret(w.h), UUID(int=9), 0, purpose="company-invitation")}],
            "company": [{"company": "SIRET:55210025400099"}],
        },
        bodies={
            ("POST", "/v1/consultations/{procedure}/copies"): {"json": arrival},
            ("POST", "/v1/consultations/{procedure}/admissions"): {
                "json": {"copy_id": copy["copy_id"], "decision": "refused", "reason": "Arrivé bien trop tard, sans excuse."}
            },
            ("POST", "/v1/letters/{letter_id}/replies"): {"json": {"text": "Voici."}},
            ("POST", "/v1/consultations/{procedure}/messages"): {"json": message},
            ("POST", "/v1/consultations/{procedure}/attachments"): {
                "params": {"name": "note.pdf"}, "data": b"%PDF-1.7", "headers": PDF
            },
            ("POST", "/v1/consultations/{procedure}/selection"): {
                "json": {"criteria": "secret-body", "candidates": [
                    {"organisation": "SIRET:55210025400099", "lot_id": "LOT-0001", "selected": True}
                ]}
            },
            ("POST", "/v1/consultations/{procedure}/rounds"): {
                "json": {"kind": "tender", "deadline": later.isoformat(), "terms": "secret-body"}
            },
            ("PUT", "/v1/consultations/{procedure}/deadline"): {
                "json": {"deadline": later.isoformat(), "reason": "secret-body"}
            },
            ("PUT", "/v1/destructions/{destruction_id}/visa"): {
                "json": {"decision": "destroy", "reference": "secret-body", "decided_on": "2031-06-01"}
            },
            ("PUT", "/v1/contracts/{contract_id}/end-of-performance"): {"json": {"ended_on": "2027-06-01"}},
            ("POST", "/v1/copies/{copy_id}/opening"): {"json": {"ground": "late"}},
            ("POST", "/v1/copies/{copy_id}/destruction"): {"json": {}},
            ("PUT", "/v1/bids/{bid_id}/application"): {"json": {}},
            ("PUT", "/v1/company"): {"json": {"name": "mine"}},
            **{
                ("POST", f"/v1/company/documents{rest}"): {"params": {"name": "mine.pdf", "kind": "tax"}, "data": b"mine"}
                for rest in ("", "/{document_id}/versions")
            },
            ("POST", "/v1/bids/{bid_id}/files/{number}/copy"): {"json": {"document_id": paper["document_id"]}},
            ("PUT", "/v1/company/users/{record_id}"): {"json": {"role": "depositor"}},
            ("POST", "/v1/company/invitations"): {"json": {"email": "other@entreprise.example"}},
            ("POST", "/v1/companies/{company}/administrators"): {"json": {"person": "heir"}},
            ("POST", "/v1/espd/readings"): {"json": {"xml": "<a/>"}},
            ("POST", "/v1/espd/papers"): {"json": {"xml": "<a/>"}},
            ("POST", "/v1/espd/responses"): {"json": {"xml": "<a/>"}},
            ("POST", "/v1/consultations/{procedure}/bids"): {
                "json": {"envelopes": [
                    {"kind": "offer", "lots": ["LOT-0001"], "files": [{"name": "p.bin", "size": 100}]}
                ]}
            },
            ("POST", "/v1/bids/{bid_id}/files/{number}/uploads"): {
                "headers": {"Tus-Resumable": "1.0.0", "Upload-Length": str(announced)}
            },
            **{
                (method, "/v1/uploads/{upload_id}"): {
                    "data": b"x",
                    "headers": {
                        "Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH",
                        "Content-Type": "application/offset+octet-stream",
                    },
                }
                for method in ("PATCH", "POST")
            },
            **{
                (method, "/v1/uploads/{upload_id}"): {"headers": {"Tus-Resumable": "1.0.0"}}
                for method in ("HEAD", "DELETE")
            },
            ("POST", "/v1/incidents"): {
                "json": {"begins": "2026-03-01T08:00:00Z", "what": "Dépôts interrompus", "what_en": "Deposits were cut"}
            },
            ("POST", "/v1/bids/{bid_id}/deposit"): {"json": {"envelopes": [each.model_dump(mode="json") for each in sealed.envelopes]}},
            ("POST", "/v1/rehearsals"): {
                "json": {"buyer_name": "Commune", "department": "21", "opening": w.notice.opening.model_dump(mode="json")}
            },
            ("POST", "/v1/consultations/{procedure}/officers"): {
                "json": {"consultation": str(opened), "fingerprint": "0" * 64, "officer": "officier-1", "at": "2026-03-01T08:00:00Z"}
            },
            ("POST", "/v1/consultations/{procedure}/openings"): {"json": {}},
            ("GET", "/v1/openings/{opening_id}/shares"): {"params": {"officer": "officier-1"}},
            ("POST", "/v1/openings/{opening_id}/shares"): {"json": {"officer": "officier-1", "shares": []}},
            ("GET", "/v1/openings/{opening_id}/deputies/shares"): {"params": {"officer": "officier-1"}},
            ("POST", "/v1/openings/{opening_id}/deputies"): {"json": _handed_over(opened)},
            ("POST", "/v1/consultations/{procedure}/lots/{lot}/award"): {"json": award},
            ("PUT", "/v1/consultations/{procedure}/lots/{lot}/scoring-method"): {
                "json": {"criteria": [{"name": "Prix", "weight": "100"}]}
            },
            ("PUT", "/v1/consultations/{procedure}/lots/{lot}/bids/{bid_id}/judgement"): {"json": {"verdict": "admissible"}},
            ("PUT", "/v1/consultations/{procedure}/lots/{lot}/marks"): {
                "json": {"marks": [{"bid_id": str(open_bid), "criterion": "Prix", "mark": "1"}]}
            },
            ("POST", "/v1/consultations/{procedure}/lots/{lot}/scorings"): {"json": {}},
            ("POST", "/v1/consultations/{procedure}/lots/{lot}/requests"): {"json": asked},
            ("PUT", "/v1/consultations/{procedure}/retention-hold"): {"json": {"reason": "Recours"}},
            ("POST", "/v1/requests/{request_id}/documents"): {"data": b"%PDF-1.7", "headers": PDF},
            ("POST", "/v1/requests/{request_id}/answer"): {"json": {"text": "Voici."}},
            ("POST", "/v1/requests/{request_id}/settlement"): {"json": {"outcome": "accepted"}},
            ("PUT", "/v1/contracts/{contract_id}/winner-signature"): {"data": b"%PDF-1.7", "headers": PDF},
        },
        secrets=(secret_bid, draft["bid_id"], receipt["statement"]["receipt_id"], "secret question", "secret-body", "secret offer",
                 awarded["contract_id"], letters[COMPANY.organisation], COMPANY.organisation),
        told=frozenset({"company"}),
    )  # fmt: skip


def _handed_over(procedure: UUID) -> dict[str, Any]:
    """Give shares of an officer that nobody signed, in their form."""
    statement = OpeningStatement(
        opening=uuid4(), consultation=procedure, stage="offers", lots=("LOT-0001",), deadline=bids.DEADLINE,
        fingerprint="0" * 64, envelopes=(), nonce="0" * 64,
    )  # fmt: skip
    request = ShareRequest(officer="officier-1", statement=statement, token="AA", shares=(), deputy="adjoint")
    told = ResealedShares(request=request, deputy_key=sealing.generate("adjoint").public, at=bids.DEADLINE)
    return told.model_dump(mode="json")


async def legality(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """A contract to be transmitted."""
    buyer = Caller("buyer", opendata.BUYER)
    clock = TestClock()
    h = await stack.enter_async_context(harness(SERVICES["legality"], database_url, clock=clock))
    document = await h.runtime.storage.exchange(b"%PDF-1.4 act", media_type="application/pdf", name="secret.pdf")
    contract = opendata.contract(document=document, buyer_department="21", number="SECRET-1")
    await h.deliver(
        ContractSignedV1(
            aggregate_id=contract.contract_id, aggregate_version=3, organisation=buyer.organisation,
            procedure=uuid4(), occurred_at=clock.now(), contract=contract,
        )
    )  # fmt: skip
    await h.settle()
    (act,) = (await call(h, buyer, "GET", "/acts", expect=200))["items"]
    authority = {"department": "021", "arrondissement": "1", "nature": "44", "email": "secret@mairie.example.fr"}
    await call(h, buyer, "PUT", "/authority", expect=200, json=authority)
    return World(
        h,
        {"buyer": buyer},
        targets=await operations(h) | {"act_id": [{"act_id": act["act_id"]}]},
        bodies={
            ("PUT", "/v1/authority"): {"json": {"department": "071", "arrondissement": "1", "nature": "31"}},
            ("POST", "/v1/returns"): {"data": b"<a/>", "headers": XML},
        },
        secrets=(act["act_id"], "SECRET-1", "secret@mairie", "secret-body", buyer.organisation),
    )


async def of_notices(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """A draft with a document, a published notice, and a bid that its buyer may not know of yet."""
    buyer = Caller("buyer", notices.INTERCOMMUNALITY)
    clock = TestClock(notices.BEFORE)
    h = await stack.enter_async_context(harness(SERVICES["notices"], database_url, clock=clock))
    shown = await _published(h, buyer)
    body = {
        "title": "secret-title", "buyer": {"name": "Trois Vallées"}, "nature": "works", "cpv": ["45233140"],
        "places": [{"nuts": "FRC11"}], "opening": notices.KEYS,
    }  # fmt: skip
    draft = await call(h, buyer, "POST", "/notices", expect=201, json=body)
    path = f"/notices/{draft['notice_id']}"
    await call(h, buyer, "PUT", f"{path}/documents/rc.pdf", expect=201, data=b"secret document")
    role = {"person": "secret-colleague", "role": "writer"}
    await call(h, buyer, "POST", "/roles", expect=201, json=role)
    own = (await call(h, buyer, "GET", "/me", expect=200))["roles"]
    record = next(each for each in own if each["role"] == "evaluator")
    kept = {"name": "secret-template", "notice_id": draft["notice_id"]}
    template = await call(h, buyer, "POST", "/templates", expect=201, json=kept)
    group = {"title": "secret-group", "members": [notices.VILLAGE]}
    joint = await call(h, buyer, "POST", "/joint-purchases", expect=201, json=group)
    village = Caller("buyer", notices.VILLAGE)
    group |= {"members": [buyer.organisation]}
    invited = await call(h, village, "POST", "/joint-purchases", expect=201, json=group)
    joints = [{"joint_id": each["joint_id"]} for each in (joint, invited)]
    await h.deliver(notices.bid_deposited(clock.now()))
    await h.settle()
    version = {"If-Match": f'"{draft["version"]}"'}
    asked = {"text": "secret-question", "procedure_id": shown["procedure_id"]}
    question = await call(h, Caller("company", notices.RIVAL), "POST", "/questions", expect=201, json=asked)
    why = {"explanation": "taken over by somebody"}
    drafts, public = {"notice_id": draft["notice_id"]}, {"notice_id": shown["notice_id"]}
    named = [each | {"name": "rc.pdf"} for each in (drafts, public)]
    return World(
        h,
        {"buyer": buyer, "company": Caller("company", notices.COMPANY)},
        targets=await operations(h)
        | {
            "notice_id": [drafts, public],
            "notice_id,name": named,
            "notice_id,number": [drafts | {"number": "1"}, public | {"number": str(shown["version"])}],
            "procedure_id,lot_id": [{"procedure_id": shown["procedure_id"], "lot_id": "LOT-0001"}],
            "procedure_id": [{"procedure_id": each["procedure_id"]} for each in (draft, shown)],
            "procedure_id,name": [{"procedure_id": shown["procedure_id"], "name": "rc.pdf"}],
            "record_id": [{"record_id": record["record_id"]}],
            "template_id": [{"template_id": template["template_id"]}],
            "organisation": [{"organisation": buyer.organisation}],
            "joint_id": joints,
            "joint_id,organisation": [joints[0] | {"organisation": notices.VILLAGE}],
            "joint_id,procedure_id": [joints[0] | {"procedure_id": draft["procedure_id"]}],
            "question_id": [{"question_id": question["question_id"]}],
            "token": [{"token": write_token(_secret(h), UUID(int=9), 99, purpose="consent")}],
        },
        published=frozenset({shown["notice_id"], shown["procedure_id"]}),
        bodies={
            ("POST", "/v1/notices/check"): {"data": b"<a/>", "headers": XML},
            ("POST", "/v1/notices/import"): {"data": notices.eforms(1), "headers": XML},
            ("POST", "/v1/notices"): {"json": body | {"title": "mine"}},
            ("PATCH", "/v1/notices/{notice_id}"): {"json": {"title": "taken over"}, "headers": version},
            ("POST", "/v1/notices/{notice_id}/publication"): {"headers": version},
            ("POST", "/v1/notices/{notice_id}/check"): {"json": {}, "headers": version},
            ("POST", "/v1/notices/{notice_id}/publications"): {"json": {}, "headers": version},
            ("POST", "/v1/notices/{notice_id}/corrections"): {"json": why | {"reason": "cor-buy"}},
            ("POST", "/v1/notices/{notice_id}/modifications"): {
                "json": why | {"reason": "mod-nons", "lot_id": "LOT-0001"}
            },
            ("POST", "/v1/notices/{notice_id}/cancellations"): {"json": why},
            ("POST", "/v1/procedures/{procedure_id}/award-notices"): {"json": {}},
            ("POST", "/v1/procedures/{procedure_id}/suspension"): {"json": {"reason": "buyer"}, "headers": version},
            ("POST", "/v1/procedures/{procedure_id}/resumption"): {"json": {}, "headers": version},
            ("POST", "/v1/procedures/{procedure_id}/abandonment"): {
                "json": why | {"reason": "other"}, "headers": version
            },
            ("POST", "/v1/procedures/{procedure_id}/lots/{lot_id}/abandonment"): {
                "json": why | {"reason": "other"}, "headers": version
            },
            ("POST", "/v1/procedures/{procedure_id}/lots/{lot_id}/failure"): {
                "json": why | {"reason": "other"}, "headers": version
            },
            ("PUT", "/v1/notices/{notice_id}/documents/{name}"): {"data": b"taken over"},
            ("POST", "/v1/roles"): {"json": role | {"person": "mine"}},
            ("POST", "/v1/roles/{record_id}/delegation"): {
                "json": {"person": "mine", "valid_until": "2027-01-01T00:00:00Z"}
            },
            ("POST", "/v1/drafts"): {"json": {"notice_id": shown["notice_id"], "buyer": {"name": "mine"}}},
            ("POST", "/v1/templates"): {
                "json": {"notice_id": shown["notice_id"], "name": "mine", "buyer": {"name": "mine"}}
            },
            ("PUT", "/v1/organisations/{organisation}"): {"json": {"name": "mine"}, "headers": {"If-Match": '"0"'}},
            ("POST", "/v1/joint-purchases"): {"json": {"title": "mine"}},
            ("POST", "/v1/joint-purchases/{joint_id}/members"): {"json": {"organisation": notices.HOSPITAL}},
            ("POST", "/v1/organisations/{organisation}/administrators"): {"json": {"person": "named"}},
            ("POST", "/v1/questions"): {"json": asked | {"text": "mine"}},
            ("PUT", "/v1/procedures/{procedure_id}/questions/closing"): {"json": {"closes_at": None}},
            ("PUT", "/v1/questions/{question_id}/answer"): {"json": {"answer": "x"}, "headers": version},
            ("POST", "/v1/procedures/{procedure_id}/registrations"): {"json": {"company": "mine", "name": "me"}},
        },
        secrets=("secret-title", draft["notice_id"], draft["procedure_id"], "secret document", "secret-body",
                 "secret-colleague", "secret-template", "secret-group", template["template_id"],
                 str(UUID(int=8)), "bids.bid.deposited", "secret-question", notices.RIVAL),
        told=frozenset({"company"}),
    )  # fmt: skip


def _secret(h: Harness) -> str:
    return h.runtime.settings.secret.get_secret_value()


async def _published(h: Harness, buyer: Caller) -> Any:  # noqa: ANN401  # JSON
    notice = await call(h, buyer, "POST", "/notices/import", expect=201, data=notices.eforms(1), headers=XML)
    path = f"/notices/{notice['notice_id']}"
    match = {"If-Match": f'"{notice["version"]}"'}
    changed = await call(h, buyer, "PATCH", path, expect=200, json={"opening": notices.KEYS}, headers=match)
    await call(h, buyer, "PUT", f"{path}/documents/rc.pdf", expect=201, data=b"%PDF-1.7 rules")
    match = {"If-Match": f'"{changed["version"]}"'}
    return await call(h, buyer, "POST", f"{path}/publication", expect=201, headers=match)


async def of_opendata(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """A published contract, and one whose data wait for a correction."""
    h = await stack.enter_async_context(harness(SERVICES["opendata"], database_url))
    await h.deliver(opendata.published(), opendata.notified())
    pending = uuid4()
    wrong = opendata.essential(ccag="Rien")
    await h.deliver(opendata.notified(contract_id=pending, number="SECRET-2", essential=wrong, title="secret-title"))
    await h.settle()
    (shown,) = (await call(h, Caller("buyer", opendata.BUYER), "GET", "/contracts", expect=200))["items"]
    return World(
        h,
        {"buyer": Caller("buyer", opendata.BUYER)},
        targets=await operations(h)
        | {
            "contract_id": [{"contract_id": str(pending)}],
            "uid": [{"uid": shown["uid"]}],
            "ocid": [{"ocid": shown["ocid"]}],
        },
        bodies={
            ("POST", "/v1/contracts/{contract_id}/completion"): {"json": opendata.essential().model_dump(mode="json")}
        },
        secrets=("secret-body",),
    )


async def signature(stack: AsyncExitStack, database_url: str, folder: Path) -> World:
    """A contract in its buyer's circuit, waiting for a signature."""
    authority, clock = TestAuthority.create(), TestClock()
    (folder / "root.pem").write_text(authority.root_pem)
    tsa = LocalTimestampAuthority(authority.tsa, clock)
    settings, ports = {"trust_dir": folder}, {TimestampAuthority: tsa}
    run = harness(SERVICES["signature"], database_url, clock=clock, settings=settings, ports=ports)
    h = await stack.enter_async_context(run)
    buyer = Caller("buyer", "SIRET:20006682500012", "secret-person")
    steps = [{"action": "signature", "person": buyer.subject, "function": "Maire"}]
    await call(h, buyer, "PUT", "/circuit", expect=200, json={"steps": steps})
    winner, mayor = authority.issue("Titulaire", "Essai"), authority.issue("Maire", "Essai")
    pdf = await signer.sign_pdf(
        paper_to_sign(), winner.key, winner.certificate, winner.chain, timestamp=tsa, at=clock.now()
    )
    await _submit(h, buyer, await h.runtime.storage.exchange(pdf, media_type="application/pdf", name="secret.pdf"))
    (request,) = (await call(h, buyer, "GET", "/requests", expect=200))["items"]
    certificate = {"certificate": mayor.certificate_pem, "chain": mayor.chain_pem}
    value = base64.b64encode(b"x" * 256).decode()
    one = {"request_id": request["request_id"]}
    others = [{"action": "visa", "person": "other", "function": "Adjoint"}, steps[0]]
    return World(
        h,
        {"buyer": buyer},
        targets=await operations(h) | {"request_id": [one], "request_id,number": [one | {"number": "1"}]},
        bodies={
            ("PUT", "/v1/circuit"): {"json": {"steps": others}},
            ("POST", "/v1/requests/{request_id}/steps/{number}/preparation"): {"json": certificate},
            ("POST", "/v1/requests/{request_id}/steps/{number}/signature"): {"json": {"signature": value}},
            ("POST", "/v1/requests/{request_id}/refusal"): {"json": {"reason": "montant erroné"}},
            ("POST", "/v1/verifications"): {"data": b"%PDF-1.4", "headers": PDF},
        },
        secrets=(request["request_id"], "secret-title", "secret.pdf", "secret-body", buyer.organisation),
    )


def paper_to_sign() -> bytes:
    """Give a contract to sign."""
    return render("Acte d'engagement", [Text("245 000,00 EUR")])


async def _submit(h: Harness, buyer: Caller, document: DocumentReference) -> None:
    contract = uuid4()
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    await h.deliver(
        ContractSubmittedV1(
            aggregate_id=contract, aggregate_version=1, organisation=buyer.organisation, procedure=uuid4(),
            occurred_at=now, contract_id=contract, title="secret-title", document=document,
        )
    )  # fmt: skip
    await h.settle()


WORLDS: dict[str, Build] = {
    "alerts": alerts,
    "bids": of_bids,
    "legality": legality,
    "notices": of_notices,
    "opendata": of_opendata,
    "signature": signature,
}
