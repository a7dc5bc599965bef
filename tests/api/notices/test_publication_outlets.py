"""Channels over HTTP that answer badly: what is a refusal of the notice, what is tried again, what is never believed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deploy.local.journals import CREDENTIAL, JOURNALS, application
from libs.common.testing.harness import TestClock
from services.notices.publication.outlets import HttpOutlet, JournalOutlet
from services.notices.publication.port import (
    ChannelDownError,
    Channels,
    Listed,
    RefusedError,
    Submission,
    UnknownChannelError,
)
from tests.unit.notices.notices_samples import BEFORE, eforms

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
NATIONAL = Submission("e-01-boamp", b"<avis/>", "national")
REPORT = """<svrl:schematron-output xmlns:svrl="http://purl.oclc.org/dsdl/svrl">
  <svrl:failed-assert id="BR-BT-00105-0100" role="ERROR" diagnostics="ND-Root_BT-105-Procedure">
    <svrl:text>BT-105: a procedure type is needed</svrl:text></svrl:failed-assert>
  <svrl:failed-assert id="BR-X" role="WARN"><svrl:text>only a warning</svrl:text></svrl:failed-assert>
</svrl:schematron-output>"""


class Odd:
    """A server whose answers a test sets, and what it was asked."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self.address = address
        self.answer: Answer = lambda _: _json({})
        self.asked: list[web.Request] = []
        self.plain = HttpOutlet(address, "key", session)
        self.journal = JournalOutlet(address, "key", session, "eforms@halles.example")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(request)
        return await self.answer(request)

    def says(self, told: object, status: int = 200) -> None:
        self.answer = lambda _: _json(told, status)


async def _json(told: object, status: int = 200) -> web.Response:
    return web.json_response(told, status=status)


@pytest.fixture
async def odd() -> AsyncIterator[Odd]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        app = web.Application()
        server = TestServer(app)
        made: list[Odd] = []

        async def handle(request: web.Request) -> web.StreamResponse:
            return await made[0].handle(request)

        app.router.add_route("*", "/{path:.*}", handle)
        await stack.enter_async_context(server)
        made.append(Odd(str(server.make_url("")).rstrip("/"), session))
        yield made[0]


async def test_a_notice_is_handed_over_under_our_name_and_with_the_credential(odd: Odd) -> None:
    odd.says({"reference": "R1", "received_at": "2026-11-20T10:00:00+01:00", "whatever": 1}, 202)
    receipt = await odd.plain.submit(NATIONAL)
    assert (receipt.reference, receipt.received_at) == ("R1", BEFORE)
    [asked] = odd.asked
    assert (asked.method, asked.path) == ("POST", "/notices")
    assert (asked.headers["Authorization"], asked.headers["Idempotency-Key"]) == ("Bearer key", "e-01-boamp")
    assert asked.headers["Halles-Form"] == "national"


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500, 503])
async def test_what_is_no_answer_on_the_notice_is_tried_again(odd: Odd, status: int) -> None:
    odd.answer = lambda _: _moved(odd, status)
    for outlet in (odd.plain, odd.journal):
        with pytest.raises(ChannelDownError, match=str(status)):
            await outlet.submit(NATIONAL)
        with pytest.raises(ChannelDownError, match=str(status)):
            await outlet.status("R1")


async def _moved(odd: Odd, status: int) -> web.Response:
    return web.Response(status=status, headers={"Location": f"{odd.address}/elsewhere"})


@pytest.mark.parametrize(
    "told",
    ["", "<html/>", "[]", "{}", '{"status": "lost"}', '{"status": "published", "reference": "R"}', '{"reference": 4'],
)
async def test_an_answer_that_says_nothing_clear_is_tried_again(odd: Odd, told: str) -> None:
    odd.answer = lambda _: _raw(told)
    for outlet in (odd.plain, odd.journal):
        with pytest.raises(ChannelDownError):
            await outlet.status("R1")


async def _raw(told: str) -> web.Response:
    return web.Response(text=told, content_type="application/json")


async def test_an_endless_answer_is_cut(odd: Odd) -> None:
    odd.answer = lambda _: _raw('{"reference": "' + "x" * (5 * 2**20) + '"}')
    with pytest.raises(ChannelDownError, match="longer than"):
        await odd.plain.submit(NATIONAL)
    odd.answer = lambda _: _raw('{"reference": "R1", "more": "' + "x" * 2**20 + '"}')
    assert (await odd.plain.submit(NATIONAL)).reference == "R1"


async def test_a_channel_that_cannot_be_reached_is_tried_again() -> None:
    async with aiohttp.ClientSession() as session:
        outlet = HttpOutlet("http://127.0.0.1:9", "key", session)
        with pytest.raises(ChannelDownError, match="cannot be reached"):
            await outlet.submit(NATIONAL)


