"""Where a procedure of several rounds is, as data. Pure. Each step is told by an event."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from libs.common.errors import IllegalTransition

__all__ = ["NEGOTIABLE", "PHASE", "TWO_STAGES", "Phase", "RoundKind", "Step", "beginning", "next_phase"]

RoundKind = Literal["tender", "negotiation", "final", "subsequent", "specific", "application"]
Step = Literal["select", "admit", "tender", "negotiation", "final", "subsequent", "specific", "application"]

TWO_STAGES = frozenset({"restricted", "neg-w-call", "comp-dial", "innovation"})
"""Procedures (BT-105) where a company applies first, and tenders only if it is invited (L2124-2 to L2124-4, L2172-3 CCP)."""
NEGOTIABLE = frozenset({"neg-w-call", "comp-dial", "innovation", "neg-wo-call", "adapted", "oth-single", "oth-mult"})
"""Procedures where bids may be negotiated; never the invitations to tender (L2124-2 CCP)."""


class Phase(StrEnum):
    """Where a procedure is."""

    APPLICATIONS = "applications"
    SELECTED = "selected"
    OFFERS = "offers"
    NEGOTIATING = "negotiating"
    FINAL = "final"


PHASE: dict[tuple[Phase, str], Phase] = {
    (Phase.APPLICATIONS, "select"): Phase.SELECTED,
    (Phase.SELECTED, "tender"): Phase.OFFERS,
    (Phase.SELECTED, "specific"): Phase.SELECTED,
    (Phase.SELECTED, "application"): Phase.SELECTED,
    (Phase.SELECTED, "admit"): Phase.SELECTED,
    (Phase.OFFERS, "negotiation"): Phase.NEGOTIATING,
    (Phase.NEGOTIATING, "negotiation"): Phase.NEGOTIATING,
    (Phase.OFFERS, "final"): Phase.FINAL,
    (Phase.NEGOTIATING, "final"): Phase.FINAL,
    (Phase.OFFERS, "subsequent"): Phase.OFFERS,
    (Phase.NEGOTIATING, "subsequent"): Phase.NEGOTIATING,
    (Phase.FINAL, "subsequent"): Phase.FINAL,
}
"""`select` and `admit` tell ApplicationsSelectedV1, each other step RoundOpenedV1."""
_WORDS = {
    "applications": "candidatures attendues ou à sélectionner", "selected": "candidats sélectionnés, à inviter",
    "offers": "offres demandées", "negotiating": "négociation", "final": "offres finales demandées",
}  # fmt: skip


def beginning(procedure_type: str) -> Phase:
    """Give where a procedure begins: applications where it has two stages, else offers."""
    return Phase.APPLICATIONS if procedure_type in TWO_STAGES else Phase.OFFERS


def next_phase(phase: Phase, step: Step) -> Phase:
    """Give the phase after a step. Raises IllegalTransition that says what is possible instead."""
    try:
        return PHASE[phase, step]
    except KeyError:
        possible = ", ".join(name for origin, name in PHASE if origin == phase) or "none"
        raise IllegalTransition(
            f"Étape impossible ici : {_WORDS[phase]}. Étapes possibles : {possible}.",
            f"Step “{step}” is not possible in phase “{phase}”; possible: {possible}.",
        ) from None
