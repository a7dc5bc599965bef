"""Dashboard, alerts and autoscaling speak of metrics, labels, queues and paragraphs that exist."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.grafana import dashboard
from deploy.kubernetes import autoscaling
from libs.common.bus.topology import Topology
from libs.common.generate import services as all_services
from libs.common.run import cli

ROOT = Path(__file__).resolve().parents[3]
DECLARATION = re.compile(r"(?:Counter|Gauge|Histogram)\(\s*\"(halles_\w+)\"")
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
SCALING = list(yaml.safe_load_all(autoscaling.PATH.read_text()))
RUNBOOK = ROOT / "docs/runbooks/at-3-am.md"
ALWAYS = {"job", "instance", "process", "le"}
"""Labels that Prometheus (deploy/prometheus/prometheus.yml) and its histograms add."""
OF_OTHERS = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate"},
    "process_start_time_seconds": set(),
    "rabbitmq_alarms_memory_used_watermark": set(),
    "rabbitmq_alarms_free_disk_space_watermark": set(),
    "rabbitmq_detailed_queue_consumers": {"vhost", "queue"},
    "rabbitmq_detailed_queue_messages_ready": {"vhost", "queue"},
}
"""What Prometheus, its client and RabbitMQ tell; tests/e2e/test_observability.py sees them at run time."""


@cache
def declared() -> dict[str, set[str]]:
    """Give the labels of every metric of ours, by the name Prometheus stores it under."""
    for path in (path for folder in ("libs", "services") for path in sorted((ROOT / folder).rglob("*.py"))):
        if DECLARATION.search(path.read_text(encoding="utf-8")):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found: dict[str, set[str]] = dict(OF_OTHERS)
    for collector, names in REGISTRY._collector_to_names.items():
        labels = set(getattr(collector, "_labelnames", ()))
        stored = [name for name in names if not {f"{name}_total", f"{name}_bucket"} & set(names)]
        found |= {name: labels for name in stored if name.startswith("halles_")}
    return found


def spoken(query: str) -> Iterator[tuple[str, set[str]]]:
    """Give the metrics of a query, each with the labels it is selected by."""
    bare = re.sub(r'"[^"]*"', '""', query)
    for name, labels in re.findall(r"\b(halles_\w+|up|ALERTS|process_\w+|rabbitmq_\w+)\b(?:\{([^}]*)\})?", bare):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))


def check(query: str) -> None:
    known, found = declared(), list(spoken(query))
    assert found, f"no metric of ours in {query}"
    assert query.count("(") == query.count(")")
    assert query.count("{") == query.count("}")
    groups = {label.strip() for one in re.findall(r"\bby \(([^)]*)\)", query) for label in one.split(",")}
    groups -= set(re.findall(r'label_replace\([^"]*(?:"[^"]*"[^"]*)?\), "(\w+)"', query))
    for name, labels in found:
        assert name in known, f"{name} is declared nowhere"
        assert labels <= known[name] | ALWAYS, f"{name} has no label {labels - known[name]}"
        assert groups <= known[name] | ALWAYS, f"{name} has no label {groups - known[name]}"


def panels() -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(dashboard.PATH.read_text())["panels"]
    return [panel for panel in shown if panel["type"] != "row"]


def test_the_checks_refuse_what_does_not_exist() -> None:
    check('sum by (service) (halles_parked{state="parked"})')
    for wrong in (
        "halles_parcked",
        'halles_parked{sate="x"}',
        "sum by (color) (halles_parked)",
        "halles_events_numbered",
        "sum(halles_parked",
        "node_load1",
    ):
        with pytest.raises(AssertionError):
            check(wrong)


def test_the_committed_dashboard_is_the_one_of_the_script() -> None:
    assert json.loads(dashboard.PATH.read_text(encoding="utf-8")) == dashboard.document(), "run make generate"


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_every_panel_shows_metrics_that_exist(panel: dict[str, Any]) -> None:
    assert panel["description"]
    for target in panel["targets"]:
        check(target["expr"])
        grouped = {name for one in re.findall(r"\bby \(([^)]*)\)", target["expr"]) for name in one.split(", ")}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) == grouped - {"le"}


def test_the_dashboard_shows_every_metric() -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name, _ in spoken(target["expr"])}
    known = {name for name in declared() if not name.endswith(("_created", "_sum", "_count"))}
    assert shown == known, "add a panel in deploy/grafana/dashboard.py, run make generate"


def test_the_page_tells_every_metric_with_its_labels() -> None:
    told: dict[str, set[str]] = {}
    text = (ROOT / "docs/observability.md").read_text(encoding="utf-8")
    for names, labels in re.findall(r"^\| (`[a-z_`, ]+`) \|([a-z, ]*)\|", text, re.MULTILINE):
        told |= {f"halles_{name}": set(labels.strip().split(", ")) for name in re.findall(r"\w+", names)}
    known: dict[str, set[str]] = {}
    for name, labels in declared().items():
        if not name.endswith(("_created", "_sum", "_count")) and name not in OF_OTHERS:
            known[name.removesuffix("_bucket")] = labels
    assert told.keys() == known.keys()
    for name, labels in known.items():
        assert labels <= told[name], name


def test_panels_do_not_cover_each_other() -> None:
    places = [panel["gridPos"] for panel in json.loads(dashboard.PATH.read_text())["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_speaks_of_metrics_that_exist_and_leads_to_its_paragraph(rule: dict[str, Any]) -> None:
    check(rule["expr"])
    assert re.fullmatch(r"\d+[sm]", rule["for"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "runbook_url"}
    path, anchor = rule["annotations"]["runbook_url"].split("#")
    assert ROOT / path == RUNBOOK
    titles = re.findall(r"^## (.+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"): title for title in titles}
    assert anchor in anchors
    paragraph = RUNBOOK.read_text(encoding="utf-8").split(f"## {anchors[anchor]}\n")[1].split("\n## ")[0]
    assert f"`{rule['alert']}`" in paragraph, "the paragraph names its alert"


def test_labels_told_in_a_summary_are_those_of_the_alert() -> None:
    for rule in RULES:
        told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        grouped = {name.strip() for one in re.findall(r"\bby \(([^)]*)\)", rule["expr"]) for name in one.split(",")}
        assert told <= (grouped or {"job", "instance", "process"}), rule["alert"]


def test_every_trouble_of_the_backbone_has_its_alert() -> None:
    alerted = {name for rule in RULES for name, _ in spoken(rule["expr"])}
    shown_only = {"halles_events_numbered_total", "halles_http_requests_in_progress", "halles_http_request_seconds_bucket",
                  "halles_bus_reconnections_total", "halles_publish_failures_total", "halles_republished_total",
                  "halles_partners_told_total", "halles_publications", "halles_search_notices",
                  "halles_alerts_notices_total", "halles_alerts_due_total", "halles_mails_total",
                  "halles_alerts_to_match", "halles_alerts_searches_held", "halles_alerts_slots_held",
                  "halles_alerts_build_seconds",
                  "halles_mails_waiting", "halles_mail_reports_total",
                  "halles_webhooks_waiting", "halles_webhook_attempts_total",
                      "halles_search_catch_up_seconds_bucket", "halles_evidence_stamp_seconds_bucket", "ALERTS"}  # fmt: skip
    known = {name for name in declared() if not name.endswith(("_created", "_sum", "_count"))}
    assert known - shown_only == alerted, "a metric that is no alarm is said here"
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_each_process_of_which_nothing_is_read_is_an_alarm() -> None:
    (absent,) = (rule["expr"] for rule in RULES if rule["alert"] == "HallesProcessAbsent")
    names = [f"{service.name}-{role}" for service in all_services() for role in ("api", "relay", "worker")]
    assert sorted(re.findall(r'absent\(up\{process="([\w-]+)"\}\)', absent)) == sorted(names)


def test_the_runbook_leads_nowhere_else() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^## (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\(#([\w-]+)\)", text)) <= anchors
    assert set(re.findall(r"`(Halles\w+)`", text)) == {rule["alert"] for rule in RULES}


@cache
def code() -> str:
    folders = (ROOT / "libs", ROOT / "services")
    return "\n".join(path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("*.py")))


def test_the_runbook_names_lines_of_the_log_settings_and_commands_that_exist() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    searched = {word for one in re.findall(r'grep (?:-E )?"?([\w|]+)"?', text) for word in one.split("|")}
    assert {word for word in searched if f'"{word}"' not in code()} == set()
    settings = {word.removeprefix("HALLES_").lower() for word in re.findall(r"`(HALLES_[A-Z_]+)`", text)}
    assert {word for word in settings if not re.search(rf"^    {word}: ", code(), re.MULTILINE)} == set()
    services = {service.name: cli(service) for service in all_services()}
    for name, words in re.findall(r"^    python -m services\.(\w+) (.+?)(?:  .*)?$", text, re.MULTILINE):
        command: click.Command = services[name]
        for word in words.split():
            if isinstance(command, click.Group):
                assert word in command.commands, words
                command = command.commands[word]
            elif word.startswith("--"):
                assert any(word in option.opts for option in command.params), words


def test_prometheus_reads_each_replica_of_each_process_of_compose() -> None:
    settings = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert settings["rule_files"] == ["alerts.yml"]
    found: dict[tuple[str, str], int] = {}
    for job in settings["scrape_configs"]:
        (where,) = job["dns_sd_configs"]
        assert where["type"] == "A"
        found |= {(job["job_name"], name): where["port"] for name in where["names"]}
        if job["job_name"].startswith("halles-"):
            assert job["relabel_configs"] == [{"source_labels": ["__meta_dns_name"], "target_label": "process"}]
    names = [service.name for service in all_services()]
    ports = {"api": 8080, "worker": 8081, "relay": 8081}
    wanted = {(f"halles-{role}", f"{name}-{role}"): port for role, port in ports.items() for name in names}
    broker = {("rabbitmq", "rabbitmq"): 15692, ("rabbitmq-queues", "rabbitmq"): 15692}
    assert found == wanted | broker
    plugins = (ROOT / "deploy/broker/enabled_plugins").read_text()
    assert "rabbitmq_prometheus" in plugins


def test_prometheus_and_grafana_beside_the_platform_get_these_files() -> None:
    added = yaml.safe_load((ROOT / "deploy/prometheus/compose.yml").read_text())
    mounted = {}
    for one in added["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in one["ports"]), "both show what is done here"
        for volume in one["volumes"]:
            source, target = volume.split(":")[:2]
            assert (ROOT / source).exists() if source.startswith("./") else source in added["volumes"]
            mounted[target] = source
    (provider,) = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/halles.yaml").read_text())["providers"]
    assert mounted[f"{provider['options']['path']}/halles.json"] == "./deploy/grafana/halles.json"
    (source,) = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == autoscaling.PROMETHEUS == "http://prometheus:9090"


def test_the_committed_autoscaling_is_the_one_of_the_topology() -> None:
    assert autoscaling.PATH.read_text(encoding="utf-8") == autoscaling.render(), "run make generate"


def test_every_worker_is_scaled_on_all_its_queues_and_every_relay_on_its_lag() -> None:
    scaled = {one["metadata"]["name"]: one["spec"] for one in SCALING if one["kind"] == "ScaledObject"}
    names = [service.name for service in all_services()]
    assert scaled.keys() == {f"halles-{name}-{process}" for name in names for process in ("worker", "relay")}
    for name in names:
        worker, relay = scaled[f"halles-{name}-worker"], scaled[f"halles-{name}-relay"]
        queues = [each["metadata"]["queueName"] for each in worker["triggers"] if each["type"] == "rabbitmq"]
        assert queues == [queue.name for queue in Topology.load().queues if queue.service == name]
        asked = [each["metadata"]["query"] for each in relay["triggers"]]
        assert all(f'service="{name}"' in query and "halles_relay_lag" in query for query in asked)
        for spec in (worker, relay):
            assert 2 <= spec["minReplicaCount"] <= spec["maxReplicaCount"], "one may die"


def test_scaling_asks_metrics_that_exist_with_the_login_of_the_service() -> None:
    logins = {one["metadata"]["name"]: one["spec"] for one in SCALING if one["kind"] == "TriggerAuthentication"}
    for one in SCALING:
        for trigger in one["spec"].get("triggers", []):
            if trigger["type"] == "prometheus":
                check(trigger["metadata"]["query"])
            else:
                service = trigger["metadata"]["queueName"].split(".")[0]
                (secret,) = logins[trigger["authenticationRef"]["name"]]["secretTargetRef"]
                assert secret == {"parameter": "host", "name": f"halles-{service}", "key": "HALLES_AMQP_URL"}