async def test_a_refusal_has_its_reasons_by_field_and_always_one(odd: Odd) -> None:
    told = [{"field": "marche/cpv", "message": "Code inconnu.", "extra": 1}]
    odd.says({"errors": told}, 422)
    with pytest.raises(RefusedError) as refused:
        await odd.plain.submit(NATIONAL)
    assert [(reason.field, reason.message) for reason in refused.value.reasons] == [("marche/cpv", "Code inconnu.")]
    odd.says({}, 400)
    with pytest.raises(RefusedError) as refused:
        await odd.plain.submit(NATIONAL)
    assert "sans dire pourquoi" in refused.value.reasons[0].message


async def test_a_repetition_is_answered_with_the_first_reference(odd: Odd) -> None:
    odd.says({"reference": "R1"}, 409)
    assert (await odd.plain.submit(NATIONAL)).reference == "R1"


@pytest.mark.parametrize(
    ("said", "state"),
    [("VALIDATING", "received"), ("SUBMITTED", "received"), ("PUBLISHING", "accepted"), ("STOPPED", "rejected")],
)
async def test_the_stages_of_the_publications_office_are_understood(odd: Odd, said: str, state: str) -> None:
    odd.says({"businessId": "n-01", "status": said, "submittedAt": "2026-11-20T09:00:00Z"})
    told = await odd.journal.status("n-01")
    assert (told.state, told.received_at) == (state, BEFORE)


async def test_a_notice_published_by_the_office_has_its_number_and_date(odd: Odd) -> None:
    odd.says({"status": "PUBLISHED", "publicationId": "123-2026", "publicationDate": "2026-11-23T00:00:00Z"})
    told = await odd.journal.status("n-01")
    assert told.published is not None
    assert (told.published.number, told.published.on) == ("123-2026", date(2026, 11, 23))


async def test_the_reasons_of_the_office_are_read_from_its_validation_report(odd: Odd) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/report":
            return web.Response(text=REPORT, content_type="application/xml")
        return web.json_response({"success": False, "validationReportUrl": f"{odd.address}/report"})

    odd.answer = answer
    with pytest.raises(RefusedError) as refused:
        await odd.journal.submit(NATIONAL)
    [reason] = refused.value.reasons
    assert reason.field == "BT-105-Procedure"
    assert reason.message == (
        "Type de procédure (BT-105-Procedure) : règle BR-BT-00105-0100, BT-105: a procedure type is needed. "
        "Corrigez ce champ, puis renvoyez l'avis."
    )


async def test_a_report_elsewhere_is_not_fetched_and_a_hostile_one_is_no_answer(odd: Odd) -> None:
    odd.says({"success": False, "validationReportUrl": "http://127.0.0.1:9/secret"})
    with pytest.raises(RefusedError):
        await odd.journal.submit(NATIONAL)
    assert [asked.path for asked in odd.asked] == ["/notices/submit"]
    bomb = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;'

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (_raw(bomb) if "report" in request.path else _json(told))

    told: dict[str, Any] = {"success": False, "validationReportUrl": f"{odd.address}/report"}
    odd.answer = answer
    with pytest.raises(ChannelDownError, match="validation report"):
        await odd.journal.submit(NATIONAL)


async def test_a_channel_that_is_not_set_up_is_named() -> None:
    with pytest.raises(UnknownChannelError, match="shal"):
        Channels({"shal": Listed("shal", "Annonces légales")}).outlet("shal")
    with pytest.raises(UnknownChannelError, match="boamp"):
        Channels({}).outlet("boamp")


async def test_the_sandbox_journals_ask_for_their_credential_and_check_what_they_get() -> None:
    clock = TestClock(BEFORE)
    app = application(clock)
    async with aiohttp.ClientSession() as session, TestServer(app) as server:
        address = str(server.make_url("")).rstrip("/")
        with pytest.raises(ChannelDownError, match="401"):
            await HttpOutlet(f"{address}/boamp", "wrong", session).submit(NATIONAL)
        boamp = HttpOutlet(f"{address}/boamp", CREDENTIAL, session)
        with pytest.raises(RefusedError) as refused:
            await boamp.submit(NATIONAL)
        assert {reason.field for reason in refused.value.reasons} >= {"acheteur", "marche"}
        journal = JournalOutlet(f"{address}/joue", CREDENTIAL, session, "eforms@halles.example")
        wrong = eforms(1).replace(b"<cbc:ProcurementTypeCode", b"<cbc:Unheard", 1)
        with pytest.raises(RefusedError):
            await journal.submit(Submission("e", wrong, "eforms"))
        receipt = await journal.submit(Submission("e", eforms(1), "eforms"))
        assert await journal.submit(Submission("e", eforms(1), "eforms")) == receipt
        assert app[JOURNALS]["joue"].taken[receipt.reference].times == 2
