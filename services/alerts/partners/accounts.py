"""The accounts of partners who follow by AMQP: a user that reads one queue and does nothing else.

The broker alone keeps them: nothing of a partner, least of all a password, is stored by us.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from libs.common.bus.definitions import PARTNER_PREFIX
from libs.common.bus.topology import EVENTS
from libs.common.errors import Conflict, InvalidInput, NotFound
from services.alerts.partners.management import Management, hashed
from services.alerts.service.webhooks import public_types

__all__ = ["Account", "Accounts"]

_NAME = re.compile(r"[a-z][a-z0-9-]{1,38}[a-z0-9]")
_EVERYTHING = "#"
_QUEUE = {"durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}}
_PAUSES = (0.2, 0.5, 1.0, 2.0)  # seconds
_LIMITS = {"max-connections": 4, "max-channels": 16}
"""Of one partner: two programs, and their next ones while they are replaced."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a partner is told, and what an operator sees. `types` empty: all public ones, those to come too."""

    partner: str
    user: str
    queue: str
    vhost: str
    types: tuple[str, ...]
    password: str | None = None
    """Once, when it is made or changed."""
    messages: int | None = None
    consumers: int | None = None


class Accounts:
    """The accounts in one virtual host."""

    def __init__(self, broker: Management, vhost: str) -> None:
        self._broker = broker
        self._vhost = vhost

    async def add(self, partner: str, types: Sequence[str]) -> Account:
        """Make what lacks of an account, and bind its queue to these types and no other; the password is set last.

        Raises InvalidInput, Conflict, Unavailable.
        """
        name = _user(partner)
        _check(types)
        await self._check_cap()
        await self._broker.put("queues", self._vhost, name, body=_QUEUE)
        await self._bind(name, types or [_EVERYTHING])
        user = await self._broker.get("users", name)
        if user is None:
            await self._broker.put("users", name, body={"password_hash": "", "tags": ""})  # nobody can log in yet
        await self._restrict(name)
        password = None if user and user["password_hash"] else await self._set_password(name)
        return Account(partner, name, name, self._vhost, tuple(types), password)

    async def all(self) -> list[Account]:
        """Give the accounts, by name. Raises Conflict, Unavailable."""
        queues = await self._broker.get("queues", self._vhost)
        if queues is None:
            raise _unready(self._vhost)
        bindings = await self._broker.get("exchanges", self._vhost, EVENTS, "bindings", "source") or []
        found = []
        for queue in sorted(queues, key=lambda queue: str(queue["name"])):
            if (name := str(queue["name"])).startswith(PARTNER_PREFIX):
                keys = sorted(each["routing_key"] for each in bindings if each["destination"] == name)
                types = () if _EVERYTHING in keys else tuple(keys)
                seen = (queue.get("messages"), queue.get("consumers"))
                found.append(Account(name.removeprefix(PARTNER_PREFIX), name, name, self._vhost, types, None, *seen))
        return found

    async def remove(self, partner: str) -> bool:
        """Close an account with its connections and drop its queue; False when there was none.

        Raises InvalidInput, Conflict, Unavailable.
        """
        name = _user(partner)
        user = await self._broker.delete("users", name)  # the broker closes what it has open
        queue = await self._broker.delete("queues", self._vhost, name)
        return user or queue

    async def rotate(self, partner: str) -> Account:
        """Give an account another password and close its connections. Raises NotFound, Conflict, Unavailable."""
        name = _user(partner)
        if await self._broker.get("users", name) is None:
            raise NotFound(f"Aucun partenaire nommé {partner}.", f"No partner is named {partner}.")
        password = await self._set_password(name)
        await self._close_connections(name)
        (account,) = [each for each in await self.all() if each.user == name] or [
            Account(partner, name, name, self._vhost, ())
        ]
        return Account(partner, name, name, self._vhost, account.types, password)

    async def _close_connections(self, name: str) -> None:
        """Close them all; the broker answers 500 when one of them ends meanwhile."""
        for pause in _PAUSES:
            try:
                await self._broker.delete("connections", "username", name)
            except Conflict:
                await asyncio.sleep(pause)
            else:
                return
        await self._broker.delete("connections", "username", name)

    async def _restrict(self, name: str) -> None:
        may = {"configure": "^$", "write": "^$", "read": f"^{re.escape(name)}$"}
        await self._broker.put("permissions", self._vhost, name, body=may)
        for limit, value in _LIMITS.items():
            await self._broker.put("user-limits", name, limit, body={"value": value})

    async def _set_password(self, name: str) -> str:
        password = secrets.token_urlsafe(32)
        await self._broker.put("users", name, body={**hashed(password), "tags": ""})
        return password

    async def _bind(self, queue: str, keys: Sequence[str]) -> None:
        """Bind to what lacks, then unbind from the rest: no event falls between."""
        place = ("bindings", self._vhost, "e", EVENTS, "q", queue)
        there: list[dict[str, Any]] = await self._broker.get(*place) or []
        for key in keys:
            if key not in {each["routing_key"] for each in there}:
                await self._broker.post(*place, body={"routing_key": key})
        for each in there:
            if each["routing_key"] not in keys:
                await self._broker.delete(*place, each["properties_key"])

    async def _check_cap(self) -> None:
        """Make no queue that could fill the broker's disk."""
        policies = await self._broker.get("policies", self._vhost) or []
        if not any(
            re.search(policy["pattern"], PARTNER_PREFIX) and "max-length" in policy["definition"] for policy in policies
        ):
            raise _unready(self._vhost)


def _user(partner: str) -> str:
    """Give the name of a partner's user and queue, which are the same. Raises InvalidInput."""
    if not _NAME.fullmatch(partner):
        raise InvalidInput(
            "Un nom de partenaire a 3 à 40 lettres minuscules, chiffres et tirets, et commence par une lettre.",
            "A partner's name has 3 to 40 lower-case letters, digits and hyphens, and begins with a letter.",
        )
    return PARTNER_PREFIX + partner


def _unready(vhost: str) -> Conflict:
    return Conflict(
        f"L'hôte virtuel {vhost} n'existe pas ou ne limite pas les files des partenaires : "
        "importez deploy/rabbitmq/definitions.json.",
        f"The virtual host {vhost} does not exist or does not cap partners' queues: "
        "import deploy/rabbitmq/definitions.json.",
    )


def _check(types: Sequence[str]) -> None:
    public = sorted(event.type for event in public_types())
    if refused := [name for name in types if name not in public]:
        raise InvalidInput(
            f"Types inconnus ou non publics : {', '.join(refused)}. Types publics : {', '.join(public)}.",
            f"Unknown types, or not public: {', '.join(refused)}. Public types: {', '.join(public)}.",
        )
