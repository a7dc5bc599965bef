"""Each service against its own description: whatever is sent, no failure of ours and no answer it does not describe."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from libs.common.generate import services
from libs.common.http.openapi import document
from libs.common.service import Service
from libs.common.testing.plugin import HarnessFactory

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
KINDS = ("buyer", "company")
"""What one of them is refused, the other one gets to the bottom of."""
OPERATIONS = ("--exclude-path-regex", "/operations/")
"""The same in all services, and for neither of them: tried with one service."""


def _beyond(service: Service) -> list[str]:
    """Leave out the operations that read what the tool cannot make (PDF, archives); the services' own tests send these."""
    left_out = []
    for methods in document(service)["paths"].values():
        for operation in methods.values():
            media = set(operation.get("requestBody", {}).get("content", {"application/json": None}))
            if not media & {"application/json", "application/xml", "application/octet-stream"}:
                left_out += ["--exclude-operation-id", operation["operationId"]]
    return left_out


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", sorted(SERVICES))
async def test_a_service_answers_as_it_says(service_harness: HarnessFactory, name: str, tmp_path: Path) -> None:
    h = await service_harness(SERVICES[name], settings={"max_body_bytes": 100_000})
    left_out = [*_beyond(SERVICES[name]), *(() if name == "alerts" else OPERATIONS)]

    async def run(kind: str) -> tuple[int | None, str]:
        token = h.token("SIRET:21210231500018", kind)
        (folder := tmp_path / kind).mkdir()
        tool = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{h.client._base_url}{name}/v1/openapi.json",
            "--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS), "--max-examples", "1",
            "--phases", "fuzzing", "--no-shrink", "--continue-on-failure", "--seed", "1", "--warnings", "off",
            "--request-timeout", "20", *left_out,
            cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await tool.communicate()
        return tool.returncode, output.decode()[-12_000:]

    for code, output in await asyncio.gather(*map(run, KINDS)):
        assert code == 0, output
