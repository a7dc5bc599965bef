"""What workers do beside their queues: recoveries, reports of mails, figures. Mails leave by `sending.py`, webhooks by `delivering.py`."""

from __future__ import annotations

from datetime import timedelta

import structlog

from libs.common.mail.receiving import take_in
from libs.common.runtime import Runtime
from libs.common.service import Completion, Job, Jobs, Periodic
from libs.common.uow import Uow
from services.alerts.live import KEPT
from services.alerts.mails.metrics import KINDS, OLDEST, OLDEST_TO_MATCH, TO_MATCH, WAITING
from services.alerts.people import requests
from services.alerts.people.mailing import send_request
from services.alerts.service import deliveries, digests, matching, returns
from services.alerts.settings import AlertsSettings
from services.alerts.store import deliveries as delivery_store
from services.alerts.store import mails as mail_store
from services.alerts.store import matching as matching_store
from services.alerts.store import webhooks as webhook_store
from services.alerts.webhooks import metrics as webhook_metrics

__all__ = ["JOBS", "PERIODIC"]

_ATTEMPTS_KEPT = timedelta(days=30)
_log = structlog.get_logger(__name__)
JOBS = Jobs()
JOBS.on(requests.JOB)(send_request)
PERIODIC = Periodic()
PERIODIC.every(3_600)(requests.forget_old)
PERIODIC.every(15)(matching.take_early)


@PERIODIC.every(3_600)
async def forget_notices(runtime: Runtime) -> None:
    """Forget notices that ended long ago, and changes of searches that every worker has read."""
    await matching.forget_old(runtime)
    async with runtime.uow() as uow:
        await matching_store.forget_changes(uow.conn, KEPT)


@PERIODIC.every(15)
async def measure_matching(runtime: Runtime) -> None:
    """Tell Prometheus how many notices wait to be matched, and since when."""
    async with runtime.read() as conn:
        waiting, seconds = await matching_store.oldest_waiting(conn)
    TO_MATCH.set(waiting)
    OLDEST_TO_MATCH.set(seconds)


@PERIODIC.every(20)
async def run_digests(runtime: Runtime) -> None:
    """Queue the digests whose hour has come; a run that was missed is made up for."""
    await digests.run(runtime)


@PERIODIC.every(30)
async def read_returns(runtime: Runtime) -> None:
    """Take in what mail servers report of mails that did not arrive."""
    await take_in(runtime, runtime.port(AlertsSettings), returns.receive)


@PERIODIC.every(15)
async def measure_mails(runtime: Runtime) -> None:
    """Tell Prometheus what waits to leave, and since when."""
    async with runtime.read() as conn:
        waiting = await mail_store.waiting(conn, runtime.clock.now())
    for priority, kind in KINDS.items():
        mails, seconds = waiting.get(priority, (0, 0.0))
        WAITING.labels(kind).set(mails)
        OLDEST.labels(kind).set(seconds)


@JOBS.on("mail")
async def mail_of_before(runtime: Runtime, job: Job) -> None:
    """Do nothing: a job written before mails had a queue of their own (`sending.py`), which its mail is in now."""


@JOBS.on("webhook")
async def webhook_of_before(runtime: Runtime, job: Job) -> None:
    """Do nothing: a job written before deliveries had a queue of their own (`delivering.py`), which its delivery is in now."""


@JOBS.on(deliveries.RECOVERY)
async def recover_webhook(runtime: Runtime, job: Job) -> Completion | None:
    """Send one page of the events since a date to an endpoint again."""

    async def queue(uow: Uow) -> None:
        await deliveries.recover_page(uow, job.payload)

    return queue


@PERIODIC.every(15)
async def measure_webhooks(runtime: Runtime) -> None:
    """Tell Prometheus what waits to leave to partners, since when, and how their endpoints fare."""
    async with runtime.read() as conn:
        due, seconds, later = await delivery_store.waiting(conn, runtime.clock.now())
        states = await webhook_store.states(conn)
    webhook_metrics.WAITING.labels("due").set(due)
    webhook_metrics.WAITING.labels("later").set(later)
    webhook_metrics.OLDEST.set(seconds)
    for state in webhook_metrics.STATES:
        webhook_metrics.ENDPOINTS.labels(state).set(states.get(state, 0))


@PERIODIC.every(600)
async def forget_deliveries(runtime: Runtime) -> None:
    """Forget old attempts, and events that can be recovered no more."""
    now = runtime.clock.now()
    more = True
    while more:
        async with runtime.uow() as uow:
            more = await delivery_store.forget(
                uow.conn, attempts_before=now - _ATTEMPTS_KEPT, events_before=now - deliveries.KEPT
            )
