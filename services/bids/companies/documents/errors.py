"""The refusals of the documents of a company's file."""

from __future__ import annotations

from libs.common.errors import Conflict, NotFound

__all__ = ["SealedElsewhere", "TooManyDocuments", "UnknownDocument", "WrongSize"]


class UnknownDocument(NotFound):
    """The file of the caller's company has no such document."""

    slug = "unknown-company-document"
    title, title_en = "Document introuvable", "No such document"

    def __init__(self) -> None:
        super().__init__(
            "Le dossier de votre entreprise n'a pas ce document, ou pas cette version.",
            "The file of your company has no such document, or no such version.",
        )


class SealedElsewhere(Conflict):
    """The bid is sealed by its maker: the platform cannot put anything in it."""

    slug = "sealed-by-bidder"
    title, title_en = "Pli scellé par son déposant", "Bid sealed by its bidder"


class WrongSize(Conflict):
    """The bid announces the file with another size than the document has."""

    slug = "wrong-document-size"
    title, title_en = "Taille annoncée différente", "Another size was announced"


class TooManyDocuments(Conflict):
    """The file of the company is full."""

    slug = "too-many-documents"
    title, title_en = "Dossier plein", "The file is full"
