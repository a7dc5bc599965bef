"""An older major is read as the newer one: same event, same identity, nothing of what it is about changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

import pytest
from pydantic import ValidationError

from libs.common.messages import registry
from libs.common.messages.base import Audience, Event
from libs.common.messages.envelope import CloudEvent
from libs.common.messages.upcasting import UPCASTERS, UpcastError, Upcasters


class ThingMadeV1(Event):
    type: ClassVar[str] = "tests.thing.made.v1"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    name: str


class ThingMadeV2(Event):
    type: ClassVar[str] = "tests.thing.made.v2"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    first: str
    last: str


class ThingMadeV3(Event):
    type: ClassVar[str] = "tests.thing.made.v3"
    audience: ClassVar[Audience] = Audience.ORGANISATION

    words: list[str]


class PublicThingV2(ThingMadeV2):
    audience: ClassVar[Audience] = Audience.PUBLIC


class ThingLostV2(ThingMadeV2):
    type: ClassVar[str] = "tests.thing.lost.v2"


@pytest.fixture
def upcasters() -> Upcasters:
    found = Upcasters()

    @found.on(ThingMadeV1, ThingMadeV2)
    def second(old: ThingMadeV1) -> ThingMadeV2:
        first, last = old.name.split(" ", 1)
        return ThingMadeV2(**old.model_dump(exclude={"name"}), first=first, last=last)

    @found.on(ThingMadeV2, ThingMadeV3)
    def third(old: ThingMadeV2) -> ThingMadeV3:
        return ThingMadeV3(**old.model_dump(exclude={"first", "last"}), words=[old.first, old.last])

    return found


def made(name: str = "Jean Jaurès") -> CloudEvent:
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    buyer = "SIRET:21210231500018"
    event = ThingMadeV1(aggregate_id=uuid4(), aggregate_version=4, organisation=buyer, occurred_at=now, name=name)
    return CloudEvent.wrap(event)


def test_an_older_event_is_read_as_the_newer_one(upcasters: Upcasters) -> None:
    old = made()
    new = upcasters.upcast(old, {"tests.thing.made.v2"})
    assert ThingMadeV2.model_validate(new.data).last == "Jaurès"
    assert (new.type, new.dataschema) == ("tests.thing.made.v2", "urn:halles:schema:tests.thing.made.v2")
    rest = {"type", "dataschema", "data"}
    assert new.model_dump(exclude=rest) == old.model_dump(exclude=rest), "identity, time, order, trace are its own"


def test_steps_are_taken_one_after_the_other_to_the_nearest_that_is_wanted(upcasters: Upcasters) -> None:
    assert upcasters.upcast(made(), {"tests.thing.made.v3"}).data["words"] == ["Jean", "Jaurès"]
    both = {"tests.thing.made.v2", "tests.thing.made.v3"}
    assert upcasters.upcast(made(), both).type == "tests.thing.made.v2"


def test_what_is_wanted_or_leads_nowhere_is_left_as_it_is(upcasters: Upcasters) -> None:
    old = made()
    for wanted in ({"tests.thing.made.v1", "tests.thing.made.v2"}, {"tests.thing.lost.v2"}, set[str]()):
        assert upcasters.upcast(old, wanted) is old
    newer = upcasters.upcast(old, {"tests.thing.made.v3"})
    assert upcasters.upcast(newer, {"tests.thing.made.v1"}) is newer, "nothing goes back to an older major"


def test_all_forms_of_a_change_are_read_under_one_identity(upcasters: Upcasters) -> None:
    """Whoever has handled one form drops the others, also when it moves to the newer major in between."""
    newest = uuid4()
    old = made().model_copy(update={"supersededby": newest})
    for wanted in ("tests.thing.made.v1", "tests.thing.made.v2", "tests.thing.made.v3"):
        assert upcasters.upcast(old, {wanted}).id == newest
        assert upcasters.upcast(old, {wanted}).supersededby is None


def test_it_is_known_which_types_can_be_read_as_another(upcasters: Upcasters) -> None:
    v1, v2, v3 = (f"tests.thing.made.v{major}" for major in (1, 2, 3))
    assert upcasters.readable_as(v3) == (v3, v2, v1)
    assert upcasters.readable_as(v1) == (v1,)


@pytest.mark.parametrize("new", [ThingMadeV3, ThingLostV2, ThingMadeV1, PublicThingV2], ids=lambda new: new.__name__)
def test_a_step_goes_to_the_next_major_of_the_same_event_and_tells_nobody_more(new: type[Event]) -> None:
    with pytest.raises(UpcastError):
        Upcasters().on(ThingMadeV1, new)


def test_there_is_one_step_from_a_type(upcasters: Upcasters) -> None:
    with pytest.raises(UpcastError, match="already"):
        upcasters.on(ThingMadeV1, ThingMadeV2)


def test_a_step_that_changes_what_the_event_is_about_is_refused() -> None:
    astray = Upcasters()

    @astray.on(ThingMadeV1, ThingMadeV2)
    def second(old: ThingMadeV1) -> ThingMadeV2:
        kept = old.model_dump(exclude={"name", "aggregate_version"})
        return ThingMadeV2(**kept, aggregate_version=1, first="", last="")

    with pytest.raises(UpcastError, match="aggregate_version"):
        astray.upcast(made(), {"tests.thing.made.v2"})


def test_an_older_event_that_is_none_is_refused(upcasters: Upcasters) -> None:
    broken = made().model_copy(update={"data": {"name": "x"}})
    with pytest.raises(ValidationError):
        upcasters.upcast(broken, {"tests.thing.made.v2"})


def test_every_type_of_the_platform_is_at_its_newest_major_or_leads_to_it() -> None:
    """An older major without a way to the newer one could not be read from the archive by who moved."""
    newest: dict[str, int] = {}
    for name in registry.all_types():
        stem, _, major = name.rpartition(".v")
        newest[stem] = max(newest.get(stem, 0), int(major))
    for name in registry.all_types():
        stem = name.rpartition(".v")[0]
        assert name in UPCASTERS.readable_as(f"{stem}.v{newest[stem]}")
