"""Where a buyer wants a notice published."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.notices.inputs.fields import Input
from services.notices.service.sending import Sending

__all__ = ["NewSending"]

Code = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]


class NewSending(Input):
    """The channels of a notice; the platform's own always takes part, last."""

    channels: list[Code] = Field(
        default=[],
        max_length=30,
        description="joue, boamp, or the code of a paper (see .../channels); none: those that the law asks for",
    )
    despite: list[Code] = Field(
        default=[],
        max_length=10,
        description="codes of the rules (period, procedure...; channels) that the buyer sets aside and answers for",
    )

    def sending(self) -> Sending:
        """Give what the service is asked."""
        return Sending(tuple(dict.fromkeys(self.channels)), tuple(dict.fromkeys(self.despite)))
