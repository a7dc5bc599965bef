"""Cursors: encrypted, bound to their service, refused by another list. And numbers beyond what the database holds."""

from __future__ import annotations

import base64

import pytest
from yarl import URL

from libs.common.errors import InvalidInput
from libs.common.http import Cursor
from libs.common.testing.plugin import HarnessFactory
from tests.api.security.security_world import SERVICES

BUYER = "SIRET:20003945800017"
AT = "2026-03-02T09:00:00+00:00"


async def test_a_cursor_shows_neither_its_place_nor_its_size(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["bids"])
    few, many = (Cursor.encode(h.runtime, {"before": place}) for place in (7, 10**12))
    assert len(few) == len(many)
    assert b"before" not in base64.urlsafe_b64decode(few + "==")
    assert Cursor.encode(h.runtime, {"before": 7}) == few, "a page keeps its ETag"
    assert Cursor.decode(h.runtime, many) == {"before": 10**12}
    with pytest.raises(InvalidInput):
        Cursor.decode(h.runtime, few[:-2] + ("AA" if few[-2:] != "AA" else "BB"))


async def test_the_cursor_of_another_list_is_refused_not_failed_on(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["notices"])
    places: tuple[dict[str, object], ...] = (
        {"at": AT, "position": 3},
        {"before": 3},
        {"parked": 3},
        {"created_at": AT, "id": BUYER},
        {},
    )
    paths = {"/notices": "buyer", "/drafts": "buyer", "/operations/jobs": "operator", "/operations/parked": "operator"}
    for path, kind in paths.items():
        own = {"/operations/parked": {"parked"}, "/operations/jobs": {"created_at", "id"}}.get(path, {"at", "id"})
        for place in places:
            if own == set(place):
                continue
            params = {"cursor": Cursor.encode(h.runtime, place)}
            headers = h.headers(BUYER, kind)
            async with h.client.get(f"/notices/v1{path}", params=params, headers=headers) as answer:
                assert answer.status == 422, (path, place, await answer.text())
                assert (await answer.json())["errors"][0]["where"] == "query/cursor"


async def test_numbers_and_dates_beyond_the_database_are_the_callers_fault(service_harness: HarnessFactory) -> None:
    h = await service_harness(SERVICES["notices"])
    headers = h.headers(BUYER, "operator")
    far = "9" * 30
    for method, path in (
        ("GET", f"/operations/parked/{far}"),
        ("POST", f"/operations/parked/{far}/replay"),
        ("GET", "/notices?deadline_after=0001-01-01T00:00:00%2B23:00"),
        ("GET", "/notices?deadline_before=9999-12-31T23:59:59-23:00"),
    ):
        url = URL(f"/notices/v1{path}", encoded=True)
        async with h.client.request(method, url, headers=headers) as answer:
            assert answer.status in {200, 422}, (path, await answer.text())
    async with h.client.get(f"/notices/v1/operations/parked/{far}", headers=headers) as answer:
        assert answer.status == 422
