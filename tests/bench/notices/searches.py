"""Searches over many notices through the service's function, against a bare index asked the same without radius and pages.

Both run in one process bound to one core, one question after the other, in turn. PostgreSQL holds the notices.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import click
from tantivy import Document, Index, Occur, Order, Query, SchemaBuilder

from libs.common.db import connect, service_url
from libs.common.migrate import migrate, provision
from libs.common.runtime import Runtime, open_runtime
from libs.common.search.notice import body_text
from libs.common.search.words import analyzer
from libs.common.standards import folder
from libs.common.testing.servers.postgres import postgres
from services.notices.content import NoticeContent
from services.notices.inputs.search import NoticeQuery
from services.notices.search.fields import IndexRow, published_key, terms_of
from services.notices.service import search as service
from services.notices.service.indexing import LiveIndex
from services.notices.store import search as store
from services.notices.wiring import SERVICE
from tests.bench.notices.crowd import SEED, Crowd, fill

__all__ = ["measure", "run"]

LONG, SHORT = 1_000_000, 50_000
ROUNDS, SHORT_ROUNDS = 40, 20
_FACETS = ["cpv", "region", "nature", "procedure", "phase", "kind"]
_FIELDS = {"cpv", "cpv2", "region", "department", "nature", "procedure", "phase", "kind"}
_PLACES = ((47.32, 5.04), (48.86, 2.35), (43.30, 5.39), (45.76, 4.84), (48.11, -1.68), (50.63, 3.06))


@dataclass(frozen=True)
class Search:
    """One kind of search: what is asked of us, and what of the bare index."""

    name: str
    asked: dict[str, Any]
    words: tuple[str, ...] = ()
    phrase: bool = False
    filters: tuple[tuple[str, str], ...] = ()
    unwanted: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    """Of the bare index."""


def _searches() -> list[Search]:
    """Give twenty: rare words and very common ones, branches, places, values, all with facets but two."""
    counted = {"facets": _FACETS}
    fields = ("cpv2", "region", "nature", "procedure", "phase", "kind")

    def one(name: str, asked: dict[str, Any], **bare: Any) -> Search:  # noqa: ANN401  # the fields of Search
        return Search(name, counted | asked, facets=fields, **bare)

    return [
        one("rare word", {"q": "pyrotechnie"}, words=("pyrotechnie",)),
        one("rare word without accents", {"q": "helicoptere"}, words=("hélicoptère",)),
        one("common word", {"q": "travaux"}, words=("travaux",)),
        one("very common word", {"q": "marché"}, words=("marché",)),
        one("two common words", {"q": "travaux maintenance"}, words=("travaux", "maintenance")),
        one("three words", {"q": "rénovation énergétique école"}, words=("rénovation", "énergétique", "école")),
        one("phrase", {"q": '"ordures ménagères"'}, words=("ordures", "ménagères"), phrase=True),
        one("common phrase", {"q": '"mise en oeuvre"'}, words=("mise", "en", "œuvre"), phrase=True),
        one("word and unwanted word", {"q": "nettoyage -vitres"}, words=("nettoyage",), unwanted=("vitres",)),
        one("CPV branch", {"cpv": ["45"]}, filters=(("cpv", "45"),)),
        one("CPV branch and radius", {"cpv": ["45"], "near": "@", "radius": 50}, filters=(("cpv", "45"),)),
        one("small CPV branch and radius", {"cpv": ["4523"], "near": "@", "radius": 30}, filters=(("cpv", "4523"),)),
        one("common word and radius", {"q": "travaux", "near": "@", "radius": 100}, words=("travaux",)),
        one("word, CPV branch, radius", {"q": "entretien", "cpv": ["77"], "near": "@", "radius": 80}, words=("entretien",), filters=(("cpv", "77"),)),
        one("word and department", {"q": "voirie", "department": ["21"]}, words=("voirie",), filters=(("department", "21"),)),
        one("region and open phase", {"region": ["27"], "phase": ["open"]}, filters=(("region", "27"), ("phase", "open"))),
        one("word, value range, unknown included", {"q": "étude", "value_min": 90_000, "value_max": 1_000_000, "unknown_value": True}, words=("étude",)),
        one("common word by relevance", {"q": "travaux école", "sort": "relevance"}, words=("travaux", "école")),
        Search("common word by deadline, no facet", {"q": "fourniture", "sort": "deadline"}, words=("fourniture",)),
        Search("word by distance, no facet", {"q": "assainissement", "near": "@", "radius": 100, "sort": "distance"}, words=("assainissement",)),
    ]  # fmt: skip


class Bare:
    """The index of somebody who takes the library as it is: one text, the fields, nothing else."""

    def __init__(self) -> None:
        builder = SchemaBuilder()
        builder.add_text_field("text", tokenizer_name="french")
        builder.add_text_field("cpv", tokenizer_name="raw", index_option="basic")
        for name in _FIELDS - {"cpv"}:
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
        builder.add_unsigned_field("published", fast=True)
        self.schema = builder.build()
        self.index = Index(self.schema)
        self.index.register_tokenizer("french", analyzer())
        self._writer = self.index.writer(128_000_000, 1)

    def add(self, row: IndexRow) -> None:
        """Add a notice."""
        content, document = NoticeContent.model_validate(row.said), Document()
        document.add_text("text", f"{content.title}\n{body_text(content)}")
        for name, values in terms_of(row, content).items():
            for value in dict.fromkeys(values) if name in _FIELDS else ():
                document.add_text(name, value)
        document.add_unsigned("published", published_key(row.published_at, row.notice_id))
        self._writer.add_document(document)

    def built(self) -> None:
        """Show what was added."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        self.index.reload()

    def ask(self, search: Search) -> int:
        """Give how many answer: the newest 20 are read, the facets counted."""
        query, searcher = self._query(search), self.index.searcher()
        found = searcher.search(query, 20, count=True, order_by_field="published", order=Order.Desc)
        if search.facets:
            searcher.aggregate(query, {name: {"terms": {"field": name, "size": 200}} for name in search.facets})
        total: int = found.count  # type: ignore[attr-defined]  # its stub lacks it
        return total

    def _query(self, search: Search) -> Query:
        words = [token for word in search.words for token in analyzer().analyze(word)]
        parts = [(Occur.Must, Query.term_query(self.schema, name, value, "basic")) for name, value in search.filters]
        if search.phrase:
            tokens = analyzer().pre_tokenize(" ".join(search.words)).tokens
            in_order: list[str | tuple[int, str]] = [(token.position, token.text) for token in tokens]
            parts.append((Occur.Must, Query.phrase_query(self.schema, "text", in_order)))
        else:
            parts += [(Occur.Must, Query.term_query(self.schema, "text", word, "basic")) for word in words]
        for word in search.unwanted:
            for lexeme in analyzer().analyze(word):
                parts.append((Occur.MustNot, Query.term_query(self.schema, "text", lexeme, "basic")))
        return Query.boolean_query(parts)


