"""Databases for tests: each test gets its own, cloned from a template that is migrated once a run."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from libs.common.db import connect, database_name, service_url
from libs.common.migrate import migrate, migrations_of, provision
from libs.common.provision import drop
from libs.common.service import Service
from libs.common.settings import Settings

__all__ = ["TestDatabases", "databases_on", "drop_databases"]

_RUNS: dict[str, TestDatabases] = {}


@dataclass
class TestDatabases:
    """The databases made by one run of the tests on one server: all have its prefix, and are dropped with it."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    administrator: str
    prefix: str = field(default_factory=lambda: f"halles_test_{secrets.token_hex(4)}")
    _templates: dict[str, str] = field(default_factory=dict)
    _services: set[str] = field(default_factory=set)
    _made: int = 0
    _strategy: str = ""
    """Copying files takes two checkpoints: half of the time where nothing is synced, and longer where it is."""

    @asynccontextmanager
    async def clone(self, service: Service) -> AsyncIterator[str]:
        """Give the address of a new, migrated, empty database of a service; dropped at the end of the block."""
        template = await self._template(service)
        self._made += 1
        name = f"{self.prefix}_{self._made}"
        login = database_name(self._settings(), service.name)
        await self._administrate(f'CREATE DATABASE "{name}" OWNER "{login}" TEMPLATE "{template}" {self._strategy}')
        try:
            address = service_url(self._settings(), service.name)
            yield address.removesuffix(f"/{login}") + f"/{name}"
        finally:
            await self._administrate(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def drop(self) -> None:
        """Remove the templates and logins of this run."""
        for template in self._templates.values():
            await self._administrate(f'DROP DATABASE IF EXISTS "{template}" WITH (FORCE)')
        for service in self._services:
            await drop(self._settings(), service)

    async def _template(self, service: Service) -> str:
        """Make the template of a service's present migrations, once."""
        files = "".join(migration.sha256 for migration in migrations_of(service))
        fingerprint = hashlib.sha256(f"{service.name} {files}".encode()).hexdigest()[:8]
        if fingerprint not in self._templates:
            settings = self._settings()
            made, kept = database_name(settings, service.name), f"{self.prefix}_t{fingerprint}"
            self._services.add(service.name)
            await provision(settings, service.name)
            await migrate(settings, service)
            await self._administrate(f'ALTER DATABASE "{made}" RENAME TO "{kept}"')
            self._strategy = "STRATEGY FILE_COPY" if await self._administrate("SHOW fsync") == "off" else ""
            self._templates[fingerprint] = kept
        return self._templates[fingerprint]

    def _settings(self) -> Settings:
        return Settings(
            environment="test", database_url=self.administrator, database_prefix=self.prefix, database_urls={}
        )

    async def _administrate(self, statement: str) -> object:
        """Give the first value of the answer, None without an answer."""
        conn = await connect(self.administrator, application="halles tests")
        try:
            return await conn.fetchval(statement)
        finally:
            await conn.close()


def databases_on(administrator: str) -> TestDatabases:
    """Give the databases of this run on a server."""
    return _RUNS.setdefault(administrator, TestDatabases(administrator))


async def drop_databases(administrator: str) -> None:
    """Remove everything this run made on a server."""
    if run := _RUNS.pop(administrator, None):
        await run.drop()
