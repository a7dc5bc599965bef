"""What is measured of webhooks: attempts by what came of them, what waits and since when, endpoints by how they fare."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

__all__ = ["ATTEMPTS", "ENDPOINTS", "OLDEST", "STATES", "WAITING"]

STATES: Final = ("well", "failing", "disabled")
ATTEMPTS = Counter("halles_webhook_attempts", "Calls to partners' endpoints, by what came of them", ["outcome"])
WAITING = Gauge(
    "halles_webhooks_waiting", "Deliveries to partners that wait: due to endpoints that fare well, or later", ["kind"]
)
OLDEST = Gauge("halles_webhooks_oldest_seconds", "How long the oldest delivery to an endpoint that fares well waits")
ENDPOINTS = Gauge("halles_webhook_endpoints", "Partners' endpoints, by how they fare", ["state"])
