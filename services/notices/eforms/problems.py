"""What is wrong with a notice: which business term, where, and how to mend it, in French first."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Problem", "UnreadableNoticeError"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault."""

    term: str
    """The business term: BT-21, OPT-300..., or XML where the file itself is at fault."""
    path: str
    """Where, as a readable XPath."""
    message: str
    message_en: str = ""
    core: bool = False
    """True when our own model cannot do without: a fault whatever the SDK version of the notice."""
    lasting: bool = False
    """True when every SDK version asks for it: a fault in older notices too, unless they follow a national extension."""
    remark: bool = False
    """True when it is never more than a warning."""


class UnreadableNoticeError(Exception):
    """The file is no notice that can be read at all."""

    def __init__(self, message: str, message_en: str, path: str = "/") -> None:
        super().__init__(message_en)
        self.problem = Problem("XML", path, message, message_en, core=True)
