"""Partners' webhooks: made, changed, given another secret, enabled again; owned by one organisation each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from libs.common.actor import Actor, OrganisationKind
from libs.common.errors import Conflict, FieldError, InvalidInput, NotFound
from libs.common.messages import registry
from libs.common.messages.base import Audience, Event
from libs.common.uow import Uow
from services.alerts.errors import ForbiddenEndpoint
from services.alerts.settings import AlertsSettings
from services.alerts.store import webhooks as store
from services.alerts.webhooks import signing
from services.alerts.webhooks.addresses import ForbiddenAddressError
from services.alerts.webhooks.client import Caller
from services.alerts.webhooks.endpoints import MAX_ENDPOINTS, Endpoint, Filters

__all__ = ["Change", "change", "create", "delete", "held", "own", "public_types", "rotate", "secret_of"]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes other in an endpoint; None stays."""

    url: str | None = None
    types: Sequence[str] | None = None
    cpv: Sequence[str] | None = None
    departments: Sequence[str] | None = None
    buyers: Sequence[str] | None = None
    per_second: int | None = None
    enabled: bool | None = None

    def filters(self, before: Filters) -> Filters:
        """Give the filters from now on."""
        given = {name: getattr(self, name) for name in ("types", "cpv", "departments", "buyers")}
        return replace(before, **{name: list(value) for name, value in given.items() if value is not None})


def public_types() -> list[type[Event]]:
    """Give the events that everybody may be told of: the only ones that partners get."""
    return [event for event in registry.all_types().values() if event.audience is Audience.PUBLIC]


def secret_of(settings: AlertsSettings, webhook_id: UUID, generation: int = 1) -> bytes:
    """Give an endpoint's secret, 32 bytes, derived from the platform's: nothing in the database to steal."""
    return signing.secret_of(settings.secret.get_secret_value(), webhook_id, generation)


async def create(uow: Uow, actor: Actor, endpoint: Endpoint) -> Endpoint:
    """Keep a partner's endpoint. Raises Forbidden, ForbiddenEndpoint, InvalidInput, Conflict."""
    actor.require(OrganisationKind.PARTNER)
    _check_types(endpoint.filters.types)
    await _check_address(uow, endpoint.url)
    if await store.count(uow.conn, actor.organisation) >= MAX_ENDPOINTS:
        raise Conflict(
            f"Un partenaire a au plus {MAX_ENDPOINTS} webhooks : supprimez-en un.",
            f"A partner has at most {MAX_ENDPOINTS} webhooks: delete one.",
        )
    endpoint = replace(endpoint, webhook_id=uuid4(), organisation=actor.organisation, created_at=uow.now())
    await store.add(uow.conn, endpoint)
    uow.audit("alerts.webhook.created", str(endpoint.webhook_id))
    return endpoint


async def change(uow: Uow, actor: Actor, webhook_id: UUID, wanted: Change) -> Endpoint:
    """Change an endpoint; what is on its way goes to its address of now. Raises NotFound, ForbiddenEndpoint, InvalidInput."""
    endpoint = await held(uow, actor, webhook_id)
    _check_types(wanted.types or ())
    if wanted.url is not None:
        await _check_address(uow, wanted.url)
    per_second = wanted.per_second or endpoint.per_second
    changed = replace(
        endpoint, url=wanted.url or endpoint.url, filters=wanted.filters(endpoint.filters), per_second=per_second
    )
    await store.change(uow.conn, changed)
    uow.audit("alerts.webhook.changed", str(webhook_id))
    if wanted.enabled is not None:
        await _switch(uow, endpoint, on=wanted.enabled)
    return own(await store.get(uow.conn, webhook_id), actor)


async def rotate(uow: Uow, actor: Actor, webhook_id: UUID, overlap: timedelta) -> Endpoint:
    """Give an endpoint another secret; the one of now signs beside it for so long. Raises NotFound."""
    endpoint = (await held(uow, actor, webhook_id)).rotated(uow.now() + overlap)
    await store.change(uow.conn, endpoint)
    uow.audit("alerts.webhook.secret-changed", str(webhook_id))
    return endpoint


async def delete(uow: Uow, actor: Actor, webhook_id: UUID) -> None:
    """Forget an endpoint of the actor's organisation. Raises NotFound."""
    if not await store.delete(uow.conn, webhook_id, actor.organisation):
        raise _unknown()
    uow.audit("alerts.webhook.deleted", str(webhook_id))


async def held(uow: Uow, actor: Actor, webhook_id: UUID) -> Endpoint:
    """Give an endpoint of the actor's organisation, held for a change. Raises NotFound."""
    own(await store.get(uow.conn, webhook_id), actor)
    await store.lock(uow.conn, webhook_id)
    return own(await store.get(uow.conn, webhook_id), actor)


def own(endpoint: Endpoint | None, actor: Actor) -> Endpoint:
    """Let only the owner see an endpoint. Raises NotFound."""
    if endpoint is None or endpoint.organisation != actor.organisation:
        raise _unknown()
    return endpoint


async def _switch(uow: Uow, endpoint: Endpoint, *, on: bool) -> None:
    if on:
        await store.enable(uow.conn, endpoint.webhook_id)
        uow.audit("alerts.webhook.enabled", str(endpoint.webhook_id))
    elif endpoint.state == "enabled":
        await store.disable(uow.conn, endpoint.webhook_id, "by its owner")
        uow.audit("alerts.webhook.disabled", str(endpoint.webhook_id))


def _check_types(types: Sequence[str]) -> None:
    known = {event.type for event in public_types()}
    faults = [
        FieldError(
            f"body/types/{number}",
            f"Type inconnu ou non public. Types publics : {', '.join(sorted(known))}.",
            f"Unknown type, or not public. Public types: {', '.join(sorted(known))}.",
        )
        for number, name in enumerate(types)
        if name not in known
    ]
    if faults:
        raise InvalidInput("Des types d'événements sont refusés.", "Some event types are refused.", errors=faults)


async def _check_address(uow: Uow, url: str) -> None:
    """Refuse at once what every attempt would refuse; the attempts check again. Raises ForbiddenEndpoint."""
    try:
        await uow.runtime.port(Caller).vet(url)
    except OSError as error:
        private = isinstance(error, ForbiddenAddressError)
        french = "adresse privée, mal formée ou sans https" if private else "nom introuvable"
        english = "private, malformed or not https" if private else "name not found"
        told = (
            f"Cette adresse ne peut pas recevoir de webhook ({french}) : donnez une adresse https publique, port 443 ou à partir de 1024.",
            f"This address cannot receive webhooks ({english}): give a public https address, port 443 or from 1024.",
        )
        raise ForbiddenEndpoint(*told, errors=[FieldError("body/url", *told)]) from None


def _unknown() -> NotFound:
    return NotFound("Aucun webhook sous ce numéro.", "No webhook with this identifier.")
