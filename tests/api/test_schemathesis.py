"""Each service against its own description: whatever is sent, no failure of ours and no answer it does not describe."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from libs.common.generate import services
from libs.common.http.openapi import document
from libs.common.service import Service
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from tests.api.security.security_world import access_table

ORGANISATION = "SIRET:21210231500018"
SERVICES = {service.name: service for service in services()}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "ignored_auth",
    "unsupported_method",
)
KINDS = ("buyer", "company", "operator", "partner", "state")
"""In the order they are preferred: each operation is tried by one who gets to the bottom of it."""
SHARED = ("--exclude-path-regex", "/operations/|/v1/events")
"""The same in all services: tried with one of them."""
TABLE = access_table()


def _beyond(service: Service) -> list[str]:
    """Leave out the operations that read what the tool cannot make (PDF, archives); the services' own tests send these."""
    left_out = []
    for methods in document(service)["paths"].values():
        for operation in methods.values():
            media = set(operation.get("requestBody", {}).get("content", {"application/json": None}))
            if not media & {"application/json", "application/xml", "application/octet-stream"}:
                left_out += ["--exclude-operation-id", operation["operationId"]]
    return left_out


def _callers(h: Harness, service: Service) -> str:
    """Give the tool's configuration: who calls which operation (schemathesis.toml)."""
    wanted: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for path, methods in document(service)["paths"].items():
        for method, operation in methods.items():
            kinds = TABLE[service.name, method.upper(), path.removeprefix(f"/{service.name}")].kinds
            wanted[next(kind for kind in KINDS if kind in kinds)].append(operation["operationId"])
    return "\n".join(
        f"[[operations]]\ninclude-operation-id = {json.dumps(operations)}\n"
        f'headers = {{ Authorization = "Bearer {h.token(ORGANISATION, kind)}" }}'
        for kind, operations in wanted.items()
        if operations
    )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the tool a place for its compiled modules: half of its time goes there where the venv has none."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("compiled"))}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", sorted(SERVICES))
async def test_a_service_answers_as_it_says(
    service_harness: HarnessFactory, name: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    h = await service_harness(SERVICES[name], settings={"max_body_bytes": 100_000})
    left_out = [*_beyond(SERVICES[name]), *(() if name == "alerts" else SHARED)]
    (tmp_path / "schemathesis.toml").write_text(_callers(h, SERVICES[name]))
    tool = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{h.client._base_url}{name}/v1/openapi.json",
        "--checks", ",".join(CHECKS), "--max-examples", "1", "--phases", "fuzzing", "--no-shrink",
        "--continue-on-failure", "--seed", "1", "--warnings", "off", "--request-timeout", "20", *left_out,
        cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await tool.communicate()
    assert tool.returncode == 0, output.decode()[-12_000:]
