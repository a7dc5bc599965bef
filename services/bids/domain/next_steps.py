"""What comes next for a contract, and who does it: told to both parties with the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from services.bids.domain.states import ContractState

__all__ = ["NEXT_STEPS", "NextStep"]

By = Literal["winner", "buyer", "state", "nobody"]


@dataclass(frozen=True, slots=True)
class NextStep:
    """Who is to act, and what for, in French and in English."""

    by: By
    french: str
    english: str


NEXT_STEPS: Final[Mapping[ContractState, NextStep]] = {
    ContractState.PREPARED: NextStep(
        "winner", "L'attributaire télécharge le contrat, le signe électroniquement (PAdES) et le dépose.",
        "The winner downloads the contract, signs it (PAdES) and uploads it.",
    ),
    ContractState.WINNER_SIGNED: NextStep(
        "buyer", "L'acheteur demande la signature, une fois passé le délai de suspension s'il y en a un (art. R2182-1 CCP).",
        "The buyer asks for the signature, after the standstill if there is one.",
    ),
    ContractState.SUBMITTED: NextStep(
        "buyer", "Le contrat suit le circuit de signature de l'acheteur.", "The contract is in the buyer's signature circuit."
    ),
    ContractState.SIGNED: NextStep(
        "state", "Le contrat attend l'accusé de réception du contrôle de légalité, ou le constat que la transmission n'est pas due.",
        "The legality control acknowledges the contract, or it is found exempt.",
    ),
    ContractState.CLEARED: NextStep(
        "buyer", "L'acheteur notifie le marché au titulaire (art. R2182-4 CCP).", "The buyer notifies the contract."
    ),
    ContractState.NOTIFIED: NextStep(
        "winner", "Le titulaire accuse réception : le marché prend effet à cette date, l'avis d'attribution et les données "
        "essentielles suivent.",
        "The winner acknowledges: the contract binds from then; the award notice and the essential data follow.",
    ),
    ContractState.ACKNOWLEDGED: NextStep(
        "nobody", "Le marché est en vigueur. À la fin de son exécution, l'acheteur l'indique : la conservation court de ce jour.",
        "The contract is in force. At the end of its performance the buyer says so: its papers are kept from that day.",
    ),
}  # fmt: skip
"""By the state of the contract."""
