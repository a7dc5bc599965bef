"""A real broker with its management API, for tests that ask it as an operator does."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlsplit

import aio_pika
import aiohttp
import pytest_asyncio
from aio_pika.abc import AbstractIncomingMessage

from libs.common.bus import definitions
from libs.common.testing.servers.rabbitmq import rabbitmq

__all__ = ["Imported", "Management", "add_queue", "imported_definitions", "managed_broker", "management", "take"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Management:
    """A broker: its AMQP address, and its management API as the administrator."""

    amqp_url: str
    api_url: str

    def url(self, user: str, password: str, vhost: str) -> str:
        """Give the AMQP address of a user."""
        parts = urlsplit(self.amqp_url)
        return f"amqp://{quote(user)}:{quote(password)}@{parts.hostname}:{parts.port}/{quote(vhost)}"

    async def ask(self, path: str, method: str = "GET", body: object = None, login: str | None = None) -> Any:  # noqa: ANN401  # JSON
        """Ask the API; `login`: as another, `user:password`. Raises aiohttp.ClientResponseError."""
        parts = urlsplit(self.api_url)
        user, _, password = (login or f"{parts.username}:{parts.password}").partition(":")
        address = f"{parts.scheme}://{parts.hostname}:{parts.port}/api/{path}"
        async with (
            aiohttp.ClientSession(
                headers={"Authorization": aiohttp.encode_basic_auth(user, password)}, raise_for_status=True
            ) as session,
            session.request(method, address, json=body) as answer,
        ):
            return await answer.json() if answer.content_type == "application/json" and answer.status != 204 else None


@asynccontextmanager
async def managed_broker() -> AsyncIterator[Management]:
    """Give the tests' broker when its API is there, else a private one for as long as the block runs."""
    api, amqp = os.environ.get("HALLES_RABBITMQ_API"), os.environ.get("HALLES_AMQP_URL")
    if api and amqp:
        yield Management(amqp, api)
        return
    async with rabbitmq() as broker:
        yield Management(broker.url, broker.api_url)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def management() -> AsyncIterator[Management]:
    """Give such a broker, one for all tests of this process."""
    async with managed_broker() as found:
        yield found


@dataclass(frozen=True)
class Imported:
    """The committed definitions on a broker, in virtual hosts of our own, with the names of its users changed."""

    broker: Management
    vhost: str
    partners: str
    prefix: str
    password: str

    def url(self, user: str, vhost: str) -> str:
        """Give the AMQP address of a user of the file."""
        return self.broker.url(self.prefix + user, self.password, vhost)

    async def queues(self, vhost: str) -> dict[str, dict[str, Any]]:
        """Give the queues, once the broker's statistics know all about them: a few seconds after they were made."""
        async with asyncio.timeout(30):
            while True:
                found = await self.broker.ask(f"queues/{vhost}")
                if all("effective_policy_definition" in queue for queue in found):
                    return {queue["name"]: queue for queue in found}
                await asyncio.sleep(0.25)


@asynccontextmanager
async def imported_definitions(broker: Management) -> AsyncIterator[Imported]:
    """Import the committed definitions, as the broker does at its start; remove it all at the end."""
    mark = token_hex(4)
    found = Imported(broker, f"halles_test_{mark}", f"partners_test_{mark}", f"{mark}_", token_hex(8))
    document = _renamed(found)
    try:
        await broker.ask("definitions", "POST", document)
        for host in (found.vhost, found.partners):
            await broker.ask(f"permissions/{host}/guest", "PUT", {"configure": ".*", "write": ".*", "read": ".*"})
        yield found
    finally:
        await broker.ask(f"vhosts/{found.vhost}", "DELETE")
        await broker.ask(f"vhosts/{found.partners}", "DELETE")
        await broker.ask("users/bulk-delete", "POST", {"users": [user["name"] for user in document["users"]]})


def _renamed(found: Imported) -> dict[str, Any]:
    """Give the committed file with other names: the broker may be shared."""
    document: dict[str, Any] = json.loads((ROOT / definitions.PATH).read_text(encoding="utf-8"))
    hosts = {definitions.VHOST: found.vhost, definitions.PARTNERS: found.partners}
    for entry in (entry for entries in document.values() for entry in entries):
        entry.update({"vhost": hosts[entry["vhost"]]} if "vhost" in entry else {})
        entry.update({"user": found.prefix + entry["user"]} if "user" in entry else {})
    for host in document["vhosts"]:
        host["name"] = hosts[host["name"]]
    for user in document["users"]:
        user.update({"name": found.prefix + user["name"], "password": found.password})
    return document


async def add_queue(found: Imported, name: str, *keys: str) -> None:
    """Make a partner's queue, as the operator's command does."""
    await found.broker.ask(
        f"queues/{found.partners}/{name}", "PUT", {"durable": True, "arguments": {"x-queue-type": "quorum"}}
    )
    for key in keys:
        await found.broker.ask(f"bindings/{found.partners}/e/events/q/{name}", "POST", {"routing_key": key})


async def take(url: str, queue: str, count: int) -> list[AbstractIncomingMessage]:
    """Take so many messages of a queue, and those that follow within a moment."""
    found: list[AbstractIncomingMessage] = []
    came = asyncio.Event()

    async def keep(message: AbstractIncomingMessage) -> None:
        await message.ack()
        found.append(message)
        came.set()

    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        await channel.set_qos(prefetch_count=200)
        await (await channel.get_queue(queue, ensure=False)).consume(keep)
        with suppress(TimeoutError):
            while True:
                came.clear()
                async with asyncio.timeout(20 if len(found) < count else 0.3):
                    await came.wait()
    return found
