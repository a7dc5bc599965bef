"""The routes of the service: parse, call the use case, present."""

from libs.common.http import Routes
from services.notices.api import documents, notices, procedures, publication, roles, rules, search

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
for subject in (notices, publication, search, documents, procedures, rules, roles):
    ROUTES.include(subject.ROUTES)
