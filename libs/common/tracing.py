"""The trace context that travels with events and jobs."""

from __future__ import annotations

from opentelemetry import propagate

__all__ = ["current_traceparent"]


def current_traceparent() -> str | None:
    """Give the W3C trace context of the present span; None outside any."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")
