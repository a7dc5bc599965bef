"""What a failure asks for: wait for a dependency, try again later, or park at once."""

from __future__ import annotations

import errno
import socket
from enum import StrEnum

import asyncpg

from libs.common.errors import Unavailable

__all__ = ["DELAYS", "Action", "PoisonMessageError", "action_for", "delay_name"]

DELAYS = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Seconds before each new attempt; after the last one the message is parked."""

_DOWN = (
    Unavailable,
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.PostgresSystemError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InternalClientError,  # the server's farewell crossed our question
    socket.gaierror,
    asyncpg.ReadOnlySQLTransactionError,
)
_NO_WAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}  # bare OSErrors for Python
_RACE = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class PoisonMessageError(Exception):
    """A handler raises it when trying again cannot help: the message is parked at once."""


class Action(StrEnum):
    """What to do with a message that failed."""

    PAUSE = "pause"
    """A dependency is down: wait for it, burn no attempt."""
    AGAIN = "again"
    """It lost a race against another transaction: at once again."""
    LATER = "later"
    """Try again after a delay."""
    PARK = "park"
    """An operator must look."""


def action_for(error: BaseException) -> Action:
    """Give what an error of a handler asks for."""
    if isinstance(error, PoisonMessageError):
        return Action.PARK
    if isinstance(error, _DOWN) or (isinstance(error, OSError) and error.errno in _NO_WAY):
        return Action.PAUSE
    if isinstance(error, asyncpg.InterfaceError) and not isinstance(error, asyncpg.DataError):
        # asyncpg says so when its connection or pool was closed under the transaction; a bad argument is a DataError
        return Action.PAUSE if "clos" in str(error) else Action.LATER
    return Action.AGAIN if isinstance(error, _RACE) else Action.LATER


def delay_name(seconds: float) -> str:
    """Give the name of a delay, as in queue names: `5s`, `2m`, `1h`, `250ms`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:
        return f"{seconds:g}s"
    return f"{seconds / 60:g}m" if seconds < 3600 else f"{seconds / 3600:g}h"
