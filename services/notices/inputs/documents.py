"""What is asked of tender documents, and what those say who take them under their name."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from libs.common.mail.message import ADDRESS, one_line
from services.notices.files.names import normal
from services.notices.inputs.fields import FromDay, Input, PageQuery

__all__ = [
    "ArchiveQuery",
    "DocumentName",
    "DocumentQuery",
    "DocumentsQuery",
    "DownloadQuery",
    "NewRegistration",
    "PublicDocumentsQuery",
    "Version",
]


def _one_line(text: str) -> str:
    line = one_line(text, 300)
    if not line:
        raise ValueError("Ce nom ne contient rien de lisible.", "This name has nothing readable.")
    return line


DocumentName = Annotated[str, Field(max_length=200), AfterValidator(normal)]
Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_one_line)]
Version = Annotated[int, Field(ge=1, le=100_000)]
_Key = Annotated[str, Field(max_length=200)]


class DocumentsQuery(PageQuery):
    """Which documents of a notice, by pages."""

    versions: bool = Field(default=False, description="every version, not the last one alone")


class DocumentQuery(Input):
    """Which version of a document of a notice."""

    version: Version | None = Field(default=None, description="the last one if none is given")


class PublicDocumentsQuery(DocumentsQuery):
    """Which documents of a procedure."""

    since: FromDay | None = Field(default=None, description="only what was published after that instant: what changed")


class DownloadQuery(DocumentQuery):
    """Which version of a document of a procedure, and who takes it."""

    key: _Key | None = Field(
        default=None, description="of a registration: the download is written in the buyer's register"
    )


class ArchiveQuery(Input):
    """Who takes the archive."""

    key: _Key | None = Field(
        default=None, description="of a registration: the download is written in the buyer's register"
    )


class NewRegistration(Input):
    """Who takes the documents of a procedure."""

    company: Line = Field(examples=["Toitures de Bourgogne"])
    name: Line = Field(examples=["Camille Martin"])
    email: str | None = Field(default=None, pattern=ADDRESS, max_length=254, examples=["marches@entreprise.example"])
    consent: bool = Field(
        default=False, description="to be told of changes and answers, by mail; withdrawn by a link in each"
    )

    @model_validator(mode="after")
    def _address_where_consent(self) -> NewRegistration:
        if self.consent and self.email is None:
            raise ValueError(
                "Pour être prévenu des changements, donnez une adresse électronique (email).",
                "To be told of changes, give an address (email).",
            )
        return self
