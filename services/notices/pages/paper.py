"""The PDF of a notice, tagged for screen readers (PDF/UA-1): the compiler refuses what does not conform."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

import typst

from services.notices.pages.sheet import Sheet

__all__ = ["paper"]

_TEMPLATE: Final = Path(__file__).with_name("templates") / "notice.typ"


def paper(sheet: Sheet) -> bytes:
    """Give the PDF of a notice. What it says goes in as data: nothing of it is read as markup."""
    data = json.dumps(asdict(sheet), ensure_ascii=False)
    made: bytes = typst.compile(_TEMPLATE, sys_inputs={"sheet": data}, pdf_standards=["ua-1"])
    return made
