"""The law as data: the rules of a day, what they ask of a procurement, and the calendar they are counted on."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from libs.common.http import Routes
from libs.common.runtime import Runtime
from services.notices.inputs.rules import HolidaysQuery, RulesQuery, SituationQuery
from services.notices.views.rules import HolidaysView, RulesView, SituationView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
_LEGAL_TIME = ZoneInfo("Europe/Paris")


@ROUTES.get("/v1/rules", tag="rules", cache=3600)
async def get_rules(runtime: Runtime, query: RulesQuery) -> RulesView:
    """Read the thresholds and periods of a day, each with its legal source."""
    return RulesView.of(query.on or _today(runtime))


@ROUTES.get("/v1/rules/situation", tag="rules")
async def get_situation(runtime: Runtime, query: SituationQuery) -> SituationView:
    """Ask what the law wants of a procurement: procedure, publication, dates with their computation."""
    return SituationView.of(query.situation(_today(runtime)))


@ROUTES.get("/v1/rules/holidays", tag="rules", cache=86400)
async def get_holidays(query: HolidaysQuery) -> HolidaysView:
    """Read the public holidays of a year in a territory."""
    return HolidaysView.of(query.year, query.territory)


def _today(runtime: Runtime) -> date:
    return runtime.clock.now().astimezone(_LEGAL_TIME).date()
