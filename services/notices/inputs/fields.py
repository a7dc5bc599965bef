"""The value types of inputs: each refuses what it cannot take, and says how to mend it."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from libs.common.reference import cpv as vocabulary
from libs.common.reference import departments as territory
from libs.common.reference import nuts as regions
from services.notices.eforms.rules import code_list

__all__ = [
    "CpvBranch",
    "CpvCode",
    "Department",
    "Description",
    "FromDay",
    "Input",
    "PageQuery",
    "ProcedureOrType",
    "Region",
    "Title",
    "ToDay",
]

_DAY: Final = len("2026-11-21")
_PARIS: Final = ZoneInfo("Europe/Paris")


class Input(BaseModel):
    """What callers send; unknown members are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _known_cpv(code: str) -> str:
    found = vocabulary.normalise(code)
    if found is None:
        raise ValueError(
            f"« {code[:20]} » n'est pas un code de la nomenclature CPV 2008 (8 chiffres).",
            f"'{code[:20]}' is not a CPV 2008 code (8 digits).",
        )
    return found


def _cpv_branch(code: str) -> str:
    """Give the digits that every code of a branch begins with; 2 to 8 digits or a whole code are accepted."""
    padded = code.partition("-")[0].ljust(8, "0")
    if len(code) < 2 or not vocabulary.exists(padded):
        raise ValueError(
            f"« {code[:20]} » n'est pas un code CPV ni le début d'un code (2 à 8 chiffres).",
            f"'{code[:20]}' is neither a CPV code nor the beginning of one (2 to 8 digits).",
        )
    return vocabulary.stem(padded)


def _known_department(code: str) -> str:
    if territory.get(code) is None:
        raise ValueError(
            f"« {code[:10]} » n'est pas un code de département : 01, 2A, 971...",
            f"'{code[:10]}' is not a department code: 01, 2A, 971...",
        )
    return code


def _known_region(code: str) -> str:
    if not regions.exists(code) or regions.level(code) != 3:
        raise ValueError(
            f"« {code[:10]} » n'est pas un code NUTS de niveau 3, par exemple FRC11.",
            f"'{code[:10]}' is not a NUTS level 3 code, for example FRC11.",
        )
    return code


def _whole_day(value: object, clock: time) -> object:
    """Give an instant of a day: days are those of Paris."""
    if not isinstance(value, str) or len(value) != _DAY:
        return value
    try:
        return datetime.combine(date.fromisoformat(value), clock, _PARIS)
    except ValueError:
        return value


def _known_procedure(text: str) -> UUID | str:
    if text in code_list("procurement-procedure-type") | {"adapted", "unspecified"}:
        return text
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(
            f"« {text[:40]} » n'est ni l'identifiant d'une consultation ni un type de procédure : open, adapted, restricted...",
            f"'{text[:40]}' is neither the identifier of a procedure nor a type: open, adapted, restricted...",
        ) from None


CpvCode = Annotated[str, AfterValidator(_known_cpv)]
CpvBranch = Annotated[str, AfterValidator(_cpv_branch)]
Department = Annotated[str, AfterValidator(_known_department)]
Region = Annotated[str, AfterValidator(_known_region)]
ProcedureOrType = Annotated[UUID | str, BeforeValidator(_known_procedure)]
FromDay = Annotated[AwareDatetime, BeforeValidator(lambda value: _whole_day(value, time()))]
ToDay = Annotated[AwareDatetime, BeforeValidator(lambda value: _whole_day(value, time.max))]
Title = Annotated[str, Field(min_length=1, max_length=400)]
Description = Annotated[str, Field(max_length=6000)]


class PageQuery(Input):
    """A page of a list."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=500)
