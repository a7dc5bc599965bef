"""What mails of all services share of their words: the frame of a mail in two languages, hours as people say them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2

from libs.common.mail.message import Content

__all__ = ["POLICY", "english_time", "french_time", "page", "render"]

_STYLE: Final = (Path(__file__).with_name("templates") / "frame.css").read_text("utf-8")
_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of pages that links of mails lead to: nothing is loaded and nothing runs."""
_PARIS = ZoneInfo("Europe/Paris")
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def french_time(at: datetime) -> str:
    """Give an instant as people of metropolitan France say it."""
    local = at.astimezone(_PARIS)
    day = "1er" if local.day == 1 else str(local.day)
    return f"{day} {_MONTHS[local.month - 1]} {local.year} à {local.hour}h{local.minute:02d} (heure de Paris)"


def english_time(at: datetime) -> str:
    """Give an instant in English, in Paris time."""
    return at.astimezone(_PARIS).strftime("%d %B %Y, %H:%M (Paris time)")


def render(package: str, name: str, subject: str, values: Mapping[str, Any], *, language: str = "fr") -> Content:
    """Give a mail from `templates/<name>.txt` and `.html` of a package: French first, unless English is asked for."""
    languages = ["en", "fr"] if language == "en" else ["fr", "en"]
    given = {**values, "subject": subject, "languages": languages, "first": languages[0]}
    text = _templates(package).get_template(f"{name}.txt").render(given)
    return Content(subject, text.strip() + "\n", _templates(package).get_template(f"{name}.html").render(given))


def page(package: str, name: str, **values: Any) -> str:  # noqa: ANN401  # what the template says
    """Give the page that a link of a mail leads to."""
    return _templates(package).get_template(f"{name}.html").render(values | {"style": _STYLE})


@cache
def _templates(package: str) -> jinja2.Environment:
    """HTML is escaped, text is not; a name that a template misspells is an error."""
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package), jinja2.PackageLoader("libs.common.mail")]),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        auto_reload=False,  # else each mail asks the disk whether its templates changed
    )
