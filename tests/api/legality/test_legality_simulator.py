"""The State's side as the local platform mounts it: under a path, behind real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.common.testing.harness import TestClock
from services.legality import simulator
from services.legality.actes import archive, write
from services.legality.actes.model import ActMessage, Authority, Piece
from services.legality.actes.names import ActName, EnvelopeName, archive_name
from services.legality.actes.read import parse
from services.legality.transmitter import HttpTransmitter, TransmissionError

NAME = ActName("021", "212102313", date(2026, 3, 2), "M202600001", 4)
ENVELOPE = EnvelopeName("TACT", NAME.siren, "", NAME.decided_on, 1).text
ARCHIVE = archive_name("HAL", ENVELOPE)
PDF = Piece("11_AE", NAME.document("11_AE", 1, "pdf"))
MESSAGE = ActMessage(NAME, (1, 1), "Toiture", date(2026, 1, 5), (PDF,))
GOOD = {
    ENVELOPE: write.envelope(Authority(NAME.siren, "021", "2", "31"), ["a@b.test"], NAME.message()),
    NAME.message(): write.act(MESSAGE),
    PDF.name: b"%PDF-1.7",
}


@dataclass
class Platform:
    """A platform that only listens, and the State mounted in it under `/state`."""

    url: str
    session: aiohttp.ClientSession
    state: simulator.Simulator
    returns: list[tuple[str, bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def send(self, name: str, files: dict[str, bytes]) -> None:
        await HttpTransmitter(f"{self.url}/state", self.session).send(name, archive.pack(list(files.items())))
        while self.state.tasks:
            await asyncio.gather(*self.state.tasks)

    def last(self) -> tuple[str, bytes]:
        """Give the message of the last return, with its file name."""
        files = archive.unpack(self.returns[-1][1])
        return next((name, content) for name, content in files.items() if "--PREF" not in name)


@pytest.fixture
async def platform(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    monkeypatch.setattr(simulator, "PAUSE", 0.001)
    root = web.Application()

    async def give() -> str:
        return "state-token"

    state = simulator.application(return_url="http://not-yet", token=give, clock=TestClock())
    root.add_subapp("/state", state)

    async def take(request: web.Request) -> web.Response:
        there.returns.append((request.headers["Authorization"], await request.read()))
        return web.Response(status=there.answers.pop(0) if there.answers else 201)

    root.router.add_post("/returns", take)
    async with TestServer(root) as server, aiohttp.ClientSession() as session:
        there = Platform(str(server.make_url("/")).rstrip("/"), session, state[simulator.SIMULATOR])
        there.state.return_url = f"{there.url}/returns"
        yield there


async def test_a_good_archive_is_acknowledged_with_the_token_it_was_given(platform: Platform) -> None:
    await platform.send(ARCHIVE, GOOD)
    assert platform.returns[0][0] == "Bearer state-token"
    name, content = platform.last()
    message = parse(content)
    assert (name, message.code, message.act_identifier) == (NAME.message("1-2"), "1-2", NAME.identifier)
    assert message.dated == date(2026, 3, 2)


async def test_the_same_name_twice_is_answered_once(platform: Platform) -> None:
    await platform.send(ARCHIVE, GOOD)
    await platform.send(ARCHIVE, GOOD)
    assert len(platform.returns) == 1


async def test_the_answer_is_given_again_while_the_platform_is_away(platform: Platform) -> None:
    platform.answers = [503, 500]
    await platform.send(ARCHIVE, GOOD)
    assert len(platform.returns) == 3
    assert len({content for _, content in platform.returns}) == 1, "the same answer"


@pytest.mark.parametrize("scenario", ["anomaly", "silent"])
async def test_scenarios_can_be_chosen_while_it_runs(platform: Platform, scenario: str) -> None:
    async with platform.session.put(f"{platform.url}/state/scenario", json={"scenario": scenario}) as answer:
        assert answer.status == 200
    async with platform.session.put(f"{platform.url}/state/scenario", json={"scenario": "else"}) as answer:
        assert answer.status == 422
    await platform.send(ARCHIVE, GOOD)
    assert [parse(platform.last()[1]).code for _ in platform.returns] == (["1-3"] if scenario == "anomaly" else [])
    async with platform.session.get(f"{platform.url}/state") as answer:
        assert list((await answer.json())["received"]) == [ARCHIVE]


@pytest.mark.parametrize(
    ("files", "nature"),
    [
        ({}, "003"),
        (GOOD | {ENVELOPE: b"<broken"}, "004"),
        (GOOD | {ENVELOPE: GOOD[NAME.message()]}, "004"),
        ({ENVELOPE: GOOD[ENVELOPE], PDF.name: b"%PDF"}, "003"),
        (GOOD | {NAME.message(): GOOD[ENVELOPE]}, "004"),
        (GOOD | {"intruder.pdf": b"%PDF"}, "003"),
        ({name: content for name, content in GOOD.items() if name != PDF.name}, "003"),
        (GOOD | {NAME.message(): GOOD[NAME.message()].replace(b"M202600001", b"M202600009", 1)}, "005"),
    ],
)
async def test_archives_that_do_not_hold_together_get_an_anomaly(
    platform: Platform, files: dict[str, bytes], nature: str
) -> None:
    await platform.send(ARCHIVE, files)
    name, content = platform.last()
    message = parse(content)
    assert (name, message.code, message.anomaly) == (f"ANO_{ENVELOPE}", "anomaly", nature)


async def test_names_that_announce_nothing_get_an_anomaly_too(platform: Platform) -> None:
    await platform.send("whatever.tar.gz", GOOD)
    assert parse(platform.last()[1]).anomaly == "001"


async def test_what_is_no_form_is_refused_and_seen_as_a_failed_transmission(platform: Platform) -> None:
    async with platform.session.post(f"{platform.url}/state", data=b"archive") as answer:
        assert answer.status == 400
    async with platform.session.post(f"{platform.url}/state", data=aiohttp.FormData({"name": "a"})) as answer:
        assert answer.status == 400
    with pytest.raises(TransmissionError):
        await HttpTransmitter(f"{platform.url}/nowhere", platform.session).send(ARCHIVE, b"")
    with pytest.raises(TransmissionError):
        await HttpTransmitter("http://127.0.0.1:9/state", platform.session).send(ARCHIVE, b"")
