"""What the backbone measures of itself; labels hold services, queues and classes, never ids."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "COMMIT_TO_EFFECT",
    "CONFIRM_SECONDS",
    "CONSUMER_UP",
    "DELIVERIES",
    "DUPLICATES",
    "NUMBERED",
    "OUTBOX_OLDEST",
    "OUTBOX_PENDING",
    "PARKED",
    "PAUSED",
    "PUBLISHED",
    "PUBLISH_FAILURES",
    "RECONNECTIONS",
    "RELAY_LAG",
    "RETRIES",
    "SET_ASIDE",
]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)

OUTBOX_PENDING = Gauge("halles_outbox_pending", "Committed events that have no position yet", ["service"])
OUTBOX_OLDEST = Gauge("halles_outbox_oldest_seconds", "Age of the oldest of them", ["service"])
NUMBERED = Counter("halles_events_numbered", "Events that got their position", ["service"])
RELAY_LAG = Gauge("halles_relay_lag", "Events numbered but not yet published", ["service", "shard"])
PUBLISHED = Counter("halles_events_published", "Events the broker confirmed", ["service"])
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
