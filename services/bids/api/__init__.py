"""The routes of the service: parse, call the use case, present."""

from libs.common.http import Routes
from services.bids.admissions import api as admissions
from services.bids.api import awards, consultations, contracts, deposits, evidence, openings, registers
from services.bids.applications import api as applications
from services.bids.companies import api as companies
from services.bids.companies.documents import api as company_documents
from services.bids.companies.users import api as company_users
from services.bids.correspondence import api as correspondence
from services.bids.deputies import api as deputies
from services.bids.espd import api as espd
from services.bids.evaluation import api as evaluation
from services.bids.rehearsal import api as rehearsals
from services.bids.retention import api as retention
from services.bids.rounds import api as rounds
from services.bids.uploads import api as uploads
from services.bids.web import api as web

__all__ = ["routes"]

routes = Routes("bids")
for subject in (
    consultations,
    deposits,
    uploads,
    openings,
    deputies,
    rehearsals,
    registers,
    evaluation,
    retention,
    awards,
    contracts,
    evidence,
    admissions,
    applications,
    companies,
    company_users,
    company_documents,
    espd,
    web,
):
    routes.include(subject.routes)
routes.include(correspondence.routes)
routes.include(rounds.routes)
