"""What a bid lacks, of what the buyer asked for. Pure; on what the bidder says of his files, never on what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from libs.common.messages.notices import RequiredDocument
from services.bids.applications.said import Application, Document, Member, Subcontractor, concerned

__all__ = ["Announced", "Finding", "Problem", "findings"]

Problem = Literal[
    "missing", "out-of-date", "no-date", "wrong-envelope", "unknown-file", "unknown-lot", "unknown-member"
]
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
    envelope: Literal["application", "offer"] | None = None
    """Which envelope lacks it."""
    label: str | None = None
    """What lacks, in the buyer's own words."""
    member: str | None = None
    """The company whose document it is, where each gives its own."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A document that is asked for a lot, of one company where each gives its own."""

    document: RequiredDocument
    lot: str
    member: str | None
    name: str
    depositor: str

    def fits(self, said: Document) -> bool:
        """Say whether a document of this kind is that of the company."""
        return said.kind == self.document.kind and (
            self.member is None or (said.member or self.depositor) == self.member
        )

    def found(self, problem: Problem, message: str, message_en: str) -> Finding:
        document = self.document
        return Finding(
            problem, self.lot, document.kind, message, message_en, document.envelope, document.label, self.member
        )

    @property
    def french(self) -> str:
        return f"« {self.document.label} »" + (f" de {self.name}" if self.name else "")

    @property
    def english(self) -> str:
        return self.document.label + (f" of {self.name}" if self.name else "")


def findings(
    required: Sequence[RequiredDocument],
    files: Sequence[Announced],
    said: Application,
    lots: Sequence[str],
    day: date,
    *,
    depositor: str = "",
) -> list[Finding]:
    """Give what is missing, out of date on a day (the last one for deposits), or not where it was asked, in order.

    Where each member of a group gives his own document, it is looked for of each: his whose document does not say is the depositor's.
    """
    known = {each.number: each for each in files}
    given = [(known[each.file], each) for each in said.documents if each.file in known]
    found = [*_unknown_files(said, known), *_unknown_lots(said, lots), *_unknown_members(said, depositor)]
    for document in required:
        for lot in [each for each in lots if not document.lots or each in document.lots]:
            companies = concerned(said, depositor, lot) if document.each_member else {None: ""}
            for member, name in companies.items():
                found += _of_document(_Asked(document, lot, member, name, depositor), given, day)
    return list(dict.fromkeys(found))


Given = Sequence[tuple[Announced, Document]]


def _of_document(asked: _Asked, given: Given, day: date) -> Iterator[Finding]:
    fitting = [(file, said) for file, said in given if asked.fits(said) and asked.lot in file.lots]
    placed = [(file, said) for file, said in fitting if file.envelope == asked.document.envelope]
    if not placed:
        yield from _absent(asked, fitting)
        return
    if not asked.document.valid_on_deadline:
        return
    dates = [said.valid_until for _, said in placed]
    if any(each is not None and each >= day for each in dates):
        return
    latest = max((each for each in dates if each is not None), default=None)
    yield _dated(asked, latest)


def _absent(asked: _Asked, elsewhere: Given) -> Iterator[Finding]:
    envelope = asked.document.envelope
    place = _ENVELOPES[envelope]
    if elsewhere:
        name = elsewhere[0][0].name
        yield asked.found(
            "wrong-envelope", f"{asked.french} ({name}) est attendu dans l'enveloppe de {place} pour {asked.lot}.",
            f"{asked.english} ({name}) belongs in the {envelope} envelope for {asked.lot}.",
        )  # fmt: skip
    elif asked.document.mandatory:
        yield asked.found(
            "missing", f"Il manque {asked.french} dans l'enveloppe de {place} pour {asked.lot}.",
            f"{asked.english} is missing in the {envelope} envelope for {asked.lot}.",
        )  # fmt: skip


def _dated(asked: _Asked, latest: date | None) -> Finding:
    if latest is None:
        return asked.found(
            "no-date", f"Dites jusqu'à quand {asked.french} est valable (valid_until).",
            f"Say until when {asked.english} is valid (valid_until).",
        )  # fmt: skip
    return asked.found(
        "out-of-date", f"{asked.french} n'est plus valable à la date limite : valable jusqu'au {latest:%d/%m/%Y}.",
        f"{asked.english} is out of date at the deadline: valid until {latest.isoformat()}.",
    )  # fmt: skip


def _unknown_members(said: Application, depositor: str) -> Iterator[Finding]:
    named: list[Member | Subcontractor] = [*(said.group.members if said.group else []), *said.subcontractors]
    known = {depositor, *(each.organisation for each in named)}
    for each in said.documents:
        if each.member is not None and each.member not in known:
            yield Finding(
                "unknown-member", None, each.kind,
                f"Le fichier n° {each.file} est dit de {each.member}, qui n'est ni du groupement ni des sous-traitants.",
                f"File {each.file} is said to be of {each.member}, neither in the group nor a subcontractor.",
                member=each.member,
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
