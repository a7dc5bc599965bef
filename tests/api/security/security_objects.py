"""One owner's objects in each service, made as people make them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.api.security.objects_alerts import alerts
from tests.api.security.objects_bids import of_bids
from tests.api.security.objects_contracts import legality, of_opendata, signature
from tests.api.security.objects_notices import of_notices
from tests.api.security.security_world import World

__all__ = ["WORLDS"]

Build = Callable[[AsyncExitStack, str, Path], Awaitable[World]]
WORLDS: dict[str, Build] = {
    "alerts": alerts,
    "bids": of_bids,
    "legality": legality,
    "notices": of_notices,
    "opendata": of_opendata,
    "signature": signature,
}
