"""The register of deposits as a printable paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from libs.common.calendar import french_hour
from services.bids.documents.pdf import Block, Rows, Text, render

__all__ = ["COLUMNS", "register_pdf"]

COLUMNS = ("pli", "déposant", "nom", "lots", "reçu le", "situation", "par lot", "chiffré par", "sha256 du dépôt")
"""Of the register, as CSV and as a paper."""
_WIDTHS = (0.13, 0.12, 0.14, 0.09, 0.13, 0.08, 0.12, 0.06, 0.13)
_TITLE = "Registre des dépôts"


def register_pdf(title: str, hours: tuple[datetime, datetime], zone: ZoneInfo, rows: Sequence[Sequence[str]]) -> bytes:
    """Give the PDF of a register; `hours` are the deadline, and when the register was drawn up."""
    deadline, now = hours
    blocks: list[Block] = [
        Text(title),
        Text(f"Date limite : {french_hour(deadline, zone)}. Établi le {french_hour(now, zone)} ({zone.key})."),
        Text(
            "« Hors délai » se juge sur la dernière version de la date limite, à cet instant ; l'accusé de chaque pli "
            "constate son heure."
        ),
    ]
    table = Rows((COLUMNS, *(tuple(each) for each in rows)), _WIDTHS)
    return render(_TITLE, [*blocks, table if rows else Text("Aucun dépôt. / No deposit.")])
