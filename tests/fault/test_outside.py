"""Mails, webhooks and transmissions of the real services, while their workers are killed around each answer.

The short form; the long one is part of `make fault`.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from tests.fault.chaos import Rage
from tests.fault.ground import clean_environment
from tests.fault.outside_world import FATES, Plan, outside_world, weather_outside

pytestmark = pytest.mark.timeout(240)
STORM = Plan(
    Rage(6, ("broker cut", "database cut"), trouble_every=(1.0, 2.0)),
    effects=60, shots=4, seconds=80, settle_seconds=60, rate=8,
)  # fmt: skip


async def test_real_effects_happen_under_one_name_and_repeat_only_after_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean_environment(monkeypatch)
    said: list[str] = []
    async with outside_world(tmp_path, secrets.randbits(32)) as outside:
        outcome = await weather_outside(outside, STORM, said.append)
    report = "\n".join([*said, json.dumps(outcome.counts), *outcome.broken[:20]])
    assert outcome.broken == [], report
    assert (outcome.missing, outcome.troubles) == ({}, []), report
    assert outcome.counts["asked"].keys() == FATES.keys(), report
    assert outcome.counts["kills"] >= STORM.rage.kills, report
    assert outcome.counts["shots_not_fired"] == 0, report
    assert outcome.counts["copies_delivered"] > 0, report
    assert outcome.counts["again_after"].get("kill", 0) > 0, report
