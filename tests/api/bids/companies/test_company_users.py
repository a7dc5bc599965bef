"""Users of a company: one administrator, invitations by mail, dated records that rule whatever the token says; attacks by name."""

# ruff: noqa: ANN401  # answers are JSON

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.capture import Captures, smtp
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.bids.companies.users.invitations import expire
from services.bids.wiring import SERVICE

COMPANY, RIVAL, ELSEWHERE = "SIRET:44306184100047", "SIRET:55208131766522", "SIRET:57203055501234"
BOSS, CLERK, THIEF = "boss", "clerk", "thief"
ADDRESS = "metreur@entreprise.example"


@dataclass
class Firm:
    """A running service, and the mails that leave it."""

    h: Harness
    captures: Captures

    async def call(
        self,
        method: str,
        path: str,
        sub: str,
        *,
        expect: int,
        org: str = COMPANY,
        acting: str | None = None,
        **options: Any,
    ) -> Any:
        """Call as a person whose token names `org`, acting for another organisation if one is named."""
        headers = self.h.headers(org, options.pop("kind", "company"), sub=sub)
        headers |= {"Halles-Organisation": acting} if acting else {}
        async with self.h.client.request(method, f"/bids/v1{path}", headers=headers, **options) as answer:
            text = await answer.text()
            assert answer.status == expect, f"{method} {path}: {text}"
            return await answer.json() if "json" in answer.content_type else text

    async def invite(self, role: str = "depositor", *, by: str = BOSS, org: str = COMPANY) -> tuple[str, str]:
        """Invite, a second before what comes next; give the identifier of the invitation and the token of its mail."""
        made = await self.call(
            "POST", "/company/invitations", by, expect=201, org=org, json={"email": ADDRESS, "role": role}
        )
        await self.h.settle()
        self.h.clock.advance(timedelta(seconds=1))  # lists are by hour: what is of one hour has no order
        return made["invitation_id"], token_of(self.captures)

    async def join(self, sub: str, role: str = "depositor", *, org: str = ELSEWHERE) -> dict[str, Any]:
        """Invite a person and have them accept; give their record."""
        _, token = await self.invite(role)
        record: dict[str, Any] = await self.call("POST", f"/invitations/{token}/acceptance", sub, expect=201, org=org)
        return record


def token_of(captures: Captures) -> str:
    found = re.search(r"/bids/v1/invitations/([\w-]+)/page", captures.mails[-1].text)
    assert found is not None, captures.mails[-1].text
    return found[1]


@pytest.fixture
async def firm(service_harness: HarnessFactory) -> AsyncIterator[Firm]:
    captures = Captures()
    async with smtp(captures) as url:
        settings = {"smtp_url": url, "public_url": "https://halles.example"}
        yield Firm(await service_harness(SERVICE, settings=settings), captures)


async def test_nothing_changes_until_somebody_is_recorded(firm: Firm) -> None:
    for sub in (BOSS, CLERK):
        await firm.call("PUT", "/company", sub, expect=200, json={"name": "Ouche"})
    assert (await firm.call("GET", "/company/users", CLERK, expect=200))["items"] == []
    assert (await firm.call("GET", "/memberships", CLERK, expect=200))["items"] == []


async def test_who_invites_first_administers_and_records_rule_from_then_on(firm: Firm) -> None:
    _, token = await firm.invite()
    mail = firm.captures.mails[-1]
    assert mail.to == ADDRESS
    assert "You are invited" in mail.text
    assert mail.subject == f"Invitation à agir pour {COMPANY}"
    refused = await firm.call("GET", "/company", CLERK, expect=403)
    assert refused["type"] == "urn:halles:problem:no-company-user"
    assert "demandez une invitation" in refused["detail"]
    shown = await firm.call("GET", f"/invitations/{token}", THIEF, expect=200)
    assert (shown["company"], shown["role"]) == (COMPANY, "depositor")
    page = await firm.call("GET", f"/invitations/{token}/page", THIEF, expect=200)
    assert token in page
    assert "déposant" in page
    record = await firm.call("POST", f"/invitations/{token}/acceptance", CLERK, expect=201, org=ELSEWHERE)
    assert (record["person"], record["role"]) == (CLERK, "depositor")
    await firm.call("PUT", "/company", CLERK, expect=200, org=ELSEWHERE, acting=COMPANY, json={"name": "Ouche"})
    users = (await firm.call("GET", "/company/users", BOSS, expect=200))["items"]
    assert [(each["person"], each["role"]) for each in users] == [(BOSS, "administrator"), (CLERK, "depositor")]


