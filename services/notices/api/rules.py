"""The rules of a day."""

from __future__ import annotations

from libs.common.http import Routes
from libs.common.runtime import Runtime
from services.notices.inputs.rules import RulesQuery
from services.notices.views.rules import RulesView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get("/v1/rules", tag="rules", cache=3600)
async def get_rules(runtime: Runtime, query: RulesQuery) -> RulesView:
    """Read the thresholds of a day, each with its legal source."""
    return RulesView.of(query.on or runtime.clock.now().date())
