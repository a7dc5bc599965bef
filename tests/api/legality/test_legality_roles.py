"""Who transmits, configures and reads acts, by the roles that the buyer recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from tests.api.roles.roles_told import Rolls

if TYPE_CHECKING:
    from tests.api.legality.conftest import Prefecture

BUYER, OTHER = "SIRET:20006682500012", "SIRET:21210231500018"
AUTHORITY = {"department": "021", "arrondissement": "1", "nature": "44", "email": "actes@mairie.example.fr"}


async def test_each_role_does_its_part_and_no_other(prefecture: Prefecture) -> None:
    rolls = Rolls(prefecture.h, BUYER)
    await rolls.ask("anybody", "PUT", "/authority", 200, of=BUYER, json=AUTHORITY)
    act = await prefecture.act(await prefecture.sign(content=b"%PDF-1.4 act"))
    path = f"/acts/{act['act_id']}"
    for role in ("administrator", "writer", "publisher", "signatory", "reader"):
        await rolls.give(role, role)
    for person in ("administrator", "writer", "signatory", "reader", "colleague"):
        assert await rolls.missing(person, "POST", f"{path}/transmission", of=BUYER) == "publisher"
    await rolls.ask("publisher", "POST", f"{path}/transmission", 409, of=BUYER)  # it is neither blocked nor rejected
    for person in ("writer", "publisher", "signatory", "reader", "colleague"):
        assert await rolls.missing(person, "PUT", "/authority", of=BUYER, json=AUTHORITY) == "administrator"
    await rolls.ask("administrator", "PUT", "/authority", 200, of=BUYER, json=AUTHORITY)
    for read in ("/authority", "/acts", "/exemptions", path):
        await rolls.ask("reader", "GET", read, 200, of=BUYER)
        await rolls.ask("reader", "GET", read, 200)
        assert await rolls.missing("colleague", "GET", read, of=BUYER) == "reader"
    for read in (f"{path}/archive", f"{path}/stamped"):
        assert await rolls.missing("colleague", "GET", read, of=BUYER) == "reader"


async def test_a_guest_sees_the_acts_of_one_consultation_until_the_end_of_its_dates(prefecture: Prefecture) -> None:
    act = await prefecture.act(await prefecture.sign())
    await prefecture.sign()
    exempt = await prefecture.sign(total="1000")
    rolls, path, until = Rolls(prefecture.h, BUYER), f"/acts/{act['act_id']}", prefecture.h.clock.now() + timedelta(1)
    await rolls.give("referent", "reader", procedure=UUID(act["procedure"]), until=until)
    await rolls.give("other-referent", "reader", procedure=uuid4(), until=until)
    assert [each["act_id"] for each in (await rolls.ask("referent", "GET", "/acts", 200))["items"]] == [act["act_id"]]
    assert (await rolls.ask("referent", "GET", f"/exemptions?subject={exempt}", 200))["items"] == []
    assert (await rolls.ask("other-referent", "GET", "/acts", 200))["items"] == []
    assert await rolls.missing("other-referent", "GET", path) == "reader"
    assert await rolls.missing("referent", "GET", "/authority") == "reader", "of the whole organisation"
    prefecture.h.clock.advance(timedelta(1))
    for read in (path, "/acts", "/exemptions"):
        await rolls.ask("referent", "GET", read, 403)


async def test_a_member_of_a_joint_purchase_reads_the_act_and_transmits_nothing(prefecture: Prefecture) -> None:
    act = await prefecture.act(await prefecture.sign())
    member, path = Rolls(prefecture.h, OTHER), f"/acts/{act['act_id']}"
    await member.ask("mayor", "GET", path, 403, of=OTHER)
    joint = Rolls(prefecture.h, BUYER).joint([OTHER], [UUID(act["procedure"])], valid_until="2026-06-01T00:00:00Z")
    await prefecture.h.deliver(joint)
    await member.ask("mayor", "GET", path, 200, of=OTHER)
    assert len((await member.ask("mayor", "GET", "/acts", 200, of=OTHER))["items"]) == 1
    await member.ask("mayor", "POST", f"{path}/transmission", 403, of=OTHER)
    prefecture.h.clock.advance(timedelta(days=100))
    await member.ask("mayor", "GET", path, 403, of=OTHER)
    assert (await member.ask("mayor", "GET", "/acts", 200, of=OTHER))["items"] == []
