"""What a bid lacks, of what the buyer asked for. Pure; on what the bidder says of his files, never on what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from libs.common.messages.notices import RequiredDocument
from services.bids.applications.said import Application, Document, Member, Subcontractor

__all__ = ["Announced", "Finding", "Problem", "findings"]

Problem = Literal["missing", "out-of-date", "no-date", "wrong-envelope", "unknown-file", "unknown-lot"]
_ENVELOPES = {"application": "candidature", "offer": "offre"}


@dataclass(frozen=True, slots=True)
class Announced:
    """A file of the bid: its number, name, and the envelope it goes in."""

    number: int
    name: str
    envelope: Literal["application", "offer"]
    lots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the bidder should look at before he deposits; it stops nothing."""

    problem: Problem
    lot: str | None
    kind: str | None
    message: str
    """French first."""
    message_en: str


def findings(
    required: Sequence[RequiredDocument],
    files: Sequence[Announced],
    said: Application,
    lots: Sequence[str],
    day: date,
) -> list[Finding]:
    """Give what is missing, out of date on a day (the last one for deposits), or not where it was asked, in order."""
    known = {each.number: each for each in files}
    given = [(known[each.file], each) for each in said.documents if each.file in known]
    found = [*_unknown_files(said, known), *_unknown_lots(said, lots)]
    for document in required:
        for lot in [each for each in lots if not document.lots or each in document.lots]:
            found += _of_document(document, lot, given, day)
    return list(dict.fromkeys(found))


Given = Sequence[tuple[Announced, Document]]


def _of_document(required: RequiredDocument, lot: str, given: Given, day: date) -> Iterator[Finding]:
    fitting = [(file, said) for file, said in given if said.kind == required.kind and lot in file.lots]
    placed = [(file, said) for file, said in fitting if file.envelope == required.envelope]
    if not placed:
        yield from _absent(required, lot, fitting)
        return
    if not required.valid_on_deadline:
        return
    dates = [said.valid_until for _, said in placed]
    if any(each is not None and each >= day for each in dates):
        return
    latest = max((each for each in dates if each is not None), default=None)
    yield _dated(required, lot, latest)


def _absent(required: RequiredDocument, lot: str, elsewhere: Given) -> Iterator[Finding]:
    place = _ENVELOPES[required.envelope]
    if elsewhere:
        name = elsewhere[0][0].name
        yield Finding(
            "wrong-envelope", lot, required.kind,
            f"« {required.label} » ({name}) est attendu dans l'enveloppe de {place} pour {lot}.",
            f"{required.label} ({name}) belongs in the {required.envelope} envelope for {lot}.",
        )  # fmt: skip
    elif required.mandatory:
        yield Finding(
            "missing", lot, required.kind,
            f"Il manque « {required.label} » dans l'enveloppe de {place} pour {lot}.",
            f"{required.label} is missing in the {required.envelope} envelope for {lot}.",
        )  # fmt: skip


def _dated(required: RequiredDocument, lot: str, latest: date | None) -> Finding:
    if latest is None:
        return Finding(
            "no-date", lot, required.kind,
            f"Dites jusqu'à quand « {required.label} » est valable (valid_until).",
            f"Say until when {required.label} is valid (valid_until).",
        )  # fmt: skip
    return Finding(
        "out-of-date", lot, required.kind,
        f"« {required.label} » n'est plus valable à la date limite : valable jusqu'au {latest:%d/%m/%Y}.",
        f"{required.label} is out of date at the deadline: valid until {latest.isoformat()}.",
    )  # fmt: skip


def _unknown_files(said: Application, known: dict[int, Announced]) -> Iterator[Finding]:
    for each in said.documents:
        if each.file not in known:
            yield Finding(
                "unknown-file", None, each.kind,
                f"Le fichier n° {each.file} n'est pas de ce pli.", f"File {each.file} is not of this bid.",
            )  # fmt: skip


def _unknown_lots(said: Application, lots: Sequence[str]) -> Iterator[Finding]:
    named: list[Member | Subcontractor] = [*(said.group.members if said.group else []), *said.subcontractors]
    for each in named:
        for lot in each.lots:
            if lot not in lots:
                yield Finding(
                    "unknown-lot", lot, None,
                    f"{each.name} est annoncé pour {lot}, auquel ce pli ne répond pas.",
                    f"{each.name} is announced for {lot}, which this bid does not answer.",
                )  # fmt: skip
