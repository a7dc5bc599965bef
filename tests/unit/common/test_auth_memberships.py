"""Acting for a buyer that the token does not name: only by a record, asked for at each request."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc.jwk import KeySet

from libs.common.actor import Actor, OrganisationKind
from libs.common.auth import Authenticator
from libs.common.bus.audience import told_to
from libs.common.errors import Forbidden
from libs.common.settings import Settings
from libs.common.testing.issuer import TestIssuer

SIVOM, COMMUNE, OTHER = "SIRET:20009971100018", "SIRET:21350997900018", "SIRET:21210231500018"


class Records:
    """Members known by the platform, as a set that changes."""

    def __init__(self, *known: tuple[str, str]) -> None:
        self.known = set(known)
        self.asked: list[tuple[str, str]] = []

    async def is_member(self, subject: str, organisation: str) -> bool:
        self.asked.append((subject, organisation))
        return (subject, organisation) in self.known

    async def reads_all(self, actor: Actor) -> bool:
        return (actor.subject, actor.organisation) in self.known


@pytest.fixture
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
def who(issuer: TestIssuer) -> Authenticator:
    served: Any = issuer.jwks

    class Keys:
        async def keys(self, *, renew: bool = False) -> KeySet:
            return KeySet.import_key_set(served)

    return Authenticator(Settings(environment="test", issuer=issuer.issuer), Keys())


async def test_a_record_lets_a_person_act_for_a_buyer_that_the_token_does_not_name(
    issuer: TestIssuer, who: Authenticator
) -> None:
    token = f"Bearer {issuer.token(sub='secretary', organisation=SIVOM)}"
    records = Records(("secretary", COMMUNE))
    for header in (COMMUNE, f"{COMMUNE};kind=buyer"):
        actor = await who.authenticate(token, header, records)
        assert actor == Actor("secretary", "Camille Martin", COMMUNE, OrganisationKind.BUYER, recorded=True)
    own = await who.authenticate(token, SIVOM, records)
    assert own is not None
    assert not own.recorded
    assert records.asked == [("secretary", COMMUNE)] * 2, "the token's own organisation asks nobody"


async def test_what_is_revoked_is_over_at_once_though_the_token_was_seen_before(
    issuer: TestIssuer, who: Authenticator
) -> None:
    token = f"Bearer {issuer.token(sub='secretary', organisation=SIVOM)}"
    records = Records(("secretary", COMMUNE))
    assert await who.authenticate(token, COMMUNE, records)
    records.known.clear()
    with pytest.raises(Forbidden):
        await who.authenticate(token, COMMUNE, records)


@pytest.mark.parametrize(
    "header",
    [OTHER, f"{COMMUNE};kind=company", f"{COMMUNE};kind=operator", "nonsense", "", f"{COMMUNE}\x00", "SIRET:1' OR 1=1"],
)
async def test_a_header_without_record_is_refused_in_the_same_words_whatever_it_names(
    issuer: TestIssuer, who: Authenticator, header: str
) -> None:
    token = f"Bearer {issuer.token(sub='secretary', organisation=SIVOM)}"
    records = Records(("secretary", COMMUNE))
    with pytest.raises(Forbidden) as refused:
        await who.authenticate(token, header, records)
    with pytest.raises(Forbidden) as without:
        await who.authenticate(token, header)
    assert refused.value.detail == without.value.detail
    assert set(records.asked) <= {("secretary", OTHER)}


async def test_a_token_without_any_organisation_acts_by_record_alone(issuer: TestIssuer, who: Authenticator) -> None:
    token = f"Bearer {issuer.token(sub='architect', organisation=None)}"
    actor = await who.authenticate(token, COMMUNE, Records(("architect", COMMUNE)))
    assert actor is not None
    assert actor.organisation == COMMUNE
    with pytest.raises(Forbidden):
        await who.authenticate(token, None, Records(("architect", COMMUNE)))


def test_who_reads_not_all_of_a_buyer_is_told_of_public_events_only() -> None:
    member = Actor("p", "", COMMUNE, OrganisationKind.BUYER)
    assert told_to(member, "bids", reads_all=True).own
    told = told_to(member, "bids", reads_all=False)
    assert (told.organisation, told.own, told.gated) == (None, (), ())


def test_a_company_of_the_number_of_a_buyer_is_told_nothing_of_the_buyer_nor_the_buyer_of_it() -> None:
    company, buyer = (Actor("p", "", COMMUNE, kind) for kind in (OrganisationKind.COMPANY, OrganisationKind.BUYER))
    own = [set(told_to(actor, "bids", reads_all=True).own) for actor in (company, buyer)]
    assert "bids.bid.deposited.v1" in own[0] - own[1]
    assert "bids.award.decided.v1" in own[1] - own[0]
