"""`python -m deploy.grafana.dashboard`: writes `halles.json`, the dashboard of the message backbone and the services.

Panels are data below; a test checks each metric and label against those the code declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.common.schemas import dump

__all__ = ["PATH", "ROWS", "Panel", "document", "main"]

PATH = Path(__file__).with_name("halles.json")

_HERE = 'service=~"$service"'
_WIDTH, _HEIGHT = 8, 8
"""Of a panel; a dashboard is 24 wide."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph: what it shows, its unit (Grafana's names), its queries with the words of their legends."""

    title: str
    told: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    alarm: float | None = None
    """From there on it is drawn red: where `deploy/prometheus/alerts.yml` alerts."""


def _percentiles(metric: str, by: str) -> tuple[tuple[str, str], ...]:
    words = " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    return tuple(
        (
            f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket{{{_HERE}}}[$__rate_interval])))",
            f"p{round(share * 100)} {words}",
        )
        for share in (0.5, 0.99)
    )


def _rate(metric: str, by: str, words: str) -> tuple[tuple[str, str], ...]:
    return _every(f"sum by ({by}) (rate({metric}{{HERE}}[$__rate_interval]))", words)


def _most(metric: str, by: str, words: str) -> tuple[tuple[str, str], ...]:
    return _every(f"max by ({by}) ({metric}{{HERE}})", words)


def _every(query: str, words: str) -> tuple[tuple[str, str], ...]:
    return ((query.replace("{HERE}", f"{{{_HERE}}}"), words),)