async def test_a_person_whose_token_names_no_organisation_accepts_and_acts(firm: Firm) -> None:
    _, token = await firm.invite()
    bare = {"Authorization": f"Bearer {firm.h.issuer.token(organisation=None, sub=CLERK)}"}
    async with firm.h.client.post(f"/bids/v1/invitations/{token}/acceptance", headers=bare) as answer:
        assert answer.status == 201, await answer.text()
    async with firm.h.client.get("/bids/v1/bids", headers=bare | {"Halles-Organisation": COMPANY}) as answer:
        assert answer.status == 200
    async with firm.h.client.get("/bids/v1/bids", headers=bare) as answer:
        assert answer.status == 403
    async with firm.h.client.post(f"/bids/v1/invitations/{token}/acceptance") as answer:
        assert answer.status == 401


async def test_a_user_of_several_companies_says_for_which_one(firm: Firm) -> None:
    await firm.join(CLERK)
    _, token = await firm.invite(by="other-boss", org=RIVAL)
    await firm.call("POST", f"/invitations/{token}/acceptance", CLERK, expect=201, org=ELSEWHERE)
    own = await firm.call("GET", "/memberships?limit=1", CLERK, expect=200, org=ELSEWHERE)
    rest = await firm.call("GET", f"/memberships?limit=1&cursor={own['next']}", CLERK, expect=200, org=ELSEWHERE)
    assert {own["items"][0]["company"], rest["items"][0]["company"]} == {COMPANY, RIVAL}
    assert rest["next"] is None
    for company in (COMPANY, RIVAL):
        made = await firm.call(
            "PUT",
            "/company",
            CLERK,
            expect=200,
            org=ELSEWHERE,
            acting=f"{company};kind=company",
            json={"size": "small"},
        )
        assert made["company"] == company


async def test_a_reader_reads_and_does_nothing(firm: Firm) -> None:
    await firm.call("PUT", "/company", BOSS, expect=200, json={"name": "Ouche"})
    await firm.join(CLERK, "reader")
    assert (await firm.call("GET", "/company", CLERK, expect=200, org=ELSEWHERE, acting=COMPANY))["version"] == 1
    problem = await firm.call("PUT", "/company", CLERK, expect=403, org=ELSEWHERE, acting=COMPANY, json={"name": "x"})
    assert (problem["missing_role"], problem["granted_by"]) == ("depositor", "administrator")
    await firm.call("DELETE", "/company", CLERK, expect=403, org=COMPANY)


async def test_what_is_taken_back_is_over_at_the_next_request(firm: Firm) -> None:
    record = await firm.join(CLERK)
    await firm.call("GET", "/bids", CLERK, expect=200, org=ELSEWHERE, acting=COMPANY)
    await firm.call("DELETE", f"/company/users/{record['record_id']}", CLERK, expect=403, org=ELSEWHERE, acting=COMPANY)
    await firm.call("DELETE", f"/company/users/{record['record_id']}", BOSS, expect=204)
    await firm.call("GET", "/bids", CLERK, expect=403, org=ELSEWHERE, acting=COMPANY)
    await firm.call("GET", "/bids", CLERK, expect=403)  # though the token names the company
    past = (await firm.call("GET", "/company/users?live=false", BOSS, expect=200))["items"]
    assert [each["ended_at"] is None for each in past] == [True, False]
    await firm.call("DELETE", f"/company/users/{record['record_id']}", BOSS, expect=404)


