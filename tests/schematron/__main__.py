"""`make schematron`: the official Schematron on everything we write, and our judge against every official report.

One JSON object a line; exit 1 if a notice of ours breaks a fatal rule, or if the judge and a report differ.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence

import click

from services.notices import drafting
from services.notices.eforms.check import check
from services.notices.eforms.export import ExportedNotice, export
from tests.schematron import variants
from tests.schematron.judge import Breach, attempt, available, judge
from tests.schematron.reports import difference, examples
from tests.unit.notices import notices_exported as samples


@click.command(epilog="Example: python -m tests.schematron --name 29")
@click.option("--name", default="", help="Only what begins with it.")
@click.option("--changed", default=0, help="Also judge so many notices made of each official example by one change.")
def main(name: str, changed: int) -> None:
    """Judge everything."""
    if not available():
        raise click.ClickException("the official Schematron is not on this machine: set HALLES_STANDARDS")
    wrong = 0
    for each in (_reports(name), _exported(name), _changed(name), _mutants(name, changed)):
        for line in each:
            wrong += not line["met"]
            click.echo(json.dumps(line, ensure_ascii=False))
    sys.exit(1 if wrong else 0)


def _reports(name: str) -> Iterator[dict[str, object]]:
    """Judge the official examples, and compare with their reports."""
    for title, notice, reported in examples(f"{name}*"):
        began = time.process_time()
        missing, extra = difference(reported, judge([notice])[0])
        met = not (missing or extra)
        yield {"what": "report", "name": title, "fatal": reported.total(), "missing": missing, "extra": extra, "met": met,
               "seconds": round(time.process_time() - began, 2)}  # fmt: skip


def _exported(name: str) -> Iterator[dict[str, object]]:
    """Judge what is written from the platform's content, a subtype at a time."""
    for subtype in samples.SUBTYPES:
        names = [case for case in samples.CASES if case.partition(" ")[0] == subtype and case.startswith(name)]
        if names:
            yield from _judged("exported", names, [export(samples.exported(samples.content(case))) for case in names])


def _changed(name: str) -> Iterator[dict[str, object]]:
    """Judge valid official examples that were imported, then had their title changed."""
    for title, notice, reported in examples(f"{name}*"):
        read = check(notice)
        if read.notice is None or not read.accepted or not read.notice.buyers or not read.notice.notice_id or reported:
            continue
        content = drafting.content_of(read.notice, read.notice.buyers[0], samples.NOW.date())
        exported = ExportedNotice(
            notice_id=read.notice.notice_id,
            version=1,
            procedure_id=drafting.procedure_id_of(read.notice),
            content=content.model_copy(update={"title": "Un autre objet"}),
            issued_at=read.notice.issued_at or samples.NOW,
            source=notice,
        )
        known = {breach.rule for breach in judge([notice])[0]}
        yield from _judged("changed", [title], [export(exported)], known)


def _mutants(name: str, most: int) -> Iterator[dict[str, object]]:
    """Judge official examples with one thing changed, and compare with our own rules, rule by rule."""
    for title, notice, _ in examples(f"{name}*") if most else ():
        made = list(variants.mutants(notice, title, most))
        for (what, data), breaches in zip(made, attempt([data for _, data in made]), strict=True):
            if breaches is not None:
                missing, extra = variants.difference(data, breaches)
                yield {
                    "what": "mutant",
                    "name": f"{title}: {what}",
                    "missing": missing,
                    "extra": extra,
                    "met": not (missing or extra),
                }


def _judged(
    what: str, names: Sequence[str], notices: Sequence[bytes], known: set[str] | None = None
) -> Iterator[dict[str, object]]:
    began = time.process_time()
    verdicts = judge(notices)
    seconds = round((time.process_time() - began) / len(names), 2)
    for name, breaches in zip(names, verdicts, strict=True):
        fatal = [rule for rule in _fatal(breaches) if rule not in (known or set())]
        yield {"what": what, "name": name, "fatal": fatal, "met": not fatal, "seconds": seconds}


def _fatal(breaches: Sequence[Breach]) -> list[str]:
    return sorted(breach.rule for breach in breaches if breach.role == "ERROR")


if __name__ == "__main__":
    main()
