"""A production start with a part of the sandbox is refused; addresses and passwords are derived."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from libs.common.clock import SandboxClock, SystemClock
from libs.common.db import load_queries, service_password, service_url
from libs.common.settings import Settings, UnsafeStartError
from libs.common.standards import folder

SAFE: dict[str, Any] = {"issuer": "https://id.region.example/realms/halles", "secret": "0123456789abcdef" * 4}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENVIRONMENT", "DATABASE_URL", "AMQP_URL", "DATABASE_PREFIX", "DATA_DIR", "SECRET", "ISSUER"):
        monkeypatch.delenv(f"HALLES_{name}", raising=False)


def test_production_is_what_is_meant_when_nothing_is_said() -> None:
    assert Settings().environment == "production"
    with pytest.raises(UnsafeStartError):
        Settings().refuse_unsafe_start()


def test_a_safe_production_may_start() -> None:
    settings = Settings(**SAFE)
    settings.refuse_unsafe_start()
    assert isinstance(settings.new_clock(), SystemClock)


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"clock": "sandbox"}, "HALLES_CLOCK"),
        ({"issuer": "http://id.region.example"}, "HALLES_ISSUER"),
        ({"issuer": "https://localhost/issuer"}, "HALLES_ISSUER"),
        ({"issuer": "https://halles.example/issuer/", "public_url": "https://halles.example"}, "HALLES_ISSUER"),
        ({"jwks_url": "http://id.region.example/keys"}, "HALLES_JWKS_URL"),
        ({"jwks_url": "file:///tmp/keys.json"}, "HALLES_JWKS_URL"),
        ({"secret": "short"}, "HALLES_SECRET"),
        ({"archive_days": 89}, "HALLES_ARCHIVE_DAYS"),
    ],
)
def test_production_with_a_part_of_the_sandbox_is_refused(fault: dict[str, Any], word: str) -> None:
    settings = Settings(**SAFE | fault)
    with pytest.raises(UnsafeStartError, match=word):
        settings.refuse_unsafe_start()
    settings.model_copy(update={"environment": "sandbox"}).refuse_unsafe_start()


def test_every_fault_is_told_at_once_and_no_secret() -> None:
    with pytest.raises(UnsafeStartError) as refused:
        Settings(clock="sandbox", secret="hunter2hunter2").refuse_unsafe_start()
    assert all(word in str(refused.value) for word in ("HALLES_CLOCK", "HALLES_ISSUER", "HALLES_SECRET"))
    assert "hunter2" not in str(refused.value)


def test_variables_are_read_and_settings_are_frozen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALLES_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HALLES_CLOCK", "sandbox")
    settings = Settings()
    assert settings.storage_url == f"file://{tmp_path}/storage"
    assert isinstance(settings.new_clock(), SandboxClock)
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_each_service_has_its_login_and_database(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(database_url="postgresql://boss:secret@db.example:6543/postgres?sslmode=require")
    password = service_password(settings, "halles_notices")
    expected = f"postgresql://halles_notices:{password}@db.example:6543/halles_notices?sslmode=require"
    assert service_url(settings, "notices") == expected
    monkeypatch.setenv("HALLES_NOTICES_DATABASE_URL", "postgresql://elsewhere/x")
    assert service_url(Settings(), "notices") == "postgresql://elsewhere/x"


def test_passwords_differ_by_login_and_by_secret() -> None:
    one, other = Settings(secret="a" * 32), Settings(secret="b" * 32)
    logins = [(settings, login) for settings in (one, other) for login in ("halles_bids", "halles_notices")]
    assert len({service_password(*each) for each in logins}) == 4


def test_queries_are_named_blocks(tmp_path: Path) -> None:
    path = tmp_path / "queries.sql"
    path.write_text("-- A file.\n\n-- find --\n-- Why.\nSELECT 1;\n\n-- save --\nUPDATE x\n   SET y = 1;\n")
    queries = load_queries(path)
    assert dict(queries) == {"find": "-- Why.\nSELECT 1;", "save": "UPDATE x\n   SET y = 1;"}
    path.write_text("-- find --\nSELECT 1;\n-- find --\nSELECT 2;\n")
    with pytest.raises(ValueError, match="same name"):
        load_queries(path)


def test_official_schemas_are_looked_up_where_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALLES_STANDARDS", str(tmp_path))
    assert folder() == tmp_path
    monkeypatch.setenv("HALLES_STANDARDS", str(tmp_path / "absent"))
    assert folder() is None
