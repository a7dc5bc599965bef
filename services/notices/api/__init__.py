"""The routes of the service: parse, call the use case, present."""

from libs.common.http import Routes
from services.notices.api import (
    amending,
    documents,
    eforms,
    joint,
    notices,
    organisations,
    pages,
    procedures,
    publication,
    questions,
    registers,
    roles,
    rules,
    search,
    templates,
    terms,
)

__all__ = ["ROUTES"]

ROUTES = Routes("notices")
for subject in (
    notices,
    amending,
    terms,
    eforms,
    pages,
    publication,
    search,
    documents,
    registers,
    procedures,
    rules,
    roles,
    templates,
    organisations,
    questions,
    joint,
):
    ROUTES.include(subject.ROUTES)
