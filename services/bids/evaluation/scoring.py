"""Scores, ranking and abnormally low offers, with the arithmetic that shows how each came; pure, in exact decimals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from services.bids.evaluation.method import Criterion, Method

__all__ = ["Figures", "Marks", "Points", "Scored", "french", "low_offers", "missing", "record_of", "score"]

Figures = Mapping[tuple[UUID, str], Decimal]
"""Of each bid, by name of the (sub-)criterion: a price, a number of days..., the lower the better; above zero."""
Marks = Mapping[tuple[UUID, str], Sequence[Decimal]]
"""Of each bid, by name of the (sub-)criterion: one mark of each evaluator."""


@dataclass(frozen=True, slots=True)
class Points:
    """The points of a bid on one (sub-)criterion."""

    name: str
    points: Decimal
    out_of: Decimal
    arithmetic: str
    """The formula with its figures, as letters and reports show it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A bid with its points, its total out of 100 and its rank."""

    bid: UUID
    leaves: tuple[Points, ...]
    criteria: tuple[Points, ...]
    total: Decimal
    rank: int
    tie: str | None
    """How bids of one total were told apart, or that they were not."""


def missing(method: Method, bids: Sequence[UUID], figures: Figures, marks: Marks) -> list[tuple[UUID, str]]:
    """Give the (bid, criterion) for which there is no figure or no mark."""
    return [
        (bid, each.name)
        for bid in bids for each in method.leaves
        if not (figures.get((bid, each.name)) if each.counted else marks.get((bid, each.name)))
    ]  # fmt: skip


def score(method: Method, bids: Sequence[UUID], figures: Figures, marks: Marks) -> list[Scored]:
    """Give the bids in order of rank; nothing may be `missing`.

    Bids of one total: the decisive criterion tells them apart; those it does not share their rank, and the buyer says which
    one it chooses, and why.
    """
    lowest = {
        each.name: min(figures[bid, each.name] for bid in bids) for each in method.leaves if each.counted and bids
    }
    cards = {bid: _card(method, bid, lowest, figures, marks) for bid in bids}
    totals = {bid: sum((each.points for each in criteria), Decimal(0)) for bid, (_, criteria) in cards.items()}
    decisive = {bid: _of(criteria, method.decisive.name) for bid, (_, criteria) in cards.items()}
    keys = {bid: (totals[bid], decisive[bid]) for bid in bids}
    ordered = sorted(bids, key=lambda bid: keys[bid], reverse=True)
    return [
        Scored(
            bid, *cards[bid], totals[bid], 1 + sum(keys[other] > keys[bid] for other in bids),
            _tie(method, bid, totals, keys),
        )
        for bid in ordered
    ]  # fmt: skip


def _card(
    method: Method, bid: UUID, lowest: Mapping[str, Decimal], figures: Figures, marks: Marks
) -> tuple[tuple[Points, ...], tuple[Points, ...]]:
    """Give the points of a bid for each sub-criterion, and for each criterion."""
    leaves = {
        each.name: (
            _counted(method, each, figures[bid, each.name], lowest[each.name])
            if each.counted else _marked(method, each, marks[bid, each.name])
        )
        for each in method.leaves
    }  # fmt: skip
    criteria = [leaves[each.name] if not each.parts else _whole(each, leaves) for each in method.criteria]
    return tuple(leaves.values()), tuple(criteria)


def _whole(criterion: Criterion, leaves: Mapping[str, Points]) -> Points:
    parts = [leaves[each.name].points for each in criterion.parts]
    told = " + ".join(french(each) for each in parts)
    total = sum(parts, Decimal(0))
    return Points(criterion.name, total, criterion.weight, f"{told} = {french(total)}")


def _counted(method: Method, criterion: Criterion, figure: Decimal, lowest: Decimal) -> Points:
    weight, given, least = french(criterion.weight), french(figure), french(lowest)
    if criterion.formula == "proportional":
        return _points(
            method,
            criterion,
            Fraction(criterion.weight) * Fraction(lowest) / Fraction(figure),
            f"{weight} × {least} / {given}",
        )
    if criterion.formula == "linear":
        share = max(Fraction(0), 2 - Fraction(figure) / Fraction(lowest))
        floor = ", au moins 0" if share == 0 else ""
        return _points(
            method, criterion, Fraction(criterion.weight) * share, f"{weight} × (2 − {given} / {least}){floor}"
        )
    reached = next((each for each in criterion.steps if figure <= each.up_to), None)
    share, told = (
        (Fraction(0), "au-delà du dernier palier")
        if reached is None
        else (Fraction(reached.share), f"palier jusqu'à {french(reached.up_to)}")
    )
    return _points(
        method,
        criterion,
        Fraction(criterion.weight) * share,
        f"{weight} × {french(_decimal(share))} ({given} : {told})",
    )


def _marked(method: Method, criterion: Criterion, marks: Sequence[Decimal]) -> Points:
    mean = sum((Fraction(each) for each in marks), Fraction(0)) / len(marks)
    told = french(marks[0]) if len(marks) == 1 else f"(({' + '.join(french(each) for each in marks)}) / {len(marks)})"
    exact = Fraction(criterion.weight) * mean / Fraction(criterion.out_of)
    return _points(method, criterion, exact, f"{french(criterion.weight)} × {told} / {french(criterion.out_of)}")


def _points(method: Method, criterion: Criterion, exact: Fraction, told: str) -> Points:
    """Round half up, once for each (sub-)criterion: totals add what is shown."""
    shifted = exact * 10**method.decimals
    points = Decimal((2 * shifted.numerator + shifted.denominator) // (2 * shifted.denominator)).scaleb(
        -method.decimals
    )
    sign = "=" if Fraction(points) == exact else "≈"
    return Points(criterion.name, points, criterion.weight, f"{told} {sign} {french(points)}")


def _tie(method: Method, bid: UUID, totals: Mapping[UUID, Decimal], keys: Mapping[UUID, Any]) -> str | None:
    equals = [other for other in totals if other != bid and totals[other] == totals[bid]]
    if not equals:
        return None
    if any(keys[other] == keys[bid] for other in equals):
        return f"Ex æquo, y compris sur « {method.decisive.name} » : l'acheteur motive son choix."
    return f"Total égal : départagé sur « {method.decisive.name} » ({french(keys[bid][1])})."


def _of(criteria: Sequence[Points], name: str) -> Decimal:
    return next(each.points for each in criteria if each.name == name)


def low_offers(method: Method, bids: Sequence[UUID], figures: Figures) -> dict[UUID, str]:
    """Flag the offers that seem abnormally low (L2152-5 CCP), with the rule in figures: below a share of the mean of the others.

    A flag asks for an explanation (R2152-3); it rejects nothing by itself. Fewer than three offers compare to nothing.
    """
    if method.price is None or len(bids) < 3:  # two others at least make a mean
        return {}
    prices = {bid: figures[bid, method.price] for bid in bids}
    flagged: dict[UUID, str] = {}
    for bid, price in prices.items():
        others = [each for other, each in prices.items() if other != bid]
        mean = sum(others, Decimal(0)) / len(others)
        limit = mean * method.low_share
        if price < limit:
            flagged[bid] = (
                f"{french(price)} < {french(method.low_share)} × {french(_cents(mean))} (moyenne des {len(others)} autres offres) "
                f"= {french(_cents(limit))}"
            )
    return flagged


def record_of(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """Give scores as they are kept and shown."""
    return [
        {
            "bid": str(each.bid), "total": f"{each.total:f}", "rank": each.rank, "tie": each.tie,
            "criteria": [_kept(one) for one in each.criteria], "parts": [_kept(one) for one in each.leaves],
        }
        for each in scored
    ]  # fmt: skip


def _kept(points: Points) -> dict[str, str]:
    return {
        "name": points.name, "points": f"{points.points:f}", "out_of": f"{points.out_of:f}", "arithmetic": points.arithmetic,
    }  # fmt: skip


def french(number: Decimal) -> str:
    """Write a number as in France: 1 234,5, without needless zeros."""
    text = f"{number:,f}"
    whole, _, rest = text.partition(".")
    rest = rest.rstrip("0")
    return whole.replace(",", "\u202f") + (f",{rest}" if rest else "")


def _cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _decimal(share: Fraction) -> Decimal:
    return Decimal(share.numerator) / Decimal(share.denominator)
