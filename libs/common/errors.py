"""The errors a caller may see: each is an RFC 9457 problem that says how to mend it, in French first.

HallesError
├─ InvalidInput 422          ├─ Conflict 409
├─ MalformedInput 400        │  └─ IllegalTransition 409
├─ Unauthenticated 401       ├─ StaleVersion 412
├─ Forbidden 403             ├─ TooLarge 413
├─ NotFound 404              ├─ UnsupportedMedia 415
├─ Gone 410                  ├─ VersionRequired 428
├─ TooManyRequests 429       └─ Unavailable 503
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

__all__ = [
    "Conflict",
    "FieldError",
    "Forbidden",
    "Gone",
    "HallesError",
    "IllegalTransition",
    "InvalidInput",
    "MalformedInput",
    "NotFound",
    "StaleVersion",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMedia",
    "VersionRequired",
]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of the input: where (JSON pointer, parameter or business term) and what, in French and English."""

    where: str
    message: str
    message_en: str = ""


class HallesError(Exception):
    """A refusal that the caller can understand.

    `detail` says in French what is wrong and how to mend it, `detail_en` the same in English. A service's own errors
    are subclasses declared in its `errors.py`, with their own `slug` and titles.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Erreur"
    title_en: ClassVar[str] = "Error"
    members: Mapping[str, str] = MappingProxyType({})
    """Further members of the problem (RFC 9457, section 3.2)."""

    def __init__(self, detail: str = "", detail_en: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail_en or detail or self.title_en)
        self.detail = detail
        self.detail_en = detail_en
        self.errors = tuple(errors)


class MalformedInput(HallesError):  # noqa: N818  # the names are those of HTTP and the field
    """The request cannot be read."""

    status, slug = 400, "malformed-input"
    title, title_en = "Requête illisible", "Unreadable request"


class Unauthenticated(HallesError):  # noqa: N818
    """No valid token."""

    status, slug = 401, "unauthenticated"
    title, title_en = "Identification nécessaire", "Authentication needed"


class Forbidden(HallesError):  # noqa: N818
    """The caller may not do this."""

    status, slug = 403, "forbidden"
    title, title_en = "Action non autorisée", "Not allowed"


class NotFound(HallesError):  # noqa: N818
    """There is no such thing, or the caller may not know of it."""

    status, slug = 404, "not-found"
    title, title_en = "Introuvable", "Not found"


class Conflict(HallesError):  # noqa: N818
    """The request does not fit the present state."""

    status, slug = 409, "conflict"
    title, title_en = "Incompatible avec l'état actuel", "Conflict with the current state"


class IllegalTransition(Conflict):
    """The state graph has no such edge."""

    slug = "illegal-transition"
    title, title_en = "Étape impossible dans cet état", "Step not possible in this state"


class Gone(HallesError):  # noqa: N818
    """It existed, and is served elsewhere or no more."""

    status, slug = 410, "gone"
    title, title_en = "N'est plus disponible ici", "No longer available here"


class StaleVersion(HallesError):  # noqa: N818
    """Somebody else changed it since it was read (RFC 9110, If-Match)."""

    status, slug = 412, "stale-version"
    title, title_en = "Modifié entre-temps", "Changed in the meantime"


class TooLarge(HallesError):  # noqa: N818
    """The body exceeds the announced limit."""

    status, slug = 413, "too-large"
    title, title_en = "Envoi trop volumineux", "Body too large"


class UnsupportedMedia(HallesError):  # noqa: N818
    """The content type or coding is not one of those accepted."""

    status, slug = 415, "unsupported-media"
    title, title_en = "Format non accepté", "Unsupported media type"


class InvalidInput(HallesError):  # noqa: N818
    """The request is readable but its content is wrong; every fault is listed."""

    status, slug = 422, "invalid-input"
    title, title_en = "Données incorrectes", "Invalid input"


class VersionRequired(HallesError):  # noqa: N818
    """A change must say which version it changes (RFC 6585, If-Match)."""

    status, slug = 428, "version-required"
    title, title_en = "Version à préciser (If-Match)", "Version required (If-Match)"


class TooManyRequests(HallesError):  # noqa: N818
    """The caller's rate limit is reached; `Retry-After` says when to come back."""

    status, slug = 429, "too-many-requests"
    title, title_en = "Trop de requêtes", "Too many requests"


class Unavailable(HallesError):  # noqa: N818
    """A part the request needs is away for now."""

    status, slug = 503, "unavailable"
    title, title_en = "Momentanément indisponible", "Temporarily unavailable"
