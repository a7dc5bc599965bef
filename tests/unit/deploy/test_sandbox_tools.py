"""The sandbox's clock and captures, over HTTP and SMTP as a user meets them."""

from __future__ import annotations

import smtplib
from asyncio import to_thread
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import test_utils, web
from standardwebhooks import Webhook

from deploy.local import capture, clock
from libs.common.clock import SandboxClock
from libs.common.http.edge import edge

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def captures() -> capture.Captures:
    return capture.Captures()


@pytest.fixture
async def client(tmp_path: Path, captures: capture.Captures) -> AsyncIterator[aiohttp.ClientSession]:
    sandbox = web.Application()
    sandbox.add_routes([*clock.routes(SandboxClock(tmp_path / "clock")), *capture.routes(captures)])
    app = web.Application(middlewares=[edge])
    app.add_subapp("/sandbox", sandbox)
    async with test_utils.TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        yield session


async def test_clock_moves_forward_for_everybody(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with client.post("/sandbox/clock", json={"advance_seconds": 11 * 86400}) as response:
        assert response.status == 200
        moved = datetime.fromisoformat((await response.json())["now"])
    async with client.get("/sandbox/clock") as response:
        content = await response.json()
    assert content["ahead_seconds"] == 11 * 86400
    assert moved <= datetime.fromisoformat(content["now"]) < moved + timedelta(minutes=1)
    assert SandboxClock(tmp_path / "clock").now() - datetime.now(UTC) > timedelta(days=10, hours=23)


@pytest.mark.parametrize(
    "body", [{"advance_seconds": -1}, {"advance_seconds": 1e12}, {"advance": 1}, {}, [], "x", None]
)
async def test_clock_refuses_what_is_no_jump_forward(client: aiohttp.ClientSession, body: object) -> None:
    async with client.post("/sandbox/clock", json=body) as response:
        assert response.status == 422
    async with client.get("/sandbox/clock") as response:
        assert (await response.json())["ahead_seconds"] == 0


async def test_mail_is_kept_as_its_receiver_sees_it(captures: capture.Captures) -> None:
    async with capture.smtp(captures) as url:
        await to_thread(_send, urlsplit(url).port or 0)
    first, second = captures.mails
    assert (first.to, second.to) == ("offres@maconnerie.example", "copie@maconnerie.example")
    assert first.subject == "Un marché pour vous : rénovation de l'école"
    assert first.message_id == "<1@halles.example>"
    assert "réponses attendues" in first.text
    assert "<p>" in first.html


def _send(port: int) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "halles@halles.example", "offres@maconnerie.example"
    message["Subject"] = "Un marché pour vous : rénovation de l'école"
    message["Message-ID"] = "<1@halles.example>"
    message.set_content("Les réponses attendues avant midi.")
    message.add_alternative("<p>avant midi</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(message, to_addrs=["offres@maconnerie.example", "copie@maconnerie.example"])


async def post_webhook(client: aiohttp.ClientSession, signed_at: datetime, body: str = '{"type":"x"}') -> None:
    signature = Webhook(SECRET).sign("msg_1", signed_at, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": signature,
    }
    async with client.post("/sandbox/webhooks", data=body, headers=headers) as response:
        assert response.status == 204


async def test_signed_webhook_verifies_with_its_secret_only(
    client: aiohttp.ClientSession, captures: capture.Captures
) -> None:
    await post_webhook(client, datetime.now(UTC))
    (hook,) = captures.verified_webhooks(SECRET)
    assert (hook.id, hook.body) == ("msg_1", '{"type":"x"}')
    assert captures.verified_webhooks("whsec_" + "A" * 32) == []


async def test_old_or_unsigned_webhook_does_not_verify(
    client: aiohttp.ClientSession, captures: capture.Captures
) -> None:
    await post_webhook(client, datetime.now(UTC) - timedelta(hours=1))
    async with client.post("/sandbox/webhooks", data="{}"):
        pass
    assert len(captures.webhooks) == 2
    assert captures.verified_webhooks(SECRET) == []
    async with client.get("/sandbox/webhooks") as response:
        assert len((await response.json())["webhooks"]) == 2
