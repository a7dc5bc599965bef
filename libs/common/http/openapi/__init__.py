"""OpenAPI 3.1.1, made from the same routes that are served: it cannot say anything else than the code does."""

from libs.common.http.openapi.document import document, render

__all__ = ["document", "render"]
