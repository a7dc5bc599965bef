"""What the legality service is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libs.common.auth import Memberships
from libs.common.bus.rebuild.tool import rebuild_command
from libs.common.grants.known import QUEUE, TABLES, KnownMemberships
from libs.common.runtime import Runtime
from libs.common.service import Service
from services.legality import tool
from services.legality.api import routes
from services.legality.consumers import consumers
from services.legality.domain import TRANSITIONS
from services.legality.settings import LegalitySettings
from services.legality.transmitter import Transmitter, transmitter
from services.legality.work import jobs

__all__ = ["SERVICE"]


def _ports(runtime: Runtime) -> Mapping[type, object]:
    return {
        Memberships: KnownMemberships(runtime),
        Transmitter: transmitter(runtime.port(LegalitySettings), runtime.http),
    }


SERVICE = Service(
    name="legality",
    settings=LegalitySettings,
    migrations=Path(__file__).with_name("migrations"),
    routes=routes,
    consumers=consumers,
    jobs=jobs,
    ports=_ports,
    tools=(tool.parse_files, rebuild_command({QUEUE: TABLES})),
    graphs={"act": TRANSITIONS},
)
