"""French regions, by their INSEE code as text: 27 for Bourgogne-Franche-Comté, 01 for Guadeloupe."""

from __future__ import annotations

from functools import cache

from libs.common.reference import departments

__all__ = ["every", "of_department"]


@cache
def every() -> dict[str, str]:
    """Give the name of each region by its code. Overseas collectivities stand for their own."""
    return {department.region: department.region_name for department in departments.every().values()}


def of_department(code: str) -> str | None:
    """Give the region of a department: 21 gives 27. None for an unknown one."""
    department = departments.get(code)
    return department.region if department else None