async def test_the_administration_is_handed_over_and_the_last_administrator_does_not_leave(firm: Firm) -> None:
    record = await firm.join(CLERK)
    (own,) = (await firm.call("GET", "/memberships", BOSS, expect=200))["items"]
    for method, path in (("DELETE", "/memberships/"), ("DELETE", "/company/users/")):
        problem = await firm.call(method, path + own["record_id"], BOSS, expect=409)
        assert problem["type"] == "urn:halles:problem:last-administrator"
    await firm.call("PUT", f"/company/users/{own['record_id']}", BOSS, expect=409, json={"role": "reader"})
    handed = {"role": "administrator"}
    await firm.call(
        "PUT", f"/company/users/{record['record_id']}", CLERK, expect=403, org=ELSEWHERE, acting=COMPANY, json=handed
    )
    await firm.call("PUT", f"/company/users/{record['record_id']}", BOSS, expect=200, json=handed)
    await firm.call("POST", "/company/invitations", BOSS, expect=403, json={"email": ADDRESS})
    (own,) = (await firm.call("GET", "/memberships", BOSS, expect=200))["items"]
    assert own["role"] == "depositor"
    await firm.call("DELETE", f"/memberships/{own['record_id']}", CLERK, expect=404)
    await firm.call("DELETE", f"/memberships/{own['record_id']}", BOSS, expect=204)
    await firm.call("GET", "/bids", BOSS, expect=403)


async def test_two_who_hand_over_at_once_leave_one_administrator(firm: Firm) -> None:
    records = [await firm.join(sub) for sub in ("one", "two")]
    calls = [
        firm.h.client.put(
            f"/bids/v1/company/users/{each['record_id']}", json={"role": "administrator"},
            headers=firm.h.headers(COMPANY, "company", sub=BOSS),
        )
        for each in records
    ]  # fmt: skip
    statuses = sorted([answer.status for answer in await asyncio.gather(*calls)])
    assert statuses == [200, 403]
    async with firm.h.runtime.read() as conn:
        query = "SELECT count(*) FROM company_user WHERE role = 'administrator' AND ended_at IS NULL"
        assert await conn.fetchval(query) == 1


async def test_the_operator_names_an_administrator_and_nobody_else_does(firm: Firm) -> None:
    await firm.join(CLERK)
    path, body = f"/companies/{COMPANY}/administrators", {"person": "heir"}
    await firm.call("POST", path, BOSS, expect=403, json=body)
    await firm.call("POST", path, "op", expect=201, org="SIRET:23210001700016", kind="operator", json=body)
    users = (await firm.call("GET", "/company/users", "heir", expect=200))["items"]
    assert {each["person"]: each["role"] for each in users} == {
        "heir": "administrator",
        BOSS: "depositor",
        CLERK: "depositor",
    }
    await firm.call("POST", path, "op", expect=409, org="SIRET:23210001700016", kind="operator", json=body)


async def test_a_token_works_once_and_who_was_revoked_does_not_come_back_with_it(firm: Firm) -> None:
    _, token = await firm.invite()
    record = await firm.call("POST", f"/invitations/{token}/acceptance", CLERK, expect=201, org=ELSEWHERE)
    await firm.call("POST", f"/invitations/{token}/acceptance", THIEF, expect=404, org=ELSEWHERE)
    await firm.call("DELETE", f"/company/users/{record['record_id']}", BOSS, expect=204)
    await firm.call("POST", f"/invitations/{token}/acceptance", CLERK, expect=404, org=ELSEWHERE)
    await firm.call("GET", f"/invitations/{token}", CLERK, expect=404)


async def test_one_of_many_who_race_for_a_token_gets_in(firm: Firm) -> None:
    _, token = await firm.invite()
    calls = [
        firm.h.client.post(
            f"/bids/v1/invitations/{token}/acceptance", headers=firm.h.headers(ELSEWHERE, "company", sub=f"p{n}")
        )
        for n in range(8)
    ]
    statuses = sorted([answer.status for answer in await asyncio.gather(*calls)])
    assert statuses == [201] + [404] * 7


async def test_an_unknown_a_used_a_revoked_and_an_old_token_are_told_in_the_same_words(firm: Firm) -> None:
    _, used = await firm.invite()
    await firm.call("POST", f"/invitations/{used}/acceptance", CLERK, expect=201, org=ELSEWHERE)
    identity, revoked = await firm.invite()
    await firm.call("DELETE", f"/company/invitations/{identity}", BOSS, expect=204)
    _, old = await firm.invite()
    firm.h.clock.advance(timedelta(days=7))
    forged = old[:-2] + ("AA" if old[-2:] != "AA" else "BB")
    told = set()
    for token in (used, revoked, old, forged, "x"):
        problem = await firm.call("POST", f"/invitations/{token}/acceptance", THIEF, expect=404, org=ELSEWHERE)
        told.add((problem["type"], problem["detail"]))
    assert len(told) == 1


