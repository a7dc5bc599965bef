"""The routes of the service: parse, call the use case, present."""

from libs.common.http import Routes
from services.bids.api import awards, consultations, contracts, deposits, openings, registers

__all__ = ["routes"]

routes = Routes("bids")
for subject in (consultations, deposits, openings, registers, awards, contracts):
    routes.include(subject.routes)
