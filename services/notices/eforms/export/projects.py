"""What is bought: codes, value and places, of the whole procedure, of a lot or of a part."""

from __future__ import annotations

from libs.common.messages.base import Money
from libs.common.messages.notices import Place
from libs.common.reference import nuts
from services.notices.eforms.export import values
from services.notices.eforms.export.tree import Tree
from services.notices.eforms.xml import Element

__all__ = ["write_codes", "write_places", "write_value"]


def write_codes(tree: Tree, project: Element, codes: list[str], level: str) -> None:
    """Write the CPV codes of a project, the main one first."""
    for number, code in enumerate(codes):
        term = "BT-263" if number else "BT-262"
        parent = tree.add(project, "cac:AdditionalCommodityClassification") if number else project
        tree.put(parent, f"{term}-{level}", code, listName="cpv")


def write_value(tree: Tree, project: Element, value: Money | None, level: str) -> None:
    """Write the estimated value of a project (BT-27)."""
    if value is not None:
        tree.put(project, f"BT-27-{level}", values.amount(value.amount), currencyID=value.currency)


def write_places(tree: Tree, project: Element, places: list[Place], level: str) -> None:
    """Write where the contract is performed."""
    for place in places:
        location = tree.add(project, "cac:RealizedLocation")
        tree.put(location, f"BT-5131-{level}", place.city)
        tree.put(location, f"BT-5121-{level}", place.postal_code)
        tree.put(location, f"BT-5071-{level}", place.nuts or _region(place))
        tree.put(location, f"BT-5141-{level}", place.country)


def _region(place: Place) -> str | None:
    return nuts.of_department(place.department or "") if place.country == "FRA" else None
