"""The alerts service, put together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libs.common.mail.smtp import Mailer, SmtpMailer
from libs.common.runtime import Runtime
from libs.common.service import Service
from services.alerts.api import ROUTES
from services.alerts.consumers import CONSUMERS
from services.alerts.domain import TRANSITIONS
from services.alerts.jobs import JOBS
from services.alerts.partners.exchange import Exchange, NoExchange, RabbitExchange
from services.alerts.partners.tool import partner_group
from services.alerts.service.webhooks import public_types
from services.alerts.settings import AlertsSettings
from services.alerts.tool import match_files
from services.alerts.webhooks.client import Caller

__all__ = ["SERVICE"]


def ports(runtime: Runtime) -> Mapping[type, object]:
    """Build the ways out: mail server, partners' endpoints, partners' exchange."""
    settings = runtime.port(AlertsSettings)
    caller = Caller(allow=settings.webhook_allow, timeout=settings.webhook_timeout)
    mailer = SmtpMailer(settings.smtp_url.get_secret_value())
    return {Mailer: mailer, Caller: caller, Exchange: _exchange(settings)}


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
    ports=ports,
    tools=(match_files, partner_group),
    graphs={"mail": TRANSITIONS},
)
