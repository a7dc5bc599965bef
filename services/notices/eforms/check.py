"""The verdict on a notice: accepted or rejected, what it says, its problems and its warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from services.notices.eforms import coherence, reader, rules, schema
from services.notices.eforms.model import ParsedNotice
from services.notices.eforms.problems import Problem, UnreadableNoticeError
from services.notices.eforms.xml import Element, parse

__all__ = ["CheckedNotice", "check"]

_MOST: Final = 200
MAX_FAULTS: Final = 2_000
"""Of the rules; a notice with more is rejected without counting on."""
_TOO_MANY: Final = Problem(
    "XML",
    "/",
    f"Plus de {MAX_FAULTS} anomalies : corrigez les premières, puis recommencez.",
    f"More than {MAX_FAULTS} faults: mend the first ones, then try again.",
    core=True,
)


@dataclass(frozen=True, slots=True)
class CheckedNotice:
    """A notice that was read and checked."""

    notice: ParsedNotice | None
    """What could be read, also of a rejected notice; None when the file is no eForms notice."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = field(default=())

    @property
    def accepted(self) -> bool:
        """Whether the platform takes the notice."""
        return not self.problems


def check(data: bytes) -> CheckedNotice:
    """Read and check a notice. Never fails: what is wrong is told as problems.

    A notice of our SDK version is held to all our rules; of an older one, or of a national extension, to those that our
    own model needs, and the rest is told as warnings.
    """
    try:
        root = parse(data)
    except UnreadableNoticeError as error:
        return CheckedNotice(None, (error.problem,))
    notice = reader.read(root)
    found = _faults(root, notice)
    problems, warnings = _sort(found, strict=_is_current(notice))
    notes = (*coherence.remarks(notice), *_availability())
    return CheckedNotice(notice, tuple(problems[:_MOST]), tuple([*warnings, *notes][:_MOST]))


def _faults(root: Element, notice: ParsedNotice) -> list[Problem]:
    """Give all faults, each once; a national subtype has no rules here but those of our own model."""
    official = rules.subtype(notice.subtype)
    ruled = list(islice(rules.faults(root, official.code), MAX_FAULTS)) if official else []
    if len(ruled) == MAX_FAULTS:
        ruled.insert(0, _TOO_MANY)
    told = {problem.term for problem in ruled if problem.core or _is_current(notice)}
    own = (problem for problem in coherence.faults(notice) if problem.term not in told)
    return [*own, *ruled, *schema.faults(root, notice.document)]


def _is_current(notice: ParsedNotice) -> bool:
    """Say whether the notice is held to every rule: it names our SDK, or none that we know, without extension."""
    if notice.sdk_version is None:
        return True
    extended = "#" in (notice.sdk or "")
    return notice.sdk_version >= rules.SDK and not extended


def _sort(found: list[Problem], *, strict: bool) -> tuple[list[Problem], list[Problem]]:
    problems = [problem for problem in found if strict or problem.core]
    return problems, [problem for problem in found if not strict and not problem.core]


def _availability() -> tuple[Problem, ...]:
    if schema.available():
        return ()
    return (
        Problem(
            "XSD",
            "/",
            "Schéma officiel absent de ce serveur : structure vérifiée avec notre propre modèle.",
            "Official schema not available: checked with our own model.",
        ),
    )
