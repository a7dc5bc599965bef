"""What companies ask and buyers answer."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field

from services.notices.inputs.fields import Input

__all__ = ["NewAnswer", "NewClosing", "NewQuestion"]

_HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def _text(text: str) -> str:
    """Take out of a text what nobody sees, and keep its lines."""
    lines = [line.rstrip() for line in _HIDDEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    said = "\n".join(lines).strip()
    if not said:
        raise ValueError("Ce texte ne contient rien de lisible.", "This text has nothing readable.")
    return said


_Question = Annotated[str, Field(min_length=1, max_length=4_000), AfterValidator(_text)]
_Answer = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_text)]


class NewQuestion(Input):
    """A question to the buyer of a procedure."""

    procedure_id: UUID
    text: _Question = Field(examples=["La visite du site est-elle obligatoire ?"])


class NewAnswer(Input):
    """An answer for everybody."""

    answer: _Answer = Field(examples=["Non, elle est facultative."])
    question: _Question | None = Field(
        default=None, description="the question as it is to be published, without who asked; as it was asked if none"
    )


class NewClosing(Input):
    """Until when questions are taken."""

    closes_at: AwareDatetime | None = Field(description="null: until the law's time again")
