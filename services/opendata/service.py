"""What the open data service does: judge a notified contract, publish its record and its releases, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import NotFound
from libs.common.grants import Permission
from libs.common.grants.known import require
from libs.common.messages.bids import Contract, EssentialData
from libs.common.messages.notices import Notice
from libs.common.uow import Uow
from services.opendata import events, store
from services.opendata.decp import official, rules
from services.opendata.decp.check import Problem
from services.opendata.decp.record import PARIS, envelope, record
from services.opendata.domain import Essentials, State, exemption, siret_of
from services.opendata.errors import InvalidReleaseError, NotPending
from services.opendata.ocds.model import Release
from services.opendata.ocds.official import release_faults
from services.opendata.ocds.release import Identity, contract_release, disclosed_release, tender_release
from services.opendata.settings import OpendataSettings

__all__ = ["complete", "ocid_of", "receive_contract", "receive_disclosed", "receive_notice"]


async def receive_notice(uow: Uow, procedure: UUID, notice: Notice) -> None:
    """Publish the release of a notice that became public."""
    identity = await _next_identity(uow, procedure)
    release = tender_release(identity, str(procedure), notice, first=identity.sequence == 1)
    await _publish_release(uow, identity, release, notice.buyer.organisation)


async def receive_disclosed(uow: Uow, procedure: UUID, notice: Notice) -> None:
    """Publish the release of a notice that tells from now on what it withheld."""
    identity = await _next_identity(uow, procedure)
    await _publish_release(
        uow, identity, disclosed_release(identity, str(procedure), notice), notice.buyer.organisation
    )


async def receive_contract(uow: Uow, procedure: UUID, buyer: str, contract: Contract) -> None:
    """Publish the essential data and the release of a contract just notified; or keep what holds them back."""
    notified_at = contract.notified_at or uow.now()
    contract = contract.model_copy(update={"notified_at": notified_at})
    draft = Essentials(contract, buyer, procedure, State.PENDING)
    exempt = exemption(contract, buyer, notified_at.astimezone(PARIS).date())
    if exempt:
        data = replace(draft, state=State.NOT_APPLICABLE, exemption=exempt)
    else:
        data = replace(await _judge(uow, draft), version=1)
    if not await store.add(uow.conn, data):
        return
    uow.audit(f"opendata.contract.{data.state}", str(contract.contract_id))
    if data.state is not State.PENDING:
        await _release_contract(uow, data)


async def complete(uow: Uow, actor: Actor, contract_id: UUID, essential: EssentialData) -> Essentials:
    """Correct what holds the data of a contract back, and publish them when nothing is wrong any more.

    Raises NotFound, Forbidden, RoleMissing, NotPending.
    """
    actor.require(OrganisationKind.BUYER)
    unknown = NotFound("Aucun contrat en attente sous ce numéro.", "No pending contract with this identifier.")
    data = await store.lock(uow.conn, contract_id)
    if data is None:
        raise unknown
    await require(uow.conn, actor, data.buyer, data.procedure, Permission.PUBLISH, uow.now(), unknown=unknown)
    if data.state is not State.PENDING:
        raise NotPending(
            "Les données de ce contrat ne sont pas en attente.", "The data of this contract are not pending."
        )
    data = await _judge(uow, replace(data, contract=data.contract.model_copy(update={"essential": essential})))
    await store.save(uow.conn, data)
    uow.audit(f"opendata.contract.{data.state}", str(contract_id))
    if data.state is State.PUBLISHED:
        await _release_contract(uow, data)
    return data


def ocid_of(settings: OpendataSettings, procedure: UUID) -> str:
    """Give the OCDS identifier of a procedure."""
    return f"{settings.ocds_prefix}-{procedure}"


async def _judge(uow: Uow, data: Essentials) -> Essentials:
    """Make the record and check it: published when nothing is wrong, else pending with every fault."""
    now = uow.now()
    made = record(data.contract, buyer_siret=siret_of(data.buyer) or "", published_at=now)
    problems, judge = _faults(made)
    if await store.uid_taken(uow.conn, data.uid, data.contract.contract_id):
        told = "déjà utilisé par un autre contrat publié", "already used by another published contract"
        problems.append(Problem(("id",), "Identifiant de marché", *told))
    if problems:
        return data.follow("correct", problems=tuple(problems), validated_with=judge)
    doubts = tuple(rules.doubts(made))
    return data.follow("publish", problems=(), warnings=doubts, record=made, validated_with=judge, published_at=now)


def _faults(made: dict[str, object]) -> tuple[list[Problem], str]:
    found, judge = official.validate(envelope([made]))
    problems = [replace(problem, path=problem.path[3:]) for problem in found]
    return problems or rules.blocking(made), judge


async def _release_contract(uow: Uow, data: Essentials) -> None:
    """Publish the OCDS release of a contract, and tell the platform when its essential data are public too."""
    identity = await _next_identity(uow, data.procedure)
    await _publish_release(uow, identity, contract_release(identity, data.contract, data.buyer), data.buyer)
    if data.state is State.PUBLISHED:
        uow.emit(events.published(data, identity.ocid))


async def _next_identity(uow: Uow, procedure: UUID) -> Identity:
    settings = uow.runtime.port(OpendataSettings)
    now: datetime = uow.now()
    return await store.next_identity(uow.conn, ocid_of(settings, procedure), procedure, now)


async def _publish_release(uow: Uow, identity: Identity, release: Release, buyer: str) -> None:
    body = release.to_json()
    faults, judge = release_faults(body)
    if faults:
        raise InvalidReleaseError(f"{identity.release_id}: {'; '.join(faults[:5])}")
    await store.save_release(uow.conn, identity, buyer=buyer, body=body, validated_with=judge)
