"""The HTTP layer: typed routes on aiohttp, RFC 9457 problems, OpenAPI 3.1. A service imports everything from here."""

from libs.common.http.application import application, serve
from libs.common.http.conditional import IfMatch
from libs.common.http.documents import Content, attachment, chunks, read_body, send_content, send_document
from libs.common.http.pagination import Cursor, Page
from libs.common.http.routes import Route, Routes

__all__ = [
    "Content",
    "Cursor",
    "IfMatch",
    "Page",
    "Route",
    "Routes",
    "application",
    "attachment",
    "chunks",
    "read_body",
    "send_content",
    "send_document",
    "serve",
]
