"""How a command ends: its exit code, and one clear sentence instead of a stack trace where the caller can mend it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import click
import structlog
from pydantic import ValidationError

from libs.common.errors import HallesError
from libs.common.migrate import MigrationError
from libs.common.settings import UnsafeStartError
from libs.common.start import MissingSettingError, UnavailableError
from libs.common.stop import StopTimeoutError

__all__ = ["EXIT_CONFIGURATION", "EXIT_CUT", "EXIT_FAILED", "EXIT_REFUSED", "EXIT_UNAVAILABLE", "ended"]

EXIT_REFUSED = 1
"""What was asked cannot be done, or a check found a fault."""
EXIT_UNAVAILABLE = 69
"""The database or the broker did not come in time: worth starting again (sysexits.h, EX_UNAVAILABLE)."""
EXIT_FAILED = 70
"""A fault of ours (EX_SOFTWARE)."""
EXIT_CUT = 75
"""Stopped, but something in hand was cut; another process does it again (EX_TEMPFAIL)."""
EXIT_CONFIGURATION = 78
"""Settings or database to be mended first: starting again does not help (EX_CONFIG)."""

_AWAY = (
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TooManyConnectionsError,
)
_log = structlog.get_logger(__name__)


@contextmanager
def ended() -> Iterator[None]:
    """Turn what a command raises into its end."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, SystemExit):
        raise
    except ValidationError as error:
        _end(EXIT_CONFIGURATION, f"settings: {_faults(error)}")
    except (UnsafeStartError, MissingSettingError, MigrationError) as error:
        _end(EXIT_CONFIGURATION, str(error))
    except UnavailableError as error:
        _end(EXIT_UNAVAILABLE, str(error))
    except StopTimeoutError as error:
        _end(EXIT_CUT, str(error))
    except HallesError as error:
        _end(EXIT_REFUSED, error.detail_en or error.title_en)
    except _AWAY as error:
        _end(EXIT_UNAVAILABLE, f"the database is not available: {error}")
    except OSError as error:  # a port that is taken, a folder that may not be written
        _end(EXIT_UNAVAILABLE, str(error))
    except Exception:  # noqa: BLE001  # the last loop of all: the process
        _log.exception("process_failed")
        _end(EXIT_FAILED, "a fault of Halles ended this process: see the log line above")


def _faults(error: ValidationError) -> str:
    """Tell which variables are wrong, without their values: some are secret."""
    found = (fault for fault in error.errors(include_url=False) if fault["type"] != "default_factory_not_called")
    return "; ".join(f"HALLES_{'.'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in found)


def _end(code: int, sentence: str) -> None:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(code)
