"""Notices made to keep the platform busy: small or large, each gets its verdict soon, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import time
from io import BytesIO

import pytest

from libs.common.testing.plugin import HarnessFactory
from services.notices.eforms.check import check
from services.notices.eforms.xml import MAX_CHILDREN
from tests.api.security.security_world import SERVICES
from tests.unit.notices.notices_samples import INTERCOMMUNALITY, eforms

XML = {"Content-Type": "application/xml"}
LOT = "<cac:ProcurementProjectLot"
ALIEN = "<cbc:Note xmlns:z='urn:z'><z:a/></cbc:Note>"


def _with(repeated: str, times: int) -> bytes:
    text = eforms(1).decode()
    at = text.index(LOT)
    return (text[:at] + repeated * times + text[at:]).encode()


@pytest.mark.parametrize("repeated", ["<cbc:Note/>", ALIEN, "<cbc:IssueDate>x</cbc:IssueDate>"])
def test_many_faults_cost_no_square_of_their_number(repeated: str) -> None:
    few, many = _seconds(_with(repeated, 1_000)), _seconds(_with(repeated, MAX_CHILDREN - 50))
    assert many < 10 * 3 * few + 1, "ten times the faults, at most ten times the time (and the noise of a busy machine)"


def test_more_than_the_bounds_is_rejected_and_said() -> None:
    verdict = check(_with("<cbc:Note>x</cbc:Note>", MAX_CHILDREN + 1))
    assert verdict.notice is None
    assert str(MAX_CHILDREN) in verdict.problems[0].message
    verdict = check(_with("<cbc:IssueDate>x</cbc:IssueDate>", 3_000))
    assert not verdict.accepted
    assert "2000" in " ".join(problem.message for problem in verdict.problems)


async def test_a_heavy_notice_holds_nobody_back(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["notices"])
    heavy = _with(ALIEN, 5_000)
    path = "/notices/v1/notices/check"
    sent = asyncio.create_task(
        h.client.request("POST", path, data=BytesIO(heavy), headers=h.headers(INTERCOMMUNALITY) | XML)
    )
    answered = 0
    while not sent.done():
        async with h.client.get("/livez") as alive:
            assert alive.status == 200
        answered += 1
    async with await sent as answer:
        assert (await answer.json())["status"] in {"accepted", "rejected"}
    assert answered > 3, "others are served while a notice is checked"


def _seconds(data: bytes) -> float:
    began = time.process_time()
    check(data)
    return time.process_time() - began
