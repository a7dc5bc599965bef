"""Journals for local running and tests: the Official Journal, the BOAMP and a legal-notice paper, all simulated.

They take notices, check them as far as Halles itself can, and publish nothing anywhere. Each time a notice is asked after, it
moves one step on (received, accepted, published), up to what the journal's scenario allows: `publish`, `accept`,
`receive`, `reject`, `down` (503 to everything).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from aiohttp import BodyPartReader, web
from lxml import etree

from libs.common.clock import Clock
from services.notices.eforms.check import check
from services.notices.publication.national import NAMESPACE

__all__ = ["CREDENTIAL", "JOURNALS", "Journal", "Scenario", "application"]

Scenario = Literal["publish", "accept", "receive", "reject", "down"]
Step = Literal["sent", "received", "accepted", "published", "rejected"]
Reason = dict[str, str]
CREDENTIAL: Final = "sandbox-journal-credential"
"""Of the sandbox: no journal stands behind it."""
_STEPS: Final[tuple[Step, ...]] = ("sent", "received", "accepted", "published")
_FURTHEST: Final[Mapping[Scenario, int]] = {"receive": 1, "accept": 2, "publish": 3, "reject": 1, "down": 0}
_OFFICE: Final[Mapping[Step, str]] = {
    "sent": "VALIDATING",
    "received": "SUBMITTED",
    "accepted": "PUBLISHING",
    "published": "PUBLISHED",
    "rejected": "NOT_PUBLISHED",
}
_REJECTION: Final = {
    "field": "BT-24",
    "message": "La description de la procédure n'est pas compréhensible : complétez-la.",
    "message_en": "The description of the procedure cannot be understood: complete it.",
}
_LEGAL_TIME: Final = ZoneInfo("Europe/Paris")
_UBL: Final = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
_LARGEST: Final = 20 * 2**20


@dataclass
class Taken:
    """A notice that a journal has."""

    reference: str
    sha256: str
    content: bytes
    form: str
    step: int = 0
    rejected: bool = False
    received_at: datetime | None = None
    number: str | None = None
    published_on: str | None = None
    times: int = 1
    """How often it was handed over."""

    @property
    def state(self) -> Step:
        """Where it is."""
        return "rejected" if self.rejected else _STEPS[self.step]


@dataclass
class Journal:
    """What one journal remembers."""

    code: str
    clock: Clock
    scenario: Scenario = "publish"
    silence: float = 0
    """Seconds until it answers whoever hands a notice over."""
    taken: dict[str, Taken] = field(default_factory=dict)
    """By reference."""
    order: list[str] = field(default_factory=list)
    """References in the order of their publication."""

    def take(self, reference: str, content: bytes, form: str) -> tuple[Taken, bool]:
        """Take a notice; True where it came before."""
        known = self.taken.get(reference)
        if known is not None:
            known.times += 1
            return known, True
        made = Taken(reference, hashlib.sha256(content).hexdigest(), content, form)
        self.taken[reference] = made
        return made, False

    def look(self, notice: Taken) -> Taken:
        """Move a notice one step on, as far as the scenario allows."""
        if self.scenario == "reject" and notice.step >= 1:
            notice.rejected = True
        elif notice.step < _FURTHEST[self.scenario]:
            notice.step += 1
            self._stamp(notice)
        return notice

    def _stamp(self, notice: Taken) -> None:
        now = self.clock.now()
        if notice.state == "received":
            notice.received_at = now
        if notice.state == "published":
            self.order.append(notice.reference)
            on = now.astimezone(_LEGAL_TIME)
            notice.published_on = on.date().isoformat()
            notice.number = f"{700_000 + len(self.order)}-{on.year}" if self.code == "joue" else self._number(on)

    def _number(self, on: datetime) -> str:
        return f"{on:%y}-{100_000 + len(self.order)}"


JOURNALS = web.AppKey("journals", dict[str, Journal])


def application(clock: Clock, papers: tuple[str, ...] = ("shal-demo",)) -> web.Application:
    """Give the journals as an application to mount: `/joue`, `/boamp`, and each paper below its code."""
    app = web.Application(client_max_size=_LARGEST)
    app[JOURNALS] = {code: Journal(code, clock) for code in ("joue", "boamp", *papers)}
    app.router.add_post("/joue/notices/submit", _submit)
    app.router.add_post("/{journal}/notices", _take)
    app.router.add_get("/{journal}/notices/{reference}", _tell)
    app.router.add_put("/{journal}/scenario", _set_scenario)
    app.router.add_get("", _show)
    app.router.add_get("/", _show)
    return app


def _journal(request: web.Request) -> Journal:
    """Give the journal asked, for who has its credential and while it is up."""
    journal = request.app[JOURNALS].get(request.match_info.get("journal", "joue"))
    if journal is None:
        raise web.HTTPNotFound
    if request.headers.get("Authorization") != f"Bearer {CREDENTIAL}":
        raise web.HTTPUnauthorized
    if journal.scenario == "down":
        raise web.HTTPServiceUnavailable
    return journal


async def _submit(request: web.Request) -> web.Response:
    """Take a notice as the Publication API of the Publications Office does: multipart `metadata` and `notice`."""
    journal = _journal(request)
    parts: dict[str, bytes] = {}
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name:
            parts[part.name] = bytes(await part.read(decode=False))
    if "notice" not in parts or "noticeAuthorEmail" not in json.loads(parts.get("metadata", b"{}")):
        return _refuse([{"field": "metadata", "message": "L'adresse de l'auteur manque."}])
    faults = _eforms_faults(parts["notice"])
    if faults:
        return web.json_response({"success": False, "errors": faults}, status=422)
    notice, again = journal.take(_business_id(parts["notice"]), parts["notice"], "eforms")
    await asyncio.sleep(journal.silence)
    return web.json_response({"success": True, "businessId": notice.reference}, status=409 if again else 200)


async def _take(request: web.Request) -> web.Response:
    """Take a notice in the plain form."""
    journal = _journal(request)
    content, form = await request.read(), request.headers.get("Halles-Form", "")
    faults = _eforms_faults(content) if form == "eforms" else _national_faults(content)
    if faults:
        return _refuse(faults)
    envelope = request.headers.get("Idempotency-Key", "")
    notice, again = journal.take(f"{journal.code}-{envelope}", content, form)
    await asyncio.sleep(journal.silence)
    return web.json_response({"reference": notice.reference, "status": notice.state}, status=409 if again else 202)


def _refuse(faults: list[Reason]) -> web.Response:
    return web.json_response({"errors": faults}, status=422)


async def _tell(request: web.Request) -> web.Response:
    journal = _journal(request)
    notice = journal.taken.get(request.match_info["reference"])
    if notice is None:
        raise web.HTTPNotFound
    journal.look(notice)
    received = notice.received_at.isoformat() if notice.received_at else None
    errors = [_REJECTION] if notice.rejected else []
    link = f"https://journal.example/{journal.code}/{notice.number}" if notice.number else None
    if journal.code == "joue":
        told: dict[str, Any] = {
            "businessId": notice.reference, "status": _OFFICE[notice.state], "submittedAt": received, "errors": errors,
            "publicationId": notice.number, "publicationDate": notice.published_on, "publicationUrl": link,
        }  # fmt: skip
    else:
        told = {
            "reference": notice.reference, "status": notice.state, "received_at": received, "errors": errors,
            "number": notice.number, "published_on": notice.published_on, "link": link,
        }  # fmt: skip
    return web.json_response(told)


async def _set_scenario(request: web.Request) -> web.Response:
    journal = request.app[JOURNALS].get(request.match_info["journal"])
    chosen = (await request.json()).get("scenario")
    if journal is None or chosen not in _FURTHEST:
        return web.json_response({"status": "refused", "reason": ", ".join(_FURTHEST)}, status=422)
    journal.scenario = chosen
    return web.json_response({"scenario": chosen})


async def _show(request: web.Request) -> web.Response:
    return web.json_response(
        {
            code: {
                "scenario": journal.scenario,
                "notices": {each.reference: each.state for each in journal.taken.values()},
            }
            for code, journal in request.app[JOURNALS].items()
        }
    )


def _eforms_faults(content: bytes) -> list[Reason]:
    problems = check(content).problems
    return [{"field": each.term, "message": each.message, "message_en": each.message_en} for each in problems]


def _business_id(content: bytes) -> str:
    root = etree.fromstring(content)
    version = root.findtext(f"{_UBL}VersionID") or "01"
    return f"{root.findtext(f'{_UBL}ID')}-{version}"


def _national_faults(content: bytes) -> list[Reason]:
    try:
        root = etree.fromstring(content)
    except etree.XMLSyntaxError:
        return [{"field": "XML", "message": "Le fichier n'est pas du XML.", "message_en": "The file is not XML."}]
    sections = ("acheteur", "communication", "procedure", "marche")
    absent = [name for name in sections if root.find(f"{{{NAMESPACE}}}{name}") is None]
    return [{"field": name, "message": f"La rubrique {name} manque."} for name in absent]
