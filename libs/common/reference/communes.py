"""French communes (official geographic code 2026), by INSEE code, postal code and name. About 0.2 s to load, at first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from libs.common.reference.tables import fold, rows

__all__ = ["Commune", "every", "get", "named", "with_postal_code"]


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune, or a municipal district of Paris, Lyon or Marseille."""

    code: str
    name: str
    department: str
    siren: str | None
    intercommunality: str | None
    """SIREN of the intercommunality."""
    population: int | None
    postal_codes: tuple[str, ...]
    latitude: float | None
    longitude: float | None


@cache
def every() -> dict[str, Commune]:
    """Give all communes by their INSEE code."""
    return {row[0]: _commune(row) for row in rows("communes")}


def get(code: str) -> Commune | None:
    """Give a commune by its INSEE code, None if there is none such."""
    return every().get(code)


@cache
def _by_postal_code() -> dict[str, tuple[Commune, ...]]:
    index: dict[str, list[Commune]] = {}
    for commune in every().values():
        for postal_code in commune.postal_codes:
            index.setdefault(postal_code, []).append(commune)
    return {postal_code: tuple(found) for postal_code, found in index.items()}


def with_postal_code(postal_code: str) -> tuple[Commune, ...]:
    """Give the communes that share a postal code; none for an unknown one (a CEDEX, for instance)."""
    return _by_postal_code().get(postal_code.strip(), ())


@cache
def _by_name() -> dict[str, tuple[Commune, ...]]:
    index: dict[str, list[Commune]] = {}
    for commune in every().values():
        index.setdefault(fold(commune.name), []).append(commune)
    return {name: tuple(found) for name, found in index.items()}


def named(name: str) -> tuple[Commune, ...]:
    """Find communes by name, whatever the accents, hyphens and capitals; several may bear the same one."""
    return _by_name().get(fold(name), ())


def _commune(row: list[str]) -> Commune:
    code, name, department, siren, intercommunality, population, postal_codes, latitude, longitude = row
    return Commune(
        code=code,
        name=name,
        department=department,
        siren=siren or None,
        intercommunality=intercommunality or None,
        population=int(population) if population else None,
        postal_codes=tuple(postal_codes.split("|")) if postal_codes else (),
        latitude=float(latitude) if latitude else None,
        longitude=float(longitude) if longitude else None,
    )
