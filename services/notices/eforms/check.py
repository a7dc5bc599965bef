"""The verdict on a notice: accepted or rejected, what it says, its problems and its warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from services.notices.eforms import coherence, markup, reader, rules, schema
from services.notices.eforms.model import ParsedNotice, is_extended
from services.notices.eforms.problems import Problem, UnreadableNoticeError
from services.notices.eforms.sdk.branches import Branch, fell, grow
from services.notices.eforms.xml import Element, parse, remarks, salvage

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

    A notice of our SDK version is held to all its rules; one of another version to those that every version has; a national extension to
    what our own model needs. The rest is told as warnings.
    """
    try:
        root = parse(data)
    except UnreadableNoticeError as error:
        remains = salvage(data)
        return CheckedNotice(reader.read(remains) if remains is not None else None, (error.problem,))
    branch = grow(root)
    notice = reader.read_branch(branch)
    found = [*remarks(data), *_faults(root, branch, notice)]
    fell(branch)
    grip = _grip(notice)
    problems = [problem for problem in found if _rejects(problem, grip)]
    warnings = [problem for problem in found if not _rejects(problem, grip)]
    notes = (*coherence.remarks(notice), *_availability())
    return CheckedNotice(notice, tuple(problems[:_MOST]), tuple([*warnings, *notes][:_MOST]))


def _faults(root: Element, branch: Branch, notice: ParsedNotice) -> list[Problem]:
    """Give all faults; a national subtype has no rules here but those of our own model."""
    official = rules.subtype(notice.subtype)
    ruled = rules.faults(branch, official.code, MAX_FAULTS) if official else []
    if len(ruled) > MAX_FAULTS:
        ruled.insert(0, _TOO_MANY)
    grip = _grip(notice)
    told = {problem.term for problem in ruled if _rejects(problem, grip)}
    own = [] if told and grip == "all" else [fault for fault in coherence.faults(notice) if fault.term not in told]
    return [*own, *ruled, *markup.faults(root), *schema.faults(root, notice.document)]


_Grip = Literal["all", "lasting", "core"]


def _grip(notice: ParsedNotice) -> _Grip:
    """Say which rules a notice is held to: all for our SDK version, or when it names none; those that last for another one."""
    if is_extended(notice.sdk):
        return "core"
    return "all" if notice.sdk_version in {None, rules.SDK} else "lasting"


def _rejects(problem: Problem, grip: _Grip) -> bool:
    if problem.remark:
        return False
    return problem.core or grip == "all" or (grip == "lasting" and problem.lasting)


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
