"""What the walk of every route finds in notices."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

from libs.common.mail.tokens import write_token
from libs.common.testing.harness import Harness, TestClock, harness
from tests.api.security.objects import XML, call, secret_of
from tests.api.security.security_world import SERVICES, Caller, World, operations
from tests.unit.notices import notices_samples as notices


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
            "token": [{"token": write_token(secret_of(h), UUID(int=9), 99, purpose="consent")}],
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


async def _published(h: Harness, buyer: Caller) -> Any:  # noqa: ANN401  # JSON
    notice = await call(h, buyer, "POST", "/notices/import", expect=201, data=notices.eforms(1), headers=XML)
    path = f"/notices/{notice['notice_id']}"
    match = {"If-Match": f'"{notice["version"]}"'}
    changed = await call(h, buyer, "PATCH", path, expect=200, json={"opening": notices.KEYS}, headers=match)
    await call(h, buyer, "PUT", f"{path}/documents/rc.pdf", expect=201, data=b"%PDF-1.7 rules")
    match = {"If-Match": f'"{changed["version"]}"'}
    return await call(h, buyer, "POST", f"{path}/publication", expect=201, headers=match)
