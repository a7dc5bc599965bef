"""Who publishes essential data and reads what waits, by the roles that the buyer recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.opendata.wiring import SERVICE
from tests.api.roles.roles_told import Rolls
from tests.unit.opendata.opendata_samples import BUYER, CONTRACT, OTHER_BUYER, PROCEDURE, essential, notified

COMPLETION = f"/contracts/{CONTRACT}/completion"
WRONG: dict[str, Any] = {"json": essential(ccag="Rien").model_dump(mode="json")}
RIGHT: dict[str, Any] = {"json": essential().model_dump(mode="json")}
PENDING = "/contracts/pending"


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    """Two contracts of two consultations wait for a correction."""
    h = await service_harness(SERVICE)
    wrong = essential(ccag="Rien")
    await h.deliver(
        notified(essential=wrong), notified(BUYER, UUID(int=9), contract_id=UUID(int=8), number="B2", essential=wrong)
    )
    return h


async def test_each_role_does_its_part_and_no_other(h: Harness) -> None:
    rolls = Rolls(h, BUYER)
    await rolls.ask("anybody", "POST", COMPLETION, 200, of=BUYER, **WRONG)
    for role in ("administrator", "writer", "publisher", "signatory", "reader"):
        await rolls.give(role, role)
    for person in ("administrator", "writer", "signatory", "reader", "colleague"):
        assert await rolls.missing(person, "POST", COMPLETION, of=BUYER, **RIGHT) == "publisher"
    await h.settle()
    assert h.events() == [], "nothing was published"
    assert await rolls.missing("colleague", "GET", PENDING, of=BUYER) == "reader"
    assert len((await rolls.ask("reader", "GET", PENDING, 200, of=BUYER))["items"]) == 2
    done = await rolls.ask("publisher", "POST", COMPLETION, 200, **RIGHT)
    assert done["state"] == "published"


async def test_a_guest_sees_what_waits_of_one_consultation_until_the_end_of_its_dates(h: Harness) -> None:
    rolls, until = Rolls(h, BUYER), h.clock.now() + timedelta(days=1)
    await rolls.give("referent", "reader", procedure=PROCEDURE, until=until)
    await rolls.give("other-referent", "reader", procedure=uuid4(), until=until)
    assert [each["contract_id"] for each in (await rolls.ask("referent", "GET", PENDING, 200))["items"]] == [
        str(CONTRACT)
    ]
    assert (await rolls.ask("other-referent", "GET", PENDING, 200))["items"] == []
    assert await rolls.missing("referent", "POST", COMPLETION, **RIGHT) == "publisher"
    h.clock.advance(timedelta(days=1))
    await rolls.ask("referent", "GET", PENDING, 403)
    assert await rolls.missing("referent", "GET", PENDING, of=BUYER) == "reader"


async def test_a_member_of_a_joint_purchase_reads_what_waits_and_publishes_nothing(h: Harness) -> None:
    member = Rolls(h, OTHER_BUYER)
    assert (await member.ask("mayor", "GET", PENDING, 200, of=OTHER_BUYER))["items"] == []
    await h.deliver(Rolls(h, BUYER).joint([OTHER_BUYER], [PROCEDURE]))
    assert len((await member.ask("mayor", "GET", PENDING, 200, of=OTHER_BUYER))["items"]) == 1
    await member.ask("mayor", "POST", COMPLETION, 404, of=OTHER_BUYER, **RIGHT)
