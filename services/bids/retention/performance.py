"""The end of the performance of a contract, from which its papers are kept five years or ten (R2184-13 CCP)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from uuid import UUID

from libs.common.actor import Actor
from libs.common.errors import FieldError, IllegalTransition
from libs.common.grants import Permission
from libs.common.messages.bids import Contract
from libs.common.uow import Uow
from services.bids.domain.states import ContractState
from services.bids.retention.errors import WrongEnd
from services.bids.retention.store import QUERIES
from services.bids.service import consultations
from services.bids.service.contracts import party_contract

__all__ = ["Ended", "Years", "end", "least_years"]

Years = Literal[5, 10]
_BINDING: Final = {ContractState.NOTIFIED, ContractState.ACKNOWLEDGED}
_DESIGN_AND_CONTROL: Final = "71"
"""Division of the CPV of architects, engineers and technical control."""


@dataclass(frozen=True)
class Ended:
    """When performance ended, and how many years the papers are kept from then."""

    contract: UUID
    ended_on: date
    years: Years


def least_years(contract: Contract) -> Years:
    """Give how long the papers of a contract are kept: ten years for works, their design and their control, else five."""
    return 10 if contract.nature == "works" or contract.cpv.startswith(_DESIGN_AND_CONTROL) else 5


async def end(uow: Uow, actor: Actor, contract_id: UUID, ended_on: date, years: Years | None) -> Ended:
    """Say when performance ended; said again, the last date counts, until a destruction is confirmed.

    Raises UnknownContract, Forbidden, RoleMissing, IllegalTransition (not notified, or papers destroyed), WrongEnd.
    """
    row = await party_contract(uow.conn, actor, contract_id, uow.now(), lock=True)
    consultation = await consultations.get(uow.conn, row.procedure)
    await consultations.require_buyer(uow.conn, actor, consultation, Permission.PUBLISH, uow.now())
    if row.state not in _BINDING or row.notified_at is None:
        raise IllegalTransition("Le marché n'est pas notifié : il ne s'exécute pas.", "The contract is not notified.")
    if await uow.conn.fetchval(QUERIES["lock_of_contract"], contract_id) not in {None, "proposed"}:
        raise IllegalTransition(
            "La destruction des pièces est confirmée ou faite.", "The papers are destroyed, or about to be."
        )
    kept = years or least_years(row.content)
    _check(ended_on, kept, row.content, (row.notified_at.astimezone(consultation.zone).date(), uow.now().date()))
    await uow.conn.execute(QUERIES["tell_end"], contract_id, ended_on, kept, uow.now(), actor.subject)
    await uow.conn.execute(QUERIES["withdraw"], contract_id)
    uow.audit("end_performance", str(contract_id))
    return Ended(contract_id, ended_on, kept)


def _check(ended_on: date, years: int, contract: Contract, between: tuple[date, date]) -> None:
    faults = []
    if not between[0] <= ended_on <= between[1]:
        french = f"entre la notification ({between[0]:%d/%m/%Y}) et aujourd'hui"
        faults.append(FieldError("body/ended_on", french, "between the notification and today"))
    if years < least_years(contract):
        french = "dix ans : travaux, maîtrise d'œuvre ou contrôle technique (art. R2184-13 CCP)"
        faults.append(FieldError("body/years", french, "ten years: works, their design or their control"))
    if faults:
        raise WrongEnd("Corrigez la fin de l'exécution.", "Mend the end of performance.", errors=faults)
