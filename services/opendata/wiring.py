"""The open data service, put together."""

from __future__ import annotations

from pathlib import Path

from libs.common.service import Service
from services.opendata.api import ROUTES
from services.opendata.consumers import CONSUMERS
from services.opendata.settings import OpendataSettings
from services.opendata.tool import check_files

__all__ = ["SERVICE"]

SERVICE = Service(
    name="opendata",
    settings=OpendataSettings,
    migrations=Path(__file__).with_name("migrations"),
    routes=ROUTES,
    consumers=CONSUMERS,
    tools=(check_files,),
)
