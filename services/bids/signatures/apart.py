"""Verification in a process of its own: no file that a bidder made can stop an opening, nor fill the worker's memory."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from pydantic import TypeAdapter

from services.bids.sealing.hardening import harden
from services.bids.signatures.held import Held, content
from services.bids.signatures.trust import Trust
from services.bids.signatures.verdict import FileSignature, Form, indeterminate
from services.bids.signatures.verifying import verify_file

__all__ = ["Limits", "verify_apart"]

_CONTEXT = multiprocessing.get_context("forkserver")
_PRELOADED: Final = ["services.bids.sealing.onfly", "services.bids.signatures.verifying"]
"""Of the fork server, which a process of several services shares with the sealing of segments."""
_FOUND = TypeAdapter(list[FileSignature])


@dataclass(frozen=True, slots=True)
class Limits:
    """What the verification of one file may take."""

    seconds: int = 60
    """Of a processor; twice as many by the clock."""
    memory: int = 4 * 2**30


async def verify_apart(
    form: Form, held: Held, trust: Trust, *, signed: Held | None = None, limits: Limits | None = None
) -> list[FileSignature]:
    """Verify the signatures of a file in a process that ends with it; what takes too much is left undecided."""
    files = [held] if signed is None else [held, signed]
    found = await asyncio.to_thread(_ask, files, trust, limits or Limits())
    if found is None:
        return [indeterminate(form, "La vérification a demandé plus de temps ou de mémoire que permis.")]
    return found


def _ask(files: Sequence[Held], trust: Trust, limits: Limits) -> list[FileSignature] | None:
    _CONTEXT.set_forkserver_preload(_PRELOADED)
    heard, told = _CONTEXT.Pipe(duplex=False)
    given = [Connection(os.dup(each.fileno()), writable=False) for each in files]  # what a fork server passes on
    process = _CONTEXT.Process(target=_run, args=(given, trust, told, limits), daemon=True)
    process.start()
    for each in (*given, told):
        each.close()
    try:
        return _FOUND.validate_json(heard.recv_bytes()) if heard.poll(2 * limits.seconds) else None
    except (EOFError, OSError):
        return None
    finally:
        process.kill()
        process.join()
        heard.close()


def _run(files: Sequence[Connection], trust: Trust, told: Connection, limits: Limits) -> None:
    harden()
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    data, *signed = (content(each.fileno()) for each in files)
    told.send_bytes(_FOUND.dump_json(verify_file(data, trust, *signed)))
