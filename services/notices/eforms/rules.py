"""The rules of the eForms SDK, whole: mandatory, forbidden, repeated, conditions, code lists, patterns, lengths, agreement of values.

They are read from committed tables; the expressions of their conditions are evaluated here, without any Schematron processor.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from services.notices.eforms.problems import Problem
from services.notices.eforms.sdk import ground, plan, table, wording
from services.notices.eforms.sdk.branches import Branch, grow
from services.notices.eforms.sdk.table import SDK, Subtype, code_list, subtype
from services.notices.eforms.xml import Element

__all__ = ["SDK", "Subtype", "code_list", "faults", "subtype", "term_names"]

_TOO_COMPLEX: Final = Problem(
    "XML",
    "/",
    "Les renvois entre les lots, résultats et organisations de cet avis sont trop nombreux pour être vérifiés.",
    "The lots, results and organisations of this notice refer to each other too much to be checked.",
    core=True,
)


def faults(root: Element | Branch, code: str, most: int) -> list[Problem]:
    """Give the faults of a notice against the rules of its subtype, in the order of the document, a little over `most` at most."""
    try:
        failures = plan.failures(root if isinstance(root, Branch) else grow(root), code, most)
    except ground.TooMuchWorkError:
        return [_TOO_COMPLEX]
    places: dict[Branch, str] = {}
    return list(dict.fromkeys(wording.told(failure, places) for failure in failures))


@cache
def term_names() -> dict[str, str]:
    """Give the French name of each field, by its identifier."""
    return {field.id: field.name for field in table.fields().values()}
