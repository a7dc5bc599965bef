"""Reports of mail servers, read with the standard library: delivery status (RFC 3464) and complaints (RFC 5965). Pure."""

from __future__ import annotations

import email
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.policy import compat32
from email.utils import getaddresses
from enum import StrEnum

__all__ = ["Kind", "Report", "read"]

_ENVELOPE = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
"""Where the return path that a report came back to is written, by the usual mail servers."""


class Kind(StrEnum):
    """What a report says."""

    HARD = "hard"
    """The address does not exist, or takes nothing any more."""
    SOFT = "soft"
    """It did not arrive, for a reason that may pass: a full mailbox, a server away, a policy."""
    COMPLAINT = "complaint"
    """Its reader called it unwanted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail server reports, and the return paths that it names."""

    kind: Kind
    status: str | None
    """RFC 3463."""
    return_paths: Sequence[str] = field(repr=False)


def read(raw: bytes) -> Report | None:
    """Read a report; None for anything else: a delay, an automatic answer, a mail."""
    message = email.message_from_bytes(raw, policy=compat32)
    if message.get_content_type() != "multipart/report":
        return None
    if message.get_param("report-type") == "feedback-report":
        return _complaint(message)
    return _delivery(message)


def _delivery(message: Message) -> Report | None:
    statuses = [
        str(fields.get("Status", "")).split(maxsplit=1)[0]
        for part in _parts(message, "message/delivery-status")
        for fields in _blocks(part)
        if str(fields.get("Action", "")).strip().lower() == "failed" and str(fields.get("Status", "")).strip()
    ]
    if not statuses:
        return None
    kind = Kind.HARD if _is_hard(statuses[0]) else Kind.SOFT
    return Report(kind, statuses[0][:20], _addresses(message, _ENVELOPE))


def _is_hard(status: str) -> bool:
    """Tell whether the address itself is at fault (RFC 3463: 5.0.0, 5.1.x, 5.2.1 disabled), not its server nor our mail."""
    return status in {"5.0.0", "5.2.1"} or status.startswith("5.1.")


def _complaint(message: Message) -> Report | None:
    blocks = [fields for part in _parts(message, "message/feedback-report") for fields in _blocks(part)]
    if not any(str(fields.get("Feedback-Type", "")).strip().lower() in {"abuse", "fraud"} for fields in blocks):
        return None
    told = [path for fields in blocks for path in _addresses(fields, ("Original-Mail-From",))]
    originals = [*_parts(message, "message/rfc822"), *_parts(message, "text/rfc822-headers")]
    for part in originals:
        told += [path for original in _blocks(part) for path in _addresses(original, ("Return-Path",))]
    return Report(Kind.COMPLAINT, None, told)


def _parts(message: Message, kind: str) -> Iterator[Message]:
    return (part for part in message.walk() if part.get_content_type() == kind)


def _blocks(part: Message) -> list[Message]:
    """Give the groups of fields of a part; of one that the parser leaves as text, the fields of that text."""
    content = part.get_payload()
    if isinstance(content, list):
        return [block for block in content if isinstance(block, Message)]
    return [email.message_from_string(content, policy=compat32)] if isinstance(content, str) else []


def _addresses(message: Message, names: Sequence[str]) -> list[str]:
    values = [str(value) for name in names for value in message.get_all(name, [])]
    return [address for _, address in getaddresses(values) if address]
