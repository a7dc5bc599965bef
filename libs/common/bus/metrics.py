"""What the backbone measures of itself; labels hold services, queues and classes, never ids."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "COMMIT_TO_EFFECT",
    "CONFIRM_SECONDS",
    "CONNECTIONS",
    "CONNECTIONS_LIMIT",
    "CONSUMER_UP",
    "DELIVERIES",
    "DUPLICATES",
    "LEADERLESS",
    "NUMBERED",
    "OUTBOX_OLDEST",
    "OUTBOX_PENDING",
    "PARKED",
    "PAUSED",
    "PUBLISHED",
    "PUBLISHED_AGAIN",
    "PUBLISH_FAILURES",
    "QUEUE_LOST",
    "QUEUE_MISSING",
    "RECONNECTIONS",
    "RELAY_LAG",
    "RETRIES",
    "SET_ASIDE",
]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)

OUTBOX_PENDING = Gauge(
    "halles_outbox_pending", "Committed events that have no position yet, 100000 at most", ["service"]
)
OUTBOX_OLDEST = Gauge("halles_outbox_oldest_seconds", "Age of the oldest of them", ["service"])
NUMBERED = Counter("halles_events_numbered", "Events that got their position", ["service"])
RELAY_LAG = Gauge(
    "halles_relay_lag", "Positions between a shard's publisher and the end of the log", ["service", "shard"]
)
LEADERLESS = Gauge(
    "halles_leaderless", "Numberers (1) and shards of publication that nobody leads", ["service", "role"]
)
PUBLISHED = Counter("halles_events_published", "Events the broker confirmed", ["service"])
PUBLISHED_AGAIN = Counter("halles_republished", "Events published again to queues that had lost them", ["service"])
QUEUE_MISSING = Gauge(
    "halles_queue_missing", "1 while the broker lacks a queue the service's events go to", ["service", "queue"]
)
QUEUE_LOST = Counter("halles_queue_lost", "Times a queue that was consumed was gone", ["service", "queue"])
PUBLISH_FAILURES = Counter("halles_publish_failures", "Publications refused or without answer", ["service", "reason"])
CONFIRM_SECONDS = Histogram("halles_confirm_seconds", "Until the bus confirmed a window", ["service"], buckets=_SECONDS)
SET_ASIDE = Gauge("halles_set_aside", "Events refused or unroutable, with the later ones of their key", ["service"])
DELIVERIES = Counter("halles_deliveries", "Messages taken from a queue", ["service", "queue", "outcome"])
DUPLICATES = Counter("halles_duplicates_dropped", "Second deliveries that changed nothing", ["service", "queue"])
RETRIES = Counter("halles_retries", "Failed attempts, by class of failure", ["service", "queue", "reason"])
PARKED = Gauge("halles_parked", "Messages in trouble", ["service", "queue", "state"])
PAUSED = Gauge("halles_consumer_paused", "1 while a dependency of the consumer is down", ["service", "queue"])
CONSUMER_UP = Gauge("halles_consumer_up", "1 while the service consumes its queues", ["service"])
RECONNECTIONS = Counter("halles_bus_reconnections", "Connections to the broker opened again", ["service"])
COMMIT_TO_EFFECT = Histogram(
    "halles_commit_to_effect_seconds",
    "From the write of an event to its effect",
    ["service", "queue"],
    buckets=_SECONDS,
)
CONNECTIONS = Gauge("halles_database_connections", "Sessions on the service's PostgreSQL, of everybody", ["service"])
CONNECTIONS_LIMIT = Gauge("halles_database_connections_limit", "Sessions that server takes of services", ["service"])
