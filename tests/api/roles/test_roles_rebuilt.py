"""A service that begins to follow roles hears of those recorded before: from the export of notices, delegations and joint purchases too."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

from libs.common.bus.rebuild.export import export
from libs.common.bus.rebuild.replay import rebuilding
from libs.common.grants.known import QUEUE, TABLES
from libs.common.testing.harness import Harness, TestClock, harness
from tests.api.notices.roles_world import ALPHA, BETA, SIVOM, Person, days
from tests.api.roles.roles_told import Rolls
from tests.api.security.security_world import SERVICES
from tests.unit.notices.notices_samples import BEFORE


async def test_roles_recorded_before_rule_once_the_read_model_is_rebuilt(database_url: str, tmp_path: Path) -> None:
    clock = TestClock(BEFORE)
    async with AsyncExitStack() as stack:
        notices, signature = [
            await stack.enter_async_context(harness(SERVICES[name], database_url, clock=clock))
            for name in ("notices", "signature")
        ]
        procedure = await record(notices)
        await Rolls(signature, ALPHA).ask("colleague", "GET", "/requests", 200, of=ALPHA)  # it has heard of nothing
        await rebuild(notices, signature, tmp_path)
        for person, status in (("mayor", 200), ("colleague", 403), ("gone", 403), ("deputy", 200), ("guest", 200)):
            await Rolls(signature, ALPHA).ask(person, "GET", "/requests", status, of=ALPHA)
        async with signature.runtime.read() as conn:
            assert await conn.fetchval("SELECT stands_in_for FROM held_role WHERE person = 'deputy'") == "mayor"
            assert await conn.fetchval("SELECT members FROM known_joint_purchase") == [BETA]
            assert await conn.fetchval("SELECT procedures FROM known_joint_purchase") == [procedure]


async def record(h: Harness) -> UUID:
    """Record roles, one taken back, a delegation, a guest, and a joint purchase that one of two joined."""
    mayor, beta = Person(h, "mayor", ALPHA), Person(h, "beta", BETA)
    draft = await mayor.draft()
    gone = await mayor.grant(Person(h, "gone", ALPHA), "reader")
    await mayor.ask("DELETE", f"/roles/{gone['record_id']}", 204)
    own = next(each for each in (await mayor.ask("GET", "/me", 200))["roles"] if each["role"] == "signatory")
    body = {"person": "deputy", "valid_until": days(h, 9)}
    await mayor.ask("POST", f"/roles/{own['record_id']}/delegation", 201, json=body)
    guest = {"capacity": "guest", "procedure_id": draft["procedure_id"], "valid_until": days(h, 9)}
    await mayor.grant(Person(h, "guest", None), "reader", **guest)
    group = {"title": "Fournitures", "members": [BETA, SIVOM]}
    joint = await mayor.ask("POST", "/joint-purchases", 201, json=group)
    await beta.ask("POST", f"/joint-purchases/{joint['joint_id']}/acceptance", 201)
    await mayor.ask("PUT", f"/joint-purchases/{joint['joint_id']}/procedures/{draft['procedure_id']}", 200)
    await h.settle()
    return UUID(draft["procedure_id"])


async def rebuild(notices: Harness, signature: Harness, folder: Path) -> None:
    queue = f"signature.{QUEUE}"
    async with rebuilding(signature.runtime, queue, TABLES) as found:
        await found.begin()
        assert found.producers == ["notices"]
        await export(notices.runtime, folder, queue)
        await found.replay(folder, lambda done, total: None)
        await found.swap()
