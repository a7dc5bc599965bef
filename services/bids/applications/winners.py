"""What the award notice and the essential data ask of the companies that bid: from the buyer, else from each one's own file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import asyncpg

from libs.common.messages.bids import Party
from services.bids.applications import store
from services.bids.applications.said import Member
from services.bids.companies import store as files
from services.bids.domain.submissions import country_of
from services.bids.service.deciding import Bidder
from services.bids.store.bids import Bid

__all__ = ["known_bidders", "winners_of"]


async def known_bidders(conn: asyncpg.Connection, bids: Iterable[Bid], told: Sequence[Bidder]) -> tuple[Bidder, ...]:
    """Complete what the buyer told of the companies with what their files say: what he says stands."""
    by_bid = {each.bid: each for each in told}
    return tuple([await _known(conn, bid.depositor, by_bid.get(bid.id, Bidder(bid.id))) for bid in bids])


async def winners_of(conn: asyncpg.Connection, bid: Bid, lot: str, told: Bidder) -> list[Party]:
    """Give the companies that win a lot: its bidder, or the members of his group for it, the mandatary first."""
    group = (await store.find(conn, bid.id)).group
    members = [each for each in group.members if not each.lots or lot in each.lots] if group else []
    if group is None or not members:
        return [_party(bid.depositor, bid.depositor_name, told)]
    members.sort(key=lambda each: each.organisation != group.mandatary)
    return [await _member(conn, bid, each, told) for each in members]


async def _member(conn: asyncpg.Connection, bid: Bid, member: Member, told: Bidder) -> Party:
    known = told if member.organisation == bid.depositor else await _known(conn, member.organisation, Bidder(bid.id))
    return _party(member.organisation, member.name, known)


async def _known(conn: asyncpg.Connection, company: str, told: Bidder) -> Bidder:
    file = await files.last(conn, company)
    if file is None:
        return told
    used = file.effective
    place = used.address if told.city is None and told.postal_code is None else None
    return Bidder(
        told.bid,
        told.size or used.size,
        place.city if place else told.city,
        place.postcode if place else told.postal_code,
    )


def _party(organisation: str, name: str, known: Bidder) -> Party:
    return Party(
        organisation=organisation,
        name=name,
        city=known.city,
        postal_code=known.postal_code,
        country=country_of(organisation),
        size=known.size,
    )
