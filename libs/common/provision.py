"""One database and one login a service, made from the administrator's address; no service may enter another's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from libs.common.db import connect, database_name, service_password
from libs.common.settings import Settings

__all__ = ["drop", "provision", "scram"]

_LOCK = 0x68616C6C6574
_ROUNDS = 4096  # of PBKDF2, PostgreSQL's own number; the password has 256 bits already


async def provision(settings: Settings, service: str) -> None:
    """Make a service's login and database, or put them right. Safe to repeat, and from several processes at once.

    Does nothing where the service's address is given whole (`HALLES_<SERVICE>_DATABASE_URL`): it is somebody else's to make.
    """
    if service in settings.database_urls:
        return
    name = database_name(settings, service)
    async with _administrator(settings) as conn:
        await _make_login(conn, name, scram(service_password(settings, name)))
        if not await conn.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name):
            await conn.execute(f'CREATE DATABASE "{name}" OWNER "{name}" {await _template(conn)}')
        await _close_to_others(conn, name)


async def drop(settings: Settings, service: str) -> None:
    """Remove a service's database and login, with all its data: for tests."""
    name = database_name(settings, service)
    async with _administrator(settings) as conn:
        await conn.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await conn.execute(f'DROP ROLE IF EXISTS "{name}"')


@asynccontextmanager
async def _administrator(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Log in as the administrator, alone: two who alter the same role at once fail."""
    conn = await connect(settings.database_url, application="halles provision")
    try:
        await conn.execute("SELECT pg_advisory_lock($1)", _LOCK)
        yield conn
    finally:
        await conn.close()


async def _make_login(conn: asyncpg.Connection, name: str, verifier: str) -> None:
    exists = await conn.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name)
    verb = "ALTER" if exists else "CREATE"
    await conn.execute(f"{verb} ROLE \"{name}\" LOGIN PASSWORD '{verifier}'")
    if not await conn.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await conn.execute(f'GRANT "{name}" TO CURRENT_USER')  # to give a database to a role, one must be its member


async def _template(conn: asyncpg.Connection) -> str:
    """Give the options of a new database: UTF-8, sorted by code point, letters known, whatever the server's default."""
    knows_letters = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM pg_collation WHERE lower(collname) IN ('c.utf8', 'c.utf-8') AND collprovider = 'c')"
    )
    letters = "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'" if knows_letters else ""
    return f"TEMPLATE template0 ENCODING 'UTF8' {letters}"


async def _close_to_others(conn: asyncpg.Connection, name: str) -> None:
    await conn.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    await conn.execute(f'GRANT CONNECT, CREATE, TEMPORARY ON DATABASE "{name}" TO "{name}"')


def scram(password: str, salt: bytes | None = None) -> str:
    """Give what PostgreSQL keeps of a password (RFC 5803), so that the password itself never travels nor is logged."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    told = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(_ROUNDS, *told)
