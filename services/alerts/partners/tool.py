"""`python -m services.alerts partner add|list|remove|rotate`: the operator's way to let partners in, and out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import click
from pydantic import SecretStr

from libs.common.operate import operate, operator
from libs.common.runtime import Runtime
from libs.common.service import Service
from libs.common.start import MissingSettingError
from services.alerts.partners.accounts import Account, Accounts
from services.alerts.partners.management import Management
from services.alerts.settings import AlertsSettings

__all__ = ["partner_group"]

T = TypeVar("T")


@click.group("partner")
def partner_group() -> None:
    """Let partners follow public events by AMQP (docs/partners.md).

    Each gets a queue and a user that may read it and do nothing else, in the virtual host of HALLES_PARTNERS_AMQP_URL.
    HALLES_RABBITMQ_API names the broker's management API with the operator's login: https://operator:...@host:15671.
    """


@partner_group.command(
    "add", epilog="Example: python -m services.alerts partner add veille-marches --types notices.notice.published.v1"
)
@click.argument("name")
@click.option("--types", default="", help="Only these event types, separated by commas; else all public ones.")
@click.pass_obj
def add_command(service: Service, name: str, types: str) -> None:
    """Let a partner in, or change its types. The password is shown once, and kept nowhere."""
    chosen = sorted({kind.strip() for kind in types.split(",") if kind.strip()})
    _show([_audited(service, "alerts.partner.added", name, lambda accounts: accounts.add(name, chosen))])


@partner_group.command("list", epilog="Example: python -m services.alerts partner list")
@click.pass_obj
def list_command(service: Service) -> None:
    """List the partners, one JSON object a line, with the messages that wait; types []: all public ones."""

    async def act(runtime: Runtime) -> Sequence[Account]:
        return await _accounts(runtime).all()

    _show(operate(service, act))


@partner_group.command("remove", epilog="Example: python -m services.alerts partner remove veille-marches")
@click.argument("name")
@click.pass_obj
def remove_command(service: Service, name: str) -> None:
    """Shut a partner out at once; what waits in its queue is dropped. Safe to repeat."""
    removed = _audited(service, "alerts.partner.removed", name, lambda accounts: accounts.remove(name))
    click.echo(json.dumps({"partner": name, "removed": removed}))


@partner_group.command("rotate", epilog="Example: python -m services.alerts partner rotate veille-marches")
@click.argument("name")
@click.pass_obj
def rotate_command(service: Service, name: str) -> None:
    """Give a partner another password, shown once; connections made with the old one are closed."""
    _show([_audited(service, "alerts.partner.password-changed", name, lambda accounts: accounts.rotate(name))])


def _audited(service: Service, action: str, name: str, change: Callable[[Accounts], Awaitable[T]]) -> T:
    """Change an account and write it in the journal; a password is told only once that is committed."""

    async def act(runtime: Runtime) -> T:
        async with runtime.uow(actor=operator()) as uow:
            uow.audit(action, name)
            return await change(_accounts(runtime))

    return operate(service, act)


def _accounts(runtime: Runtime) -> Accounts:
    settings = runtime.port(AlertsSettings)
    api = _given(settings.rabbitmq_api, "HALLES_RABBITMQ_API", "the broker's management API")
    fed = _given(settings.partners_amqp_url, "HALLES_PARTNERS_AMQP_URL", "where partners' queues are fed")
    return Accounts(Management(runtime.http, api), unquote(urlsplit(fed).path.removeprefix("/")) or "/")


def _given(setting: SecretStr | None, name: str, told: str) -> str:
    if setting is None:
        raise MissingSettingError(f"{name} is missing: {told}")
    return setting.get_secret_value()


def _show(accounts: Sequence[Account]) -> None:
    for account in accounts:
        told: dict[str, Any] = {key: value for key, value in asdict(account).items() if value is not None}
        click.echo(json.dumps(told, ensure_ascii=False))
