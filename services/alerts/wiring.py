"""The alerts service, put together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libs.common.auth import CompanyUsers
from libs.common.bus.rebuild.tool import rebuild_command
from libs.common.grants.companies import QUEUE, TABLES, RecordedCompanyUsers
from libs.common.mail.smtp import Mailer, SmtpMailer
from libs.common.runtime import Runtime
from libs.common.service import Service
from services.alerts.api import ROUTES
from services.alerts.consumers import CONSUMERS
from services.alerts.delivering import DELIVERING
from services.alerts.domain import TRANSITIONS
from services.alerts.jobs import JOBS, PERIODIC
from services.alerts.partners.exchange import Exchange, NoExchange, RabbitExchange
from services.alerts.partners.tool import partner_group
from services.alerts.people.api import AskLimiter
from services.alerts.previews_api import PreviewLimiter
from services.alerts.sending import SENDING
from services.alerts.service.previews import Tries
from services.alerts.service.webhooks import public_types
from services.alerts.settings import AlertsSettings
from services.alerts.slots import MATCHING
from services.alerts.tool import match_files
from services.alerts.webhooks.client import Caller

__all__ = ["SERVICE"]

_TRIES = 2
"""Previews that one process works on at once: each may keep a core busy for seconds."""


def ports(runtime: Runtime) -> Mapping[type, object]:
    """Build the ways out: mail server, partners' endpoints, partners' exchange."""
    settings = runtime.port(AlertsSettings)
    caller = Caller(allow=settings.webhook_allow, timeout=settings.webhook_timeout)
    mailer = SmtpMailer(settings.smtp_url.get_secret_value())
    users, asked = RecordedCompanyUsers(runtime), AskLimiter(settings.asked_per_minute)
    exchange = _exchange(settings)
    previews = PreviewLimiter(settings.previews_per_minute)
    return {
        Mailer: mailer,
        Caller: caller,
        Exchange: exchange,
        CompanyUsers: users,
        AskLimiter: asked,
        PreviewLimiter: previews,
        Tries: Tries(_TRIES),
    }


def _exchange(settings: AlertsSettings) -> Exchange:
    if settings.partners_amqp_url is None:
        return NoExchange()
    types = [event.type for event in public_types()]
    return RabbitExchange(settings.partners_amqp_url.get_secret_value(), types)


SERVICE = Service(
    name="alerts",
    settings=AlertsSettings,
    migrations=Path(__file__).with_name("migrations"),
    routes=ROUTES,
    consumers=CONSUMERS,
    jobs=JOBS,
    periodic=PERIODIC,
    loops=(MATCHING, SENDING, DELIVERING),
    ports=ports,
    tools=(match_files, partner_group, rebuild_command({QUEUE: TABLES})),
    graphs={"mail": TRANSITIONS},
)
