"""When a late bid may be admitted, and when a backup copy may be opened. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.bids.domain.time import is_late

__all__ = ["Copied", "Decision", "Ground", "Medium", "Original", "Purpose", "Refusal", "copy_refusal", "may_destroy"]

Refusal = tuple[str, str]
"""Why not, in French and in English."""


class Decision(StrEnum):
    """What the buyer decided."""

    ADMITTED = "admitted"
    REFUSED = "refused"


class Medium(StrEnum):
    """What a copy is on."""

    PAPER = "paper"
    USB = "usb"
    ELECTRONIC = "electronic"


class Purpose(StrEnum):
    """Why something came by another way than the platform."""

    BACKUP = "backup"
    """A backup copy of an electronic bid (art. R2132-11 CCP)."""
    BID = "bid"
    """The bid itself: opened only if the buyer admits it."""


class Ground(StrEnum):
    """Why a copy is opened (order ECOM1831545A, article 2); `admitted` for a bid by another channel."""

    MALWARE = "malware"
    LATE = "late"
    INCOMPLETE = "incomplete"
    UNREADABLE = "unreadable"
    ADMITTED = "admitted"


@dataclass(frozen=True, slots=True)
class Copied:
    """What matters of a copy."""

    purpose: Purpose
    received_at: datetime
    opened: bool = False
    destroyed: bool = False
    admitted: bool = False


@dataclass(frozen=True, slots=True)
class Original:
    """What the platform knows of the electronic bid that a copy stands for."""

    began_at: datetime | None
    """First byte received by the platform; None: transmission never began."""
    received_at: datetime | None
    """None: never completed."""
    malware: bool = False
    unreadable: bool = False
    received_otherwise: bool = False
    """Another bid of the company counts for the same lots: there is nothing that a copy would stand for."""


def copy_refusal(copy: Copied, ground: Ground, original: Original | None, deadline: datetime) -> Refusal | None:
    """Say why a copy may not be opened on this ground; None when it may.

    A backup copy must have come in time. It is opened when malware was found in the electronic bid, or when that bid is late,
    incomplete or unreadable although its transmission began before the deadline (order ECOM1831545A, article 2).
    """
    if copy.opened or copy.destroyed:
        return "Cette copie est déjà ouverte ou détruite.", "This copy was opened or destroyed already."
    if copy.purpose is Purpose.BID:
        return _other_channel_refusal(copy, ground)
    if ground is Ground.ADMITTED:
        return (
            "Une copie de sauvegarde s'ouvre pour un motif de l'arrêté.",
            "A backup copy needs a ground of the order.",
        )
    if is_late(copy.received_at, deadline):
        return "La copie de sauvegarde est arrivée après la date limite.", "The backup copy came after the deadline."
    if original is None or original.began_at is None:
        return (
            "Aucune transmission électronique de ce pli n'a commencé : sa copie de sauvegarde ne peut pas être ouverte.",
            "No electronic transmission of this bid began: its backup copy may not be opened.",
        )
    return _ground_refusal(ground, original, deadline)


def _other_channel_refusal(copy: Copied, ground: Ground) -> Refusal | None:
    if ground is Ground.ADMITTED and copy.admitted:
        return None
    return (
        "Un pli reçu par une autre voie ne s'ouvre qu'après une décision motivée qui l'admet.",
        "A bid by another channel is opened only after a reasoned decision admits it.",
    )


def _ground_refusal(ground: Ground, original: Original, deadline: datetime) -> Refusal | None:
    if ground is not Ground.MALWARE and (original.began_at is None or is_late(original.began_at, deadline)):
        return (
            "La transmission électronique n'a pas commencé avant la date limite.",
            "The electronic transmission did not begin before the deadline.",
        )
    if ground in {Ground.LATE, Ground.INCOMPLETE} and original.received_otherwise:
        return (
            "Un autre pli de cette entreprise, reçu à temps, compte pour les mêmes lots : la copie ne remplace rien.",
            "Another bid of this company, in time, counts for the same lots: the copy stands for nothing.",
        )
    late = original.received_at is not None and is_late(original.received_at, deadline)
    holds = {
        Ground.MALWARE: original.malware,
        Ground.LATE: late,
        Ground.INCOMPLETE: original.received_at is None,
        Ground.UNREADABLE: original.unreadable,
    }
    if holds[ground]:
        return None
    return (
        "Le pli électronique n'est pas dans le cas invoqué : rien de ce que la plateforme a relevé ne le montre.",
        "Nothing that the platform recorded shows the electronic bid to be in that case.",
    )


def may_destroy(copy: Copied, *, set_aside: bool) -> Refusal | None:
    """Say why a copy may not be destroyed; None when it may: unopened ones, and those set aside after their opening."""
    if copy.destroyed:
        return "Cette copie est déjà détruite.", "This copy is destroyed already."
    if copy.opened and not set_aside:
        return (
            "Une copie ouverte remplace le pli : elle se conserve. Seule une copie écartée (programme malveillant) se détruit.",
            "An opened copy stands for the bid: it is kept. Only one that was set aside is destroyed.",
        )
    if not copy.opened and set_aside:
        return "Cette copie n'a pas été ouverte : elle n'a pas pu être écartée.", "This copy was never opened."
    return None
