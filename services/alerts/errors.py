"""The refusals of the alerts service."""

from __future__ import annotations

from libs.common.errors import Conflict, InvalidInput, Unavailable

__all__ = ["ForbiddenEndpoint", "PartnersAway", "TooManyFollows", "TooManySearches", "UnselectiveSearch"]


class UnselectiveSearch(InvalidInput):
    """The search would match every notice."""

    slug = "unselective-search"
    title, title_en = "Recherche trop large", "Search too wide"


class TooManySearches(Conflict):
    """The organisation has as many searches as one may have."""

    slug = "too-many-searches"
    title, title_en = "Trop de recherches", "Too many searches"


class TooManyFollows(Conflict):
    """The organisation follows as many procedures as one may."""

    slug = "too-many-follows"
    title, title_en = "Trop de consultations suivies", "Too many procedures followed"

    def __init__(self) -> None:
        super().__init__(
            "Vous suivez autant de consultations qu'une organisation peut en suivre : cessez d'en suivre une d'abord.",
            "You follow as many procedures as one organisation may: stop following one first.",
        )


class ForbiddenEndpoint(InvalidInput):
    """The address is none that webhooks may be sent to."""

    slug = "forbidden-endpoint"
    title, title_en = "Adresse de webhook refusée", "Webhook address refused"


class PartnersAway(Unavailable):
    """The partners' exchange does not take events; the consumer waits for it, nothing is lost."""

    slug = "partners-away"
    title, title_en = "Échange des partenaires indisponible", "Partners' exchange away"
