"""The State's side, for local running and tests: takes archives, checks them, answers later with a return.

It is a simulator: no prefecture reads anything. Scenarios: `acknowledge` (ARActe), `anomaly` (AnomalieActe: outdated
classification), `silent` (no answer). An archive that does not hold together gets an AnomalieEnveloppe.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, cast
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from aiohttp import BodyPartReader, web

from libs.common.clock import Clock
from services.legality.actes import schema, write
from services.legality.actes.archive import HostileArchiveError, pack, unpack
from services.legality.actes.model import MAX_TOTAL, ActMessage, Authority, Piece
from services.legality.actes.names import ActName, EnvelopeName, envelope_of_archive, read_envelope_name
from services.legality.actes.read import Message, parse
from services.legality.actes.xml import UnreadableXmlError

__all__ = ["SIMULATOR", "Scenario", "Simulator", "application"]

Scenario = Literal["acknowledge", "anomaly", "silent"]
Token = Callable[[], "str | Awaitable[str]"]
LEGAL_TIME = ZoneInfo("Europe/Paris")
CLASSIFICATION = date(2026, 1, 5)
"""The simulator's classification in force."""
ATTEMPTS, PAUSE = 8, 0.25
"""Of giving an answer back; seconds before the second attempt, doubled each time."""
_log = structlog.get_logger(__name__)


