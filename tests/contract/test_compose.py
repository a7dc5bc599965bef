"""docker-compose.yml agrees with the code: images, commands, settings, ports, health checks, gateway, broker.

No Docker engine is needed: the files are read as Compose reads them, and compared with what the code declares.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import yaml

from deploy.local.__main__ import main as local_command
from libs.common.http.health import health_routes
from libs.common.run import cli
from libs.common.service import Service
from libs.common.settings import Settings, UnsafeStartError

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("notices", "alerts", "bids", "signature", "legality", "opendata")
ROLES = ("migrate", "api", "worker", "relay")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PRODUCTION: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.production.yml").read_text())
PARTNERS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.partners.yml").read_text())
CONTAINERS: dict[str, Any] = COMPOSE["services"]
PROCESSES = [(service, role) for service in SERVICES for role in ROLES]
VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?])([^}]*))?\}")

NEEDED_IN_PRODUCTION = {
    "HALLES_SECRET": "a" * 64,
    "HALLES_ISSUER": "https://identite.example.fr/realms/halles",
    "HALLES_PUBLIC_URL": "https://marches.example.fr",
    "HALLES_TIMESTAMP_URLS": '["https://horodatage.example.fr"]',
    "HALLES_TRUST_FOLDER": "/srv/trust",
    "HALLES_BIDS_OPENINGS_KEYS": "/srv/keys/openings",
    "HALLES_BIDS_SEAL": "/srv/keys/seal.pem",
    "HALLES_SMTP_URL": "smtps://halles:secret@mail.example.fr:465",
    "HALLES_MAIL_FROM": "Halles <alertes@marches.example.fr>",
    "HALLES_STATE_URL": "https://actes.example.fr/depot",
    "HALLES_RETURN_ADDRESS": "retours@marches.example.fr",
    "POSTGRES_PASSWORD": "another-secret",
    **{f"HALLES_RABBITMQ_{name.upper()}_PASSWORD": "secret" for name in (*SERVICES, "operator")},
}


class MissingVariable(Exception):  # noqa: N818
    """Compose would stop here and print the message."""


def filled(text: object, given: dict[str, str]) -> str:
    """Replace variables as Compose does (interpolation of the Compose specification)."""

    def value(match: re.Match[str]) -> str:
        name, kind, other = match.groups()
        found = given.get(name)
        missing = found is None or (found == "" and kind in {":-", ":?"})
        if not missing:
            return str(found)
        if kind in {"?", ":?"}:
            raise MissingVariable(f"{name}: {other}")
        return other or ""

    return VARIABLE.sub(value, str(text))


def environment(container: str, given: dict[str, str], *, production: bool = False) -> dict[str, str]:
    values = dict(CONTAINERS[container].get("environment", {}))
    if production:
        values |= PRODUCTION["services"][container].get("environment", {})
    return {name: filled(value, given) for name, value in values.items()}


def service(name: str) -> Service:
    found: Service = importlib.import_module(f"services.{name}.wiring").SERVICE
    return found


def settings(container: str, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], *, production: bool) -> Settings:
    for name, value in environment(container, given, production=production).items():
        monkeypatch.setenv(name, value)
    return service(container.partition("-")[0]).settings()


def test_every_service_has_its_four_processes_and_nothing_else_is_there() -> None:
    others = {"postgres", "rabbitmq", "collector", "gateway", "sandbox"}
    assert set(CONTAINERS) == {f"{name}-{role}" for name, role in PROCESSES} | others
    assert set(SERVICES) == {path.parent.name for path in ROOT.glob("services/*/pyproject.toml")}


def test_images_are_pinned_or_built_from_this_repository() -> None:
    for name, container in CONTAINERS.items():
        if "build" in container:
            build = container["build"]
            assert (ROOT / build["dockerfile"]).exists()
            assert build["args"]["SERVICE"] in SERVICES
            assert container["image"] == f"halles-{name.rpartition('-')[0] or name}"
        else:
            _, _, tag = container["image"].partition(":")
            assert re.match(r"^\d+", tag), f"{name}: {container['image']} is not pinned"


def test_postgres_and_rabbitmq_are_of_the_promised_versions() -> None:
    assert CONTAINERS["postgres"]["image"] == "postgres:17"
    assert CONTAINERS["rabbitmq"]["image"].startswith("rabbitmq:4.")


@pytest.mark.parametrize(("name", "role"), PROCESSES, ids="-".join)
def test_command_is_one_that_the_service_has(name: str, role: str) -> None:
    container = CONTAINERS[f"{name}-{role}"]
    assert container["build"]["args"]["SERVICE"] == name
    command, *arguments = container["command"]
    assert command == role
    found = cli(service(name)).commands[command]
    found.parse_args(click.Context(found), arguments)


def test_sandbox_command_is_one_that_the_local_platform_has() -> None:
    command, *arguments = [filled(word, {}) for word in CONTAINERS["sandbox"]["command"]]
    found = local_command.commands[command]
    context = click.Context(found)
    found.parse_args(context, arguments)
    assert f"sandbox:{context.params['data']}" in CONTAINERS["sandbox"]["volumes"]
    smtp = urlsplit(environment("alerts-worker", {})["HALLES_SMTP_URL"])
    assert (smtp.hostname, smtp.port) == ("sandbox", context.params["smtp_port"])
    legality = urlsplit(context.params["legality_url"])
    assert f"{legality.hostname}:{legality.port}" == f"legality-api:{_port('legality-api')}"


def _port(container: str) -> str:
    values = environment(container, {})
    return values["HALLES_PORT"] if container.endswith("-api") else values["HALLES_HEALTH_PORT"]


@pytest.mark.parametrize(("name", "role"), PROCESSES, ids="-".join)
def test_environment_names_settings_that_the_service_reads(name: str, role: str) -> None:
    known = {f"HALLES_{field.upper()}" for field in service(name).settings.model_fields}
    both = CONTAINERS[f"{name}-{role}"]["environment"] | PRODUCTION["services"][f"{name}-{role}"].get("environment", {})
    assert set(both) <= known


@pytest.mark.parametrize(("name", "role"), PROCESSES, ids="-".join)
def test_sandbox_starts_as_the_file_is(name: str, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(f"{name}-{role}", monkeypatch, {}, production=False)
    chosen.refuse_unsafe_start()
    assert chosen.environment == "sandbox"
    assert urlsplit(chosen.database_url).hostname in CONTAINERS
    for address in (*chosen.timestamp_urls, chosen.jwks_url or "", chosen.otlp_url or ""):
        assert urlsplit(address).hostname in CONTAINERS
    assert str(chosen.clock_file).startswith("/sandbox/")
    assert chosen.storage_url.startswith("file:///data/"), "all processes share the volume of /data"


@pytest.mark.parametrize(("name", "role"), PROCESSES, ids="-".join)
def test_production_starts_with_what_it_asks_for(name: str, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(f"{name}-{role}", monkeypatch, NEEDED_IN_PRODUCTION, production=True)
    chosen.refuse_unsafe_start()
    assert chosen.environment == "production"
    assert chosen.clock == "system"
    assert "sandbox" not in json.dumps(environment(f"{name}-{role}", NEEDED_IN_PRODUCTION, production=True)).replace(
        "/sandbox/clock", ""
    )


@pytest.mark.parametrize("variable", sorted(NEEDED_IN_PRODUCTION))
def test_production_does_not_start_without_what_it_asks_for(variable: str) -> None:
    given = {name: value for name, value in NEEDED_IN_PRODUCTION.items() if name != variable}
    with pytest.raises(MissingVariable, match=variable):
        filled(yaml.safe_dump(PRODUCTION), given)


def test_the_keys_of_bids_are_secrets_that_only_its_processes_have() -> None:
    for name, container in PRODUCTION["services"].items():
        held = {f"/run/secrets/{secret}" for secret in container.get("secrets", ())}
        assert bool(held) == (name.startswith("bids-") and name != "bids-migrate"), name
        told = container.get("environment", {})
        assert held <= {told.get("HALLES_OPENINGS_KEY_FILE"), told.get("HALLES_SEAL_FILE")}
    assert set(PRODUCTION["secrets"]) == {"bids_openings", "bids_seal"}


@pytest.mark.parametrize("setting", ["HALLES_OPENINGS_KEY_FILE", "HALLES_SEAL_FILE"])
def test_bids_refuse_to_start_in_production_without_keys_of_their_own(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings("bids-worker", monkeypatch, NEEDED_IN_PRODUCTION, production=True)
    with pytest.raises(UnsafeStartError, match=setting):
        chosen.model_copy(update={setting.removeprefix("HALLES_").lower(): None}).refuse_unsafe_start()


def test_sandbox_settings_are_refused_as_production(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings("notices-api", monkeypatch, {"HALLES_ENVIRONMENT": "production"}, production=False)
    with pytest.raises(UnsafeStartError) as refusal:
        chosen.refuse_unsafe_start()
    for fault in ("HALLES_CLOCK", "HALLES_ISSUER", "HALLES_SECRET", "HALLES_JWKS_URL"):
        assert fault in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "role"), [(name, role) for name, role in PROCESSES if role != "migrate"], ids="-".join
)
def test_health_check_asks_a_route_and_port_that_the_process_serves(name: str, role: str) -> None:
    (program,) = CONTAINERS[f"{name}-{role}"]["healthcheck"]["test"][3:]
    (address,) = re.findall(r"http://[^']+", program)
    parts = urlsplit(address)
    routes = {route.path for route in health_routes([]) if hasattr(route, "path")}
    assert parts.path in routes
    assert (parts.hostname, str(parts.port)) == ("127.0.0.1", _port(f"{name}-{role}"))
    compile(program, "healthcheck", "exec")


def test_only_what_needs_the_administrator_has_its_password() -> None:
    for name, container in CONTAINERS.items():
        address = container.get("environment", {}).get("HALLES_DATABASE_URL")
        if address is not None:
            assert ("POSTGRES_PASSWORD" in address) == name.endswith("-migrate")


def test_processes_wait_for_what_they_need() -> None:
    for name, role in PROCESSES:
        waits = CONTAINERS[f"{name}-{role}"]["depends_on"]
        assert waits["postgres"]["condition"] == "service_healthy"
        if role != "migrate":
            assert waits[f"{name}-migrate"]["condition"] == "service_completed_successfully"
    for name, container in CONTAINERS.items():
        for other, how in container.get("depends_on", {}).items():
            assert other in CONTAINERS, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in CONTAINERS[other], f"{name} waits for the health of {other}"


def test_all_pools_together_hold_at_most_sixty_connections() -> None:
    sizes = [int(environment(f"{name}-{role}", {}).get("HALLES_POOL_SIZE", 0)) for name, role in PROCESSES]
    assert sum(sizes) <= 60


def test_containers_restart_and_hold_no_right_they_do_not_need() -> None:
    for name, container in CONTAINERS.items():
        assert container["restart"] == ("on-failure" if name.endswith("-migrate") else "unless-stopped")
        if "build" in container:
            assert container["read_only"] is True
            assert container["cap_drop"] == ["ALL"]
            assert container["security_opt"] == ["no-new-privileges:true"]
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    assert "\nUSER 10001:10001\n" in dockerfile
    assert CONTAINERS["postgres"]["user"] == "postgres"
    assert CONTAINERS["rabbitmq"]["user"] == "rabbitmq"
    assert "unprivileged" in CONTAINERS["gateway"]["image"]


def test_mounted_files_exist() -> None:
    for files in (COMPOSE, PRODUCTION):
        for name, container in files["services"].items():
            for volume in container.get("volumes", []):
                source = filled(volume, NEEDED_IN_PRODUCTION).split(":")[0]
                if source.startswith("./"):
                    assert (ROOT / source).exists(), f"{name}: {source}"
                elif not source.startswith("/"):
                    assert source in COMPOSE["volumes"], f"{name}: {source}"


# the image


def test_image_is_made_of_files_that_exist_and_pins_with_hashes() -> None:
    text = (ROOT / "deploy/Dockerfile").read_text()
    assert text.count("--require-hashes") == 3
    for name in (*SERVICES, "sandbox", "uv", "build"):
        assert (ROOT / f"requirements/{name}.txt").exists()
    python = re.search(r"^ARG PYTHON=(\d+\.\d+)", text, re.MULTILINE)
    assert python is not None
    assert python[1] == "3.11"
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for part in source.split():
            for value in SERVICES:
                path = part.replace("${SERVICE}", value).replace("${REQUIREMENTS}", value)
                assert (ROOT / path).exists(), path
    assert "python -m services.$SERVICE" in text
    for value in SERVICES:
        assert (ROOT / f"services/{value}/__main__.py").exists()


# the gateway

NGINX = (ROOT / "deploy/gateway/nginx.conf").read_text()
SANDBOX_CONF = (ROOT / "deploy/gateway/sandbox/sandbox.conf").read_text()
LOCATION = re.compile(r"location (=? ?)(\S+)\s*\{ set \$upstream (\S+);\s*proxy_pass http://\$upstream:(\d+); \}")


# the broker


# the collector of traces, and who reads the metrics
