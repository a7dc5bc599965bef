"""The form of a mail: headers that no content can break, text and HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

__all__ = ["ADDRESS", "Content", "Envelope", "build", "message_id", "one_line"]

ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$"
"""An ASCII address (RFC 5321), one only, without a display name: nothing in it can begin another header or recipient."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_POLICY = SMTP.clone(max_line_length=200)
MAX_SUBJECT = 160


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a mail travels."""

    mail_id: UUID
    sender: str
    recipient: str = field(repr=False)
    domain: str
    """Right part of the Message-ID."""
    unsubscribe: str | None = None
    """Address of the one-click unsubscription (RFC 8058); none for transactional mails."""


def one_line(text: str, limit: int = MAX_SUBJECT) -> str:
    """Give a text as one line without control characters, cut at a length: fit for a header."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def message_id(mail_id: UUID, domain: str) -> str:
    """Give the Message-ID of a mail: the same at each attempt, so that a repeat is seen as one."""
    return f"<{mail_id}@{domain}>"


def build(envelope: Envelope, content: Content) -> EmailMessage:
    """Give the message. `email` refuses line breaks in headers; ours have none since `one_line`."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = envelope.sender
    message["To"] = envelope.recipient
    message["Subject"] = one_line(content.subject)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = message_id(envelope.mail_id, envelope.domain)
    message["Auto-Submitted"] = "auto-generated"
    if envelope.unsubscribe:
        message["List-Unsubscribe"] = f"<{envelope.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(content.text, charset="utf-8", cte="quoted-printable")
    message.add_alternative(content.html, subtype="html", charset="utf-8", cte="quoted-printable")
    return message
