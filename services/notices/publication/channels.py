"""The channels of the platform, as its settings give them."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
from pydantic import SecretStr

from services.notices.domain.publication import PROFILE
from services.notices.publication.outlets import HttpOutlet, JournalOutlet
from services.notices.publication.port import Channels, Listed
from services.notices.publication.settings import ChannelSettings

__all__ = ["NAMES", "channels_of"]

NAMES = {
    "joue": "Journal officiel de l'Union européenne",
    "boamp": "Bulletin officiel des annonces des marchés publics",
    "shal": "Support habilité à recevoir des annonces légales",
    PROFILE: "Profil d'acheteur (cette plateforme)",
}


def channels_of(settings: ChannelSettings, session: aiohttp.ClientSession) -> Channels:
    """Give every channel; one without address and credential is listed, and unavailable."""
    return Channels({listed.code: listed for listed in _listed(settings, session)})


def _listed(settings: ChannelSettings, session: aiohttp.ClientSession) -> Iterator[Listed]:
    journal = None
    if settings.joue_url and settings.joue_credential:
        journal = JournalOutlet(
            settings.joue_url, settings.joue_credential.get_secret_value(), session, settings.joue_contact
        )
    yield Listed("joue", NAMES["joue"], outlet=journal)
    yield Listed("boamp", NAMES["boamp"], outlet=_plain(settings.boamp_url, settings.boamp_credential, session))
    if not settings.papers:
        yield Listed("shal", NAMES["shal"])
    for paper in settings.papers:
        yield Listed(paper.code, paper.name, paper.departments, _plain(paper.url, paper.credential, session))


def _plain(url: str | None, credential: SecretStr | None, session: aiohttp.ClientSession) -> HttpOutlet | None:
    return HttpOutlet(url, credential.get_secret_value(), session) if url and credential else None
