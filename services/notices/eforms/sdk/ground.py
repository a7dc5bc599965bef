"""What a test stands on while a notice is checked: its root, its variables, and what was found once already."""

from __future__ import annotations

from typing import Any, Final

from services.notices.eforms.sdk import values
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.xml import NAMESPACES

__all__ = ["MAX_WORK", "Ground", "TooMuchWorkError"]

MAX_WORK: Final = 2_000_000
"""Items that the conditions of one notice may look at; the largest official example, of 26,000 elements, asks for 37,000."""


class TooMuchWorkError(Exception):
    """The notice is built so that its conditions would hold the checker up."""


class Ground:
    """The state of one check."""

    __slots__ = ("kept", "language", "languages", "names", "root", "subtype", "today", "work")

    def __init__(self, root: Branch, subtype: str) -> None:
        self.root = root
        self.subtype = subtype
        self.names: dict[str, Any] = {}
        """Variables bound by `for` and `every`."""
        self.kept: dict[tuple[int, int], Any] = {}
        """What absolute and climbing paths gave, by path and place: asked once for each element, answered once."""
        self.languages = _languages(root)
        self.language = next(iter(self.languages)) if len(self.languages) == 1 else ""
        """The one language of the notice, empty where there are several."""
        self.today = values.today()
        self.work = 0

    def spend(self, work: int) -> None:
        """Count work. Raises TooMuchWorkError beyond the bound."""
        self.work += work
        if self.work > MAX_WORK:
            raise TooMuchWorkError


def _languages(root: Branch) -> frozenset[str]:
    """Give the languages of the notice (BT-702)."""
    main = root.children.get(f"{{{NAMESPACES['cbc']}}}NoticeLanguageCode", ())
    others = (
        code
        for language in root.children.get(f"{{{NAMESPACES['cac']}}}AdditionalNoticeLanguage", ())
        for code in language.children.get(f"{{{NAMESPACES['cbc']}}}ID", ())
    )
    return frozenset(code.text for code in (*main, *others))
