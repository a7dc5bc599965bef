"""One login and one database a service: no login enters another's database."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from libs.common.db import connect, database_name, service_password, service_url
from libs.common.provision import drop, provision, scram
from libs.common.settings import Settings

SERVICES = ("notices", "bids")


@pytest.fixture
async def settings(database_url: str) -> AsyncIterator[Settings]:
    """Give settings under which two services are provisioned."""
    found = Settings(
        environment="test",
        database_url=database_url,
        database_prefix=f"halles_test_{secrets.token_hex(4)}",
        database_urls={},
    )
    for service in SERVICES:
        await provision(found, service)
    yield found
    for service in SERVICES:
        await drop(found, service)


async def _administrate(settings: Settings, question: str, *values: object) -> object:
    conn = await connect(settings.database_url)
    try:
        return await conn.fetchval(question, *values)
    finally:
        await conn.close()


async def test_a_service_works_in_its_own_database(settings: Settings) -> None:
    conn = await connect(service_url(settings, "notices"))
    try:
        assert await conn.fetchval("SELECT current_user") == database_name(settings, "notices")
        await conn.execute("CREATE TABLE mine (id integer); CREATE TEMPORARY TABLE passing (id integer)")
        assert await conn.fetchval("SELECT lower('ÉCOLE')") == "école"
        assert await conn.fetchval("SHOW server_encoding") == "UTF8"
    finally:
        await conn.close()


async def test_a_service_cannot_enter_the_database_of_another(settings: Settings) -> None:
    own = service_url(settings, "bids")
    other = own.removesuffix(database_name(settings, "bids")) + database_name(settings, "notices")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="CONNECT"):
        await connect(other)


async def test_a_service_has_no_right_beyond_its_database(settings: Settings) -> None:
    login, other = (database_name(settings, service) for service in ("bids", "notices"))
    role = await _administrate(
        settings,
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls "
        "FROM pg_roles WHERE rolname = $1",
        login,
    )
    assert role is False
    assert await _administrate(settings, "SELECT pg_has_role($1, $2, 'MEMBER')", login, other) is False
    assert await _administrate(settings, "SELECT has_database_privilege($1, $2, 'CONNECT')", login, other) is False
    assert await _administrate(settings, "SELECT has_database_privilege($1, $2, 'TEMPORARY')", login, other) is False


async def test_to_provision_again_changes_nothing(settings: Settings) -> None:
    conn = await connect(service_url(settings, "bids"))
    await conn.execute("CREATE TABLE kept (id integer)")
    await conn.close()
    await provision(settings, "bids")
    conn = await connect(service_url(settings, "bids"))
    try:
        assert await conn.fetchval("SELECT count(*) FROM kept") == 0
    finally:
        await conn.close()


async def test_several_may_provision_at_once(settings: Settings) -> None:
    await asyncio.gather(*(provision(settings, service) for service in SERVICES * 3))


async def test_a_database_given_whole_is_left_to_its_owner(settings: Settings) -> None:
    given = settings.model_copy(update={"database_urls": {"opendata": "postgresql://x@127.0.0.1:1/none"}})
    await provision(given, "opendata")
    assert service_url(given, "opendata") == "postgresql://x@127.0.0.1:1/none"
    name = database_name(settings, "opendata")
    assert await _administrate(settings, "SELECT count(*) FROM pg_database WHERE datname = $1", name) == 0


async def test_an_administrator_who_is_no_superuser_is_enough(settings: Settings, database_url: str) -> None:
    admin, server = f"{settings.database_prefix}_admin", urlsplit(database_url)
    await _administrate(settings, f"CREATE ROLE {admin} LOGIN CREATEDB CREATEROLE PASSWORD 'x'")
    limited = settings.model_copy(
        update={
            "database_url": server._replace(netloc=f"{admin}:x@{server.netloc.rpartition('@')[2]}").geturl(),
            "database_prefix": f"{settings.database_prefix}_l",
        }
    )
    try:
        await provision(limited, "alerts")
        await provision(limited, "alerts")
        conn = await connect(service_url(limited, "alerts"))
        await conn.execute("CREATE TABLE mine (id integer)")
        await conn.close()
    finally:
        await drop(limited, "alerts")
        await _administrate(settings, f"DROP ROLE {admin}")


async def test_the_server_keeps_what_the_derived_password_opens(settings: Settings) -> None:
    login = database_name(settings, "bids")
    kept = await _administrate(settings, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", login)
    assert isinstance(kept, str)
    salt = base64.b64decode(kept.split("$")[1].split(":")[1])
    assert scram(service_password(settings, login), salt) == kept


async def test_our_form_of_a_password_is_the_servers_own(settings: Settings) -> None:
    login = f"{settings.database_prefix}_own"
    await _administrate(settings, f"CREATE ROLE {login} PASSWORD 'sésame'")
    try:
        kept = await _administrate(settings, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", login)
        assert isinstance(kept, str)
        salt = base64.b64decode(kept.split("$")[1].split(":")[1])
        assert scram("sésame", salt) == kept
    finally:
        await _administrate(settings, f"DROP ROLE {login}")
