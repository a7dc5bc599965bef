"""What the signature service is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libs.common.auth import Memberships
from libs.common.bus.rebuild.tool import rebuild_command
from libs.common.grants.known import QUEUE, TABLES, KnownMemberships
from libs.common.runtime import Runtime
from libs.common.service import Service
from libs.common.timestamp import HttpTimestampAuthority, TimestampAuthority
from services.signature import tool
from services.signature.api import routes
from services.signature.consumers import consumers
from services.signature.domain import TRANSITIONS
from services.signature.settings import SignatureSettings
from services.signature.verifier import Verifier
from services.signature.work import jobs

__all__ = ["SERVICE"]


def _ports(runtime: Runtime) -> Mapping[type, object]:
    return {
        Memberships: KnownMemberships(runtime),
        TimestampAuthority: HttpTimestampAuthority(runtime.settings.timestamp_urls, runtime.http),
        Verifier: Verifier(runtime.port(SignatureSettings)),
    }


SERVICE = Service(
    name="signature",
    settings=SignatureSettings,
    migrations=Path(__file__).with_name("migrations"),
    routes=routes,
    consumers=consumers,
    jobs=jobs,
    ports=_ports,
    tools=(tool.verify, rebuild_command({QUEUE: TABLES})),
    graphs={"request": TRANSITIONS},
)
