"""The composition root of the bids service."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libs.common.auth import CompanyUsers, Memberships
from libs.common.bus.rebuild.tool import rebuild_command
from libs.common.grants.companies import RecordedCompanyUsers
from libs.common.grants.known import QUEUE, TABLES, KnownMemberships
from libs.common.mail.smtp import Mailer, SmtpMailer
from libs.common.runtime import Runtime
from libs.common.service import Service
from libs.common.timestamp import HttpTimestampAuthority, TimestampAuthority
from services.bids.api import routes
from services.bids.companies.provider import CompanyDataProvider, provider_of
from services.bids.consumers import consumers
from services.bids.documents.platform_seal import FileSeal, NoSeal, PlatformSeal
from services.bids.domain.states import BID, CONTRACT, OPENING, REQUEST
from services.bids.evidence.journal import Journal
from services.bids.evidence.tool import EVIDENCE_TOOLS
from services.bids.jobs import jobs, periodic
from services.bids.ports import TrustedRoots
from services.bids.rounds.states import PHASE
from services.bids.scanning import NoScanner, Scanner
from services.bids.scanning.clamd import Clamd
from services.bids.sealing import hardening
from services.bids.sealing.tool import TOOLS, load_roots
from services.bids.settings import BidsSettings
from services.bids.uploads.leases import Leases
from services.bids.vault import KeyVault, LocalVault

__all__ = ["SERVICE"]

SECOND_AUTHORITY = 0.5
"""Seconds of silence of a time stamp authority after which the next one is asked too: a depositor waits for his receipt."""


def _ports(runtime: Runtime) -> Mapping[type, object]:
    settings = runtime.port(BidsSettings)
    authority = HttpTimestampAuthority(settings.timestamp_urls, runtime.http, patience=SECOND_AUTHORITY)
    roots = load_roots(settings.trust_dir) if settings.trust_dir is not None else []
    return {
        Memberships: KnownMemberships(runtime),
        CompanyUsers: RecordedCompanyUsers(runtime),
        Mailer: SmtpMailer(settings.smtp_url.get_secret_value()),
        TimestampAuthority: authority,
        PlatformSeal: FileSeal.load(settings.seal_file, authority) if settings.seal_file else NoSeal(),
        TrustedRoots: TrustedRoots(tuple(roots), settings.trust_dir),
        KeyVault: _vault(settings),
        Scanner: Clamd(settings.clamd) if settings.clamd else NoScanner(),
        CompanyDataProvider: provider_of(runtime, settings),
        Journal: Journal(runtime),
        Leases: Leases(runtime),
    }


def _vault(settings: BidsSettings) -> KeyVault:
    """Give the vault; what was wrapped before there was a file of keys still opens."""
    secrets = (settings.secret, *settings.old_secrets)
    path = settings.openings_key_file
    return LocalVault.derived(secrets) if path is None else LocalVault.load(path, secrets)


SERVICE = Service(
    name="bids",
    settings=BidsSettings,
    migrations=Path(__file__).with_name("migrations"),
    routes=routes,
    consumers=consumers,
    jobs=jobs,
    periodic=periodic,
    ports=_ports,
    serving=lambda runtime: runtime.port(Journal).serving(),
    own_loop=True,
    closing=lambda runtime: runtime.port(Leases).close(),
    warnings=hardening.warnings,
    tools=(*TOOLS, *EVIDENCE_TOOLS, rebuild_command({QUEUE: TABLES})),
    graphs={"bid": BID, "opening": OPENING, "contract": CONTRACT, "request": REQUEST, "phase": PHASE},
)