_NO_RETRY = 'vhost!="partners", queue!~".*[.]retry[.].*"'
ROWS: dict[str, tuple[Panel, ...]] = {
    "First of all": (
        Panel(
            "Alerts that fire", "Each leads to its paragraph of docs/runbooks/at-3-am.md. No data: nothing fires.", "short",
            _every('count by (alertname) (ALERTS{alertstate="firing", alertname=~"Halles.*"})', "{{alertname}}"), 1,
        ),
        Panel(
            "Processes that answer", "As Prometheus reads them; a fall is a process that ended or hangs.", "short",
            _every('sum by (job) (up{job=~"halles-.*|rabbitmq"})', "{{job}}"),
        ),
        Panel(
            "Nobody leads", "Numberers (1 a service) and shards of publication (8) without a relay that leads them.", "short",
            _most("halles_leaderless", "service, role", "{{service}} {{role}}"), 1,
        ),
        Panel(
            "Sessions of PostgreSQL", "Used, of those the server takes, by everybody.", "percentunit",
            _every("max by (service) (halles_database_connections{HERE} / halles_database_connections_limit{HERE})",
                   "{{service}}"), 0.9,
        ),
        Panel(
            "Periodic tasks", "Since the last success of each, in periods of the task: up to 2 is normal.", "short",
            _every("(time() - max by (service, task) (halles_periodic_done_timestamp_seconds{HERE})) / "
                   "max by (service, task) (halles_periodic_seconds{HERE})", "{{service}} {{task}}"),
        ),
        Panel(
            "Starts of processes", "Anew, in half an hour.", "short",
            _every('max by (job) (changes(process_start_time_seconds{job=~"halles-.*"}[30m]))', "{{job}}"), 4,
        ),
    ),
    "From the commit to the broker": (
        Panel(
            "Outbox: oldest event", "Age of the oldest committed event that has no position yet.", "s",
            _most("halles_outbox_oldest_seconds", "service", "{{service}}"), 30,
        ),
        Panel(
            "Outbox: waiting", "Committed events that have no position yet.", "short",
            _most("halles_outbox_pending", "service", "{{service}}"),
        ),
        Panel(
            "Relay lag", "Positions between what each shard published and the end of the log.", "short",
            _most("halles_relay_lag", "service, shard", "{{service}} {{shard}}"), 1000,
        ),
        Panel(
            "Numbered and published", "Events a second.", "short",
            _rate("halles_events_numbered_total", "service", "{{service}} numbered")
            + _rate("halles_events_published_total", "service", "{{service}} published"),
        ),
        Panel(
            "Queues missing", "1 while the broker lacks a queue; then what it lost is published again, a second.", "short",
            _every("max by (queue) (halles_queue_missing{HERE})", "{{queue}}")
            + _rate("halles_republished_total", "service", "{{service}} again")
            + _rate("halles_queue_lost_total", "queue", "{{queue}} lost"), 1,
        ),
        Panel("Confirms", "Until the broker confirmed a window.", "s", _percentiles("halles_confirm_seconds", "service"), 1),
        Panel(
            "Refused, set aside", "Publications refused or without answer, a second; events set aside.", "short",
            _rate("halles_publish_failures_total", "service, reason", "{{service}} {{reason}}")
            + _most("halles_set_aside", "service", "{{service}} set aside"),
        ),
    ),
    "From the broker to the effect": (
        Panel(
            "Commit to effect", "From the write of an event to its effect in another service; the target: p50 15 ms, p99 60 ms.", "s",
            _percentiles("halles_commit_to_effect_seconds", "queue"), 1,
        ),
        Panel(
            "Deliveries", "Messages taken from queues, a second, by what became of them.", "short",
            _rate("halles_deliveries_total", "queue, outcome", "{{queue}} {{outcome}}"),
        ),
        Panel(
            "Retries", "Failed attempts a second, by class of failure.", "short",
            _rate("halles_retries_total", "queue, reason", "{{queue}} {{reason}}"),
        ),
        Panel(
            "Duplicates dropped", "Second deliveries that changed nothing, a second.", "short",
            _rate("halles_duplicates_dropped_total", "queue", "{{queue}}"),
        ),
        Panel(
            "Messages in trouble", "Waiting for another attempt, held behind one, or parked.", "short",
            _most("halles_parked", "queue, state", "{{queue}} {{state}}"), 1,
        ),
        Panel(
            "Consumers", "Processes that consume; 1 where a queue is paused because a dependency is down.", "short",
            _every("sum by (service) (halles_consumer_up{HERE})", "{{service}} consuming")
            + _most("halles_consumer_paused", "queue", "{{queue}} paused")
            + _every("sum by (service) (increase(halles_bus_reconnections_total{HERE}[$__rate_interval]))",
                     "{{service}} reconnections"),
        ),
    ),
    "The broker": (
        Panel(
            "Queues: ready", "Messages that wait for a consumer.", "short",
            _every(f"max by (queue) (rabbitmq_detailed_queue_messages_ready{{{_NO_RETRY}}})", "{{queue}}"), 50_000,
        ),
        Panel(
            "Queues: consumers", "0: nobody takes what is there.", "short",
            _every(f"max by (queue) (rabbitmq_detailed_queue_consumers{{{_NO_RETRY}}})", "{{queue}}"),
        ),
        Panel(
            "Alarms", "1: the broker takes nothing any more.", "short",
            _every("max by (instance) (rabbitmq_alarms_memory_used_watermark)", "{{instance}} memory")
            + _every("max by (instance) (rabbitmq_alarms_free_disk_space_watermark)", "{{instance}} disk"), 1,
        ),
    ),
    "The feed": (
        Panel(
            "Readers waiting", "Long polls and streams that are open.", "short",
            _every("sum by (service) (halles_feed_waiting{HERE})", "{{service}}"),
        ),
        Panel(
            "Streams cut", "A second, because their reader was too slow; it comes back with its last cursor.", "short",
            _rate("halles_feed_streams_cut_total", "service", "{{service}}"),
        ),
        Panel(
            "Archive: oldest event kept", "Age of the oldest event that is still in the database: 90 to 120 days when the archive works.",
            "s", _most("halles_archive_oldest_seconds", "service", "{{service}}"), 130 * 86400,
        ),
    ),
    "The search": (
        Panel(
            "Index ready", "1 once the index of an api process is built; until then PostgreSQL answers simple searches only.", "short",
            _every("min by (instance) (halles_search_ready{HERE})", "{{instance}}"),
        ),
        Panel(
            "Notices in the index", "Of each api process; all hold the same, within a second.", "short",
            _every("max by (instance) (halles_search_notices{HERE})", "{{instance}}"),
        ),
        Panel(
            "Catching up", "From a look that found changes until they can be searched; the target: 1 s.", "s",
            _percentiles("halles_search_catch_up_seconds", "service"), 1,
        ),
    ),
    "Effects outside": (
        Panel(
            "Jobs not done", "Mails, webhooks, time stamps, transmissions that wait, and those given up.", "short",
            _most("halles_jobs", "service, state", "{{service}} {{state}}"),
        ),
        Panel(
            "Jobs: oldest", "How long the oldest job that is due waits for a worker.", "s",
            _most("halles_jobs_oldest_seconds", "service", "{{service}}"), 300,
        ),
        Panel(
            "Attempts at jobs", "A second, by kind and outcome.", "short",
            _rate("halles_job_attempts_total", "kind, outcome", "{{kind}} {{outcome}}"),
        ),
        Panel(
            "Alerts", "In a day: notices published, mails due for them at once or by digests, mails delivered.", "short",
            _every("sum(increase(halles_alerts_notices_total[1d]))", "notices published")
            + _every("sum by (kind) (increase(halles_alerts_due_total[1d]))", "{{kind}} due")
            + _every('sum by (kind) (increase(halles_mails_total{outcome="sent"}[1d]))', "{{kind}} delivered"),
        ),
        Panel(
            "Matching: oldest", "How long the oldest notice waits to be held against all saved searches.", "s",
            _every("max(halles_alerts_to_match_oldest_seconds)", "oldest"), 120,
        ),
        Panel(
            "Matching: searches", "Notices that wait; distinct searches and slots, of 16, that workers hold.", "short",
            _every("max(halles_alerts_to_match)", "notices waiting") + _every("sum(halles_alerts_searches_held)", "searches")
            + _every("sum(halles_alerts_slots_held)", "slots"),
        ),
        Panel(
            "Matching: build", "How long each worker last took to build its searches from the database.", "s",
            _every("max by (instance) (halles_alerts_build_seconds)", "{{instance}}"),
        ),
        Panel(
            "Mails: oldest", "How long the oldest mail that could leave waits, overdue digests among them.", "s",
            _every("max by (kind) (halles_mails_oldest_seconds)", "{{kind}}"), 900,
        ),
        Panel(
            "Mails: waiting", "Mails that could leave, by priority.", "short",
            _every("max by (kind) (halles_mails_waiting)", "{{kind}}"),
        ),
        Panel(
            "Mails that did not arrive", "A second: refused, failed, suppressed; reports of mail servers.", "short",
            _every('sum by (outcome) (rate(halles_mails_total{outcome!="sent"}[$__rate_interval]))', "{{outcome}}")
            + _every("sum by (outcome) (rate(halles_mail_reports_total[$__rate_interval]))", "report: {{outcome}}"),
        ),
        Panel(
            "Webhooks: oldest", "How long the oldest delivery to a partner's endpoint that fares well waits.", "s",
            _every("max(halles_webhooks_oldest_seconds)", "oldest"), 60,
        ),
        Panel(
            "Webhooks: waiting", "Deliveries due to endpoints that fare well, and those that wait for something else.", "short",
            _every("max by (kind) (halles_webhooks_waiting)", "{{kind}}")
            + _every("max by (state) (halles_webhook_endpoints)", "endpoints: {{state}}"),
        ),
        Panel(
            "Webhooks: calls", "A second, by what came of them.", "short",
            _every("sum by (outcome) (rate(halles_webhook_attempts_total[$__rate_interval]))", "{{outcome}}"),
        ),
        Panel(
            "Notices at their channels", "Of the Official Journal, the BOAMP and papers: to be taken, confirmed, published.", "short",
            _every("max by (kind, state) (halles_publications)", "{{kind}} {{state}}"),
        ),
        Panel(
            "Notices: oldest", "How long the oldest waits for its channel to take it, or to confirm its receipt.", "s",
            _every("max by (kind, state) (halles_publications_oldest_seconds)", "{{kind}} {{state}}"), 900,
        ),
        Panel(
            "Receipts pending", "Deposits whose receipt has no time stamp after half a minute.", "short",
            _every("max(halles_receipts_pending)", "receipts"), 1,
        ),
        Panel(
            "Evidence: time stamps", "From the closing of a batch to its time stamp, half and 99 in a hundred.", "s",
            _every("histogram_quantile(0.5, sum by (le) (rate(halles_evidence_stamp_seconds_bucket[$__rate_interval])))", "p50")
            + _every(
                "histogram_quantile(0.99, sum by (le) (rate(halles_evidence_stamp_seconds_bucket[$__rate_interval])))", "p99"
            ), 2,
        ),
        Panel(
            "Evidence: clocks", "How far the time stamp authority's clock is from ours.", "s",
            _every("max(abs(halles_evidence_clock_seconds))", "apart"), 5,
        ),
    ),
    "Partners": (
        Panel(
            "Partners' exchange", "Events it confirmed, a second; 1 while it takes none.", "short",
            _rate("halles_partners_told_total", "service", "{{service}} told")
            + _most("halles_partners_away", "service", "{{service}} away"),
        ),
        Panel(
            "Partners' queues", "Events that wait for a partner: at 100,000 the oldest are lost there, and are in the feed.", "short",
            _every('max by (queue) (rabbitmq_detailed_queue_messages_ready{vhost="partners"})', "{{queue}}"), 20_000,
        ),
    ),
    "HTTP": (
        Panel(
            "Requests", "A second, by status; requests being answered.", "short",
            _every("sum by (status) (rate(halles_http_requests_total[$__rate_interval]))", "{{status}}")
            + _every("sum(halles_http_requests_in_progress)", "in progress"),
        ),
        Panel(
            "Answers", "Until the answer was ready, by route: the slowest in a hundred.", "s",
            _every("histogram_quantile(0.99, sum by (le, route) (rate(halles_http_request_seconds_bucket[$__rate_interval])))",
                   "p99 {{route}}"),
        ),
        Panel(
            "Share of 5xx", "Of all answers.", "percentunit",
            _every('(sum(rate(halles_http_requests_total{status=~"5.."}[$__rate_interval])) or vector(0)) / '
                   "sum(rate(halles_http_requests_total[$__rate_interval]))", "5xx"), 0.01,
        ),
    ),
}  # fmt: skip


