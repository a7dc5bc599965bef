"""Where the law wants a notice published, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from services.notices.rules.situation import Situation, is_formal, is_light
from services.notices.rules.thresholds import BuyerKind

__all__ = ["Channel", "Channels", "channels"]

Channel = Literal["profile", "boamp", "joue", "shal"]
"""The buyer profile (this platform), the BOAMP, the Official Journal of the European Union, a legal-notice paper or site
(support habilité à recevoir des annonces légales, once JAL)."""

_NATIONAL: Final[tuple[Channel, ...]] = ("boamp", "shal")


@dataclass(frozen=True, slots=True)
class Channels:
    """What publication the law asks for."""

    required: tuple[Channel, ...]
    """All of them."""
    one_of: tuple[Channel, ...]
    """And one of these, at the buyer's choice."""
    text: str
    text_en: str
    source: str


def channels(situation: Situation) -> Channels:
    """Say where a notice has to be published. Estimated value unknown: what would be asked from the threshold on."""
    if situation.is_concession:
        return _concession(situation)
    if is_formal(situation) and situation.buyer is BuyerKind.ENTITY:
        return Channels(
            ("joue", "profile"),
            (),
            "Avis publié au Journal officiel de l'Union européenne, car la procédure est formalisée ; au BOAMP aussi "
            "si l'entité adjudicatrice est l'État, une collectivité ou l'un de leurs établissements.",
            "Notice published in the Official Journal of the European Union, as the procedure is formal; in the BOAMP too "
            "where the contracting entity is the State, a local authority or an establishment of theirs.",
            "R2131-16, 1° et 2° CCP",
        )
    if is_formal(situation):
        return Channels(
            ("joue", "boamp", "profile"),
            (),
            "Avis publié au BOAMP et au Journal officiel de l'Union européenne, car la procédure est formalisée.",
            "Notice published in the BOAMP and the Official Journal of the European Union, as the procedure is formal.",
            "R2131-16 CCP",
        )
    if is_light(situation) and situation.reaches(situation.amount("light-publication")):
        return Channels(
            ("joue", "profile"),
            (),
            "Avis publié au Journal officiel de l'Union européenne, car ces services sociaux ou spécifiques en atteignent le seuil.",
            "Notice published in the Official Journal of the European Union, as these social or specific services reach its threshold.",
            "R2123-1, 3° CCP ; directive 2014/24/UE art. 75",
        )
    return _adapted(situation)


def _concession(situation: Situation) -> Channels:
    if situation.reaches(situation.threshold()) or situation.subtype == "19":
        return Channels(
            ("joue", "profile"),
            _NATIONAL,
            "Avis de concession publié au Journal officiel de l'Union européenne, et au BOAMP ou dans un journal "
            "d'annonces légales.",
            "Concession notice published in the Official Journal of the European Union, and in the BOAMP or a "
            "legal-notice paper.",
            "R3122-1 à R3122-3 CCP",
        )
    return Channels(
        ("profile",),
        _NATIONAL,
        "Avis de concession publié au BOAMP ou dans un journal d'annonces légales.",
        "Concession notice published in the BOAMP or a legal-notice paper.",
        "R3126-4 CCP",
    )


def _adapted(situation: Situation) -> Channels:
    national = situation.amount("national-publication")
    bound = situation.buyer in {BuyerKind.STATE, BuyerKind.LOCAL}
    if national and bound and (situation.value is None or situation.reaches(national)):
        limit = f"{national.amount:,.0f}".replace(",", "\u202f")
        return Channels(
            ("profile",),
            _NATIONAL,
            f"Avis publié au BOAMP ou dans un journal d'annonces légales à partir de {limit} € HT.",
            f"Notice published in the BOAMP or a legal-notice paper from €{limit} excluding tax.",
            national.source,
        )
    return Channels(
        ("profile",),
        (),
        "Publicité librement adaptée au montant et à la nature du besoin : le profil d'acheteur peut suffire.",
        "Publicity freely adapted to the value and nature of the need: the buyer profile may be enough.",
        "R2131-12 et R2131-13 CCP",
    )
