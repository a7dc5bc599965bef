"""The descriptions of the six APIs: valid, committed, and the same as what the code serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from libs.common.generate import ROOT, services
from libs.common.http.openapi import document, render
from libs.common.service import Service

SERVICES = {service.name: service for service in services()}
METHODS = {"get", "post", "put", "patch", "delete"}


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_service_has_its_description() -> None:
    assert set(SERVICES) == {"alerts", "bids", "legality", "notices", "opendata", "signature"}
    assert {path.stem for path in (ROOT / "docs/openapi").glob("*.json")} == set(SERVICES)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_description_is_valid_and_committed(name: str) -> None:
    service: Service = SERVICES[name]
    described = document(service)
    validate(described)
    committed = (ROOT / f"docs/openapi/{name}.json").read_text(encoding="utf-8")
    assert committed == render(service), "run `python -m libs.common.generate`"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_operation_says_what_it_does_and_answers(name: str) -> None:
    described = document(SERVICES[name])
    for where, operation in operations(described):
        assert operation["summary"].endswith("."), f"{where}: the summary is a sentence"
        assert operation["tags"], where
        success = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert success, where
        for answer in success:
            for media, content in answer.get("content", {}).items():
                assert media != "application/json" or "schema" in content, f"{where}: the answer has no schema"
        if operation.get("requestBody", {}).get("content", {}).get("application/json"):
            assert operation["requestBody"]["content"]["application/json"]["schema"], where


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_its_feed_and_the_means_of_its_operators(name: str) -> None:
    paths = document(SERVICES[name])["paths"]
    assert {f"/{name}/v1/events", f"/{name}/v1/operations/parked", f"/{name}/v1/operations/jobs"} <= set(paths)


def test_descriptions_name_no_machine() -> None:
    for path in (ROOT / "docs/openapi").glob("*.json"):
        described = json.loads(path.read_text(encoding="utf-8"))
        assert described["servers"] == [{"url": "/"}]