def document() -> dict[str, Any]:
    """Give the dashboard, as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    height = 0
    for title, row in ROWS.items():
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"h": 1, "w": 24, "x": 0, "y": height}})  # fmt: skip
        height += 1
        for place, panel in enumerate(row):
            panels.append(_panel(len(panels) + 1, panel, place, height))
        height += _HEIGHT * -(-len(row) * _WIDTH // 24)
    return {
        "uid": "halles",
        "title": "Halles",
        "description": "The message backbone and the services. Alerts: deploy/prometheus/alerts.yml.",
        "tags": ["halles"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "panels": panels,
    }


def _variables() -> list[dict[str, Any]]:
    source = {"type": "prometheus", "uid": "${source}"}
    query = "label_values(halles_outbox_pending, service)"
    return [
        {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        {"name": "service", "label": "Service", "type": "query", "datasource": source, "query": query,
         "definition": query, "includeAll": True, "multi": True, "allValue": ".*", "refresh": 2, "sort": 1},
    ]  # fmt: skip


def _panel(number: int, panel: Panel, place: int, top: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.alarm is not None:
        steps.append({"color": "red", "value": panel.alarm})
    columns = 24 // _WIDTH
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.told,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"h": _HEIGHT, "w": _WIDTH, "x": place % columns * _WIDTH, "y": top + place // columns * _HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "line" if panel.alarm is not None else "off"}},
            },
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query, "legendFormat": words}
            for index, (query, words) in enumerate(panel.queries)
        ],
    }


def main() -> None:
    """Write the dashboard."""
    PATH.write_text(dump(document()), encoding="utf-8")


if __name__ == "__main__":
    main()
