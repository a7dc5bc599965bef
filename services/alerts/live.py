"""The searches of some slots in memory: built from the database, page by page, then kept as fresh as each look.

Changes are followed by the transaction that made them. Each look goes on from the oldest transaction that was not over at
the look before: what commits late is behind that one, never missed; what was seen already is known by its number.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Gauge

from services.alerts.matching.index import Index
from services.alerts.matching.match import Reason
from services.alerts.matching.notice import Subject
from services.alerts.service.matching import slot_of
from services.alerts.store import matching as store
from services.alerts.store.matching import Change, Said, Searched
from services.alerts.subject import subject_of_said

__all__ = ["KEPT", "LiveIndex"]

KEPT: Final = timedelta(hours=6)
"""How long changes are kept: an index that saw none for half as long is built again."""
_PAGE: Final = 2_000
_BREATH: Final = 200
"""Searches filed without letting the process do something else: some 30 ms."""
_TOLD: Final = 100_000
"""Searches after which the progress of a build is told."""
_SAMPLE: Final = 300
"""The newest notices, whose features tell what is rare: it makes matching faster, no other."""
_CHANGES: Final = 10_000
_DEAD: Final = 50_000
"""Removed searches that an index may hold in any case, before it is built again."""

SEARCHES = Gauge("halles_alerts_searches_held", "Distinct searches that this process matches from memory")
SLOTS_HELD = Gauge("halles_alerts_slots_held", "Slots of searches, of 16, that this process holds against notices")
BUILD = Gauge("halles_alerts_build_seconds", "How long this process last took to build its searches from the database")
_log = structlog.get_logger(__name__)


class LiveIndex:
    """The searches of the slots that one process holds. Its connection is given with each call; one at a time asks it."""

    def __init__(self) -> None:
        self._index = Index[UUID]()
        self._held: frozenset[int] = frozenset()
        self._loading: list[tuple[int, UUID]] = []
        """Slots that are not whole yet, and how far each is."""
        self._since: int | None = None
        self._seen: dict[int, int] = {}
        self._looked = self._began = time.monotonic()
        self._removed = self._told = 0

    def __len__(self) -> int:
        return len(self._index)

    @property
    def slots(self) -> int:
        """The slots that are whole, a bit each: what a notice may be marked with."""
        return sum(1 << slot for slot in self._held) - sum(1 << slot for slot, _ in self._loading)

    def hold(self, slots: Iterable[int]) -> None:
        """Have it hold these slots, and no others; new ones are loaded by `load`."""
        wanted = frozenset(slots)
        left, new = self._held - wanted, sorted(wanted - self._held)
        for name in [name for name in self._index if slot_of(name) in left]:
            self._remove(name)
        if not self._loading:
            self._began = time.monotonic()
        self._held = wanted
        self._loading = [each for each in self._loading if each[0] in wanted] + [(slot, _first(slot)) for slot in new]
        if self._removed > 2 * len(self._index) + _DEAD:
            self._begin_again()
        self._measure()

    async def load(self, conn: asyncpg.Connection) -> bool:
        """Load a page of the slots that are not whole; False when all are."""
        if self._since is None:
            await self._begin(conn)
        if not self._loading:
            return False
        slot, after = self._loading[0]
        page = await store.searched_between(conn, after, _last(slot), _PAGE)
        await self._file(page)
        if len(page) == _PAGE:
            self._loading[0] = (slot, page[-1].criteria_id)
        else:
            self._loading.pop(0)
            self._tell_loaded(slot)
        self._measure()
        return True

    async def follow(self, conn: asyncpg.Connection) -> None:
        """Take in what was committed before now. Built again when it heard nothing for too long, or time went back."""
        if self._since is None:
            return
        more = True
        while more:
            horizon, changes = await store.changes(conn, self._since, list(self._seen), _CHANGES)
            if horizon < self._since or time.monotonic() - self._looked > KEPT.total_seconds() / 2:
                _log.warning("matching_index_built_again", searches=len(self._index))
                self._begin_again()
                return
            await self._take_in(conn, changes)
            more = len(changes) == _CHANGES
            self._seen |= {change.change_id: change.changed_by for change in changes}
        self._since, self._looked = horizon, time.monotonic()
        self._seen = {number: by for number, by in self._seen.items() if by >= horizon}

    def matches(self, subject: Subject) -> Iterator[tuple[UUID, list[Reason]]]:
        """Give the searches that a notice answers, with the reasons; those of slots that are not whole are among them."""
        return self._index.matches(subject)

    async def _begin(self, conn: asyncpg.Connection) -> None:
        self._since = await store.horizon(conn)
        newest = await store.newest_said(conn, _SAMPLE)
        self._index = Index[UUID](await asyncio.to_thread(_frequency, newest), len(newest))
        self._looked = self._began = time.monotonic()

    def _begin_again(self) -> None:
        self._index = Index[UUID]()
        self._since, self._seen, self._removed, self._told = None, {}, 0, 0
        self._loading = [(slot, _first(slot)) for slot in sorted(self._held)]

    async def _take_in(self, conn: asyncpg.Connection, changes: Sequence[Change]) -> None:
        changed = {each.criteria_id for each in changes if slot_of(each.criteria_id) in self._held}
        if not changed:
            return
        searched = await store.searched_among(conn, list(changed))
        for name in changed - {each.criteria_id for each in searched}:
            self._remove(name)
        await self._file(searched)
        self._measure()

    async def _file(self, searched: Sequence[Searched]) -> None:
        for number, each in enumerate(searched, 1):
            if each.criteria_id not in self._index:
                self._add(each)
            if number % _BREATH == 0:
                await asyncio.sleep(0)

    def _add(self, searched: Searched) -> None:
        try:
            self._index.add_stored(searched.criteria_id, searched.definition)
        except Exception:  # noqa: BLE001  # a loop: one search that cannot be read stops no other
            _log.exception("search_not_filed", criteria_id=str(searched.criteria_id))

    def _remove(self, name: UUID) -> None:
        if name in self._index:
            self._index.remove(name)
            self._removed += 1

    def _tell_loaded(self, slot: int) -> None:
        if not self._loading:
            self._index.settle()
            BUILD.set(time.monotonic() - self._began)
        if not self._loading or len(self._index) - self._told >= _TOLD:
            self._told, seconds = len(self._index), round(time.monotonic() - self._began, 1)
            _log.info("matching_slot_loaded", slot=slot, left=len(self._loading), searches=self._told, seconds=seconds)

    def _measure(self) -> None:
        SEARCHES.set(len(self._index))
        SLOTS_HELD.set(len(self._held) - len(self._loading))


def _first(slot: int) -> UUID:
    """Give what stands before the identifiers of a slot."""
    return UUID(int=max(0, (slot << 124) - 1))


def _last(slot: int) -> UUID:
    return UUID(int=(slot + 1 << 124) - 1)


def _frequency(newest: Sequence[Said]) -> Counter[str]:
    subjects = (
        subject_of_said(each.said, phase=each.phase, at=each.published_at, deadline=each.deadline) for each in newest
    )
    return Counter(feature for subject in subjects for feature in subject.features())
