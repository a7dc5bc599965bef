"""Bids: which ones count. Pure: judged on the hours of receipt and the deadline, as often as asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.bids.domain.states import BidState
from services.bids.domain.time import is_late

__all__ = ["Deposit", "Standing", "clashing", "file_name_problem", "standings"]

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


def standings(deposits: Iterable[Deposit], deadline: datetime) -> dict[UUID, Standing]:
    """Judge all the deposits of a consultation.

    For each lot the company's last deposit completed in time counts (art. R2151-6 CCP); one that ends late never
    displaces one received in time; withdrawing a bid does not bring back the one it had replaced.
    """
    result: dict[UUID, Standing] = {}
    taken: dict[str, set[str]] = {}
    for each in sorted(deposits, key=lambda deposit: (deposit.received_at, deposit.order), reverse=True):
        if is_late(each.received_at, deadline):
            result[each.bid] = Standing.WITHDRAWN if each.state is BidState.WITHDRAWN else Standing.LATE
            continue
        held = taken.setdefault(each.depositor, set())
        superseded = each.lots <= held
        held |= each.lots
        if each.state is BidState.WITHDRAWN:
            result[each.bid] = Standing.WITHDRAWN
        else:
            result[each.bid] = Standing.SUPERSEDED if superseded else Standing.COUNTS
    return result


def clashing(lots: frozenset[str], former: Sequence[Deposit]) -> list[UUID]:
    """Give the former bids that these lots would replace only in part: a bid is opened whole or not at all."""
    return [
        each.bid for each in former if each.state is BidState.DEPOSITED and each.lots & lots and not each.lots <= lots
    ]


def file_name_problem(name: str) -> str | None:
    """Say in French what is wrong with a declared file name; None when it is fit."""
    if not name.strip() or len(name) > _MAX_NAME:
        return f"un nom de fichier a de 1 à {_MAX_NAME} caractères"
    if _FORBIDDEN.search(name) or name.strip() != name:
        return 'un nom de fichier ne contient ni chemin, ni / \\ : * ? " < > |, ni caractère de contrôle'
    if name.startswith(".") or name.endswith("."):
        return "un nom de fichier ne commence ni ne finit par un point"
    return None
