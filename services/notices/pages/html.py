"""The page of a notice: HTML that a screen reader, a telephone and a printer read alike (WCAG 2.1, RGAA 4)."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

import jinja2

from services.notices.pages.sheet import Sheet

__all__ = ["POLICY", "page"]

_TEMPLATES: Final = Path(__file__).with_name("templates")
_STYLE: Final = (_TEMPLATES / "notice.css").read_text("utf-8")
_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing is loaded and nothing runs: what a notice says is text, whatever it holds."""


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template("notice.html")


def page(sheet: Sheet) -> str:
    """Give the page of a notice."""
    return _template().render(sheet=sheet, style=_STYLE)
