"""A notice against many saved searches: one shard on one core, and mokaccino, a percolator in Rust, on the same searches."""

from __future__ import annotations

import gc
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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

T = TypeVar("T")
MANY, SOME = 1_000_000, 100_000
SHORT = 20
"""Times fewer where only whether it works is asked."""
_PASSED = 300
"""Notices whose features tell what is rare."""


async def run(*, short: bool) -> None:
    """Measure both sizes; the greater one against the targets of the issue, the smaller one against mokaccino."""
    less = SHORT if short else 1
    notices = corpus()
    _against_mokaccino(notices, SOME // less)
    _many(notices, MANY // less)


def _many(notices: Sequence[Told], number: int) -> None:
    made = list(searches(notices, number))
    gc.collect()
    before, began = _resident(), time.process_time()
    index = _filled(made, notices)
    built, resident = time.process_time() - began, _resident() - before
    times, found, looked_at = [], 0, 0
    for told in notices[_PASSED:]:
        seconds, rows = _timed(lambda told=told: index.find(subject_of(told)))  # type: ignore[misc]
        times.append(seconds * 1000)
        found += len(rows)
        looked_at += index.candidates(subject_of(told))
    of_all = number * len(times)
    _tell("matching, a notice", f"{number} searches", times, selectivity=found / of_all, looked_at=looked_at / of_all)
    click.echo(json.dumps({"bench": "matching, index", "searches": number, "built_seconds": round(built, 1),
                      "mebibytes": round(resident / 2**20), "targets": {"seconds": 90, "mebibytes": 1536}}))  # fmt: skip
    told = notices[-1]
    seconds, reasons = _timed(lambda: list(index.matches(subject_of(told))))
    each = seconds / max(1, len(reasons)) * 1e6
    began = time.process_time()
    index.add(number, Criteria(words=["un mot nouveau"]))
    seconds = time.process_time() - began
    click.echo(json.dumps({"bench": "matching, reasons", "microseconds_a_match": round(each), "matches": len(reasons),
                      "microseconds_to_add_a_search": round(seconds * 1e6)}))  # fmt: skip


def _against_mokaccino(notices: Sequence[Told], number: int) -> None:
    made = list(searches(notices, number, plain_only=True))
    index, percolator = _filled(made, notices), Percolator()
    for row, criteria in enumerate(made):
        percolator.add_query_id(_query(criteria), row)
    percolator = percolator.optimized()
    ours, whole, theirs, unequal = [], [], [], 0
    for told in notices[_PASSED:]:
        subject = subject_of(told)
        document = _document(subject)
        seconds, found = _timed(lambda subject=subject: index.find(subject))  # type: ignore[misc]
        ours.append(seconds * 1000)
        seconds, hits = _timed(lambda document=document: percolator.percolate_list(document))  # type: ignore[misc]
        theirs.append(seconds * 1000)
        seconds, _ = _timed(lambda told=told: index.find(subject_of(told)))  # type: ignore[misc]
        whole.append(seconds * 1000)
        unequal += found != sorted(hits)
    _tell("matching against mokaccino", f"{number} searches", ours, theirs, notices_that_differ=unequal)
    _tell("matching against mokaccino, the reading of the notice with ours", f"{number} searches", whole, theirs)


def _filled(made: Iterable[Criteria], notices: Sequence[Told]) -> Index[int]:
    frequency = Counter(feature for told in notices[:_PASSED] for feature in subject_of(told).features())
    index = Index[int](frequency, _PASSED)
    for row, criteria in enumerate(made):
        index.add(row, criteria)
    index.settle()
    return index


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
    line["load"] = round(os.getloadavg()[0], 1)
    click.echo(json.dumps(line))


def _told(times: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "p99": round(cuts[98], 2)}


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