async def run(*, short: bool) -> None:
    """Measure it as `make bench-notices` does."""
    await measure(SHORT if short else LONG, SHORT_ROUNDS if short else ROUNDS)


async def measure(count: int, rounds: int, *, keep: Path | None = None) -> None:
    """Print a line for each search, then the whole."""
    source = folder()
    if source is None:
        raise click.ClickException(
            "the real notices are not here: set HALLES_STANDARDS to the folder that holds notices/ted.jsonl"
        )
    async with postgres(keep=keep) as administrator:
        settings = SERVICE.settings(environment="test", database_url=administrator, database_urls={}, amqp_url=None)
        await provision(settings, SERVICE.name)
        await migrate(settings, SERVICE)
        conn = await connect(service_url(settings, SERVICE.name))
        if await conn.fetchval("SELECT count(*) FROM notice") != count:
            await _timed("notices written", fill(conn, Crowd(source / "notices" / "ted.jsonl"), count))
        async with open_runtime(SERVICE, settings) as runtime:
            await _measure(runtime, conn, rounds)
        await conn.close()


async def _measure(runtime: Runtime, conn: asyncpg.Connection, rounds: int) -> None:
    live = runtime.port(LiveIndex)
    before = _memory()
    began = time.monotonic()
    async with live.serving():
        while not live.ready:  # noqa: ASYNC110  # it builds in a task of its own
            await asyncio.sleep(0.1)
        _print({"name": "index built", "unit": "s", "ours": round(time.monotonic() - began, 1)})
        _print({"name": "memory of the index", "unit": "MiB", "ours": _memory() - before})
        bare = await _bare(conn)
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        await _compare(runtime, bare, rounds)
        os.sched_setaffinity(0, cores)


