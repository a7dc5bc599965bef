"""Verification in a process of its own: no file that a bidder made can stop an opening, nor fill the worker's memory."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import resource
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from pydantic import TypeAdapter

from services.bids.sealing.hardening import harden
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
    form: Form, data: bytes, trust: Trust, *, signed: bytes | None = None, limits: Limits | None = None
) -> list[FileSignature]:
    """Verify the signatures of a file in a process that ends with it; what takes too much is left undecided."""
    found = await asyncio.to_thread(_ask, (data, trust, signed), limits or Limits())
    if found is None:
        return [indeterminate(form, "La vérification a demandé plus de temps ou de mémoire que permis.")]
    return found


def _ask(work: tuple[bytes, Trust, bytes | None], limits: Limits) -> list[FileSignature] | None:
    _CONTEXT.set_forkserver_preload(_PRELOADED)
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_run, args=(theirs, limits), daemon=True)
    process.start()
    theirs.close()
    try:
        ours.send_bytes(pickle.dumps(work))
        return _FOUND.validate_json(ours.recv_bytes()) if ours.poll(2 * limits.seconds) else None
    except (EOFError, OSError):
        return None
    finally:
        process.kill()
        process.join()
        ours.close()


def _run(pipe: Connection, limits: Limits) -> None:
    harden()
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    data, trust, signed = pickle.loads(pipe.recv_bytes())  # noqa: S301  # of our own parent
    pipe.send_bytes(_FOUND.dump_json(verify_file(data, trust, signed)))
