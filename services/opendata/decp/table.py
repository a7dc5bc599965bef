"""The items of the essential data: names, kinds, limits and permitted values, as the official schema has them (2.0.3)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SCHEMA", "TABLE_PATH", "Item", "form", "name_of", "values_of"]

SCHEMA = "schema_decp_v2.0.3.json"
"""The official schema that the table follows (139bercy/format-commande-publique, public domain)."""
TABLE_PATH = Path(__file__).with_name("items.json")

Form = Literal["marche", "contrat-concession"]


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """The official French name."""


class ObjectItem(_Node):
    """A group of items."""

    kind: Literal["object"]
    required: list[str]
    items: dict[str, Item]
    closed: bool = False
    """Whether other members are forbidden."""


class ListItem(_Node):
    """A list of items."""

    kind: Literal["list"]
    of: Item
    min: int = 0
    unique: bool = False


class ChoiceItem(_Node):
    """One of a few values."""

    kind: Literal["choice"]
    values: list[str]


class TextItem(_Node):
    """A text: length in characters, or a pattern to be found in it."""

    kind: Literal["text"]
    min: int = 0
    max: int | None = None
    pattern: str | None = None


class NumberItem(_Node):
    """A number, whole or not."""

    kind: Literal["integer", "number"]
    min: float | None = None
    max: float | None = None


class BooleanItem(_Node):
    """True or false."""

    kind: Literal["boolean"]


Item = Annotated[ObjectItem | ListItem | ChoiceItem | TextItem | NumberItem | BooleanItem, Field(discriminator="kind")]


class _Table(BaseModel):
    schema_: str = Field(alias="schema")
    forms: dict[Form, ObjectItem]


@cache
def _table() -> _Table:
    return _Table.model_validate_json(TABLE_PATH.read_text(encoding="utf-8"))


def form(name: Form) -> ObjectItem:
    """Give the items of a contract (`marche`) or of a concession (`contrat-concession`)."""
    return _table().forms[name]


def name_of(path: tuple[str | int, ...], name: Form = "marche") -> str:
    """Give the French name of the item at a path; of the nearest known one above it when the last steps are unknown."""
    item: Item = form(name)
    for step in path:
        if isinstance(item, ListItem) and isinstance(step, int):
            item = item.of
        elif isinstance(item, ObjectItem) and isinstance(step, str) and step in item.items:
            item = item.items[step]
        else:
            break
    return item.name


def values_of(*path: str, name: Form = "marche") -> list[str]:
    """Give the permitted values of an item. Raises KeyError when the path leads to no choice."""
    item: Item = form(name)
    for step in path:
        if not isinstance(item, ObjectItem):
            raise KeyError(path)
        item = item.items[step]
    if isinstance(item, ListItem):
        item = item.of
    if not isinstance(item, ChoiceItem):
        raise KeyError(path)
    return item.values
