"""What the essential data ask and no notice says: the buyer answers at award; nothing is invented.

Order of 22 December 2022 (ECOM2235720A), values of the DECP 2.0.3 schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ITEMS", "Item", "missing_items", "wrong_values"]


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its French name, and its official values when it is a choice."""

    name: str
    values: tuple[str, ...] = ()


ITEMS: Mapping[str, Item] = {
    "nature": Item(
        "nature du marché", ("Marché", "Marché de partenariat", "Marché de défense ou de sécurité")
    ),
    "ccag": Item(
        "CCAG de référence",
        (
            "Travaux", "Maitrise d'œuvre", "Fournitures courantes et services", "Marchés industriels",
            "Prestations intellectuelles", "Techniques de l'information et de la communication", "Pas de CCAG",
        ),
    ),
    "techniques": Item(
        "techniques d'achat",
        (
            "Accord-cadre", "Concours", "Système de qualification", "Système d'acquisition dynamique",
            "Catalogue électronique", "Enchère électronique", "Sans objet",
        ),
    ),
    "execution": Item(
        "modalités d'exécution", ("Tranches", "Bons de commande", "Marchés subséquents", "Sans objet")
    ),
    "price_types": Item(
        "types de prix",
        ("Définitif ferme", "Définitif actualisable", "Définitif révisable", "Provisoire"),
    ),
    "price_form": Item("forme du prix", ("Unitaire", "Forfaitaire", "Mixte")),
    "innovative": Item("caractère innovant"),
    "advance": Item("avance accordée"),
    "advance_rate": Item("taux de l'avance"),
    "grouping": Item("groupement d'opérateurs", ("Conjoint", "Solidaire", "Pas de groupement")),
    "subcontracting": Item("sous-traitance déclarée"),
    "social": Item(
        "considérations sociales",
        ("Clause sociale", "Critère social", "Marché réservé", "Pas de considération sociale"),
    ),
    "environmental": Item(
        "considérations environnementales",
        ("Clause environnementale", "Critère environnemental", "Pas de considération environnementale"),
    ),
    "origin_eu": Item("part des produits d'origine européenne"),
    "origin_france": Item("part des produits d'origine française"),
}  # fmt: skip

_OPTIONAL = {"advance_rate", "origin_eu", "origin_france"}


def missing_items(given: Mapping[str, object]) -> list[str]:
    """Give the names of the members that are missing; the rate of the advance is asked when there is one."""
    asked = [name for name in ITEMS if name not in _OPTIONAL]
    if given.get("advance") is True:
        asked.append("advance_rate")
    return [name for name in asked if given.get(name) is None or given.get(name) == []]


def wrong_values(given: Mapping[str, object]) -> list[tuple[str, str]]:
    """Give (member, value) of each value that is not one of the official ones."""
    wrong: list[tuple[str, str]] = []
    for name, item in ITEMS.items():
        value = given.get(name)
        if not item.values or value is None:
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        wrong += [(name, str(each)) for each in values if each not in item.values]
    return wrong
