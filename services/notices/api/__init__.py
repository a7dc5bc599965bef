"""The routes of the service: parse, call the use case, present."""

from libs.common.http import Routes
from services.notices.api import (
    documents,
    eforms,
    notices,
    pages,
    procedures,
    publication,
    registers,
    roles,
    rules,
    search,
    terms,
)

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
for subject in (notices, terms, eforms, pages, publication, search, documents, registers, procedures, rules, roles):
    ROUTES.include(subject.ROUTES)
