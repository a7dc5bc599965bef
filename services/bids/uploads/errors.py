"""The refusals of uploads, with the status codes that tus 1.0.0 asks for.

HallesError
├─ MalformedInput  WrongHeader 400          ├─ Gone         UploadExpired 410
├─ NotFound        UnknownUpload 404        ├─ StaleVersion WrongTusVersion 412
├─ Forbidden       FinalUpload 403          ├─ TooLarge     UploadTooLarge 413
├─ Conflict        WrongOffset 409, UnfinishedParts 409
├─ UploadHeld 423      ├─ ChecksumMismatch 460      └─ NoRoom 507
"""

from __future__ import annotations

from libs.common.errors import Conflict, Forbidden, Gone, HallesError, MalformedInput, NotFound, StaleVersion, TooLarge

__all__ = [
    "ChecksumMismatch",
    "FinalUpload",
    "NoRoom",
    "UnfinishedParts",
    "UnknownUpload",
    "UploadExpired",
    "UploadHeld",
    "UploadTooLarge",
    "WrongHeader",
    "WrongOffset",
    "WrongTusVersion",
]


class WrongHeader(MalformedInput):
    """A header of tus is missing or cannot be read."""

    slug = "wrong-upload-header"
    title, title_en = "En-tête d'envoi incorrect", "Wrong upload header"


class UnknownUpload(NotFound):
    """There is no such upload, or it is another company's."""

    slug = "unknown-upload"
    title, title_en = "Envoi introuvable", "No such upload"


class FinalUpload(Forbidden):
    """A final upload is made of its parts: nothing is added to it."""

    slug = "final-upload"
    title, title_en = "Envoi déjà assemblé", "Upload already joined"


class WrongOffset(Conflict):
    """The offset given is not the one reached."""

    slug = "wrong-offset"
    title, title_en = "Position différente", "Another offset"


class UnfinishedParts(Conflict):
    """Parts to be joined are not complete."""

    slug = "unfinished-parts"
    title, title_en = "Parties incomplètes", "Parts not complete"


class UploadExpired(Gone):
    """The upload was left too long."""

    slug = "upload-expired"
    title, title_en = "Envoi expiré", "Upload expired"


class WrongTusVersion(StaleVersion):
    """Tus-Resumable is missing or names another version."""

    slug = "wrong-tus-version"
    title, title_en = "Version de tus non prise en charge", "Tus version not supported"


class UploadTooLarge(TooLarge):
    """More bytes than announced, or than allowed."""

    slug = "upload-too-large"
    title, title_en = "Envoi trop volumineux", "Upload too large"


class UploadHeld(HallesError):  # noqa: N818  # the names are those of HTTP and the field
    """Somebody else receives this upload, and did not let go in time."""

    status, slug = 423, "upload-held"
    title, title_en = "Envoi en cours ailleurs", "Upload in progress elsewhere"


class ChecksumMismatch(HallesError):  # noqa: N818
    """The bytes of the request are not those of its Upload-Checksum: none was kept."""

    status, slug = 460, "checksum-mismatch"
    title, title_en = "Octets altérés en route", "Bytes altered on the way"


class NoRoom(HallesError):  # noqa: N818
    """The storage took no more (RFC 4918, section 11.5)."""

    status, slug = 507, "no-room"
    title, title_en = "Stockage momentanément plein", "No room left for now"
