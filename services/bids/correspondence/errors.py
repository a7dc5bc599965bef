"""The refusals of the correspondence."""

from __future__ import annotations

from libs.common.errors import Conflict, InvalidInput, NotFound

__all__ = ["NotACorrespondent", "UnknownAttachment", "WrongMessage"]


class NotACorrespondent(Conflict):
    """The company is none that the buyer may know of: it did not answer, or its bid is sealed."""

    slug = "not-a-correspondent"
    title, title_en = "Correspondant inconnu avant l'ouverture", "No correspondent before the opening"


class UnknownAttachment(NotFound):
    """There is no such attachment, or it is in a letter of others."""

    slug = "unknown-attachment"
    title, title_en = "Pièce jointe introuvable", "No such attachment"


class WrongMessage(InvalidInput):
    """The message cannot be sent as it is; each fault is named."""

    slug = "wrong-message"
    title, title_en = "Message incorrect", "Wrong message"
