"""The open data service, put together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libs.common.auth import Memberships
from libs.common.bus.rebuild.tool import rebuild_command
from libs.common.grants.known import QUEUE, TABLES, KnownMemberships
from libs.common.runtime import Runtime
from libs.common.service import Service
from services.opendata.api import ROUTES
from services.opendata.consumers import CONSUMERS
from services.opendata.settings import OpendataSettings
from services.opendata.tool import check_files

__all__ = ["SERVICE"]


def _ports(runtime: Runtime) -> Mapping[type, object]:
    return {Memberships: KnownMemberships(runtime)}


SERVICE = Service(
    name="opendata",
    settings=OpendataSettings,
    migrations=Path(__file__).with_name("migrations"),
    routes=ROUTES,
    consumers=CONSUMERS,
    ports=_ports,
    tools=(check_files, rebuild_command({QUEUE: TABLES})),
)
