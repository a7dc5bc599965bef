"""The state graphs, as data. No transition without a named step; no step without a transition."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from libs.common.errors import IllegalTransition

__all__ = [
    "BID",
    "CONTRACT",
    "OPENING",
    "REQUEST",
    "BidState",
    "ContractState",
    "OpeningState",
    "RequestState",
    "after",
]

S = TypeVar("S", bound=StrEnum)


class BidState(StrEnum):
    """The life of a bid."""

    DRAFT = "draft"
    DEPOSITED = "deposited"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    SET_ASIDE = "set_aside"
    OPENED = "opened"
    UNREADABLE = "unreadable"


class OpeningState(StrEnum):
    """The life of an opening."""

    STARTED = "started"
    REPLACED = "replaced"
    OPENING = "opening"
    COMPLETED = "completed"


class RequestState(StrEnum):
    """The life of a request to a bidder."""

    SENT = "sent"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    MISSING = "missing"


class ContractState(StrEnum):
    """The life of a contract, from the award to its notification."""

    PREPARED = "prepared"
    WINNER_SIGNED = "winner_signed"
    SUBMITTED = "submitted"
    SIGNED = "signed"
    CLEARED = "cleared"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"


BID: dict[tuple[BidState, str], BidState] = {
    (BidState.DRAFT, "deposit"): BidState.DEPOSITED,
    (BidState.DEPOSITED, "withdraw"): BidState.WITHDRAWN,
    (BidState.DEPOSITED, "supersede"): BidState.SUPERSEDED,
    (BidState.DEPOSITED, "set aside as late"): BidState.SET_ASIDE,
    (BidState.SET_ASIDE, "admit"): BidState.DEPOSITED,
    (BidState.DEPOSITED, "open"): BidState.OPENED,
    (BidState.DEPOSITED, "report as unreadable"): BidState.UNREADABLE,
}
"""`superseded` and `set_aside` are fixed at the opening only: until then the deadline may still move."""

OPENING: dict[tuple[OpeningState, str], OpeningState] = {
    (OpeningState.STARTED, "present shares"): OpeningState.STARTED,
    (OpeningState.STARTED, "replace"): OpeningState.REPLACED,
    (OpeningState.STARTED, "open"): OpeningState.OPENING,
    (OpeningState.OPENING, "complete"): OpeningState.COMPLETED,
}

CONTRACT: dict[tuple[ContractState, str], ContractState] = {
    (ContractState.PREPARED, "sign as winner"): ContractState.WINNER_SIGNED,
    (ContractState.WINNER_SIGNED, "sign as winner"): ContractState.WINNER_SIGNED,
    (ContractState.WINNER_SIGNED, "submit"): ContractState.SUBMITTED,
    (ContractState.SUBMITTED, "refuse"): ContractState.WINNER_SIGNED,
    (ContractState.SUBMITTED, "sign"): ContractState.SIGNED,
    (ContractState.SIGNED, "clear"): ContractState.CLEARED,
    (ContractState.CLEARED, "notify"): ContractState.NOTIFIED,
    (ContractState.NOTIFIED, "acknowledge"): ContractState.ACKNOWLEDGED,
}

REQUEST: dict[tuple[RequestState, str], RequestState] = {
    (RequestState.SENT, "answer"): RequestState.ANSWERED,
    (RequestState.ANSWERED, "answer"): RequestState.ANSWERED,
    (RequestState.ANSWERED, "accept"): RequestState.ACCEPTED,
    (RequestState.ANSWERED, "refuse"): RequestState.REFUSED,
    (RequestState.SENT, "note as missing"): RequestState.MISSING,
}

_WORDS = {
    "draft": "en préparation", "deposited": "déposé", "withdrawn": "retiré", "superseded": "remplacé",
    "set_aside": "écarté (hors délai)", "opened": "ouvert", "unreadable": "illisible", "started": "commencée",
    "replaced": "remplacée", "opening": "ouverture des plis en cours", "completed": "terminée", "prepared": "à signer par le titulaire",
    "winner_signed": "signé par le titulaire", "submitted": "en signature chez l'acheteur",
    "signed": "signé, transmission au contrôle de légalité en cours", "cleared": "prêt à notifier",
    "sent": "envoyée, sans réponse", "answered": "répondue", "accepted": "réponse acceptée", "refused": "réponse refusée",
    "missing": "restée sans réponse", "notified": "notifié, accusé du titulaire attendu", "acknowledged": "notification accusée",
}  # fmt: skip


def after(graph: Mapping[tuple[S, str], S], state: S, step: str) -> S:
    """Give the state after a step. Raises IllegalTransition that says what is possible instead."""
    try:
        return graph[state, step]
    except KeyError:
        possible = [name for (origin, name) in graph if origin == state]
        raise IllegalTransition(
            f"Étape impossible : état actuel « {_WORDS[state]} ».",
            f"Step “{step}” is not possible in state “{state}”; possible: {', '.join(possible) or 'none'}.",
        ) from None
