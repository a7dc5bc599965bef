"""Sealing files of the disk into a folder, in constant memory: what the bidder's tool does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from mimetypes import guess_type
from pathlib import Path
from uuid import UUID

from libs.common.messages.notices import OpeningKeySet
from services.bids.sealing.errors import EnvelopeError
from services.bids.sealing.manifest import Envelope, EnvelopeKind
from services.bids.sealing.names import EnvelopeName
from services.bids.sealing.seal import SealingPlan, seal_files

__all__ = ["Papers", "contents", "seal_to_folder"]


@dataclass(frozen=True)
class Papers:
    """The files of one envelope."""

    kind: EnvelopeKind
    lots: tuple[str, ...]
    files: tuple[Path, ...]


def contents(applications: Sequence[Path], offers: Sequence[str]) -> list[Papers]:
    """Give the envelopes of a bid: one application for all its lots, one offer for each `LOT[,LOT]=FILE` of other lots.

    Raises EnvelopeError when an offer names no lot, or a file that is not there.
    """
    by_lots: dict[tuple[str, ...], list[Path]] = {}
    for each in offers:
        lots, _, file = each.partition("=")
        names = tuple(sorted(filter(None, lots.split(","))))
        if not names or not Path(file).is_file():
            raise EnvelopeError(f"an offer is given as LOT-0001=file, not {each}")
        by_lots.setdefault(names, []).append(Path(file))
    every = tuple(sorted({lot for lots in by_lots for lot in lots}))
    if not every:
        raise EnvelopeError("a bid has one offer at least")
    first = [Papers("application", every, tuple(applications))] if applications else []
    return [*first, *(Papers("offer", lots, tuple(files)) for lots, files in by_lots.items())]


def seal_to_folder(
    consultation: UUID, bid: UUID, keys: OpeningKeySet, papers: Sequence[Papers], folder: Path
) -> list[Envelope]:
    """Seal file N of the bid to `N.sealed`; give the envelopes. Raises EnvelopeError."""
    sealed: list[Envelope] = []
    following = 1
    for number, each in enumerate(papers, 1):
        name = EnvelopeName(consultation, bid, number, keys.fingerprint)
        plan = SealingPlan(name, keys, each.kind, each.lots, following)
        with ExitStack() as stack:
            sources = [(file.name, _media_type(file), stack.enter_context(file.open("rb"))) for file in each.files]
            sinks = [
                stack.enter_context((folder / f"{n}.sealed").open("wb")) for n, _ in enumerate(each.files, following)
            ]
            sealed.append(seal_files(plan, sources, sinks))
        following += len(each.files)
    return sealed


def _media_type(path: Path) -> str:
    return guess_type(path.name)[0] or "application/octet-stream"
