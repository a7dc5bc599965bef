"""The world of real effects: the alerts and legality services, killed while mails, webhooks and transmissions leave."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

from reportlab.pdfgen.canvas import Canvas

from libs.common.actor import Actor, OrganisationKind
from libs.common.messages.notices import NoticePublishedV1
from services.alerts.domain import Frequency, Holder
from services.alerts.matching.criteria import Criteria
from services.alerts.service import searches, webhooks
from services.alerts.settings import AlertsSettings
from services.alerts.webhooks.client import Caller
from services.alerts.webhooks.endpoints import Endpoint, Filters
from services.alerts.webhooks.signing import secret_text
from services.alerts.wiring import SERVICE as ALERTS
from services.legality.wiring import SERVICE as LEGALITY
from tests.fault.asking import BIDS, COMPANY, ENDPOINTS, NOTICES, PARTNER, SERVICES
from tests.fault.chaos import Chaos, Rage
from tests.fault.fleet import until_nothing
from tests.fault.ground import Cast, Ground, ground
from tests.fault.model import again_after, sendings
from tests.fault.outside import COPIES, Copier
from tests.fault.receivers import Receivers
from tests.fault.storm import Outcome, Tell

FATES = {
    "mail": ("alerts", "SELECT state, count(*) FROM mail GROUP BY 1", "sent", "alerts.mail.sent.v1"),
    "call": ("alerts", "SELECT state, count(*) FROM delivery GROUP BY 1", "delivered", "alerts.webhook.delivered.v1"),
    "act": ("legality", "SELECT state, count(*) FROM act GROUP BY 1", "transmitted", "legality.act.transmitted.v1"),
}
"""By kind of effect: who does it, where it is marked, as what, and the event that tells of it."""


@dataclass(frozen=True)
class Plan:
    """How long and how hard."""

    rage: Rage
    effects: int
    shots: int
    """Senders killed by their receivers, around the answer."""
    seconds: float
    settle_seconds: float
    rate: float
    """Transactions a second of each of two writers, with two effects each on average."""
    losing: bool = True


@dataclass(kw_only=True)
class Outside(Ground):
    """Real services, and real receivers."""

    receivers: Receivers

    def __post_init__(self) -> None:
        self.copier = Copier(self.broker.url, random.Random(self.chance.random()), self.topology)

    async def asked(self) -> set[str]:
        """Give all the effects that were asked for by transactions that committed."""
        return {row[0] for service in ("notices", "bids") for row in await self.rows(service, "SELECT mark FROM asked")}

    async def settled(self, seconds: float) -> dict[str, int]:
        """Wait until all that was asked for is done and marked, or too long; give what is missing."""
        asked = await self.asked()

        async def missing() -> dict[str, int]:
            marked = Counter(await self.marked())
            done = {kind: marked[f"{kind} {FATES[kind][2]}"] for kind in FATES}
            due = Counter(mark.split()[0] for mark in asked)
            left = {f"{kind} not marked": due[kind] - done[kind] for kind in FATES}
            return left | {"not received": len(asked - {sent.mark for sent in self.receivers.received})}

        return await until_nothing(missing, seconds)

    async def marked(self) -> dict[str, int]:
        """Count our own marks, by kind and state."""
        return {
            f"{kind} {state}": count
            for kind, (service, query, *_) in FATES.items()
            for state, count in await self.rows(service, query)
        }

    async def wrong_marks(self, asked: set[str]) -> list[str]:
        """Give what is marked otherwise than done once, and told otherwise than once."""
        due = Counter(mark.split()[0] for mark in asked)
        wanted = {f"{kind} {fate[2]}": due[kind] for kind, fate in FATES.items() if due[kind]}
        found = await self.marked()
        wrong = [] if found == wanted else [f"marked: {found} instead of {wanted}"]
        told = "SELECT count(*), count(DISTINCT key) FROM outbox WHERE type = $1"  # no relay empties it here
        for kind, (service, _, _, event) in FATES.items():
            counts = tuple((await self.rows(service, told, event))[0])
            wrong += [] if counts == (due[kind],) * 2 else [f"{event}: {counts} events for {due[kind]} effects"]
        return wrong


@asynccontextmanager
async def outside_world(folder: Path, seed: int) -> AsyncIterator[Outside]:
    """Start the servers and the receivers, make the databases, say who wants to be told; start no process yet."""
    receivers = Receivers()
    async with receivers.listening():
        variables = {
            "HALLES_SMTP_URL": receivers.smtp_url,
            "HALLES_STATE_URL": f"{receivers.url}/state",
            "HALLES_WEBHOOK_ALLOW": receivers.address,
            "HALLES_WEBHOOK_SCHEDULE": "[1, 1, 2, 2, 4, 4, 8, 8, 8, 8]",
            "FAULT_BACKOFF_SECONDS": "1 1 2 2 4",
        }
        cast = Cast("tests.fault.asking", SERVICES, variables)
        async with ground(Outside, folder, seed, cast, receivers=receivers) as found:
            receivers.fleet, receivers.chance = found.fleet, found.chance
            await _subscribe(found)
            await _keep_document(found)
            yield found


async def _subscribe(outside: Outside) -> None:
    """Let a company search for notices and a partner have endpoints, through the service's own use cases."""
    company = Actor("company", "Camille Martin", COMPANY, OrganisationKind.COMPANY)
    partner = Actor("partner", "Dominique Petit", PARTNER, OrganisationKind.PARTNER)
    async with outside.runtime(ALERTS) as runtime:
        runtime.give_ports({Caller: Caller(allow=[outside.receivers.address])})
        async with runtime.uow(actor=company) as uow:
            await searches.set_contact(uow, company, email="marches@toitures.example", language="fr")
            draft = searches.Draft("Toitures", Criteria(words=["toiture"]), Frequency.AT_ONCE)
            await searches.create_search(uow, Holder(COMPANY), draft)
        for number in range(ENDPOINTS):
            async with runtime.uow(actor=partner) as uow:
                endpoint = await webhooks.create(uow, partner, _endpoint(f"{outside.receivers.url}/endpoints/{number}"))
            secret = webhooks.secret_of(runtime.port(AlertsSettings), endpoint.webhook_id)
            outside.receivers.secrets.append(secret_text(secret))


