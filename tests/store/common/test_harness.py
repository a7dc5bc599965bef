"""The harness runs a service for real: routes, transaction, jobs, relay, bus, consumers."""

from pathlib import Path
from uuid import UUID, uuid4

from pydantic import BaseModel

from libs.common.actor import Actor
from libs.common.http import Routes
from libs.common.messages.alerts import WebhookDeliveredV1
from libs.common.service import Consumers, Job, Jobs, Service
from libs.common.settings import Settings
from libs.common.testing.plugin import HarnessFactory
from libs.common.uow import Uow

BUYER = "SIRET:21210231500018"


class Greeting(BaseModel):
    greeting_id: UUID


def _delivered(uow: Uow, aggregate: UUID, attempts: int) -> WebhookDeliveredV1:
    return WebhookDeliveredV1(
        aggregate_id=aggregate,
        aggregate_version=attempts,
        organisation=BUYER,
        occurred_at=uow.now(),
        endpoint_id=aggregate,
        event_id=aggregate,
        attempts=attempts,
    )


def _service(folder: Path) -> tuple[Service, list[WebhookDeliveredV1]]:
    routes, consumers, jobs = Routes("alerts"), Consumers("alerts"), Jobs()
    seen: list[WebhookDeliveredV1] = []

    @routes.post("/v1/greetings", status=201)
    async def greet(uow: Uow, actor: Actor) -> Greeting:
        """Greet, by a job that tells when it is done."""
        greeting = uuid4()
        uow.enqueue("greet", key=str(greeting), payload={"by": actor.organisation})
        return Greeting(greeting_id=greeting)

    @jobs.on("greet")
    async def do(_runtime: object, job: Job):  # type: ignore[no-untyped-def]  # noqa: ANN202
        async def complete(uow: Uow) -> None:
            uow.emit(_delivered(uow, UUID(job.key), job.attempt))

        return complete

    @consumers.on(WebhookDeliveredV1, queue="greetings")
    async def hear(uow: Uow, event: WebhookDeliveredV1) -> None:
        assert uow.cause is not None
        seen.append(event)

    (folder / "0001_init.sql").write_text("-- migrate:up\nCREATE TABLE greeting (id uuid PRIMARY KEY);\n")
    return Service("alerts", Settings, folder, routes, consumers, jobs), seen


async def test_a_request_leads_to_a_job_an_event_and_its_consumer(
    service_harness: HarnessFactory, tmp_path: Path
) -> None:
    service, seen = _service(tmp_path)
    h = await service_harness(service)
    async with h.client.post("/alerts/v1/greetings", headers=h.headers(BUYER)) as answer:
        assert answer.status == 201, await answer.text()
        greeting = Greeting.model_validate(await answer.json())
    await h.settle()
    assert [event.aggregate_id for event in seen] == [greeting.greeting_id]
    assert [event.type for event in h.events()] == ["alerts.webhook.delivered.v1"]


async def test_an_event_of_another_service_is_delivered_once(service_harness: HarnessFactory, tmp_path: Path) -> None:
    service, seen = _service(tmp_path)
    h = await service_harness(service)
    async with h.runtime.uow() as uow:
        event = _delivered(uow, uuid4(), 1)
    await h.deliver(event)
    await h.settle()
    assert seen == [event]
    assert h.events() == []
