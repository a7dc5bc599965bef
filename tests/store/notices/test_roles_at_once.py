"""Changes of roles at the same instant, on a real server: one begins, one administrator remains, one role is given."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Conflict, Forbidden, HallesError
from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices.domain.roles import Role, RoleRecord
from services.notices.errors import LastAdministrator
from services.notices.service import roles
from services.notices.store import roles as store
from services.notices.wiring import SERVICE

ALPHA = "SIRET:21210001200013"


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock())


def actor(subject: str) -> Actor:
    return Actor(subject, "", ALPHA, OrganisationKind.BUYER)


async def grant(h: Harness, by: str, person: str, role: Role = Role.READER, days: int | None = None) -> RoleRecord:
    until = h.clock.now() + timedelta(days=days) if days else None
    async with h.runtime.uow(actor=actor(by)) as uow:
        return await roles.grant(uow, roles.GrantRole(person, role, valid_until=until), actor(by))


async def revoke(h: Harness, by: str, record: RoleRecord) -> RoleRecord:
    async with h.runtime.uow(actor=actor(by)) as uow:
        return await roles.revoke(uow, record.record_id, actor(by))


async def held(h: Harness, person: str) -> list[RoleRecord]:
    async with h.runtime.read() as conn:
        return await store.records_of_person(conn, person, h.clock.now())


def refusals(answers: list[RoleRecord | BaseException]) -> list[type]:
    return [type(each) for each in answers if isinstance(each, HallesError)]


async def test_of_two_who_begin_at_once_one_does(h: Harness) -> None:
    both = [grant(h, "first", "reader"), grant(h, "second", "reader")]
    answers = await asyncio.gather(*both, return_exceptions=True)
    [refused] = refusals(answers)
    assert issubclass(refused, Forbidden)
    assert sorted([len(await held(h, person)) for person in ("first", "second")]) == [0, 5]
    assert len(await held(h, "reader")) == 1


async def test_of_two_administrators_who_remove_each_other_one_remains(h: Harness) -> None:
    await grant(h, "first", "second", Role.ADMINISTRATOR)
    [mine] = [each for each in await held(h, "first") if each.role is Role.ADMINISTRATOR]
    [theirs] = await held(h, "second")
    both = [revoke(h, "first", theirs), revoke(h, "second", mine)]
    answers = await asyncio.gather(*both, return_exceptions=True)
    [refused] = refusals(answers)
    assert issubclass(refused, Forbidden | LastAdministrator)
    async with h.runtime.read() as conn:
        assert await store.keepers(conn, ALPHA, h.clock.now()) == 1


async def test_of_two_grants_of_one_role_at_once_one_is_kept(h: Harness) -> None:
    await grant(h, "first", "second", Role.ADMINISTRATOR)
    both = [grant(h, by, "writer", Role.WRITER, days=9) for by in ("first", "second")]
    [refused] = refusals(await asyncio.gather(*both, return_exceptions=True))
    assert issubclass(refused, Conflict)
    assert len(await held(h, "writer")) == 1


async def test_a_delegation_made_while_its_role_is_revoked_does_not_outlive_it(h: Harness) -> None:
    record = await grant(h, "first", "publisher", Role.PUBLISHER)

    async def delegate() -> RoleRecord:
        command = roles.DelegateRole(record.record_id, "deputy", h.clock.now() + timedelta(days=5))
        async with h.runtime.uow(actor=actor("publisher")) as uow:
            return await roles.delegate(uow, command, actor("publisher"))

    for _ in range(3):
        answers = await asyncio.gather(delegate(), revoke(h, "first", record), return_exceptions=True)
        assert await held(h, "deputy") == [], answers
        assert all(isinstance(each, RoleRecord | HallesError) for each in answers)
        record = await grant(h, "first", "publisher", Role.PUBLISHER)


async def test_what_no_use_case_writes_the_database_refuses_too(h: Harness) -> None:
    await grant(h, "first", "reader")
    async with h.runtime.read() as conn:
        for wrong in (
            "UPDATE role_record SET capacity = 'guest' WHERE role = 'reader'",
            "UPDATE role_record SET valid_until = valid_from",
            "UPDATE role_record SET role = 'king'",
            "UPDATE role_record SET revoked_at = now()",
        ):
            with pytest.raises(asyncpg.CheckViolationError):
                await conn.execute(wrong)
