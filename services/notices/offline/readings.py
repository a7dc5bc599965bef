"""What a notice of a file says, whatever its format: eForms, a flattened notice of TED, the old form of the BOAMP."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import click
from lxml import etree

from libs.common.errors import FieldError, HallesError
from services.notices.eforms.check import CheckedNotice, check
from services.notices.eforms.problems import Problem
from services.notices.legacy import boamp, ted
from services.notices.legacy.notice import LegacyNotice
from services.notices.offline.files import Unit
from services.notices.service.imports import own_draft_of
from services.notices.service.notices import DraftNotice
from services.notices.views.checks import CheckView

__all__ = ["Prepared", "Refusal", "outcome", "prepare", "verdict"]

_LEARNED: Final = 4_096  # bytes that tell the format, whatever comments come first
_BOAMP: Final = re.compile(rb"<ANNONCE[\s/>]")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a notice is not taken, as the tool prints it: an exception of the service cannot travel between processes."""

    detail: str
    problems: tuple[FieldError, ...] = ()

    @classmethod
    def of(cls, error: HallesError) -> Refusal:
        """Give a refusal of the service."""
        return cls(error.detail, tuple(error.errors))


Prepared = DraftNotice | LegacyNotice | Refusal


def verdict(unit: Unit) -> dict[str, Any]:
    """Give the verdict on a notice, as the tool prints it."""
    found = _read(unit)
    checked = found.checked if isinstance(found, LegacyNotice) else found
    return {**_named(unit), **CheckView.of(checked).model_dump(mode="json")}


def prepare(unit: Unit, now: datetime) -> Prepared:
    """Give what is to be kept of a notice: a draft, history, or the reason why it is refused."""
    found = _read(unit)
    if isinstance(found, LegacyNotice):
        return found
    try:
        return own_draft_of(found, now)
    except HallesError as error:
        return Refusal.of(error)


def outcome(unit: Unit, found: Prepared, refusal: Refusal | None) -> dict[str, Any]:
    """Give what became of a notice, as the tool prints it."""
    if refusal is None:
        notice_id = str(found.notice_id) if isinstance(found, DraftNotice) else _legacy_id(found)
        return {**_named(unit), "status": "imported", "notice_id": notice_id}
    problems = [
        {"term": term, "path": path, "message": each.message}
        for each in refusal.problems
        for term, _, path in [each.where.partition(" ")]
    ]
    return {**_named(unit), "status": "rejected", "detail": refusal.detail, "problems": problems}


def _legacy_id(found: Prepared) -> str | None:
    notice = found.checked.notice if isinstance(found, LegacyNotice) else None
    return str(notice.notice_id) if notice else None


def _named(unit: Unit) -> dict[str, Any]:
    return {"file": unit.file} if unit.line is None else {"file": unit.file, "line": unit.line}


def _read(unit: Unit) -> CheckedNotice | LegacyNotice:
    if unit.fault is not None:
        french, english = f"Fichier illisible : {unit.fault}.", f"The file cannot be read: {unit.fault}."
        return CheckedNotice(None, (Problem("FILE", unit.file, french, english, core=True),))
    try:
        if unit.line is not None or _is_json(unit.data):
            return ted.read(unit.data)
        return boamp.read(unit.data) if _BOAMP.search(unit.data[:_LEARNED]) else check(unit.data)
    except Exception as error:  # noqa: BLE001  # our own fault on one file must not end the reading of all the others
        click.echo(f"{unit.file}: {traceback.format_exc()}", err=True)
        french = f"La vérification a échoué sur ce fichier par notre faute ({type(error).__name__}) : signalez-le-nous."
        english = f"The check failed on this file by a fault of ours ({type(error).__name__}): please report it."
        return CheckedNotice(None, (Problem("FILE", unit.file, french, english, core=True),))
    finally:
        etree.clear_error_log()  # lxml keeps every fault it ever met


def _is_json(data: bytes) -> bool:
    return data[:_LEARNED].removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))
