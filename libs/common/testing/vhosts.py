"""A virtual host of one's own on a real RabbitMQ, for tests, and the administrator's other needs there."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

__all__ = ["Administration", "VirtualHostError", "administration", "new"]

_SECONDS = 60  # that one command may take


class VirtualHostError(Exception):
    """The broker gives us no virtual host of our own."""


@contextmanager
def new(address: str) -> Iterator[str]:
    """Make a virtual host on the broker of an address, give its address, remove it at the end.

    Asks the management API when `HALLES_RABBITMQ_API` names it (http://user:password@host:15672), else `rabbitmqctl`.
    Raises VirtualHostError.
    """
    name = f"halles_test_{secrets.token_hex(4)}"
    parts = urlsplit(address)
    hosts = administration()
    hosts.add(name, unquote(parts.username or "guest"))
    try:
        yield urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))
    finally:
        hosts.delete(name)


class Administration(Protocol):
    """What tests ask of the broker's administrator. Each raises VirtualHostError."""

    def add(self, name: str, user: str) -> None:
        """Make a virtual host and open it to a user."""
        ...

    def delete(self, name: str) -> None:
        """Remove a virtual host with all that is in it."""
        ...

    def import_definitions(self, document: dict[str, Any]) -> None:
        """Import definitions, as the broker does at its start."""
        ...

    def delete_users(self, names: list[str]) -> None:
        """Remove users; those that are not there are no fault."""
        ...


def administration() -> Administration:
    """Give the way to the administrator: the management API where `HALLES_RABBITMQ_API` names it, else `rabbitmqctl`."""
    api = os.environ.get("HALLES_RABBITMQ_API")
    return _ManagementApi(api) if api else _Rabbitmqctl()


class _ManagementApi:
    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port or 15672}/api"
        self._login = b64encode(f"{unquote(parts.username or 'guest')}:{unquote(parts.password or 'guest')}".encode())

    def add(self, name: str, user: str) -> None:
        self._ask("PUT", f"vhosts/{name}", {})
        self._ask("PUT", f"permissions/{name}/{quote(user)}", {"configure": ".*", "write": ".*", "read": ".*"})

    def delete(self, name: str) -> None:
        self._ask("DELETE", f"vhosts/{name}", {})

    def import_definitions(self, document: dict[str, Any]) -> None:
        self._ask("POST", "definitions", document)

    def delete_users(self, names: list[str]) -> None:
        self._ask("POST", "users/bulk-delete", {"users": names})

    def _ask(self, method: str, path: str, content: dict[str, Any]) -> None:
        headers = {"Authorization": f"Basic {self._login.decode()}", "Content-Type": "application/json"}
        request = urllib.request.Request(  # noqa: S310  # the address is the tester's own
            f"{self._base}/{path}", data=json.dumps(content).encode(), headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
                return
        except OSError as error:
            raise VirtualHostError(f"{method} {self._base}/{path}: {error}") from error


class _Rabbitmqctl:
    def add(self, name: str, user: str) -> None:
        _rabbitmqctl("add_vhost", name)
        _rabbitmqctl("set_permissions", "-p", name, user, ".*", ".*", ".*")

    def delete(self, name: str) -> None:
        _rabbitmqctl("delete_vhost", name)

    def import_definitions(self, document: dict[str, Any]) -> None:
        _rabbitmqctl("import_definitions", content=json.dumps(document))

    def delete_users(self, names: list[str]) -> None:
        users = ", ".join(f'rabbit_auth_backend_internal:delete_user(<<"{name}">>, <<"tests">>)' for name in names)
        _rabbitmqctl("eval", f"{users}.")


def _rabbitmqctl(*words: str, content: str | None = None) -> None:
    command = ["rabbitmqctl", "--quiet", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, input=content)
    except FileNotFoundError:
        raise VirtualHostError(
            "rabbitmqctl is not installed: set HALLES_RABBITMQ_API to the broker's management address"
        ) from None
    if done.returncode:
        raise VirtualHostError(f"rabbitmqctl {words[0]} failed: {(done.stderr or done.stdout).strip()[:500]}")
