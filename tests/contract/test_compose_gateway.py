"""The gateway and the collector of docker-compose.yml: who is led where, and what is not written down."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.contract.test_compose import (
    CONTAINERS,
    LOCATION,
    NGINX,
    PARTNERS,
    PROCESSES,
    PRODUCTION,
    ROOT,
    SANDBOX_CONF,
    SERVICES,
    MissingVariable,
    _port,
    environment,
    filled,
    service,
)


def test_gateway_leads_each_path_to_its_service() -> None:
    found = {path: (upstream, port) for _, path, upstream, port in LOCATION.findall(NGINX)}
    for name in SERVICES:
        assert found[f"/{name}/"] == (f"{name}-api", _port(f"{name}-api"))
    assert set(found) == {*(f"/{name}/" for name in SERVICES), "/docs", "/docs/"}
    for upstream, _ in found.values():
        assert CONTAINERS["gateway"]["depends_on"][upstream] == {"condition": "service_healthy"}


def test_gateway_leads_to_the_sandbox_in_the_sandbox_only() -> None:
    found = {path: (upstream, port) for _, path, upstream, port in LOCATION.findall(SANDBOX_CONF)}
    assert set(found) == {"/issuer/", "/tsa", "/sandbox/", "/state/"}
    assert set(found.values()) == {("sandbox", "8080")}
    production = [path.read_text() for path in (ROOT / "deploy/gateway/production").glob("*.conf")]
    assert production
    assert not any(LOCATION.search(text) or "location" in text.replace("# ", "") for text in production)


def test_gateway_listens_on_the_published_port_and_passes_files_through() -> None:
    (published,) = [filled(port, {}) for port in CONTAINERS["gateway"]["ports"]]
    assert published == "127.0.0.1:8080:8080"
    assert "listen 8080;" in NGINX
    assert "client_max_body_size 0;" in NGINX
    assert "proxy_request_buffering off;" in NGINX
    assert environment("bids-api", {})["HALLES_PROXIES"] == "1"
    assert "X-Forwarded-For $remote_addr" in NGINX, "what the caller claims must not be passed on"


def logged(path: str) -> str:
    """Give what nginx logs of a path (ngx_http_map_module: the first regular expression that matches)."""
    (lines,) = re.findall(r"map \$uri \$logged_path \{(.*?)\n    \}", NGINX, re.DOTALL)
    for pattern, shown in re.findall(r'"~(\S+)"\s+"(\S+)";', lines):
        if found := re.search(pattern.replace("(?<", "(?P<"), path):
            return str(shown.replace("${known}", found["known"]).replace("${rest}", found["rest"]))
    return path


def test_gateway_logs_no_token_of_a_path() -> None:
    (written,) = re.findall(r"log_format halles (.+?);", NGINX, re.DOTALL)
    assert set(re.findall(r"\$\w+", written)) == {
        *("$time_iso8601", "$request_method", "$logged_path", "$status", "$body_bytes_sent", "$request_time"),
        "$http_traceparent",
    }
    assert "error_log /dev/stderr crit;" in NGINX, "lower levels write the request line"
    paths = [f"/{name}{route.path}" for name in SERVICES for route in service(name).routes.items]
    secret = [path for path in paths if "{token}" in path]
    assert secret
    for path in secret:
        assert logged(path.replace("{token}", "t0ken")) == path.replace("{token}", "***")
    assert logged("/notices/v1/notices") == "/notices/v1/notices"


def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    conf = tmp_path / "nginx.conf"
    conf.write_text(NGINX.replace("/etc/nginx/sandbox", str(ROOT / "deploy/gateway/sandbox")))
    answer = subprocess.run([nginx, "-t", "-c", conf], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def broker_definitions(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", ROOT / "deploy/broker/start.sh", "true"],
        env={
            "PATH": "/usr/bin:/bin",
            "DEFINITIONS": str(tmp_path / "definitions.json"),
            "TEMPLATE": str(ROOT / "deploy/rabbitmq/definitions.json"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_broker_knows_the_users_and_the_virtual_host_of_the_services(tmp_path: Path) -> None:
    answer = broker_definitions(tmp_path, **environment("rabbitmq", {}))
    assert answer.returncode == 0, answer.stderr
    definitions = json.loads((tmp_path / "definitions.json").read_text())
    users = {user["name"]: user["password"] for user in definitions["users"]}
    hosts = {host["name"] for host in definitions["vhosts"]}
    for name in SERVICES:
        for role in ("worker", "relay"):
            address = urlsplit(environment(f"{name}-{role}", {})["HALLES_AMQP_URL"])
            assert users[address.username or ""] == address.password
            assert address.path.lstrip("/") in hosts
            assert (address.hostname, address.port) == ("rabbitmq", 5672)
    assert "listeners.tcp.default = 5672" in (ROOT / "deploy/broker/halles.conf").read_text()


def test_the_worker_of_alerts_alone_feeds_the_partners_virtual_host(tmp_path: Path) -> None:
    broker_definitions(tmp_path, **environment("rabbitmq", {}))
    definitions = json.loads((tmp_path / "definitions.json").read_text())
    users = {user["name"]: user["password"] for user in definitions["users"]}
    given = {name: environment(name, {}).get("HALLES_PARTNERS_AMQP_URL") for name in CONTAINERS}
    assert [name for name, address in given.items() if address] == ["alerts-worker"]
    address = urlsplit(given["alerts-worker"] or "")
    assert users[address.username or ""] == address.password
    assert address.path == "/partners"
    assert not any("HALLES_RABBITMQ_API" in each.get("environment", {}) for each in CONTAINERS.values())


def test_partners_come_by_tls_and_only_where_the_operator_opens_the_port() -> None:
    assert "ports" not in CONTAINERS["rabbitmq"]
    assert "ports" not in PRODUCTION["services"]["rabbitmq"]
    (opened,) = PARTNERS["services"].items()
    name, container = opened
    assert (name, container["ports"]) == ("rabbitmq", ["${HALLES_PARTNERS_BIND:-0.0.0.0}:5671:5671"])
    conf = (ROOT / "deploy/broker/partners.conf").read_text()
    assert "listeners.ssl.default = 5671" in conf
    assert "listeners.tcp" not in conf
    sources = dict(volume.rsplit(":", 2)[:2] for volume in container["volumes"][:1])
    assert all((ROOT / source).exists() for source in sources)
    with pytest.raises(MissingVariable, match="HALLES_PARTNERS_CERTIFICATES"):
        filled(yaml.safe_dump(PARTNERS), {})
    (certificates,) = container["volumes"][1:]
    place = filled(certificates, {"HALLES_PARTNERS_CERTIFICATES": "/srv/certificates"}).split(":")[1]
    assert {line.split(" = ")[1] for line in conf.splitlines() if "file = " in line} == {
        f"{place}/cert.pem",
        f"{place}/key.pem",
    }


@pytest.mark.parametrize("password", ["", 'a"b', "a/b", "a b", "$(reboot)"])
def test_broker_does_not_start_with_a_password_it_cannot_write(tmp_path: Path, password: str) -> None:
    values = {**environment("rabbitmq", {}), "HALLES_RABBITMQ_BIDS_PASSWORD": password}
    answer = broker_definitions(tmp_path, **values)
    assert answer.returncode == 1
    assert "HALLES_RABBITMQ_BIDS_PASSWORD" in answer.stderr


def test_collector_takes_traces_and_metrics_are_read_from_every_process() -> None:
    collector = yaml.safe_load((ROOT / "deploy/otel/collector.yaml").read_text())
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    read = {
        f"{name}:{where['port']}"
        for job in prometheus["scrape_configs"]
        if job["job_name"].startswith("halles-")
        for where in job["dns_sd_configs"]
        for name in where["names"]
    }
    wanted = {f"{name}-{role}:{_port(f'{name}-{role}')}" for name, role in PROCESSES if role != "migrate"}
    assert read == wanted
    assert not any("HALLES_METRICS_PUBLIC" in each.get("environment", {}) for each in CONTAINERS.values())
    assert "location = /metrics   { return 404; }" in NGINX
    endpoint = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    otlp = urlsplit(environment("bids-api", {})["HALLES_OTLP_URL"])
    assert otlp.hostname == "collector"
    assert endpoint.rpartition(":")[2] == str(otlp.port)
    for pipeline in collector["service"]["pipelines"].values():
        assert set(pipeline["receivers"]) <= set(collector["receivers"])
        assert set(pipeline["processors"]) <= set(collector["processors"])
        assert set(pipeline["exporters"]) <= set(collector["exporters"])
    (option,) = CONTAINERS["collector"]["command"]
    assert option == "--config=/etc/otel/collector.yaml"
