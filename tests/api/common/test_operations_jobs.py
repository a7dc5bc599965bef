"""Operators, and nobody else, see the jobs and let dead ones be tried again."""

from pathlib import Path
from uuid import uuid4

import pytest

from libs.common import jobs_api
from libs.common.http import Routes
from libs.common.jobs import JobFailedError
from libs.common.runtime import Runtime
from libs.common.service import Consumers, Job, Jobs, Service
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory

OPERATOR = ("SIRET:13002526500013", "operator")


@pytest.fixture
async def h(service_harness: HarnessFactory, tmp_path: Path) -> Harness:
    """Give a service with three dead jobs."""
    jobs = Jobs()

    @jobs.on("mail")
    async def fail(_: Runtime, job: Job) -> None:
        if job.payload["fails"]:
            raise JobFailedError("no such mailbox")

    service = Service("alerts", Settings, tmp_path, Routes("alerts"), Consumers("alerts"), jobs)
    h = await service_harness(service)
    async with h.runtime.uow() as uow:
        for key in "abc":
            uow.enqueue("mail", key=key, payload={"fails": True, "to": "someone@example.org"})
    await h.settle()
    return h


async def test_dead_jobs_are_listed_in_pages_without_their_payload(h: Harness) -> None:
    url = "/alerts/v1/operations/jobs?state=dead&limit=2"
    async with h.client.get(url, headers=h.headers(*OPERATOR)) as answer:
        first = await answer.json()
    async with h.client.get(f"{url}&cursor={first['next']}", headers=h.headers(*OPERATOR)) as answer:
        second = await answer.json()
    items = first["items"] + second["items"]
    assert sorted(item["key"] for item in items) == ["a", "b", "c"]
    assert second["next"] is None
    assert {item["last_error"] for item in items} == {"JobFailedError: no such mailbox"}
    assert "example.org" not in str(items)


async def test_a_dead_job_is_tried_again_and_the_journal_says_who_asked(h: Harness) -> None:
    async with h.runtime.read() as conn:
        job_id = await conn.fetchval("UPDATE job SET payload = '{\"fails\": false}' WHERE key = 'b' RETURNING id")
    url = f"/alerts/v1/operations/jobs/{job_id}/retry"
    async with h.client.post(url, headers=h.headers(*OPERATOR, sub="operator-7")) as answer:
        assert (answer.status, (await answer.json())["state"]) == (200, "waiting")
    await h.settle()
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT state FROM job WHERE id = $1", job_id) == "done"
        entry = await conn.fetchrow("SELECT actor, subject FROM journal WHERE action = 'job.retried'")
    assert tuple(entry) == ("operator-7", str(job_id))
    async with h.client.post(url, headers=h.headers(*OPERATOR)) as answer:
        assert answer.status == 409
        assert "relancée" in (await answer.json())["detail"]


async def test_many_dead_jobs_are_tried_again_step_by_step(h: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_api, "STEP", 2)
    url, headers = "/alerts/v1/operations/jobs/retry", h.headers(*OPERATOR, sub="operator-7")
    async with h.client.post(url, headers=headers, json={"kind": "other"}) as answer:
        assert (await answer.json())["jobs"] == 0
    async with h.client.post(url, headers=headers, json={"kind": "mail"}) as answer:
        first = await answer.json()
    async with h.client.post(url, headers=headers, json={"kind": "mail", "before": first["before"]}) as answer:
        second = await answer.json()
    assert [(step["jobs"], step["more"]) for step in (first, second)] == [(2, True), (1, False)]
    await h.settle()
    async with h.runtime.read() as conn:
        assert await conn.fetchval("SELECT count(*) FROM job WHERE state = 'dead'") == 3, "tried, and dead again"
        assert await conn.fetchval("SELECT count(*) FROM journal WHERE action = 'job.retried'") == 3
    async with h.client.post(url, headers=headers, json={"before": first["before"]}) as answer:
        assert (await answer.json())["jobs"] == 0, "what died again is left alone"
    async with h.client.post(url, headers=headers, json={"kinds": "mail"}) as answer:
        assert answer.status == 422


async def test_an_unknown_job_is_not_found(h: Harness) -> None:
    url = f"/alerts/v1/operations/jobs/{uuid4()}/retry"
    async with h.client.post(url, headers=h.headers(*OPERATOR)) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("kind", ["buyer", "company", "state", "partner"])
async def test_others_than_operators_are_refused(h: Harness, kind: str) -> None:
    headers = h.headers("SIRET:21210231500018", kind)
    async with h.client.get("/alerts/v1/operations/jobs", headers=headers) as answer:
        assert answer.status == 403
    async with h.client.post(f"/alerts/v1/operations/jobs/{uuid4()}/retry", headers=headers) as answer:
        assert answer.status == 403
    async with h.client.post("/alerts/v1/operations/jobs/retry", headers=headers, json={}) as answer:
        assert answer.status == 403
    async with h.client.get("/alerts/v1/operations/jobs") as answer:
        assert answer.status == 401
