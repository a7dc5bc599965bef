"""The functions of XPath that the SDK's expressions call, as functions over items."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from services.notices.eforms.sdk import values
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.ground import Ground
from services.notices.eforms.sdk.paths import Items
from services.notices.eforms.sdk.values import Value, atom, normal

__all__ = ["FUNCTIONS"]


def _normalize(find: Items) -> Items:
    return lambda branch, ground: [normal(str(atom(each))) for each in find(branch, ground)[:1]] or [""]


def _length(find: Items) -> Items:
    return lambda branch, ground: [float(len(str(atom(each)))) for each in find(branch, ground)[:1]] or [0.0]


def _number(find: Items = lambda branch, _: [branch]) -> Items:
    def number(branch: Branch, ground: Ground) -> list[Value]:
        found = [atom(each) for each in find(branch, ground)[:1]]
        return [value if isinstance(value, float) else values.number(str(value)) for value in found] or [math.nan]

    return number


def _converted(convert: Callable[[Value], Value]) -> Callable[[Items], Items]:
    def converted(find: Items) -> Items:
        return lambda branch, ground: [
            value for each in find(branch, ground)[:1] if (value := convert(atom(each))) is not None
        ]

    return converted


def _concat(*parts: Items) -> Items:
    def spelled(value: Value) -> str:
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

    return lambda branch, ground: ["".join(spelled(atom(each)) for part in parts for each in part(branch, ground)[:1])]


def _sum(find: Items) -> Items:
    def total(branch: Branch, ground: Ground) -> list[Value]:
        found = (atom(each) for each in find(branch, ground))
        return [float(sum(each if isinstance(each, float) else values.number(str(each)) for each in found))]

    return total


FUNCTIONS: Final[dict[str, Callable[..., Items]]] = {
    "count": lambda find: lambda branch, ground: [float(len(find(branch, ground)))],
    "normalize-space": _normalize, "string-length": _length, "number": _number, "concat": _concat, "sum": _sum,
    "xs:date": _converted(lambda value: values.day(str(value))),
    "xs:time": _converted(lambda value: values.time_of_day(str(value))),
    "xs:dayTimeDuration": _converted(values.seconds), "xs:yearMonthDuration": _converted(values.months),
    "current-date": lambda: lambda _, ground: [ground.today],
}  # fmt: skip
"""What each function of XPath gives, from what its arguments give; those that say yes or no are the compiler's."""
