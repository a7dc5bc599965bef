"""The notices service, put together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libs.common.auth import CompanyUsers, Memberships
from libs.common.bus.rebuild.tool import rebuild_command
from libs.common.grants.companies import QUEUE, TABLES, RecordedCompanyUsers
from libs.common.mail.domains import Domains
from libs.common.mail.receiving import take_in
from libs.common.mail.smtp import Mailer, SmtpMailer
from libs.common.runtime import Runtime
from libs.common.service import Jobs, Periodic, Service
from services.notices.api import ROUTES
from services.notices.consumers import CONSUMERS
from services.notices.domain.lots import LOT_TRANSITIONS
from services.notices.domain.notice import NOTICE_TRANSITIONS
from services.notices.domain.procedure import PROCEDURE_TRANSITIONS
from services.notices.domain.question import QUESTION_TRANSITIONS
from services.notices.jobs import JOBS, PERIODIC
from services.notices.mailing import JOBS as MAILS
from services.notices.memberships import RecordedMemberships
from services.notices.publication.channels import channels_of
from services.notices.publication.port import Channels
from services.notices.publication.settings import ChannelSettings
from services.notices.service import disclosure, indexing, questions, registers, representations, returns
from services.notices.service import procedures as service
from services.notices.settings import NoticesSettings
from services.notices.tools import check_files, import_files

__all__ = ["SERVICE"]

_PERIODIC = Periodic()


@_PERIODIC.every(1.0)
async def close_procedures(runtime: Runtime) -> None:
    """Close the procedures whose deadline passed."""
    await service.close_due(runtime)


def _ports(runtime: Runtime) -> Mapping[type, object]:
    settings = runtime.port(NoticesSettings)
    return {
        Memberships: RecordedMemberships(runtime),
        CompanyUsers: RecordedCompanyUsers(runtime),
        representations.Rewriting: representations.Rewriting(),
        indexing.LiveIndex: indexing.LiveIndex(runtime),
        Domains: Domains(at_once=settings.mails_per_domain, per_second=settings.mails_per_second),
        Mailer: SmtpMailer(settings.smtp_url.get_secret_value()),
        Channels: channels_of(runtime.port(ChannelSettings), runtime.http),
    }


@_PERIODIC.every(30.0)
async def read_returns(runtime: Runtime) -> None:
    """Take in what mail servers report of mails that did not arrive."""
    await take_in(runtime, runtime.port(NoticesSettings), returns.receive)


@_PERIODIC.every(3600.0)
async def forget_registers(runtime: Runtime) -> None:
    """Erase the names of registers and questions that were kept long enough."""
    await registers.forget_old(runtime)
    await questions.forget_old(runtime)


@_PERIODIC.every(60.0)
async def disclose(runtime: Runtime) -> None:
    """Make public the withheld values whose day came (BT-198)."""
    await disclosure.disclose_due(runtime)


@_PERIODIC.every(600.0)
async def forget_changes(runtime: Runtime) -> None:
    """Remove the changes that every search index has read."""
    await indexing.forget_changes(runtime)


@_PERIODIC.every(1.0)
async def rewrite(runtime: Runtime) -> None:
    """Write again what readers get of public notices, after a new release."""
    await runtime.port(representations.Rewriting).step(runtime)


SERVICE = Service(
    name="notices",
    settings=NoticesSettings,
    migrations=Path(__file__).with_name("migrations"),
    routes=ROUTES,
    consumers=CONSUMERS,
    jobs=Jobs({**JOBS.handlers, **MAILS.handlers}),
    periodic=Periodic([*_PERIODIC.tasks, *PERIODIC.tasks]),
    ports=_ports,
    serving=lambda runtime: runtime.port(indexing.LiveIndex).serving(),
    tools=(check_files, import_files, rebuild_command({"timeline": ("timeline",), QUEUE: TABLES})),
    graphs={
        "notice": NOTICE_TRANSITIONS,
        "procedure": PROCEDURE_TRANSITIONS,
        "lot": LOT_TRANSITIONS,
        "question": QUESTION_TRANSITIONS,
    },
)