async def _bare(conn: asyncpg.Connection) -> Bare:
    bare, last = Bare(), None
    while rows := await store.rows_after(conn, last, 1_000):
        for row in rows:
            bare.add(row)
        last = rows[-1].notice_id
    await asyncio.to_thread(bare.built)
    return bare


@dataclass(frozen=True, slots=True)
class _Times:
    """Milliseconds of one kind of search, on the clock and of this process's processor time."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    @contextmanager
    def taken(self) -> Iterator[None]:
        began, busy = time.perf_counter(), time.process_time()
        yield
        self.clock.append((time.perf_counter() - began) * 1000)
        self.processor.append((time.process_time() - busy) * 1000)

    @classmethod
    def all(cls, every: Iterable[_Times]) -> _Times:
        times = list(every)
        return cls([ms for each in times for ms in each.clock], [ms for each in times for ms in each.processor])


async def _compare(runtime: Runtime, bare: Bare, rounds: int) -> None:
    searches, draw = _searches(), random.Random(SEED)
    ours, theirs = ({search.name: _Times() for search in searches} for _ in range(2))
    totals: dict[str, int | None] = {}
    for turn in range(rounds + 2):
        for search in draw.sample(searches, len(searches)):
            asked = _asked(search, draw)
            warming = turn < 2
            with (_Times() if warming else ours[search.name]).taken():
                found = await service.search(runtime, asked)
            with (_Times() if warming else theirs[search.name]).taken():
                bare.ask(search)
            totals[search.name] = found.total
    for search in searches:
        _line(f"{search.name} ({totals[search.name]} found), p95", ours[search.name], theirs[search.name])
    _line("all searches, p95", _Times.all(ours.values()), _Times.all(theirs.values()))


def _asked(search: Search, draw: random.Random) -> service.Asked:
    """Read the search as the API does; each circle has a centre of its own, so that none is known from before."""
    given = dict(search.asked)
    if given.get("near") == "@":
        latitude, longitude = draw.choice(_PLACES)
        given["near"] = f"{latitude + draw.uniform(-0.2, 0.2):.4f},{longitude + draw.uniform(-0.2, 0.2):.4f}"
    query = NoticeQuery.model_validate(given)
    return service.Asked(query.criteria(), query.sort, None, query.limit, tuple(query.facets))


def _line(name: str, ours: _Times, theirs: _Times) -> None:
    first, second = _p95(ours.clock), _p95(theirs.clock)
    _print(
        {
            "name": name,
            "unit": "ms",
            "ours": round(first, 2),
            "baseline": round(second, 2),
            "ratio": round(first / second, 2),
            "p50": round(statistics.median(ours.clock), 2),
            "baseline_p50": round(statistics.median(theirs.clock), 2),
            "processor": round(_p95(ours.processor), 2),
            "baseline_processor": round(_p95(theirs.processor), 2),
            "target": 50.0,
            "met": first <= 50.0,
        }
    )


def _p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[18]


def _print(line: dict[str, Any]) -> None:
    click.echo(json.dumps(line, ensure_ascii=False))


def _memory() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) // 1024


async def _timed(name: str, work: Any) -> None:  # noqa: ANN401  # an awaitable
    began = time.monotonic()
    await work
    _print({"name": name, "unit": "s", "ours": round(time.monotonic() - began, 1)})


@click.command(epilog="Example: python -m tests.bench.notices.searches --short")
@click.option("--short", is_flag=True, help=f"{SHORT:,} notices instead of {LONG:,}.")
@click.option("--notices", type=int, help="So many notices.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the database, used again by the next run.")
def main(*, short: bool, notices: int | None, keep: Path | None) -> None:
    """Measure the search of published notices."""
    asyncio.run(measure(notices or (SHORT if short else LONG), SHORT_ROUNDS if short else ROUNDS, keep=keep))


if __name__ == "__main__":
    main()
