"""What a buyer says of its procedure: suspended, resumed, given up, without acceptable bid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from services.notices.inputs.fields import Input

__all__ = ["NewAbandonment", "NewFailure", "NewResumption", "NewSuspension"]

Explanation = Annotated[str, Field(min_length=10, max_length=2000)]


class NewSuspension(Input):
    """Why a procedure is suspended."""

    reason: Literal["buyer", "review"] = Field(description="review: a court was asked (L551-4 CJA)")
    explanation: str | None = Field(default=None, max_length=2000)


class NewResumption(Input):
    """How a procedure goes on."""

    deadline: AwareDatetime | None = Field(
        default=None, description="the new one; when absent, put off by the time of the suspension"
    )


class NewAbandonment(Input):
    """Why a procedure or a lot is given up (déclaration sans suite, R2185-1): the candidates are told (R2185-2)."""

    reason: Literal[
        "ins-fund",
        "chan-need",
        "tch-pr-error",
        "no-rece",
        "all-rej",
        "one-admis",
        "no-signed",
        "rev-body",
        "rev-buyer",
        "other",
    ] = Field(description="non-award-justification (BT-144)")
    explanation: Explanation = Field(description="in words, as the candidates and the public will read them")


class NewFailure(Input):
    """Why a lot is unsuccessful (infructueux): no bid, or none that is regular, acceptable and appropriate (L2152-1)."""

    reason: Literal["no-rece", "all-rej", "one-admis", "other"] = Field(description="non-award-justification (BT-144)")
    explanation: Explanation = Field(description="in words")
