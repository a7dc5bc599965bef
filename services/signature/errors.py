"""The refusals of the signature service."""

from __future__ import annotations

from libs.common.errors import Conflict, Forbidden, InvalidInput

__all__ = ["CertificateRefused", "NotYourTurn", "SignatureMismatch", "StepNotCurrent"]


class NotYourTurn(Forbidden):
    """Another person must act at this step."""

    slug = "not-your-turn"
    title, title_en = "Cette étape revient à une autre personne", "This step belongs to another person"


class StepNotCurrent(Conflict):
    """The steps are done in order."""

    slug = "step-not-current"
    title, title_en = "Ce n'est pas l'étape en cours", "This is not the current step"


class CertificateRefused(InvalidInput):
    """This certificate cannot sign here."""

    slug = "certificate-refused"
    title, title_en = "Certificat refusé", "Certificate refused"


class SignatureMismatch(InvalidInput):
    """The value is not a signature of the bytes prepared for this person and this step."""

    slug = "signature-mismatch"
    title, title_en = "Signature sans rapport avec le document préparé", "Signature of something else"
