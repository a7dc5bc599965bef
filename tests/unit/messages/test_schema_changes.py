"""Every kind of change to an event, and whether it breaks somebody: judged on real models, before and after."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, create_model

from libs.common.compatibility import Contract, Verdict, check
from libs.common.messages.base import Audience, Event, Message
from libs.common.schema_changes import unreadable
from libs.common.schemas import schema


class Part(Message):
    name: str
    size: int = Field(ge=1, le=10)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Tree(Message):
    label: str
    branches: list[Tree] = []


class Square(Message):
    shape: Literal["square"]
    side: int


class Circle(Message):
    shape: Literal["circle"]
    radius: int


NAME = "tests.thing.changed.v1"
SAME: dict[str, Any] = {
    "title": (str, ...),
    "code": (Annotated[str, Field(pattern=r"^\d{8}$")], ...),
    "kind": (Literal["planning", "contract"], ...),
    "colour": (Colour, Colour.RED),
    "weight": (Annotated[float, Field(gt=0, le=100)], ...),
    "words": (Annotated[list[str], Field(min_length=1, max_length=5)], ...),
    "part": (Part, ...),
    "maybe": (Part | None, None),
    "amount": (Annotated[Decimal, PlainSerializer(str, return_type=str)], ...),
    "notes": (dict[str, str], {}),
    "tree": (Tree, ...),
    "short": (Annotated[str, Field(max_length=16)], ...),
    "id": (UUID, ...),
    "count": (int, ...),
    "choice": (Square | Circle, ...),
    "pair": (tuple[int, int], ...),
    "anything": (Any, ...),
}


def event(
    *without: str, audience: Audience = Audience.PUBLIC, after: str | None = None, **changed: tuple[object, object]
) -> type[Event]:
    """Give the sample event, some members changed, added or left out."""
    fields = {name: kind for name, kind in (SAME | changed).items() if name not in without}
    model = create_model("ThingChangedV1", __base__=Event, **fields)
    for name, value in (("type", NAME), ("audience", audience), ("buyer_after", after)):
        setattr(model, name, value)
    return model


def judged(after: type[Event], before: type[Event] | None = None) -> Verdict:
    return check(contract(before or event()), contract(after))


def contract(model: type[Event]) -> Contract:
    return Contract({NAME: schema(model)}, {NAME: schema(model, "validation")})


class LargerPart(Part):
    weight: float | None = None


class SmallerPart(Message):
    name: str


class StricterPart(Part):
    size: int = Field(ge=1, le=5)


class LooserPart(Part):
    size: int = Field(ge=1, le=20)


class ClosedPart(Part):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RenamedPart(Part):
    pass


class LargerSquare(Square):
    colour: str | None = None


class OtherCircle(Message):
    shape: Literal["circle"]
    radius: str


class LargerTree(Message):
    label: str
    branches: list[LargerTree] = []
    height: int | None = None


class GreenColour(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class OtherTree(Message):
    label: int
    branches: list[OtherTree] = []


BREAKING: dict[str, type[Event]] = {
    "a required member is gone": event("title"),
    "an optional member is gone": event("maybe"),
    "a member is renamed": event("title", name=(str, ...)),
    "a required member is added": event(added=(str, ...)),
    "a required member becomes optional": event(title=(str, "")),
    "an optional member becomes required": event(maybe=(Part | None, ...)),
    "a member may be null now": event(title=(str | None, ...)),
    "a member may be null no more": event(maybe=(Part, Part(name="a", size=1))),
    "another type": event(title=(int, ...)),
    "a wider type": event(count=(float, ...)),
    "a narrower type": event(weight=(Annotated[int, Field(gt=0, le=100)], ...)),
    "another format": event(id=(str, ...)),
    "a list becomes one value": event(words=(str, ...)),
    "a value becomes a list": event(title=(list[str], ...)),
    "items of another type": event(words=(Annotated[list[int], Field(min_length=1, max_length=5)], ...)),
    "a pattern is added": event(title=(Annotated[str, Field(pattern="^A")], ...)),
    "a pattern is gone": event(code=(str, ...)),
    "a pattern is changed": event(code=(Annotated[str, Field(pattern=r"^\d{9}$")], ...)),
    "a value of a list of values is gone": event(kind=(Literal["planning"], ...)),
    "a value is added to what is written": event(kind=(Literal["planning", "contract", "award"], ...)),
    "a list of values becomes free": event(kind=(str, ...)),
    "a free member becomes a list of values": event(title=(Literal["a", "b"], ...)),
    "a member of an enumeration is added": event(colour=(GreenColour, GreenColour.RED)),
    "an upper bound is lowered": event(weight=(Annotated[float, Field(gt=0, le=50)], ...)),
    "an upper bound is raised": event(weight=(Annotated[float, Field(gt=0, le=200)], ...)),
    "an upper bound is gone": event(weight=(Annotated[float, Field(gt=0)], ...)),
    "an upper bound becomes exclusive": event(weight=(Annotated[float, Field(gt=0, lt=100)], ...)),
    "a lower bound is added": event(count=(Annotated[int, Field(ge=0)], ...)),
    "a step is added": event(count=(Annotated[int, Field(multiple_of=5)], ...)),
    "texts are shorter": event(short=(Annotated[str, Field(max_length=8)], ...)),
    "texts are longer": event(short=(Annotated[str, Field(max_length=32)], ...)),
    "texts have a least length": event(title=(Annotated[str, Field(min_length=1)], ...)),
    "lists may be empty": event(words=(Annotated[list[str], Field(max_length=5)], ...)),
    "lists are shorter": event(words=(Annotated[list[str], Field(min_length=1, max_length=4)], ...)),
    "items may not be repeated": event(words=(set[str], ...)),
    "another default": event(colour=(Colour, Colour.BLUE)),
    "a default that the schema does not tell": event(notes=(dict[str, str], Field(default_factory=lambda: {"a": "b"}))),
    "a member has another name on the wire": event(title=(str, Field(serialization_alias="titre"))),
    "a part takes no other member any more": event(part=(ClosedPart, ...)),
    "a choice has one way more": event(choice=(Square | Circle | Colour, ...)),
    "a choice has one way less": event(choice=(Square, ...)),
    "a way of a choice changes": event(choice=(Square | OtherCircle, ...)),
    "pairs become longer": event(pair=(tuple[int, int, int], ...)),
    "items may be null": event(words=(Annotated[list[str | None], Field(min_length=1, max_length=5)], ...)),
    "a map has fewer keys": event(notes=(dict[Literal["a"], str], {})),
    "a number becomes true or false": event(count=(bool, ...)),
    "anything becomes a text": event(anything=(str, ...)),
    "a part loses a member": event(part=(SmallerPart, ...)),
    "a part has stricter bounds": event(part=(StricterPart, ...)),
    "a part has looser bounds": event(part=(LooserPart, ...)),
    "an optional part loses a member": event(maybe=(SmallerPart | None, None)),
    "the values of a map are of another type": event(notes=(dict[str, int], {})),
    "a recursive part changes": event(tree=(OtherTree, ...)),
    "told to fewer": event(audience=Audience.INTERNAL),
    "told to the buyer from another event on": event(after="tests.thing.opened.v1"),
    "a keyword nobody judged": event(
        title=(Annotated[str, WithJsonSchema({"type": "string", "not": {"const": ""}})], ...)
    ),
}

ALLOWED: dict[str, type[Event]] = {
    "nothing": event(),
    "an optional member": event(added=(str | None, None)),
    "an optional member with a default": event(added=(int, 3)),
    "an optional list of parts": event(added=(list[Part], [])),
    "an optional member in a part": event(part=(LargerPart, ...)),
    "an optional member in an optional part": event(maybe=(LargerPart | None, None)),
    "an optional member in one way of a choice": event(choice=(LargerSquare | Circle, ...)),
    "the ways of a choice in another order": event(choice=(Circle | Square, ...)),
    "the values of a list in another order": event(kind=(Literal["contract", "planning"], ...)),
    "an enumeration told as a list of values": event(colour=(Literal["red", "blue"], "red")),
    "a part of another name": event(part=(RenamedPart, ...)),
    "an optional member in a recursive part": event(tree=(LargerTree, ...)),
    "a member that is deprecated": event(title=(Annotated[str, Field(deprecated=True)], ...)),
    "words of documentation": event(title=(Annotated[str, Field(description="as published", examples=["x"])], ...)),
}


@pytest.mark.parametrize("change", BREAKING)
def test_a_breaking_change_is_refused(change: str) -> None:
    assert judged(BREAKING[change]).refused


@pytest.mark.parametrize("change", ALLOWED)
def test_an_allowed_change_passes(change: str) -> None:
    assert judged(ALLOWED[change]).refused == ()


def test_what_is_refused_says_where_and_for_whom() -> None:
    (told,) = judged(event(part=(StricterPart, ...))).refused
    assert told == "tests.thing.changed.v1: an older event: part.size: bounds: maximum differs"
    (told,) = judged(event(part=(LooserPart, ...))).refused
    assert told == "tests.thing.changed.v1: an older reader: part.size: bounds: maximum differs"
    told = "\n".join(judged(event("title", name=(str, ...))).refused)
    assert "an older reader: title: member the reader needs: required, and not there" in told
    assert "an older event: name: member the reader needs" in told


def test_what_is_allowed_is_told_too() -> None:
    assert judged(event(added=(str | None, None))).allowed == ("tests.thing.changed.v1: added added",)


def test_what_is_read_may_be_widened_as_long_as_what_is_written_is_the_same() -> None:
    """A reader that also takes the number of another producer, and goes on writing text."""
    lenient = Annotated[str, BeforeValidator(str, json_schema_input_type=str | int)]
    verdict = judged(event(title=(lenient, ...)))
    assert verdict.refused == ()
    assert verdict.allowed == ("tests.thing.changed.v1: reads more: title: type: integer where string is known",)
    assert judged(event(), before=event(title=(lenient, ...))).refused, "narrowing it again refuses what was read"


def test_a_wider_audience_is_refused_like_a_narrower_one() -> None:
    own = event(audience=Audience.ORGANISATION)
    assert judged(event(audience=Audience.PUBLIC), before=own).refused


def test_a_type_that_is_gone_is_refused_and_a_new_one_is_allowed() -> None:
    nothing = Contract({}, {})
    assert check(contract(event()), nothing).refused
    assert check(nothing, contract(event())) == Verdict((), (f"{NAME}: new type",))


def test_closed_objects_and_maps_are_understood() -> None:
    closed = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    wider = {"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": False}
    assert unreadable(closed, wider), "b is known and never sent"
    assert [one.where for one in unreadable(wider, closed)] == ["b"]
    numbers = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert unreadable({"type": "object"}, numbers)
    assert unreadable({"type": "object"}, closed | {"properties": {}})
    assert not unreadable(numbers, {"type": "object"})


def test_a_list_of_values_is_judged_against_a_pattern_and_a_type() -> None:
    assert not unreadable({"enum": ["ab", "ac"], "type": "string"}, {"type": "string", "pattern": "^a"})
    assert unreadable({"enum": ["ab", "bc"], "type": "string"}, {"type": "string", "pattern": "^a"})
    assert not unreadable({"const": 1}, {"type": "number"})
    assert unreadable({"enum": [1, "b"]}, {"type": "number"})
    assert not unreadable({"enum": [None, True, 1.5, [1], {}]}, {})
