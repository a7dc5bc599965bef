"""What people do with mails: ask, open, press, follow a link."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from libs.common.testing.harness import Harness
from tests.api.alerts.test_alerts_mails import Inbox, Json, bodies

__all__ = ["ADDRESS", "ask", "at", "confirm", "link_of", "manage_link", "person", "subscribed"]

ADDRESS = "macon@chantier.example"
SEARCH: Json = {"name": "Écoles", "words": ["école"]}


async def at(h: Harness, method: str, path: str, status: int, body: object = None) -> Json:
    """Call without any token."""
    async with h.client.request(method, path, json=body) as answer:
        assert answer.status == status, await answer.text()
        told: Json = await answer.json() if "json" in answer.content_type else {}
        return told


async def ask(h: Harness, email: str = ADDRESS, **more: Any) -> Json:  # noqa: ANN401  # members of the body
    """Ask for alerts in the name of an address, and let the mail leave."""
    wish = {"search": SEARCH} if not more.keys() & {"search", "procedure"} else {}
    told = await at(h, "POST", "/alerts/v1/subscriptions", 202, {"email": email, **wish, **more})
    await h.settle()
    return told


def link_of(box: Inbox, number: int = -1) -> str:
    """Give the path of the link that a mail brought."""
    text, html = bodies(box.mails[number][1])
    links = set(re.findall(r"https://halles\.example(/alerts/v1/[\w/-]+)", text))
    assert len(links) == 1, text
    assert links <= set(re.findall(r"https://halles\.example(/alerts/v1/[\w/-]+)", html))
    return str(links.pop())


async def confirm(h: Harness, link: str, status: int = 200) -> str:
    """Press the button of the page that a link leads to."""
    async with h.client.post(link, data="") as answer:
        assert answer.status == status, await answer.text()
        return await answer.text()


def manage_link(page: str) -> str:
    """Give the root of a person's own addresses, from the page that a confirmation ends on."""
    found = re.search(r'href="(https://halles\.example/alerts/v1/people/[\w-]+)/page"', page)
    assert found is not None, page
    return str(urlsplit(found[1]).path)


async def subscribed(h: Harness, box: Inbox, email: str = ADDRESS, **more: Any) -> str:  # noqa: ANN401
    """Ask and confirm; give the root of the person's own addresses. The mail is taken out of the box."""
    await ask(h, email, **more)
    root = manage_link(await confirm(h, link_of(box)))
    box.mails.clear()
    return root


async def person(h: Harness, root: str) -> Json:
    """Give what a person reads of themselves."""
    return await at(h, "GET", root, 200)
