"""Older majors of an event, read as the newer one: from queues, archives and feeds alike.

A breaking change is a new type (`...v2`); the old one stays registered, because archives hold it. One function a step
says how the old one is told in the new words:

    @UPCASTERS.on(NoticePublishedV1, NoticePublishedV2)
    def notice_v2(old: NoticePublishedV1) -> NoticePublishedV2: ...

While both are sent, the older names the newest in `supersededby` and every form is read under that one identity: who
gets several, in whatever order and before or after it moved to the newer major, drops all but the first as duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

from libs.common.messages.base import Audience, Event
from libs.common.messages.envelope import CloudEvent

__all__ = ["UPCASTERS", "UpcastError", "Upcasters"]

Old = TypeVar("Old", bound=Event)
New = TypeVar("New", bound=Event)

_KEPT = ("aggregate_id", "aggregate_version", "organisation", "buyer", "procedure", "occurred_at")
"""What an event is about is not a matter of words."""
_WIDTH = {Audience.INTERNAL: 0, Audience.ORGANISATION: 1, Audience.PUBLIC: 2}


class UpcastError(ValueError):
    """A step is not one of an event to its next major, or changed what the event is about."""


@dataclass(frozen=True, slots=True)
class _Step:
    old: type[Event]
    new: type[Event]
    change: Callable[[Any], Event]

    def take(self, envelope: CloudEvent) -> CloudEvent:
        old = self.old.model_validate(envelope.data)
        new = self.change(old)
        moved = [name for name in _KEPT if getattr(old, name) != getattr(new, name)]
        if type(new) is not self.new or moved:
            raise UpcastError(f"{self.old.type} to {self.new.type} changed {', '.join(moved) or 'into another type'}")
        told = {"type": new.type, "dataschema": f"urn:halles:schema:{new.type}", "data": new.model_dump(mode="json")}
        return envelope.model_copy(update=told)


@dataclass
class Upcasters:
    """The steps, each from one major of an event to the next."""

    _steps: dict[str, _Step] = field(default_factory=dict)
    """By the older type."""

    def on(self, old: type[Old], new: type[New]) -> Callable[[Callable[[Old], New]], Callable[[Old], New]]:
        """Register the step from a type to its next major. Raises UpcastError when it is none, or tells more people."""
        _check_step(old, new)
        if old.type in self._steps:
            raise UpcastError(f"{old.type} has a step already")

        def register(change: Callable[[Old], New]) -> Callable[[Old], New]:
            self._steps[old.type] = _Step(old, new, change)
            return change

        return register

    def readable_as(self, name: str) -> tuple[str, ...]:
        """Give the types that can be read as this one, itself first, then its older majors."""
        found = [name]
        while older := next((step.old.type for step in self._steps.values() if step.new.type == found[-1]), None):
            found.append(older)
        return tuple(found)

    def upcast(self, envelope: CloudEvent, wanted: Collection[str]) -> CloudEvent:
        """Give the event as the nearest of the wanted types, under the identity all its forms share.

        Its type is unchanged when it is wanted, or leads to none that is. Raises pydantic.ValidationError when its data
        are not those of its type, UpcastError when a step goes astray.
        """
        if envelope.type not in wanted and set(self._way(envelope.type)) & set(wanted):
            while envelope.type not in wanted:
                envelope = self._steps[envelope.type].take(envelope)
        if envelope.supersededby is None:
            return envelope
        return envelope.model_copy(update={"id": envelope.supersededby, "supersededby": None})

    def _way(self, name: str) -> list[str]:
        found = [name]
        while step := self._steps.get(found[-1]):
            found.append(step.new.type)
        return found


UPCASTERS = Upcasters()
"""The platform's own steps; none as long as every event is at its first major."""


def _check_step(old: type[Event], new: type[Event]) -> None:
    (name, major), (next_name, next_major) = _split(old), _split(new)
    if name != next_name or next_major != major + 1:
        raise UpcastError(f"{new.type} is not the next major of {old.type}")
    if _WIDTH[new.audience] > _WIDTH[old.audience]:
        raise UpcastError(f"{new.type} is told to more people than {old.type} was: its past events are not theirs")


def _split(model: type[Event]) -> tuple[str, int]:
    name, _, major = model.type.rpartition(".v")
    return name, int(major)