async def test_the_invitations_of_another_company_are_not_ones_own(firm: Firm) -> None:
    identity, token = await firm.invite()
    await firm.call("POST", "/company/users", "rival", expect=201, org=RIVAL)
    assert (await firm.call("GET", "/company/invitations", "rival", expect=200, org=RIVAL))["items"] == []
    await firm.call("DELETE", f"/company/invitations/{identity}", "rival", expect=404, org=RIVAL)
    (own,) = (await firm.call("GET", "/memberships", BOSS, expect=200))["items"]
    await firm.call("DELETE", f"/company/users/{own['record_id']}", "rival", expect=404, org=RIVAL)
    await firm.call(
        "PUT", f"/company/users/{own['record_id']}", "rival", expect=404, org=RIVAL, json={"role": "reader"}
    )
    await firm.call("POST", f"/invitations/{token}/acceptance", CLERK, expect=201, org=RIVAL)
    assert (await firm.call("GET", "/memberships", CLERK, expect=200))["items"][0]["company"] == COMPANY


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: all@b.example", "a@b.example\nSubject: x", "a@b.example, c@d.example", "<a@b.example>", "a@b",
     "A <a@b.example>", "a@b.example\x00", "é@b.example", "a" * 65 + "@b.example"],
)  # fmt: skip
async def test_an_address_with_a_header_in_it_is_refused_and_nothing_is_recorded(firm: Firm, address: str) -> None:
    await firm.call("POST", "/company/invitations", BOSS, expect=422, json={"email": address})
    await firm.h.settle()
    assert not firm.captures.mails
    assert (await firm.call("GET", "/company/users", BOSS, expect=200))["items"] == []


async def test_neither_a_declared_name_nor_a_function_writes_to_strangers(firm: Firm) -> None:
    await firm.call("PUT", "/company", BOSS, expect=200, json={"name": "Gagnez https://evil.example"})
    body = {"email": ADDRESS, "function": "métreur\r\nBcc: x@y.example"}
    made = await firm.call("POST", "/company/invitations", BOSS, expect=201, json=body)
    await firm.h.settle()
    mail = firm.captures.mails[-1]
    assert made["function"] == "métreur Bcc: x@y.example"
    assert b"evil.example" not in mail.raw
    assert b"y.example" not in mail.raw
    assert len(firm.captures.mails) == 1


async def test_mailboxes_are_not_flooded(firm: Firm) -> None:
    for _ in range(20):
        await firm.call("POST", "/company/invitations", BOSS, expect=201, json={"email": ADDRESS})
    await firm.call("POST", "/company/invitations", BOSS, expect=429, json={"email": ADDRESS})
    firm.h.clock.advance(timedelta(days=1))
    await firm.call("POST", "/company/invitations", BOSS, expect=201, json={"email": ADDRESS})


async def test_neither_token_nor_address_is_kept_where_it_is_not_needed(firm: Firm) -> None:
    _, token = await firm.invite()
    await firm.call("POST", f"/invitations/{token}/acceptance", CLERK, expect=201, org=ELSEWHERE)
    await firm.invite()
    firm.h.clock.advance(timedelta(days=8))
    await expire(firm.h.runtime)
    await firm.h.settle()
    async with firm.h.runtime.read() as conn:
        for (table,) in await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            dump = await conn.fetchval(f"SELECT string_agg(t::text, ' ') FROM \"{table}\" AS t")  # noqa: S608
            assert token not in (dump or ""), table
            assert ADDRESS not in (dump or ""), table
    states = (await firm.call("GET", "/company/invitations", BOSS, expect=200))["items"]
    assert [(each["state"], each["email"], each["mail"]) for each in states] == [
        ("accepted", None, "sent"), ("expired", None, "sent"),
    ]  # fmt: skip


async def test_the_other_services_are_told_of_each_change_without_names(firm: Firm) -> None:
    record = await firm.join(CLERK)
    await firm.call("DELETE", f"/company/users/{record['record_id']}", BOSS, expect=204)
    await firm.h.settle()
    told = firm.h.events("bids.companyuser.changed.v1")
    assert [(each.data["user"]["person"], each.data["user"]["ended_at"] is None) for each in told] == [
        (BOSS, True), (CLERK, True), (CLERK, False),
    ]  # fmt: skip
    assert ADDRESS not in str([each.data for each in told])
