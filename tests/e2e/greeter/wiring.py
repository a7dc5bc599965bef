"""A service that greets by a job, outside the database: it appends to a file, as a mail server would receive a mail."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from uuid import UUID, uuid4

from pydantic import BaseModel

from libs.common.actor import Actor
from libs.common.http import Routes
from libs.common.messages.alerts import WebhookDeliveredV1
from libs.common.runtime import Runtime
from libs.common.service import Completion, Consumers, Job, Jobs, Service
from libs.common.settings import Settings
from libs.common.uow import Uow

routes = Routes("alerts")
consumers = Consumers("alerts")
jobs = Jobs()


class Greet(BaseModel):
    """What to do."""

    seconds: float = 0
    file: Path


class Greeting(BaseModel):
    """What is being done."""

    greeting_id: UUID


@routes.post("/v1/greetings", status=201)
async def greet(uow: Uow, actor: Actor, body: Greet) -> Greeting:
    """Greet somebody."""
    greeting = uuid4()
    uow.enqueue("greet", key=str(greeting), payload=body.model_dump(mode="json") | {"by": actor.organisation})
    return Greeting(greeting_id=greeting)


class Patience(BaseModel):
    """How long to take."""

    seconds: float


@routes.get("/v1/patience")
async def wait(query: Patience) -> Patience:
    """Take one's time to answer."""
    await asyncio.sleep(query.seconds)
    return query


@jobs.on("greet")
async def do(_runtime: Runtime, job: Job) -> Completion:
    """Greet, slowly if asked."""
    _write(job, "began")
    await asyncio.sleep(job.payload["seconds"])
    _write(job, "ended")

    async def complete(uow: Uow) -> None:
        uow.emit(
            WebhookDeliveredV1(
                aggregate_id=UUID(job.key),
                aggregate_version=1,
                organisation=job.payload["by"],
                occurred_at=uow.now(),
                endpoint_id=UUID(job.key),
                event_id=UUID(job.key),
                attempts=job.attempt,
            )
        )

    return complete


def _write(job: Job, what: str) -> None:
    with Path(job.payload["file"]).open("a", encoding="utf-8") as lines:
        lines.write(f"{job.key} {what} {os.getpid()}\n")


SERVICE = Service("alerts", Settings, Path(__file__).with_name("migrations"), routes, consumers, jobs)
