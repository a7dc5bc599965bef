"""What leaves the sandbox is kept here: an SMTP server that delivers nothing, a webhook receiver that plays a partner."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

__all__ = ["Captures", "Mail", "Webhook", "routes", "smtp"]

MOST = 1000
"""Mails and webhooks kept, the oldest are forgotten: a sandbox may stay up for weeks."""
TOLERANCE = 300
"""Seconds a webhook may be old when it arrives (Standard Webhooks, "Verifying webhook authenticity")."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as its receiver would see it."""

    to: str
    sender: str
    subject: str
    message_id: str
    text: str
    html: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Webhook:
    """A call as the partner received it."""

    id: str
    timestamp: str
    signature: str
    body: str
    received_at: float
    """Seconds since 1970, real time: webhooks are signed with it."""

    def verifies(self, secret: str) -> bool:
        """Check the signature as a partner would (Standard Webhooks: HMAC-SHA-256 over id, time and body)."""
        if not self.timestamp.isdigit() or abs(self.received_at - int(self.timestamp)) > TOLERANCE:
            return False
        key = base64.b64decode(secret.removeprefix("whsec_") + "==")
        mine = hmac.digest(key, f"{self.id}.{self.timestamp}.{self.body}".encode(), hashlib.sha256)
        expected = "v1," + base64.b64encode(mine).decode()
        return any(hmac.compare_digest(expected, given) for given in self.signature.split())


@dataclass
class Captures:
    """Everything captured so far, oldest first."""

    smtp_url: str = ""
    webhook_url: str = ""
    mails: deque[Mail] = field(default_factory=lambda: deque(maxlen=MOST))
    webhooks: deque[Webhook] = field(default_factory=lambda: deque(maxlen=MOST))

    def verified_webhooks(self, secret: str) -> list[Webhook]:
        """Give the webhooks whose signature verifies with this secret."""
        return [hook for hook in self.webhooks if hook.verifies(secret)]


@asynccontextmanager
async def smtp(captures: Captures, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Run the SMTP server (port 0: a free one) and give its address, also in `captures.smtp_url`."""
    handler = _Keep(captures)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, enable_SMTPUTF8=True, ident="Halles sandbox"), host, port)
    captures.smtp_url = f"smtp://{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield captures.smtp_url
    finally:
        server.close()
        await server.wait_closed()


class _Keep:
    """The handler aiosmtpd calls; one mail is kept for each recipient."""

    def __init__(self, captures: Captures) -> None:
        self._captures = captures

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's own names
        raw = envelope.original_content or b""
        message = email.message_from_bytes(raw, policy=email.policy.default)
        for recipient in envelope.rcpt_tos:
            self._captures.mails.append(_read(message, recipient, raw))
        return "250 Kept"


def _read(message: EmailMessage, recipient: str, raw: bytes) -> Mail:
    return Mail(
        to=recipient,
        sender=str(message["From"] or ""),
        subject=str(message["Subject"] or ""),
        message_id=str(message["Message-ID"] or ""),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        raw=raw,
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def routes(captures: Captures) -> list[web.RouteDef]:
    """Give `POST /webhooks` (the receiver) and `GET /webhooks`, `GET /mails` to look at what arrived."""

    async def receive(request: web.Request) -> web.Response:
        head = request.headers
        captures.webhooks.append(
            Webhook(
                id=head.get("webhook-id", ""),
                timestamp=head.get("webhook-timestamp", ""),
                signature=head.get("webhook-signature", ""),
                body=(await request.read()).decode("utf-8", "replace"),
                received_at=time.time(),
            )
        )
        return web.Response(status=204)

    async def webhooks(_: web.Request) -> web.Response:
        seen = [{"id": hook.id, "timestamp": hook.timestamp, "body": hook.body} for hook in captures.webhooks]
        return web.json_response({"webhooks": seen})

    async def mails(_: web.Request) -> web.Response:
        seen = [
            {"to": mail.to, "subject": mail.subject, "message_id": mail.message_id, "text": mail.text}
            for mail in captures.mails
        ]
        return web.json_response({"mails": seen})

    return [web.post("/webhooks", receive), web.get("/webhooks", webhooks), web.get("/mails", mails)]
