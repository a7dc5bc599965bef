"""The one calendar of the platform: legal times, public holidays by territory, and periods counted with their steps."""

from libs.common.calendar.holidays import Holiday, holiday, holidays
from libs.common.calendar.periods import Computation, Step, Unit, backward, forward
from libs.common.calendar.territories import Territory, territory_of
from libs.common.calendar.words import french_date, french_day, french_hour

__all__ = [
    "Computation",
    "Holiday",
    "Step",
    "Territory",
    "Unit",
    "backward",
    "forward",
    "french_date",
    "french_day",
    "french_hour",
    "holiday",
    "holidays",
    "territory_of",
]
