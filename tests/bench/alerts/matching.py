"""A notice against many saved searches: one shard on one core, and mokaccino, a percolator in Rust, on the same searches."""

from __future__ import annotations

import gc
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import click
from mokaccino import Document, Percolator, Query

from libs.common.search.clauses import Phrase, Word
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.index import Index
from services.alerts.matching.notice import Subject
from tests.bench.alerts.crowd import Told, corpus, searches, subject_of

__all__ = ["run"]

S = TypeVar("S")
T = TypeVar("T")
MANY, SOME = 1_000_000, 100_000
SHORT = 20
"""Times fewer where only whether it works is asked."""
_PASSES = 3
_PASSED = 300
"""Notices whose features tell what is rare."""


async def run(*, short: bool) -> None:
    """Measure both sizes; the greater one against the targets of the issue, the smaller one against mokaccino."""
    less = SHORT if short else 1
    notices = corpus()
    _many(notices, MANY // less)
    _against_mokaccino(notices, SOME // less)


def _many(notices: Sequence[Told], number: int) -> None:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        for criteria in _progress("searches drawn", searches(notices, number)):
            file.write(json.dumps(criteria.canonical()) + "\n")
        file.seek(0)
        gc.collect()
        before, began, clock = _resident(), time.process_time(), time.monotonic()
        index = _begun(notices)
        index.build(_progress("searches filed", enumerate(file)))
        built, passed, resident = time.process_time() - began, time.monotonic() - clock, _resident() - before
    _say({"bench": "matching, index", "searches": number, "built_seconds": round(built, 1), "by_the_clock": round(passed, 1),
          "mebibytes": round(resident / 2**20), "bytes_a_search": round(resident / number),
          "targets": {"seconds": 90, "mebibytes": 1536}})  # fmt: skip
    times, whole, found = [], [], 0
    for told in notices[_PASSED:]:
        subject = subject_of(told)
        seconds, names = _timed(lambda subject=subject: index.find(subject))  # type: ignore[misc]
        times.append(seconds * 1000)
        found += len(names)
        seconds, _ = _timed(lambda told=told: index.find(subject_of(told)))  # type: ignore[misc]
        whole.append(seconds * 1000)
    of_all = number * len(times)
    looked_at = sum(index.candidates(subject_of(told)) for told in notices[_PASSED:])
    _tell("matching, a notice", f"{number} searches", times, selectivity=found / of_all, looked_at=looked_at / of_all)
    _tell("matching, a notice, its reading with it", f"{number} searches", whole)
    _changes(index, notices, number)


def _changes(index: Index[int], notices: Sequence[Told], number: int) -> None:
    """Tell what reasons cost, and until when a change is seen: every change that settles or clears the index is among them."""
    subject = subject_of(notices[-1])
    seconds, reasons = _timed(lambda: list(index.matches(subject)))
    each = seconds / max(1, len(reasons)) * 1e6
    added = [_timed(lambda at=at: index.add(number + at, Criteria(words=[f"mot{at}", "nouveau"])))[0] for at in range(number // 4)]  # type: ignore[misc]  # fmt: skip
    gone = [_timed(lambda at=at: index.remove(at))[0] for at in range(number * 3 // 4)]  # type: ignore[misc]
    _say({"bench": "matching, changes", "searches": number, "microseconds_a_reason": round(each), "matches": len(reasons),
          "added": len(added), "microseconds_to_add": round(statistics.median(added) * 1e6), "worst_milliseconds": round(max(added) * 1000),
          "removed": len(gone), "microseconds_to_remove": round(statistics.median(gone) * 1e6, 1),
          "worst_milliseconds_to_remove": round(max(gone) * 1000), "target_milliseconds": 1000})  # fmt: skip


def _against_mokaccino(notices: Sequence[Told], number: int) -> None:
    index, percolator = _begun(notices), Percolator()
    for row, criteria in enumerate(_progress("searches drawn", searches(notices, number, plain_only=True))):
        index.add(row, criteria)
        percolator.add_query_id(_query(criteria), row)
    index.settle()
    kinds = {"as it is": percolator, "optimized": percolator.optimized()}
    unequal = sum(
        index.find(subject) != sorted(percolator.percolate_list(_document(subject)))
        for subject in map(subject_of, notices[_PASSED:])
    )
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(_PASSES):  # each in a pass of its own: one does not clear the caches of the other
        ours += _pass(notices, subject_of, index.find)
        for name, kind in kinds.items():
            theirs[name] += _pass(notices, lambda told: _document(subject_of(told)), kind.percolate_list)
    whole = _pass(notices, lambda told: told, lambda told: index.find(subject_of(told)))
    for name in kinds:
        _tell(
            f"matching against mokaccino {name}", f"{number} searches", ours, theirs[name], notices_that_differ=unequal
        )
    _tell("matching, the reading of the notice with it", f"{number} searches", whole)


def _pass(notices: Sequence[Told], read: Callable[[Told], S], act: Callable[[S], object]) -> list[float]:
    """Give the milliseconds that each notice takes, once it is read."""
    times = []
    for told in notices[_PASSED:]:
        subject = read(told)
        times.append(_timed(lambda subject=subject: act(subject))[0] * 1000)  # type: ignore[misc]
    return times


def _begun(notices: Sequence[Told]) -> Index[int]:
    """Give an empty index that knows how frequent features are."""
    return Index[int](Counter(each for told in notices[:_PASSED] for each in subject_of(told).features()), _PASSED)


def _progress(what: str, items: Iterable[T]) -> Iterator[T]:
    """Tell on standard error how far it is, a line for each hundred thousand."""
    began = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        if number % 100_000 == 0:
            click.echo(f"{number} {what}, {time.monotonic() - began:.0f} s", err=True)


def _say(line: dict[str, object]) -> None:
    click.echo(json.dumps({**line, "load": round(os.getloadavg()[0], 1)}))


def _document(subject: Subject) -> Document:
    document = Document()
    for stem in subject.words.stems:
        document.add_value("w", stem)
    for word in subject.words.places:
        document.add_value("e", word)
    for code in subject.cpv:
        document.add_value("c", code)
    for code in subject.has("departments"):
        document.add_value("d", code)
    document.add_value("v", "none" if subject.value is None else str(int(subject.value * 100)))
    return document


def _query(criteria: Criteria) -> Query:
    parts: list[Query] = []
    for _, _, clause in criteria.text():
        found = Query.from_or([_all(atoms) for atoms in clause.alternatives])
        parts.append(Query.from_not(found) if clause.negative else found)
    if criteria.cpv:
        parts.append(Query.from_or([Query.from_kprefix("c", prefix) for prefix in criteria.cpv]))
    if criteria.departments:
        parts.append(Query.from_or([Query.from_kv("d", code) for code in criteria.departments]))
    if criteria.value_min is not None:
        bound = Query.from_kge("v", int(criteria.value_min * 100))
        parts.append(Query.from_or([bound, Query.from_kv("v", "none")]) if criteria.unknown_value else bound)
    return Query.from_and(parts)


def _all(atoms: Sequence[object]) -> Query:
    parts = []
    for atom in atoms:
        match atom:
            case Word(forms):
                parts.append(Query.from_or([Query.from_kv("w", form) for form in forms]))
            case Phrase((word,)):
                parts.append(Query.from_kv("e", word))
            case _:
                raise ValueError("mokaccino knows no phrases")
    return Query.from_and(parts)


def _timed(act: Callable[[], T]) -> tuple[float, T]:
    """Give the processor's time that this takes: the machine is shared."""
    began = time.process_time()
    found = act()
    return time.process_time() - began, found


def _tell(name: str, size: str, ours: list[float], theirs: list[float] | None = None, **more: float) -> None:
    line: dict[str, object] = {"bench": name, "size": size, "notices": len(ours), "unit": "ms of processor"}
    line["ours"] = _told(ours)
    if theirs is not None:
        line["baseline"] = _told(theirs)
        line["ratio_p50"] = round(statistics.median(theirs) / statistics.median(ours), 2)
    line |= {key: float(f"{value:.3g}") for key, value in more.items()}
    _say(line)


def _told(times: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50": round(cuts[49], 3), "p95": round(cuts[94], 2), "p99": round(cuts[98], 2)}


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
