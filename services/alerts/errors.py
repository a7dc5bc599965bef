"""The refusals of the alerts service."""

from __future__ import annotations

from libs.common.errors import Conflict, Gone, InvalidInput, Unavailable

__all__ = [
    "ForbiddenEndpoint",
    "NoAddress",
    "PartnersAway",
    "RequestExpired",
    "TooManyFollows",
    "TooManySearches",
    "UnselectiveSearch",
]


class UnselectiveSearch(InvalidInput):
    """The search would match every notice."""

    slug = "unselective-search"
    title, title_en = "Recherche trop large", "Search too wide"


class TooManySearches(Conflict):
    """The organisation or the person has as many searches as one may have."""

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


class NoAddress(Conflict):
    """A search of one's own needs an address of one's own, confirmed."""

    slug = "no-address"
    title, title_en = "Adresse personnelle à confirmer", "Personal address to confirm"

    def __init__(self) -> None:
        super().__init__(
            "Une recherche personnelle demande votre propre adresse : donnez-la (PUT /alerts/v1/me), puis confirmez-la par le lien reçu.",
            "A search of your own needs your own address: give it (PUT /alerts/v1/me), then confirm it by the link you receive.",
        )


class RequestExpired(Gone):
    """The link of a mail is too old."""

    slug = "request-expired"
    title, title_en = "Lien expiré", "Link expired"

    def __init__(self) -> None:
        super().__init__(
            "Ce lien n'a plus cours : refaites votre demande, un nouveau lien vous sera envoyé.",
            "This link is no longer good: ask again, a new link will be sent to you.",
        )


class ForbiddenEndpoint(InvalidInput):
    """The address is none that webhooks may be sent to."""

    slug = "forbidden-endpoint"
    title, title_en = "Adresse de webhook refusée", "Webhook address refused"


class PartnersAway(Unavailable):
    """The partners' exchange does not take events; the consumer waits for it, nothing is lost."""

    slug = "partners-away"
    title, title_en = "Échange des partenaires indisponible", "Partners' exchange away"
