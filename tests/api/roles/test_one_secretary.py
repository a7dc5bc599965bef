"""One secretary of three communes: each recorded other roles in notices, and every service lets her do that, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.grants import Permission, Role, allowed
from libs.common.messages.bids import ContractSignedV1, ContractSubmittedV1
from libs.common.messages.notices import Buyer
from libs.common.testing.harness import Harness, TestClock, harness
from services.bids import sealing
from tests.api.bids import bids_world as bids
from tests.api.notices.roles_world import ALPHA, BETA, GAMMA, SIVOM, Person
from tests.api.security.security_world import SERVICES
from tests.unit.opendata import opendata_samples as opendata

ROLES: dict[str, tuple[Role, ...]] = {
    ALPHA: (Role.PUBLISHER, Role.OPENING_OFFICER),
    BETA: (Role.WRITER, Role.SIGNATORY, Role.EVALUATOR),
    GAMMA: (Role.READER,),
}
P = Permission
CIRCUIT = {"steps": [{"action": "signature", "person": "secretary", "function": "Maire"}]}
AUTHORITY = {"department": "021", "arrondissement": "1", "nature": "44", "email": None}
WRONG = opendata.essential(ccag="Rien").model_dump(mode="json")
CERTIFICATE = {"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}
GATES: tuple[tuple[str, str, str, dict[str, Any], Permission], ...] = (
    ("notices", "GET", "/drafts", {}, P.READ),
    ("notices", "GET", "/roles", {}, P.ADMINISTER),
    ("bids", "GET", "/contracts", {}, P.READ),
    ("bids", "GET", "/letters", {}, P.READ),
    ("bids", "GET", "/consultations/{consultation}/register", {}, P.READ),
    ("bids", "POST", "/consultations/{consultation}/openings", {"json": {}}, P.OPEN),
    ("bids", "POST", "/consultations/{consultation}/lots/LOT-0001/award", {"json": bids.award_body(uuid4(), [])}, P.EVALUATE),
    ("signature", "GET", "/requests", {}, P.READ),
    ("signature", "GET", "/requests/{request}", {}, P.READ),
    ("signature", "POST", "/requests/{request}/opening", {}, P.WRITE),
    ("signature", "POST", "/requests/{request}/steps/1/visa", {}, P.WRITE),
    ("signature", "POST", "/requests/{request}/steps/1/preparation", {"json": CERTIFICATE}, P.SIGN),
    ("signature", "PUT", "/circuit", {"json": CIRCUIT}, P.ADMINISTER),
    ("legality", "GET", "/acts", {}, P.READ),
    ("legality", "GET", "/acts/{act}", {}, P.READ),
    ("legality", "POST", "/acts/{act}/transmission", {}, P.PUBLISH),
    ("legality", "PUT", "/authority", {"json": AUTHORITY}, P.ADMINISTER),
    ("opendata", "GET", "/contracts/pending", {}, P.READ),
    ("opendata", "POST", "/contracts/{contract}/completion", {"json": WRONG}, P.PUBLISH),
)  # fmt: skip


@dataclass
class Region:
    """The services, each with one object of each commune."""

    services: dict[str, Harness]
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    """Identifiers of the objects, by commune."""
    told: int = 0

    async def spread(self) -> None:
        """Let the other services hear what notices told since."""
        notices = self.services["notices"]
        await notices.settle()
        events = notices.events()
        for event in events[self.told :]:
            if event.type.startswith("notices.role."):
                for name in ("bids", "signature", "legality", "opendata"):
                    await self.services[name].deliver(event)
        self.told = len(events)

    async def passed(self, sub: str, commune: str, token_of: str) -> set[tuple[str, str, str]]:
        """Give the gates that let a person pass; a state of the object that forbids it, or a wrong body, is behind the gate."""
        found = set()
        for service, method, path, options, _ in GATES:
            h = self.services[service]
            headers = h.headers(token_of, sub=sub) | {"Halles-Organisation": commune}
            url = f"/{service}/v1{path.format_map(self.names[commune])}"
            async with h.client.request(method, url, headers=headers, **options) as answer:
                assert answer.status in {200, 403, 409, 422}, (url, await answer.text())
                found |= {(service, method, path)} if answer.status != 403 else set()
        return found


async def objects_of(region: Region, commune: str) -> dict[str, str]:
    """Have each service hear of something of a commune."""
    now, procedure, contract = region.services["bids"].clock.now(), uuid4(), uuid4()
    told = bids.notice(procedure, [sealing.generate("o")], 1, buyer=Buyer(organisation=commune, name="Commune"))
    await region.services["bids"].deliver(told)
    signed = opendata.contract(contract_id=contract, buyer_department="21", number=str(contract)[:8])
    await region.services["legality"].deliver(
        ContractSignedV1(
            aggregate_id=contract, aggregate_version=3, organisation=commune, procedure=procedure, occurred_at=now, contract=signed
        )
    )  # fmt: skip
    document = await region.services["signature"].runtime.storage.exchange(
        b"%PDF-1.4", media_type="application/pdf", name="a.pdf"
    )
    await region.services["signature"].deliver(
        ContractSubmittedV1(
            aggregate_id=contract, aggregate_version=1, organisation=commune, procedure=procedure, occurred_at=now,
            contract_id=contract, title="Toiture", document=document,
        )
    )  # fmt: skip
    wrong = opendata.essential(ccag="Rien")
    await region.services["opendata"].deliver(
        opendata.notified(commune, procedure, contract_id=contract, number=str(contract)[:8], essential=wrong)
    )
    return {
        "consultation": str(procedure),
        "contract": str(contract),
        "request": str(
            await one(region.services["signature"], "SELECT request_id FROM request WHERE subject_id = $1", contract)
        ),
        "act": str(await one(region.services["legality"], "SELECT act_id FROM act WHERE subject_id = $1", contract)),
    }


async def one(h: Harness, statement: str, value: UUID) -> UUID:
    async with h.runtime.read() as conn:
        found: UUID = await conn.fetchval(statement, value)
    return found


@pytest.fixture
async def region(database_url: str) -> AsyncIterator[Region]:
    clock = TestClock(datetime(2026, 3, 10, 9, tzinfo=UTC))
    async with AsyncExitStack() as stack:
        names = ("notices", "bids", "signature", "legality", "opendata")
        services = {
            name: await stack.enter_async_context(harness(SERVICES[name], database_url, clock=clock)) for name in names
        }
        region = Region(services)
        for commune in ROLES:
            region.names[commune] = await objects_of(region, commune)
        yield region


@pytest.mark.timeout(180)
async def test_one_secretary_of_three_communes_does_in_every_service_what_each_recorded(region: Region) -> None:
    notices = region.services["notices"]
    mayors = {commune: Person(notices, f"mayor-{commune[-5:]}", commune) for commune in ROLES}
    secretary = Person(notices, "secretary", SIVOM)
    before = {commune: await region.passed("mayor", commune, commune) for commune in ROLES}
    assert all(len(passed) == len(GATES) for passed in before.values()), "no role is recorded: all may all"
    assert [await region.passed("secretary", commune, SIVOM) for commune in ROLES] == [set()] * 3
    given = {
        commune: [await mayors[commune].grant(secretary, role.value) for role in roles]
        for commune, roles in ROLES.items()
    }
    await region.spread()
    for commune, roles in ROLES.items():
        assert await region.passed("secretary", commune, SIVOM) == opened_to(roles), commune
        assert await region.passed("colleague", commune, commune) == set(), "the token alone gives nothing any more"
    for record in given[BETA]:
        await mayors[BETA].ask("DELETE", f"/roles/{record['record_id']}", 204)
    await region.spread()
    assert await region.passed("secretary", BETA, SIVOM) == set()
    for commune in (ALPHA, GAMMA):
        assert await region.passed("secretary", commune, SIVOM) == opened_to(ROLES[commune])


def opened_to(roles: tuple[Role, ...]) -> set[tuple[str, str, str]]:
    given = allowed(roles)
    return {(service, method, path) for service, method, path, _, permission in GATES if permission in given}
