"""Where the official schemas of the receivers are, on this machine, if they are."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["folder"]

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "data"


def folder() -> Path | None:
    """Give the folder of official schemas: `HALLES_STANDARDS`, else `../shared/data` beside the checkout, else None.

    None means: say "official schema not available, checked with our own model".
    """
    chosen = os.environ.get("HALLES_STANDARDS")
    path = Path(chosen) if chosen else _BESIDE_THE_CHECKOUT
    return path if path.is_dir() else None
