"""The law as data: the rules of a day, what they ask of a procurement, and the calendar they are counted on."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from libs.common.actor import Actor
from libs.common.calendar import territory_of
from libs.common.errors import NotFound
from libs.common.http import Routes
from libs.common.runtime import Runtime
from services.notices.inputs.rules import DatesQuery, HolidaysQuery, RulesQuery, SituationQuery
from services.notices.service.dates import legal_dates
from services.notices.views.rules import DatesView, HolidaysView, RulesView, SituationView

__all__ = ["ROUTES"]

ROUTES = Routes("notices")


@ROUTES.get("/v1/rules", tag="rules", cache=3600)
async def get_rules(runtime: Runtime, query: RulesQuery) -> RulesView:
    """Read the thresholds and periods of a day, each with its legal source."""
    return RulesView.of(query.on or _today(runtime))


@ROUTES.get("/v1/rules/situation", tag="rules")
async def get_situation(runtime: Runtime, query: SituationQuery) -> SituationView:
    """Ask what the law wants of a procurement: procedure, publication, dates with their computation."""
    return SituationView.of(query.situation(_today(runtime, query.department)))


@ROUTES.get("/v1/rules/holidays", tag="rules", cache=86400)
async def get_holidays(query: HolidaysQuery) -> HolidaysView:
    """Read the public holidays of a year in a territory."""
    return HolidaysView.of(query.year, query.territory)


@ROUTES.get("/v1/procedures/{procedure_id}/dates", errors=[NotFound], tag="procedures")
async def get_dates(runtime: Runtime, actor: Actor | None, procedure_id: UUID, query: DatesQuery) -> DatesView:
    """Read the legal dates of a procedure, each with its computation, and the extension that a change made now asks for."""
    return DatesView.of(await legal_dates(runtime, procedure_id, actor, major=query.major))


def _today(runtime: Runtime, department: str | None = None) -> date:
    """Give the day it is at a buyer's place; in Paris where none is told."""
    return territory_of(department).day(runtime.clock.now())
