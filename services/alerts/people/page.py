"""The page of a person: all their alerts, and the buttons to change them. It works without a script, by the link of any mail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import asyncpg
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.errors import InvalidInput, NotFound, TooManyRequests
from libs.common.http import Routes
from libs.common.mail import words
from libs.common.mail.returns import digest_of
from libs.common.runtime import Runtime
from libs.common.uow import Uow
from services.alerts.domain import MAX_SEARCHES, Frequency
from services.alerts.people import links, requests, store, subscribers
from services.alerts.people.api import html
from services.alerts.people.domain import Subscriber
from services.alerts.service import news as news_service
from services.alerts.service import searches as search_service
from services.alerts.service.searches import Change
from services.alerts.settings import AlertsSettings
from services.alerts.store import mails as mail_store
from services.alerts.store import news as news_store
from services.alerts.store import searches as search_store
from services.alerts.store.sql import FIRST, LAST

__all__ = ["ROUTES"]

ROUTES = Routes("alerts")
_FOLLOWED: Final = 100
"""Procedures that the page shows; the API lists all."""
_FREQUENCIES: Final = (
    ("at_once", "dès la publication", "at once"),
    ("daily", "chaque jour", "daily"),
    ("weekly", "chaque semaine", "weekly"),
)
_LANGUAGES: Final = (("fr", "français"), ("en", "English"))


class _Form(BaseModel):
    """What a button asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["pause", "resume", "delete", "frequency", "stop", "again", "erase", "unfollow", "settings"]
    search_id: UUID = UUID(int=0)
    procedure: UUID = UUID(int=0)
    frequency: Frequency = Frequency.DAILY
    digest_hour: int = Field(default=7, ge=0, le=23)
    working_days: bool = False
    """A box that is not ticked is not sent."""
    language: Literal["fr", "en"] = "fr"


@ROUTES.get("/v1/people/{token}/page", errors=[NotFound], tag="people", produces=["text/html"])
async def show_page(runtime: Runtime, token: str) -> web.StreamResponse:
    """Show a person all their alerts, with buttons; reading changes nothing, whatever opens the links of mails."""
    async with runtime.read() as conn:
        person = await subscribers.of_link(conn, runtime.settings, token)
        return html(await _page(conn, runtime.port(AlertsSettings), person))


@ROUTES.post(
    "/v1/people/{token}/page",
    errors=[NotFound, InvalidInput, TooManyRequests],
    tag="people",
    accepts=["application/x-www-form-urlencoded"],
    produces=["text/html"],
    limit=4_096,
)
async def act_on_page(uow: Uow, token: str, body: bytes) -> web.StreamResponse:
    """Do what a button of the page asks, and show the page again."""
    form = _read(body)
    person = await subscribers.of_link(uow.conn, uow.runtime.settings, token)
    await _ACTIONS[form.action](uow, person, form)
    now = await store.subscriber(uow.conn, person.subscriber_id) or person
    return html(await _page(uow.conn, uow.runtime.port(AlertsSettings), now, asked=form.action))


async def _page(
    conn: asyncpg.Connection, settings: AlertsSettings, person: Subscriber, asked: str | None = None
) -> str:
    held = await mail_store.held(conn, digest_of(settings, person.email))
    holder, link = subscribers.holder(person), links.manage(settings, person.subscriber_id, person.generation)
    return words.page(
        "services.alerts.people",
        "person",
        person=person,
        asked=asked,
        held=held.reason if held else None,
        searches=await search_store.searches(conn, holder, FIRST, MAX_SEARCHES),
        followed=await news_store.follows(conn, holder, LAST, _FOLLOWED),
        frequencies=_FREQUENCIES,
        languages=_LANGUAGES,
        action=urlsplit(link).path,
        export=f"{link.removesuffix('/page')}/export",
    )


def _read(body: bytes) -> _Form:
    try:
        return _Form.model_validate(dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=8)))
    except (ValidationError, ValueError):
        raise InvalidInput(
            "Ce bouton n'est pas de cette page : rechargez-la et recommencez.",
            "This button is none of this page: load it again and start over.",
        ) from None


async def _change(uow: Uow, person: Subscriber, form: _Form, change: Change) -> None:
    await search_service.change_search(uow, subscribers.holder(person), form.search_id, change)


async def _pause(uow: Uow, person: Subscriber, form: _Form) -> None:
    await _change(uow, person, form, Change(paused=True))


async def _resume(uow: Uow, person: Subscriber, form: _Form) -> None:
    await _change(uow, person, form, Change(paused=False))


async def _set_frequency(uow: Uow, person: Subscriber, form: _Form) -> None:
    await _change(uow, person, form, Change(frequency=form.frequency))


async def _delete(uow: Uow, person: Subscriber, form: _Form) -> None:
    await search_service.delete_search(uow, subscribers.holder(person), form.search_id)


async def _set(uow: Uow, person: Subscriber, form: _Form) -> None:
    wanted = replace(person, digest_hour=form.digest_hour, working_days=form.working_days, language=form.language)
    await subscribers.set_settings(uow, wanted, alerts=None)


async def _stop(uow: Uow, person: Subscriber, _: _Form) -> None:
    await subscribers.set_settings(uow, person, alerts=False)


async def _again(uow: Uow, person: Subscriber, _: _Form) -> None:
    await subscribers.set_settings(uow, person, alerts=True)


async def _erase(uow: Uow, person: Subscriber, _: _Form) -> None:
    await requests.ask_erasure(uow, person)


async def _unfollow(uow: Uow, person: Subscriber, form: _Form) -> None:
    await news_service.unfollow(uow, subscribers.holder(person), form.procedure)


_ACTIONS: Final[Mapping[str, Callable[[Uow, Subscriber, _Form], Awaitable[None]]]] = {
    "pause": _pause,
    "resume": _resume,
    "frequency": _set_frequency,
    "delete": _delete,
    "stop": _stop,
    "again": _again,
    "erase": _erase,
    "unfollow": _unfollow,
    "settings": _set,
}
