"""The words of the mail that invites somebody to act for a company, in French then English, as text and as HTML."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from libs.common.mail.message import Content, one_line
from libs.common.mail.words import english_time, french_time, page, render

__all__ = ["invitation", "invitation_page"]

_PACKAGE: Final = "services.bids.companies.users.mails"
_ROLES: Final = {"depositor": ("déposant", "depositor"), "reader": ("lecteur", "reader")}


def invitation(company: str, role: str, expires_at: datetime, url: str) -> Content:
    """Give the mail of an invitation. `company`: its name, or its identifier."""
    subject = one_line(f"Invitation à agir pour {company}")
    return render(_PACKAGE, "invitation", subject, _values(company, role, expires_at) | {"url": url})


def invitation_page(company: str, role: str, expires_at: datetime, token: str) -> str:
    """Give the page that the link of an invitation leads to; reading it changes nothing, whatever opens the links of mails."""
    return page(_PACKAGE, "page", token=token, **_values(company, role, expires_at))


def _values(company: str, role: str, expires_at: datetime) -> dict[str, str]:
    french, english = _ROLES[role]
    return {
        "company": one_line(company, 200), "role_fr": french, "role_en": english,
        "expires_fr": french_time(expires_at), "expires_en": english_time(expires_at),
    }  # fmt: skip
