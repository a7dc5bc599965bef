"""Bids: which ones count. Pure: judged on the hours of receipt and the deadline, as often as asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.bids.domain.states import BidState
from services.bids.domain.time import is_late

__all__ = ["Deposit", "LotStandings", "Standing", "file_name_problem", "lot_standings", "overall", "standings"]

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]')
_MAX_NAME = 150


class Standing(StrEnum):
    """What a deposited bid is worth, on the present deadline."""

    COUNTS = "counts"
    SUPERSEDED = "superseded"
    LATE = "late"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Deposit:
    """What matters of a deposited bid."""

    bid: UUID
    depositor: str
    lots: frozenset[str]
    received_at: datetime
    order: int
    """Tells two deposits of the same second apart: the order in which they were recorded."""
    state: BidState = BidState.DEPOSITED


LotStandings = dict[UUID, dict[str, Standing]]
"""Of each bid, for each of its lots."""


def lot_standings(
    deposits: Iterable[Deposit], deadline: datetime, *, add_up: bool = False, admitted: Collection[UUID] = ()
) -> LotStandings:
    """Judge all the deposits of a consultation, lot by lot.

    For each lot the company's last deposit completed in time counts (art. R2151-6 CCP): a later one for lot 2 leaves
    what a former one said for lot 1. One that ends late never displaces one received in time; withdrawing a bid does
    not bring back what it had replaced. Where deposits add up, nothing replaces anything (CE 20 December 2021, 454801).
    A late one that the buyer admitted (`admitted`) is judged as one in time.
    """
    result: LotStandings = {}
    taken: dict[str, set[str]] = {}
    for each in sorted(deposits, key=lambda deposit: (deposit.received_at, deposit.order), reverse=True):
        late = is_late(each.received_at, deadline) and each.bid not in admitted
        held = set() if add_up else taken.setdefault(each.depositor, set())
        result[each.bid] = {lot: _standing(each, late=late, superseded=lot in held) for lot in each.lots}
        if not late:
            held |= each.lots
    return result


def _standing(deposit: Deposit, *, late: bool, superseded: bool) -> Standing:
    if deposit.state is BidState.WITHDRAWN:
        return Standing.WITHDRAWN
    if late:
        return Standing.LATE
    return Standing.SUPERSEDED if superseded else Standing.COUNTS


def overall(lots: Mapping[str, Standing]) -> Standing:
    """Give the standing of a bid as a whole: it counts when it counts for one lot at least."""
    found = set(lots.values())
    return Standing.COUNTS if Standing.COUNTS in found else min(found, key=list(Standing).index)


def standings(deposits: Iterable[Deposit], deadline: datetime, *, add_up: bool = False) -> dict[UUID, Standing]:
    """Judge all the deposits of a consultation, each as a whole."""
    return {bid: overall(lots) for bid, lots in lot_standings(deposits, deadline, add_up=add_up).items()}


def file_name_problem(name: str) -> str | None:
    """Say in French what is wrong with a declared file name; None when it is fit."""
    if not name.strip() or len(name) > _MAX_NAME:
        return f"un nom de fichier a de 1 à {_MAX_NAME} caractères"
    if _FORBIDDEN.search(name) or name.strip() != name:
        return 'un nom de fichier ne contient ni chemin, ni / \\ : * ? " < > |, ni caractère de contrôle'
    if name.startswith(".") or name.endswith("."):
        return "un nom de fichier ne commence ni ne finit par un point"
    return None