def _endpoint(url: str) -> Endpoint:
    return Endpoint(UUID(int=0), PARTNER, url, Filters([NoticePublishedV1.type]), datetime.now(UTC))


async def _keep_document(outside: Outside) -> None:
    """Keep the signed document of all the contracts where services exchange theirs."""
    output = BytesIO()
    canvas = Canvas(output, invariant=True)
    canvas.drawString(72, 720, "Acte d'engagement signé")
    canvas.save()
    async with outside.runtime(BIDS) as runtime:
        reference = await runtime.storage.exchange(
            output.getvalue(), media_type="application/pdf", name="acte-engagement.pdf"
        )
    (outside.folder / "document.json").write_text(reference.model_dump_json())


async def weather_outside(outside: Outside, plan: Plan, tell: Tell) -> Outcome:
    """Run the storm, let everything settle, and judge."""
    began = time.monotonic()
    await _launch(outside, plan)
    outside.receivers.shots, outside.receivers.losing = plan.shots, plan.losing
    chaos = Chaos(outside, plan.rage)
    async with outside.copier.copying(), chaos.raging():
        await _watch(outside, plan, chaos, tell)
    outside.receivers.losing, unfired, outside.receivers.shots = False, outside.receivers.shots, 0
    await outside.fleet.stop("writer")
    stormed = time.monotonic() - began
    tell(f"storm over after {stormed:.0f} s, settling")
    await outside.broker.ask("DELETE", f"queues/%2F/{COPIES}")
    missing = await outside.settled(plan.settle_seconds)
    await asyncio.sleep(2)  # a second effect would come now
    return await _judge(outside, chaos, missing, {"storm_seconds": round(stormed), "began": began, "unfired": unfired})


async def _launch(outside: Outside, plan: Plan) -> None:
    start, ask = outside.fleet.start, ["--rate", str(plan.rate), "--document", str(outside.folder / "document.json")]
    for service in (ALERTS, LEGALITY):
        for number in range(2):
            name = f"{service.name}{number}"
            await start(name, service.name, "worker", *outside.health(name))
    for service in (NOTICES, BIDS):
        name = f"relay {service.name}"
        await start(name, service.name, "relay", *outside.health(name))
        await start(f"writer {service.name}", service.name, "ask", *ask)


async def _watch(outside: Outside, plan: Plan, chaos: Chaos, tell: Tell) -> None:
    """Return when there was enough of everything, or too late."""
    told, deadline = 0.0, time.monotonic() + plan.seconds
    while time.monotonic() < deadline:
        asked, received = len(await outside.asked()), len({sent.mark for sent in outside.receivers.received})
        if time.monotonic() - told > 10:
            told = time.monotonic()
            tell(f"{asked} asked for, {received} received, {outside.fleet.kills} kills, {dict(chaos.done)}")
        outside.fleet.hold("writer", held=asked - received > plan.effects / 10 + 20)
        if received >= plan.effects and chaos.is_enough and not outside.receivers.shots:
            return
        await asyncio.sleep(0.5)


async def _judge(outside: Outside, chaos: Chaos, missing: dict[str, int], told: dict[str, Any]) -> Outcome:
    asked, received, faults = await outside.asked(), outside.receivers.received, outside.fleet.faults
    broken = [*sendings(asked, received, faults), *outside.receivers.wrong, *await outside.wrong_marks(asked)]
    counts = {
        "asked": dict(Counter(mark.split()[0] for mark in asked)),
        "received": dict(Counter(sent.mark.split()[0] for sent in received)),
        "again_after": again_after(received, faults),
        "copies_delivered": outside.copier.copied,
        "senders_unseen": sum(not sent.pid for sent in received),
        "kills": outside.fleet.kills,
        "shots_not_fired": told["unfired"],
        "answers_lost": sum(fault.kind == "answer lost" for fault in faults),
        "troubles": dict(chaos.done),
        "ended_by_themselves": dict(outside.fleet.ends),
        "violations": len(broken),
        "storm_seconds": told["storm_seconds"],
        "seconds": round(time.monotonic() - told["began"]),
    }
    return Outcome(counts, broken, missing, await outside.troubles())
