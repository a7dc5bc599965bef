"""Every list of a notice is given by pages: versions, documents, publications; nothing is repeated, nothing is left out."""

from __future__ import annotations

from datetime import timedelta

from libs.common.testing.harness import Harness
from tests.api.notices.publication_press import Press, press
from tests.api.notices.test_notices_amending import CORRECTION, follow, made_public
from tests.api.notices.test_notices_api import Json, ask, h, imported, published, version
from tests.api.notices.test_notices_lots import three_lots
from tests.unit.notices.notices_samples import INTERCOMMUNALITY

__all__ = ["h", "press"]


async def pages(h: Harness, path: str, *, own: bool = True, **params: str) -> list[list[Json]]:
    """Give the pages of a list, two items each, until the last one."""
    headers = h.headers(INTERCOMMUNALITY) if own else {}
    found: list[list[Json]] = []
    cursor: str | None = None
    while cursor is not None or not found:
        place = {"cursor": cursor} if cursor else {}
        page = await ask(h, "GET", path, status=200, headers=headers, params={"limit": "2"} | params | place)
        found.append(page["items"])
        cursor = page["next"]
    return found


async def test_the_versions_of_a_notice_come_by_pages_each_against_the_one_before(h: Harness) -> None:
    notice = await imported(h)
    path, headers = f"/notices/{notice['notice_id']}", h.headers(INTERCOMMUNALITY)
    for number in range(4):
        said = {"title": f"Collecte {number}"}
        notice = await ask(h, "PATCH", path, status=200, json=said, headers=headers | version(notice))
    found = await pages(h, f"{path}/versions")
    assert [[each["number"] for each in page] for page in found] == [[1, 2], [3, 4], [5]]
    whole = await ask(h, "GET", f"{path}/versions", status=200, headers=headers)
    assert [each for page in found for each in page] == whole["items"]
    assert [each["changed"] for each in whole["items"]] == [[], *[["title"]] * 4]
    assert "« Collecte 1 » → « Collecte 2 »" in found[1][1]["differences"][0]["text"]
    one = await ask(h, "GET", f"{path}/versions/4", status=200, headers=headers)
    assert one["content"]["title"] == "Collecte 2"
    await ask(h, "GET", f"{path}/versions/9", status=404, headers=headers)
    await ask(h, "GET", f"{path}/versions", status=422, headers=headers, params={"cursor": "forged"})


async def test_the_public_pages_of_versions_hold_nothing_of_the_draft(h: Harness) -> None:
    notice = await published(h)
    found = await pages(h, f"/notices/{notice['notice_id']}/versions", own=False)
    assert [[each["state"] for each in page] for page in found] == [["published"]]
    assert found[0][0]["differences"] == []


async def test_the_documents_of_a_notice_and_of_a_procedure_come_by_pages(h: Harness) -> None:
    notice = await imported(h)
    path, headers = f"/notices/{notice['notice_id']}", h.headers(INTERCOMMUNALITY)
    names = [f"{letter}.pdf" for letter in "abcde"]
    for name in names:
        await ask(h, "PUT", f"{path}/documents/{name}", status=201, data=b"%PDF-1.7 " + name.encode(), headers=headers)
    await ask(h, "PUT", f"{path}/documents/a.pdf", status=201, data=b"%PDF-1.7 again", headers=headers)
    assert [[each["name"] for each in page] for page in await pages(h, f"{path}/documents")] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    every = [each for page in await pages(h, f"{path}/documents", versions="true") for each in page]
    assert [(each["name"], each["version"]) for each in every][:3] == [("a.pdf", 1), ("a.pdf", 2), ("b.pdf", 1)]
    first = await ask(h, "GET", f"{path}/documents", status=200, headers=headers, params={"limit": "2"})
    await ask(h, "DELETE", f"{path}/documents/b.pdf", status=204, headers=headers)
    params = {"limit": "2", "cursor": first["next"]}
    second = await ask(h, "GET", f"{path}/documents", status=200, headers=headers, params=params)
    assert [each["name"] for each in second["items"]][-1] == "e.pdf", "where the last one shown is gone, by its place"
    public = await published(h, 2, "SIRET:21350997900018")
    shown = await pages(h, f"/procedures/{public['procedure_id']}/documents", own=False)
    assert [[each["name"] for each in page] for page in shown] == [["rc.pdf"]]


async def test_the_publications_of_a_notice_come_by_pages(press: Press) -> None:
    notice = await press.draft()
    await press.send(notice)
    await press.h.settle()
    found = await pages(press.h, f"/notices/{notice['notice_id']}/publications")
    assert [len(page) for page in found] == [2, 1]
    assert {each["channel"] for page in found for each in page} == {"joue", "boamp", "profile"}


async def test_the_notices_of_a_procedure_come_by_pages_drafts_to_their_buyer_alone(h: Harness) -> None:
    notice = await three_lots(h)
    bodies = [CORRECTION | {"deadline": None, "description": f"Texte {number}."} for number in range(4)]
    drafts = [await follow(h, f"/notices/{notice['notice_id']}/corrections", body) for body in bodies]
    h.clock.advance(timedelta(minutes=1))
    await made_public(h, drafts[0])
    path = f"/procedures/{notice['procedure_id']}/notices"
    public = await pages(h, path, own=False)
    assert [[each["notice_id"] for each in page] for page in public] == [[notice["notice_id"], drafts[0]["notice_id"]]]
    own = await pages(h, path)
    assert [len(page) for page in own] == [2, 2, 1]
    listed = [each["notice_id"] for page in own for each in page]
    assert sorted(listed) == sorted([notice["notice_id"], *(each["notice_id"] for each in drafts)])
    await ask(h, "GET", path, status=422, params={"cursor": "forged"})
