"""Events of roles in any order, some twice: what was heard to be over gives nothing, and all orders end the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from libs.common.actor import Actor, OrganisationKind
from libs.common.grants import ALL, Permission
from libs.common.grants.known import permissions
from libs.common.messages.base import Event
from libs.common.messages.roles import JointMember
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from services.opendata.wiring import SERVICE
from tests.api.roles.roles_told import Rolls, ended

P = Permission
OTHER = "SIRET:21350238800019"


@pytest.mark.parametrize("seed", range(12))
async def test_no_order_gives_back_what_was_heard_to_be_over(service_harness: HarnessFactory, seed: int) -> None:
    h, chance = await service_harness(SERVICE), random.Random(seed)
    for number in range(8):
        rolls, procedure = Rolls(h, f"SIRET:{number:014}"), uuid4()
        mayor, clerk = rolls.granted("mayor", "signatory"), rolls.granted("clerk", "writer")
        deputy = rolls.granted("deputy", "signatory", until=h.clock.now() + timedelta(days=9), source=mayor)
        assistant = rolls.granted("assistant", "writer", until=h.clock.now() + timedelta(days=9), source=clerk)
        joint = rolls.joint([OTHER], [procedure])
        left = [JointMember(organisation=OTHER, accepted_at=h.clock.now(), left_at=h.clock.now())]
        over = joint.model_copy(update={"aggregate_version": 2, "members": left})
        events = [mayor, ended(mayor), deputy, ended(deputy), clerk, assistant, ended(assistant), joint, over]
        order = [*events, *chance.sample(events, 4)]
        chance.shuffle(order)
        await _deliver(h, rolls, order, [ended(mayor), ended(deputy), ended(assistant), over])
        assert await may(h, rolls.buyer, "clerk") == {P.READ, P.WRITE}
        member = Actor("person", "", OTHER, OrganisationKind.BUYER)
        async with h.runtime.read() as conn:
            assert not await permissions(conn, member, rolls.buyer, procedure, h.clock.now())


async def _deliver(h: Harness, rolls: Rolls, order: Sequence[Event], ends: Sequence[Event]) -> None:
    """Deliver events; after each, nothing is held that was heard to be over, and the token alone gives nothing."""
    heard: set[tuple[object, int]] = set()
    of_roles = False
    for event in order:
        await h.deliver(event)
        heard.add((event.aggregate_id, event.aggregate_version))
        of_roles |= event.type.startswith("notices.role.")
        of_mayor, of_deputy, of_assistant, _ = ((end.aggregate_id, 2) in heard for end in ends)
        assert not (of_mayor and await may(h, rolls.buyer, "mayor") - of_nobody(of_roles))
        assert not ((of_mayor or of_deputy) and await may(h, rolls.buyer, "deputy") - of_nobody(of_roles))
        assert not (of_assistant and await may(h, rolls.buyer, "assistant") - of_nobody(of_roles))
        assert await may(h, rolls.buyer, "colleague") == of_nobody(of_roles)


def of_nobody(of_roles: bool) -> frozenset[Permission]:
    """Give what a token alone gives."""
    return frozenset() if of_roles else ALL


async def may(h: Harness, buyer: str, person: str) -> frozenset[Permission]:
    actor = Actor(person, "", buyer, OrganisationKind.BUYER)
    async with h.runtime.read() as conn:
        return await permissions(conn, actor, buyer, None, h.clock.now())
