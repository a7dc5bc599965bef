"""The roles that the buyer recorded hold where its bids are opened, read, awarded and notified."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from libs.common.messages.roles import RecordedRole, RoleGrantedV1, RoleName, RoleRevokedV1
from libs.common.testing.plugin import HarnessFactory
from services.bids.sealing import ShareRequest, open_shares
from tests.api.bids.bids_world import BUYER, OTHER_BUYER, ROOTS, World, award_body, world

ALPHA = "SIRET:55210025400011"


def told(
    w: World, person: str, role: RoleName, *, until: datetime | None = None, procedure: UUID | None = None
) -> RoleGrantedV1:
    now, record = w.h.clock.now(), uuid4()
    said = RecordedRole(
        record_id=record, person=person, role=role, capacity="member", valid_from=now, valid_until=until
    )
    return RoleGrantedV1(
        aggregate_id=record, aggregate_version=1, organisation=BUYER, procedure=procedure, occurred_at=now, role=said
    )


def ended(granted: RoleGrantedV1) -> RoleRevokedV1:
    role = granted.role.model_copy(update={"revoked_at": granted.occurred_at})
    said = granted.model_dump() | {"aggregate_version": 2, "role": role.model_dump()}
    return RoleRevokedV1.model_validate(said)


async def ask(w: World, sub: str, method: str, path: str, status: int, *, of: str = BUYER, **options: Any) -> Any:  # noqa: ANN401
    headers = w.h.headers(of, "buyer", sub=sub) | options.pop("headers", {})
    async with w.h.client.request(method, f"/bids/v1{path}", headers=headers, **options) as answer:
        body = await answer.json() if "json" in answer.content_type else await answer.read()
        assert answer.status == status, body
        return body


async def missing(w: World, sub: str, method: str, path: str, **options: Any) -> str:  # noqa: ANN401
    problem = await ask(w, sub, method, path, 403, **options)
    assert problem["type"] == "urn:halles:problem:role-missing"
    role: str = problem["missing_role"]
    return role


async def test_each_role_does_its_part_and_no_other(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1, formal=False)
    await w.deposit(ALPHA, [b"offer"])
    await w.close()
    roles: tuple[RoleName, ...] = ("opening-officer", "evaluator", "publisher", "reader")
    await w.h.deliver(*(told(w, role, role) for role in roles))
    opening = f"/consultations/{w.procedure}/openings"
    for other in ("evaluator", "publisher", "reader", "colleague"):
        assert await missing(w, other, "POST", opening, json={}) == "opening-officer"
    started = (await ask(w, "opening-officer", "POST", opening, 201, json={}))["opening_id"]
    shares = f"/openings/{started}/shares?officer={w.officers[0].officer}"
    assert await missing(w, "evaluator", "GET", shares) == "opening-officer"
    assert await missing(w, "reader", "POST", f"/openings/{started}/completion") == "opening-officer"
    request = ShareRequest.model_validate(await ask(w, "opening-officer", "GET", shares, 200))
    body = open_shares(request, w.officers[0], ROOTS).model_dump(mode="json")
    await ask(w, "opening-officer", "POST", f"/openings/{started}/shares", 201, json=body)
    await ask(w, "opening-officer", "POST", f"/openings/{started}/completion", 202)
    await w.h.settle()
    await ask(w, "reader", "GET", f"/openings/{started}", 200)
    assert await missing(w, "colleague", "GET", f"/openings/{started}") == "reader"
    file = f"/openings/{started}/bids/{w.bids[ALPHA]}/files/1"
    assert await missing(w, "reader", "GET", file) == "evaluator"
    assert await ask(w, "evaluator", "GET", file, 200) == b"offer"
    await ask(w, "reader", "GET", f"/consultations/{w.procedure}/register", 200)
    award = f"/consultations/{w.procedure}/lots/LOT-0001/award"
    decision = award_body(w.bids[ALPHA], list(w.bids.values()))
    assert await missing(w, "publisher", "POST", award, json=decision) == "evaluator"
    made = await ask(w, "evaluator", "POST", award, 201, json=decision)
    notification = f"/contracts/{made['contract_id']}/notification"
    assert await missing(w, "evaluator", "POST", notification, headers={"If-Match": '"1"'}) == "publisher"
    await ask(w, "publisher", "POST", notification, 409, headers={"If-Match": '"1"'})


async def test_roles_end_by_date_and_by_word_in_whatever_order_it_comes(service_harness: HarnessFactory) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    await w.close()
    path = f"/consultations/{w.procedure}/register"
    dated, first = told(w, "dated", "reader", until=w.h.clock.now() + timedelta(days=2)), told(w, "first", "reader")
    await w.h.deliver(dated, told(w, "elsewhere", "reader", procedure=uuid4()))
    await w.h.deliver(ended(first), first)
    assert await missing(w, "first", "GET", path) == "reader"
    assert await missing(w, "elsewhere", "GET", path) == "reader"
    await ask(w, "dated", "GET", path, 200)
    w.h.clock.advance(timedelta(days=2))
    assert await missing(w, "dated", "GET", path) == "reader"


async def test_whoever_holds_a_role_acts_where_it_holds_though_the_token_names_another_buyer(
    service_harness: HarnessFactory,
) -> None:
    w = await world(service_harness, threshold=1, officers=1)
    await w.close()
    path, acting = f"/consultations/{w.procedure}/register", {"Halles-Organisation": BUYER}
    role = told(w, "secretary", "reader")
    await ask(w, "secretary", "GET", path, 403, of=OTHER_BUYER, headers=acting)
    await w.h.deliver(role, told(w, "guest", "evaluator", procedure=w.procedure))
    await w.h.deliver(told(w, "foreign-guest", "evaluator", procedure=uuid4()))
    await ask(w, "secretary", "GET", path, 200, of=OTHER_BUYER, headers=acting)
    await ask(w, "guest", "GET", path, 200, of=OTHER_BUYER, headers=acting)
    assert await missing(w, "foreign-guest", "GET", path, of=OTHER_BUYER, headers=acting) == "reader"
    await w.h.deliver(ended(role))
    await ask(w, "secretary", "GET", path, 403, of=OTHER_BUYER, headers=acting)
