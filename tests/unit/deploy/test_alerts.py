"""Prometheus itself (promtool) finds the rules right: their form, and when each fires and when not.

It is Debian's package `prometheus`; `make test` installs it where it may, elsewhere what needs it is skipped.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from libs.common.testing.servers.debian import find_promtool

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy/prometheus"
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
CASES = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
needs_promtool = pytest.mark.skipif(find_promtool() is None, reason="promtool is not installed")


def promtool(*words: str) -> str:
    answer = subprocess.run(
        [str(find_promtool()), *words], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def test_every_rule_has_a_case_where_it_fires_and_one_where_it_does_not() -> None:
    assert [case["name"] for case in CASES] == [rule["alert"] for rule in RULES]
    for case in CASES:
        fires = [len(instant.get("exp_alerts", [])) for instant in case["alert_rule_test"]]
        assert {instant["alertname"] for instant in case["alert_rule_test"]} == {case["name"]}
        assert 0 in fires, f"{case['name']} fires always"
        assert max(fires) > 0, f"{case['name']} fires never"


def test_a_rule_waits_before_it_wakes_somebody() -> None:
    """What a restart or a deployment does is over before."""
    for rule in RULES:
        number, unit = re.fullmatch(r"(\d+)([sm])", rule["for"]).groups()  # type: ignore[union-attr]
        assert int(number) * {"s": 1, "m": 60}[unit] >= 60, rule["alert"]


@needs_promtool
def test_each_rule_fires_when_it_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


@needs_promtool
def test_prometheus_accepts_rules_and_configuration() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")
    assert "SUCCESS: 1 rule files found" in promtool("check", "config", "prometheus.yml")


@needs_promtool
@pytest.mark.parametrize(
    ("alert", "right", "wrong"),
    [
        ("HallesOutboxOld", "> 30\n", "> 31\n"),
        ("HallesOutboxOld", "> 30\n", "> 29\n"),
        ("HallesMessagesParked", 'state="parked"', 'state="retrying"'),
        ("HallesQueueWithoutConsumer", ', queue!~".*[.]retry[.].*"}', "}"),
        ("HallesQueueWithoutConsumer", 'consumers{vhost!="partners", ', "consumers{"),
    ],
)
def test_the_cases_notice_a_rule_that_is_wrong(tmp_path: Path, alert: str, right: str, wrong: str) -> None:
    text = (FOLDER / "alerts.yml").read_text()
    assert right in text
    (tmp_path / "alerts.yml").write_text(text.replace(right, wrong))
    cases = {"rule_files": ["alerts.yml"], "tests": [case for case in CASES if case["name"] == alert]}
    (tmp_path / "cases.yml").write_text(yaml.safe_dump(cases))
    command = [str(find_promtool()), "test", "rules", "cases.yml"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1