class _Refusal(Exception):  # noqa: N818  # not an error: an answer of the State
    """The envelope does not hold together."""

    def __init__(self, nature: str, detail: str, authority: Authority, forms: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.nature = nature
        self.detail = detail
        self.authority = authority
        self.forms = forms


@dataclass
class Simulator:
    """What the State's side remembers."""

    return_url: str
    token: Token
    clock: Clock
    scenario: Scenario = "acknowledge"
    received: dict[str, str] = field(default_factory=dict)
    """Archives by name: what was answered."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    session: aiohttp.ClientSession | None = None
    sent: int = 0

    def take(self, name: str, content: bytes) -> str:
        """Take an archive; its answer leaves later. A name that came before is answered once only."""
        if name in self.received:
            return "duplicate"
        answer, verdict = self._answer(name, content)
        self.received[name] = verdict
        if answer is not None:
            task = asyncio.create_task(self._give_back(answer), name=f"return {name}")
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return "received"

    def _answer(self, name: str, content: bytes) -> tuple[bytes | None, str]:
        today = self.clock.now().astimezone(LEGAL_TIME).date()
        try:
            act = _check(name, content)
        except _Refusal as refusal:
            return self._refuse(name, refusal, today), f"anomaly {refusal.nature}"
        if self.scenario == "silent":
            return None, "silent"
        if self.scenario == "anomaly":
            body = write.act_anomaly(act, on=today, nature="002", detail=_OUTDATED, classification=CLASSIFICATION)
            return self._pack(act.name.message("1-3"), body, act.name.department, act.name.siren), "1-3"
        body = write.acknowledgement(act, on=today, classification=CLASSIFICATION)
        return self._pack(act.name.message("1-2"), body, act.name.department, act.name.siren), "1-2"

    def _refuse(self, name: str, refusal: _Refusal, today: date) -> bytes:
        body = write.envelope_anomaly(
            refusal.authority,
            ["retours@halles.test"],
            refusal.forms or ("inconnu.xml",),
            on=today,
            nature=refusal.nature,
            detail=refusal.detail,
        )
        envelope = envelope_of_archive(name) or "inconnue.xml"
        return self._pack(f"ANO_{envelope}", body, refusal.authority.department, refusal.authority.siren)

    def _pack(self, file: str, body: bytes, department: str, siren: str) -> bytes:
        self.sent += 1
        today = self.clock.now().astimezone(LEGAL_TIME).date()
        envelope = EnvelopeName("TACT", f"PREF{department}", siren, today, self.sent).text
        head = write.state_envelope(department=department, siren=siren, forms=[file])
        return pack([(envelope, head), (file, body)])

    async def _give_back(self, answer: bytes) -> None:
        """Post the answer, a few times if need be."""
        for attempt in range(ATTEMPTS):
            try:
                if await self._post(answer) < 500:
                    return
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.warning("state_return_failed", reason=str(error) or type(error).__name__)
            await asyncio.sleep(PAUSE * 2**attempt)
        _log.error("state_return_given_up", url=self.return_url)

    async def _post(self, answer: bytes) -> int:
        token = self.token()
        bearer = await token if inspect.isawaitable(token) else token
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/gzip"}
        session = cast("aiohttp.ClientSession", self.session)
        async with session.post(self.return_url, data=answer, headers=headers) as response:
            if response.status >= 400:
                _log.warning("state_return_refused", status=response.status)
            return response.status


SIMULATOR = web.AppKey("simulator", Simulator)
_OUTDATED = "ODT-VERIF-01 : Votre acte a été transmis avec une date de classification qui n'est pas à jour"


def application(*, return_url: str, token: Token, clock: Clock, scenario: Scenario = "acknowledge") -> web.Application:
    """Give the State's side as an application to mount: `POST /` takes archives, `PUT /scenario` changes the answers.

    `return_url` is the platform's `/legality/v1/returns`; `token` gives a bearer token of kind `state`.
    """
    app = web.Application(client_max_size=2 * MAX_TOTAL)
    app[SIMULATOR] = Simulator(return_url, token, clock, scenario)
    for path in ("", "/"):
        app.router.add_post(path, _take)
        app.router.add_get(path, _show)
    app.router.add_put("/scenario", _set_scenario)
    app.cleanup_ctx.append(_running)
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    simulator = app[SIMULATOR]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        simulator.session = session
        yield
        for task in tuple(simulator.tasks):
            task.cancel()
        await asyncio.gather(*simulator.tasks, return_exceptions=True)


async def _take(request: web.Request) -> web.Response:
    """Take an archive: multipart with `name` and `file`."""
    name, content = None, None
    if request.content_type != "multipart/form-data":
        return web.json_response({"status": "refused", "reason": "a multipart form is expected"}, status=400)
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "name":
            name = await part.text()
        elif isinstance(part, BodyPartReader) and part.name == "file":
            content = bytes(await part.read(decode=False))
    if not name or content is None:
        return web.json_response({"status": "refused", "reason": "name and file are expected"}, status=400)
    return web.json_response({"status": request.app[SIMULATOR].take(name, content)})


async def _show(request: web.Request) -> web.Response:
    simulator = request.app[SIMULATOR]
    return web.json_response({"scenario": simulator.scenario, "received": simulator.received})


async def _set_scenario(request: web.Request) -> web.Response:
    chosen = (await request.json()).get("scenario")
    if chosen not in {"acknowledge", "anomaly", "silent"}:
        return web.json_response({"status": "refused", "reason": "acknowledge, anomaly or silent"}, status=422)
    request.app[SIMULATOR].scenario = chosen
    return web.json_response({"scenario": chosen})


def _check(name: str, content: bytes) -> ActMessage:
    """Check an archive as the State does, and give its act. Raises _Refusal."""
    announced = envelope_of_archive(name)
    parsed = read_envelope_name(announced) if announced else None
    unknown = Authority(parsed.sender if parsed else "000000000", "000", "0", "55")
    if announced is None or parsed is None:
        raise _Refusal("001", "Le nom de l'archive n'a pas la forme attendue.", unknown)
    try:
        files = unpack(content, 2 * MAX_TOTAL)
    except HostileArchiveError as error:
        raise _Refusal("002", f"Archive illisible : {error}", unknown) from error
    envelope, authority = _envelope(files.get(announced), unknown)
    absent = [form for form in envelope.forms if form not in files]
    if absent or len(envelope.forms) != 1:
        raise _Refusal("003", "L'enveloppe annonce un message qui n'y est pas.", authority, envelope.forms)
    act = _act(envelope.forms[0], files[envelope.forms[0]], authority)
    expected = {announced, *envelope.forms, *(piece.name for piece in act.pieces)}
    if set(files) != expected:
        raise _Refusal("003", "Les fichiers ne sont pas ceux que le message annonce.", authority, envelope.forms)
    return act


def _envelope(data: bytes | None, unknown: Authority) -> tuple[Message, Authority]:
    if data is None:
        raise _Refusal("003", "L'archive n'a pas l'enveloppe que son nom annonce.", unknown)
    message = _valid(data, unknown)
    if message.element != "EnveloppeCLMISILL" or not message.siren or not message.department:
        raise _Refusal("004", "L'enveloppe n'est pas celle d'une collectivité.", unknown)
    return message, replace(unknown, siren=message.siren, department=message.department)


def _act(name: str, data: bytes, authority: Authority) -> ActMessage:
    message = _valid(data, authority)
    if message.element != "Acte" or not message.number or not message.decided_on or not message.classification:
        raise _Refusal("004", "Le message n'est pas la transmission d'un acte.", authority, (name,))
    act_name = ActName(authority.department, authority.siren, message.decided_on, message.number, message.nature or 0)
    if message.nature not in range(1, 7) or act_name.message() != name:
        raise _Refusal("005", "Le nom du message n'est pas celui de l'acte.", authority, (name,))
    pieces = tuple(Piece(file.split("-", 1)[0], file) for file in message.documents)
    return ActMessage(act_name, message.matters, message.object or "", message.classification, pieces)


def _valid(data: bytes, authority: Authority) -> Message:
    try:
        message = parse(data)
    except UnreadableXmlError as error:
        raise _Refusal("004", f"XML illisible : {error}", authority) from error
    faults = [*message.problems, *schema.check(data)]
    if faults:
        raise _Refusal("004", f"Non conforme au schéma : {faults[0]}", authority)
    return message
