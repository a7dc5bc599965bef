"""What the walk of every route finds in notices."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from libs.common.mail.tokens import write_token
from libs.common.testing.harness import Harness, TestClock, harness
from tests.api.security.objects import XML, call, secret_of
from tests.api.security.security_world import SERVICES, Caller, World, operations
from tests.unit.notices import notices_samples as notices

BUYER, VILLAGE = Caller("buyer", notices.INTERCOMMUNALITY), Caller("buyer", notices.VILLAGE)
BODY = {
    "title": "secret-title", "buyer": {"name": "Trois Vallées"}, "nature": "works", "cpv": ["45233140"],
    "places": [{"nuts": "FRC11"}], "opening": notices.KEYS,
}  # fmt: skip
ROLE = {"person": "secret-colleague", "role": "writer"}
WHY = {"explanation": "taken over by somebody"}
Json = dict[str, Any]
Bodies = dict[tuple[str, str], Json]


@dataclass(frozen=True)
class Made:
    """What was made, as the platform told of it."""

    shown: Json
    """A published notice, with a document."""
    draft: Json
    """A draft, with a document."""
    record: Json
    """A role of the caller."""
    template: Json
    joint: Json
    invited: Json
    """A joint purchase of another buyer, to which this one is invited."""
    asked: Json
    question: Json


async def of_notices(stack: AsyncExitStack, database_url: str, _: Path) -> World:
    """A draft with a document, a published notice, and a bid that its buyer may not know of yet."""
    h = await stack.enter_async_context(harness(SERVICES["notices"], database_url, clock=TestClock(notices.BEFORE)))
    m = await _make(h)
    return World(
        h,
        {"buyer": BUYER, "company": Caller("company", notices.COMPANY)},
        targets=await operations(h) | _targets(h, m),
        published=frozenset({m.shown["notice_id"], m.shown["procedure_id"]}),
        bodies=_of_notices(m) | _of_procedures(m) | _of_people(m),
        secrets=("secret-title", m.draft["notice_id"], m.draft["procedure_id"], "secret document", "secret-body",
                 "secret-colleague", "secret-template", "secret-group", m.template["template_id"],
                 str(UUID(int=8)), "bids.bid.deposited", "secret-question", notices.RIVAL),
        told=frozenset({"company"}),
    )  # fmt: skip


async def _make(h: Harness) -> Made:
    shown = await _published(h, BUYER)
    draft = await call(h, BUYER, "POST", "/notices", expect=201, json=BODY)
    path = f"/notices/{draft['notice_id']}/documents/rc.pdf"
    await call(h, BUYER, "PUT", path, expect=201, data=b"secret document")
    await call(h, BUYER, "POST", "/roles", expect=201, json=ROLE)
    own = (await call(h, BUYER, "GET", "/me", expect=200))["roles"]
    kept = {"name": "secret-template", "notice_id": draft["notice_id"]}
    template = await call(h, BUYER, "POST", "/templates", expect=201, json=kept)
    joint = await _joint(h, BUYER, notices.VILLAGE)
    invited = await _joint(h, VILLAGE, BUYER.organisation)
    await h.deliver(notices.bid_deposited(h.clock.now()))
    await h.settle()
    asked = {"text": "secret-question", "procedure_id": shown["procedure_id"]}
    question = await call(h, Caller("company", notices.RIVAL), "POST", "/questions", expect=201, json=asked)
    record = next(each for each in own if each["role"] == "evaluator")
    return Made(shown, draft, record, template, joint, invited, asked, question)


async def _joint(h: Harness, coordinator: Caller, member: str) -> Json:
    group = {"title": "secret-group", "members": [member]}
    made: Json = await call(h, coordinator, "POST", "/joint-purchases", expect=201, json=group)
    return made


def _targets(h: Harness, m: Made) -> dict[str, list[dict[str, str]]]:
    drafts, public = {"notice_id": m.draft["notice_id"]}, {"notice_id": m.shown["notice_id"]}
    procedure = {"procedure_id": m.shown["procedure_id"]}
    joint = {"joint_id": m.joint["joint_id"]}
    return {
        "notice_id": [drafts, public],
        "notice_id,name": [each | {"name": "rc.pdf"} for each in (drafts, public)],
        "notice_id,number": [drafts | {"number": "1"}, public | {"number": str(m.shown["version"])}],
        "procedure_id,lot_id": [procedure | {"lot_id": "LOT-0001"}],
        "procedure_id": [{"procedure_id": m.draft["procedure_id"]}, procedure],
        "procedure_id,name": [procedure | {"name": "rc.pdf"}],
        "record_id": [{"record_id": m.record["record_id"]}],
        "template_id": [{"template_id": m.template["template_id"]}],
        "organisation": [{"organisation": BUYER.organisation}],
        "joint_id": [joint, {"joint_id": m.invited["joint_id"]}],
        "joint_id,organisation": [joint | {"organisation": notices.VILLAGE}],
        "joint_id,procedure_id": [joint | {"procedure_id": m.draft["procedure_id"]}],
        "question_id": [{"question_id": m.question["question_id"]}],
        "token": [{"token": write_token(secret_of(h), UUID(int=9), 99, purpose="consent")}],
    }


def _of_notices(m: Made) -> Bodies:
    """Give what is sent of notices, drafts and templates."""
    version = {"If-Match": f'"{m.draft["version"]}"'}
    return {
        ("POST", "/v1/notices/check"): {"data": b"<a/>", "headers": XML},
        ("POST", "/v1/notices/import"): {"data": notices.eforms(1), "headers": XML},
        ("POST", "/v1/notices"): {"json": BODY | {"title": "mine"}},
        ("PATCH", "/v1/notices/{notice_id}"): {"json": {"title": "taken over"}, "headers": version},
        ("POST", "/v1/notices/{notice_id}/publication"): {"headers": version},
        ("POST", "/v1/notices/{notice_id}/check"): {"json": {}, "headers": version},
        ("POST", "/v1/notices/{notice_id}/publications"): {"json": {}, "headers": version},
        ("POST", "/v1/notices/{notice_id}/corrections"): {"json": WHY | {"reason": "cor-buy"}},
        ("POST", "/v1/notices/{notice_id}/modifications"): {
            "json": WHY | {"reason": "mod-nons", "lot_id": "LOT-0001"}
        },
        ("POST", "/v1/notices/{notice_id}/cancellations"): {"json": WHY},
        ("PUT", "/v1/notices/{notice_id}/documents/{name}"): {"data": b"taken over"},
        ("POST", "/v1/drafts"): {"json": {"notice_id": m.shown["notice_id"], "buyer": {"name": "mine"}}},
        ("POST", "/v1/templates"): {
            "json": {"notice_id": m.shown["notice_id"], "name": "mine", "buyer": {"name": "mine"}}
        },
    }  # fmt: skip


def _of_procedures(m: Made) -> Bodies:
    """Give what is sent of procedures and questions."""
    version = {"If-Match": f'"{m.draft["version"]}"'}
    return {
        ("POST", "/v1/procedures/{procedure_id}/award-notices"): {"json": {}},
        ("POST", "/v1/procedures/{procedure_id}/suspension"): {"json": {"reason": "buyer"}, "headers": version},
        ("POST", "/v1/procedures/{procedure_id}/resumption"): {"json": {}, "headers": version},
        ("POST", "/v1/procedures/{procedure_id}/abandonment"): {
            "json": WHY | {"reason": "other"}, "headers": version
        },
        ("POST", "/v1/procedures/{procedure_id}/lots/{lot_id}/abandonment"): {
            "json": WHY | {"reason": "other"}, "headers": version
        },
        ("POST", "/v1/procedures/{procedure_id}/lots/{lot_id}/failure"): {
            "json": WHY | {"reason": "other"}, "headers": version
        },
        ("POST", "/v1/questions"): {"json": m.asked | {"text": "mine"}},
        ("PUT", "/v1/procedures/{procedure_id}/questions/closing"): {"json": {"closes_at": None}},
        ("PUT", "/v1/questions/{question_id}/answer"): {"json": {"answer": "x"}, "headers": version},
        ("POST", "/v1/procedures/{procedure_id}/registrations"): {"json": {"company": "mine", "name": "me"}},
    }  # fmt: skip


def _of_people(_: Made) -> Bodies:
    """Give what is sent of people and organisations."""
    return {
        ("POST", "/v1/roles"): {"json": ROLE | {"person": "mine"}},
        ("POST", "/v1/roles/{record_id}/delegation"): {
            "json": {"person": "mine", "valid_until": "2027-01-01T00:00:00Z"}
        },
        ("PUT", "/v1/organisations/{organisation}"): {"json": {"name": "mine"}, "headers": {"If-Match": '"0"'}},
        ("POST", "/v1/joint-purchases"): {"json": {"title": "mine"}},
        ("POST", "/v1/joint-purchases/{joint_id}/members"): {"json": {"organisation": notices.HOSPITAL}},
        ("POST", "/v1/organisations/{organisation}/administrators"): {"json": {"person": "named"}},
    }  # fmt: skip


async def _published(h: Harness, buyer: Caller) -> Any:  # noqa: ANN401  # JSON
    notice = await call(h, buyer, "POST", "/notices/import", expect=201, data=notices.eforms(1), headers=XML)
    path = f"/notices/{notice['notice_id']}"
    match = {"If-Match": f'"{notice["version"]}"'}
    changed = await call(h, buyer, "PATCH", path, expect=200, json={"opening": notices.KEYS}, headers=match)
    await call(h, buyer, "PUT", f"{path}/documents/rc.pdf", expect=201, data=b"%PDF-1.7 rules")
    match = {"If-Match": f'"{changed["version"]}"'}
    return await call(h, buyer, "POST", f"{path}/publication", expect=201, headers=match)
