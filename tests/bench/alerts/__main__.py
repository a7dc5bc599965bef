"""Measures the alerts and prints one JSON object a line: each part named on the command line, all by default."""

from __future__ import annotations

from tests.bench import alerts
from tests.bench.parts import command

if __name__ == "__main__":
    command(alerts, "alerts service", "matching")()
