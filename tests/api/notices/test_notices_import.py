"""The import of notices over HTTP and by the offline tools: what is kept, what is given back, every refusal."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner

from libs.common.testing.harness import Harness, TestClock
from libs.common.testing.plugin import HarnessFactory
from services.notices import tools
from services.notices.offline.cores import in_chunks
from services.notices.offline.files import units
from services.notices.offline.readings import prepare
from services.notices.wiring import SERVICE
from tests.unit.notices.legacy_samples import BOAMP_AWARD, ted
from tests.unit.notices.notices_samples import (
    BEFORE,
    FOLDER,
    INTERCOMMUNALITY,
    NOTICE_ID,
    PROCEDURE,
    VILLAGE,
    eforms,
)
from tests.unit.notices.registration_sample import COMPANY, REGISTRATION

ROOT = Path(__file__).resolve().parents[3]
Json = dict[str, Any]
XML = {"Content-Type": "application/xml"}
HTML = "<b>Voirie</b> <script>alert(1)</script>"


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE, clock=TestClock(BEFORE))


async def ask(h: Harness, method: str, path: str, *, status: int, **options: Any) -> Json:  # noqa: ANN401  # those of aiohttp
    async with h.client.request(method, f"/notices/v1{path}", **options) as answer:
        assert answer.status == status, await answer.text()
        body: Json = await answer.json()
        return body


async def imported(h: Harness, data: bytes, *, status: int = 201, buyer: str = INTERCOMMUNALITY) -> Json:
    return await ask(h, "POST", "/notices/import", status=status, data=data, headers=h.headers(buyer) | XML)


async def counted(h: Harness) -> dict[str, int]:
    async with h.runtime.read() as conn:
        tables = ("notice", "procedure", "notice_version", "journal_pending")
        return {table: await conn.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608  # named here


def stored(h: Harness) -> int:
    folder = Path(h.runtime.settings.data_dir)
    return sum(1 for path in folder.rglob("*") if path.is_file() and "xml" in path.parts)


def other(data: bytes, notice_id: UUID | None = None) -> bytes:
    return data.replace(str(NOTICE_ID).encode(), str(notice_id or uuid4()).encode())


def amendment(of: UUID = NOTICE_ID) -> bytes:
    changes = (
        f"<efac:Changes><efbc:ChangedNoticeIdentifier>{of}-01</efbc:ChangedNoticeIdentifier>"
        "<efac:ChangeReason><cbc:ReasonCode>cor-buy</cbc:ReasonCode></efac:ChangeReason></efac:Changes>"
    )
    extended = eforms(1).decode().replace("<efac:NoticeSubType>", f"{changes}<efac:NoticeSubType>")
    return other(extended.encode())


def joint() -> bytes:
    """Give a notice of the intercommunality that names the village as a buyer too."""
    text = eforms(1).decode()
    for block in ("efac:Organization>", "cac:ContractingParty>"):
        first = text[text.index(f"<{block}") : text.index(f"</{block}") + len(f"</{block}")]
        second = first.replace("ORG-0001", "ORG-0009").replace(INTERCOMMUNALITY[6:], VILLAGE[6:])
        text = text.replace(first, first + second, 1)
    return text.encode()


async def load(h: Harness, *files: str) -> list[Json]:
    found = in_chunks(lambda unit: prepare(unit, h.clock.now()), units(files), 0)
    return [line for chunk in found for line in await tools.keep(h.runtime, chunk)]


async def test_a_known_identifier_is_refused_and_nothing_is_written(h: Harness) -> None:
    await imported(h, eforms(1))
    before, files = await counted(h), stored(h)
    again = eforms(1).replace(b"Collecte des ordures", b"Ramassage des ordures", 1)
    problem = await imported(h, again, status=409)
    assert problem["type"].endswith("duplicate-notice")
    assert str(NOTICE_ID) in problem["detail"]
    assert (await counted(h), stored(h)) == (before, files)


async def test_a_procedure_of_another_buyer_is_refused_and_nothing_is_written(h: Harness) -> None:
    await imported(h, eforms(1))
    before, files = await counted(h), stored(h)
    foreign = other(eforms(1).replace(INTERCOMMUNALITY[6:].encode(), VILLAGE[6:].encode()))
    problem = await imported(h, foreign, status=403, buyer=VILLAGE)
    assert problem["type"].endswith("notice-of-another-buyer")
    assert "exploitant" in problem["detail"]
    assert INTERCOMMUNALITY not in problem["detail"], "a buyer that the notice does not name is not told"
    assert (await counted(h), stored(h)) == (before, files)


async def test_a_buyer_of_a_joint_purchase_is_told_who_holds_it_and_what_to_ask(h: Harness, tmp_path: Path) -> None:
    await imported(h, joint())
    before, files = await counted(h), stored(h)
    problem = await imported(h, other(joint()), status=403, buyer=VILLAGE)
    assert problem["type"].endswith("notice-of-another-buyer")
    assert INTERCOMMUNALITY in problem["detail"]
    assert "groupement de commandes" in problem["detail"]
    (tmp_path / "foreign.xml").write_bytes(
        other(eforms(1).replace(INTERCOMMUNALITY[6:].encode(), VILLAGE[6:].encode()))
    )
    [line] = await load(h, str(tmp_path / "foreign.xml"))
    assert (line["status"], "BT-04" in line["detail"], INTERCOMMUNALITY in line["detail"]) == ("rejected", True, False)
    assert (await counted(h), stored(h)) == (before, files)


async def test_a_correction_of_a_closed_procedure_is_refused_and_nothing_is_written(h: Harness) -> None:
    await imported(h, eforms(1))
    async with h.runtime.read() as conn:
        await conn.execute("UPDATE procedure SET state = 'open', deadline = $1", BEFORE + timedelta(days=30))
    assert (await imported(h, amendment()))["kind"] == "change"
    h.clock.advance(timedelta(days=31))
    before, files = await counted(h), stored(h)
    problem = await imported(h, amendment(), status=409)
    assert problem["type"].endswith("amendment-of-closed")
    assert (await counted(h), stored(h)) == (before, files)


async def test_html_in_a_text_is_refused_and_nothing_is_written(h: Harness) -> None:
    escaped = HTML.replace("<", "&lt;").replace(">", "&gt;")
    data = eforms(1).decode().replace("Collecte des ordures ménagères résiduelles", escaped)
    problem = await imported(h, data.encode(), status=422)
    assert "BT-21" in {fault["where"].partition(" ")[0] for fault in problem["errors"]}
    assert ((await counted(h))["notice"], stored(h)) == (0, 0)


async def test_every_term_is_given_back_with_its_name_in_pages(h: Harness) -> None:
    await imported(h, eforms(1))
    found: list[Json] = []
    page: Json = {"next": ""}
    while page["next"] is not None:
        params = {"limit": "50"} | ({"cursor": page["next"]} if page["next"] else {})
        headers = h.headers(INTERCOMMUNALITY)
        page = await ask(h, "GET", f"/notices/{NOTICE_ID}/terms", status=200, params=params, headers=headers)
        found += page["items"]
    named = {term["field"]: term for term in found}
    assert (
        named["BT-21-Procedure"]["value"] == "Collecte des ordures ménagères résiduelles et des emballages recyclables"
    )
    assert named["BT-21-Procedure"]["language"] == "FRA"
    assert named["BT-27-Procedure"]["currency"] == "EUR"
    assert all(term["label"] for term in found if term["term"])
    assert len({(term["path"], term["field"]) for term in found}) == len(found)
    assert {"BT-503", "BT-506"} <= {term["term"] for term in found}
    await ask(h, "GET", f"/notices/{NOTICE_ID}/terms", status=404)
    await ask(h, "GET", f"/notices/{NOTICE_ID}/terms", status=404, headers=h.headers(VILLAGE))
    tampered = {"cursor": "AAAA" + "B" * 40}
    await ask(h, "GET", f"/notices/{NOTICE_ID}/terms", status=422, params=tampered, headers=h.headers(INTERCOMMUNALITY))


async def test_the_loader_takes_what_it_can_and_says_why_not_the_rest(h: Harness, tmp_path: Path) -> None:
    good, twin, wrong, foreign = (tmp_path / name for name in ("good.xml", "twin.xml", "wrong.xml", "foreign.xml"))
    good.write_bytes(eforms(1))
    twin.write_bytes(eforms(1))
    wrong.write_bytes(b"<!DOCTYPE a []><a/>")
    foreign.write_bytes(other(eforms(1).replace(INTERCOMMUNALITY[6:].encode(), VILLAGE[6:].encode())))
    lines = await load(
        h, *map(str, (good, twin, wrong, foreign, tmp_path / "absent.xml", FOLDER / "none" / ".." / "x"))
    )
    assert [line["status"] for line in lines] == ["imported", *["rejected"] * 5]
    assert lines[0] == {"file": str(good), "status": "imported", "notice_id": str(NOTICE_ID)}
    assert str(NOTICE_ID) in lines[1]["detail"]
    assert lines[2]["problems"][0]["term"] == "XML"
    assert str(PROCEDURE) in lines[3]["detail"]
    assert lines[5]["file"].endswith("none/../x")
    counts = await counted(h)
    assert (counts["notice"], counts["procedure"], counts["notice_version"]) == (1, 1, 1)
    async with h.runtime.read() as conn:
        [digest] = [row["digest"] for row in await conn.fetch("SELECT source ->> 'sha256' AS digest FROM notice")]
    assert digest == sha256(eforms(1)).hexdigest()
    drafts = await ask(h, "GET", "/drafts", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert [item["notice_id"] for item in drafts["items"]] == [str(NOTICE_ID)]


async def test_what_the_database_refuses_spoils_nothing_else(h: Harness, tmp_path: Path) -> None:
    async with h.runtime.read() as conn:
        await conn.execute(
            "ALTER TABLE notice ADD CONSTRAINT no_works CHECK (content ->> 'title' NOT LIKE '%énergétique%')"
        )
    lines = await load(h, *(str(path) for path in sorted(FOLDER.glob("*.xml"))))
    assert [line["status"] for line in lines] == ["imported", "rejected", "imported", "imported", "imported"]
    assert "no_works" in lines[1]["detail"]
    assert ((await counted(h))["notice"], stored(h)) == (4, 4)


async def test_history_is_public_since_its_day_and_takes_no_bids(h: Harness, tmp_path: Path) -> None:
    file = tmp_path / "ted.jsonl"
    records = [ted(), ted(doc_id="000818-2018", title=HTML, deadline="20991231 12:00", ref_notice=[])]
    file.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    lines = await load(h, str(file))
    assert [(line["line"], line["status"]) for line in lines] == [(1, "imported"), (2, "imported")]
    first, second = [await ask(h, "GET", f"/notices/{line['notice_id']}", status=200) for line in lines]
    assert (first["state"], first["published_at"], first["kind"]) == ("published", "2018-01-02T23:00:00Z", "contract")
    assert first["deadline"] == "2018-02-19T11:00:00Z"
    assert (first["buyer"]["organisation"], first["departments"]) == ("SIRET:21210231500018", ["21"])
    assert second["title"] == HTML
    for notice in (first, second):
        procedure = await ask(h, "GET", f"/procedures/{notice['procedure_id']}", status=200)
        assert procedure["state"] == "closed"
    await h.settle()
    assert h.events("notices.notice.published.v1") == []
    assert {line["status"] for line in await load(h, str(file))} == {"rejected"}
    assert (await counted(h))["notice"] == 2


async def test_a_notice_of_the_old_form_without_a_cpv_code_is_found_and_shown(h: Harness, tmp_path: Path) -> None:
    (tmp_path / "old.xml").write_text(BOAMP_AWARD.replace("<TRAVAUX/>", "<SERVICE/>"), encoding="utf-8")
    [line] = await load(h, str(tmp_path / "old.xml"))
    assert line["status"] == "imported", line
    place = f"/notices/{line['notice_id']}"
    notice = await ask(h, "GET", place, status=200)
    assert (notice["state"], notice["cpv"], notice["lots"][0]["cpv"]) == ("published", [], [])
    for words, found in (('"aire de glisse"', 1), ("piscine", 0)):
        page = await ask(h, "GET", "/notices", status=200, params={"q": words})
        assert len(page["items"]) == found, words
    form = await ask(h, "GET", f"{place}/national-form", status=200)
    assert "Non renseigné" in json.dumps(form, ensure_ascii=False)
    for path in (f"{place}/page", f"{place}/page.pdf", f"{place}/terms", f"{place}/versions", "/notices/atom"):
        async with h.client.get(f"/notices/v1{path}") as answer:
            assert answer.status == 200, path
            assert await answer.read()


async def test_a_registration_is_kept_whole_for_its_company_and_published_by_nobody(h: Harness, tmp_path: Path) -> None:
    (tmp_path / "x02.xml").write_text(REGISTRATION, encoding="utf-8")
    [line] = await load(h, str(tmp_path / "x02.xml"))
    assert line["status"] == "imported", line
    place, headers = f"/notices/{line['notice_id']}", h.headers(COMPANY)
    notice = await ask(h, "GET", place, status=200, headers=headers)
    assert (notice["state"], notice["subtype"], notice["cpv"]) == ("draft", "X02", [])
    assert (notice["title"], notice["buyer"]["organisation"]) == (
        "Immatriculation européenne : Trois Vallées SE",
        COMPANY,
    )
    terms = await ask(h, "GET", f"{place}/terms", status=200, headers=headers, params={"limit": "100"})
    assert {"BT-500", "BT-501", "OPP-113", "BT-01"} <= {term["term"] for term in terms["items"]}
    await ask(h, "GET", place, status=404)
    refused = await ask(
        h, "POST", f"{place}/publication", status=422, headers=headers | {"If-Match": f'"{notice["version"]}"'}
    )
    assert "BT-262" in json.dumps(refused)
    assert "société" in (await imported(h, REGISTRATION.encode(), status=422))["detail"]


async def test_an_award_of_before_eforms_joins_the_procedure_that_it_names(h: Harness, tmp_path: Path) -> None:
    award = ted(
        doc_id="100000-2019", form="F03", notice_type="Contract award notice", notice_type_code="7", date_pub="20190102",
        deadline=None, ref_notice=["2018/S 001-000817"], awards=[{"lot": "1", "value": "12 000,50", "currency": "EUR",
        "winners": [{"name": "Routes & Cie", "id": "552 100 554 00013", "country": "FR"}]}, {"lot": "2", "no_award": True}],
    )  # fmt: skip
    for name, record in (("1.json", award), ("2.json", ted())):
        (tmp_path / name).write_text(json.dumps(record), encoding="utf-8")
    lines = await load(h, str(tmp_path / "2.json"), str(tmp_path / "1.json"))
    told = await ask(h, "GET", f"/notices/{lines[1]['notice_id']}", status=200)
    results = [(each["lot_id"], each["outcome"], each["winner"]) for each in told["results"]]
    assert results == [("LOT-0001", "awarded", "SIRET:55210055400013"), ("LOT-0002", "unsuccessful", None)]
    assert told["results"][0]["value"] == {"amount": "12000.50", "currency": "EUR"}
    procedure = await ask(h, "GET", f"/procedures/{told['procedure_id']}", status=200)
    assert {each["notice_id"] for each in procedure["notices"]} == {line["notice_id"] for line in lines}
    assert procedure["state"] == "awarded"


async def test_a_correction_of_before_eforms_without_its_notice_stands_in_a_closed_procedure(
    h: Harness, tmp_path: Path
) -> None:
    (tmp_path / "1.json").write_text(
        json.dumps(ted(form="F14", notice_type_code="2", ref_notice=["2017/S 001-000001"]))
    )
    [line] = await load(h, str(tmp_path / "1.json"))
    notice = await ask(h, "GET", f"/notices/{line['notice_id']}", status=200)
    procedure = await ask(h, "GET", f"/procedures/{notice['procedure_id']}", status=200)
    assert (notice["kind"], procedure["state"]) == ("change", "closed")


async def test_a_file_too_large_is_refused_and_nothing_is_written(h: Harness) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 2**20

    headers = h.headers(INTERCOMMUNALITY) | XML
    async with h.client.post("/notices/v1/notices/import", data=body(), headers=headers) as answer:
        assert answer.status == 413
        assert str(20 * 2**20) in (await answer.text())
    assert await counted(h) == {"notice": 0, "procedure": 0, "notice_version": 0, "journal_pending": 0}
    assert stored(h) == 0


async def test_the_record_of_a_notice_of_before_eforms_is_given_back_whole(h: Harness, tmp_path: Path) -> None:
    record = ted(unheard_of={"inside": ["kept", 1]})
    (tmp_path / "one.json").write_text(json.dumps(record), encoding="utf-8")
    [line] = await load(h, str(tmp_path / "one.json"))
    terms = await ask(h, "GET", f"/notices/{line['notice_id']}/terms", status=200, params={"limit": "100"})
    values = {term["path"]: term["value"] for term in terms["items"]}
    assert (values["unheard_of.inside[0]"], values["unheard_of.inside[1]"]) == ("kept", "1")
    assert {"BT-21", "BT-500", "BT-262"} <= {term["term"] for term in terms["items"]}
    assert "buyer.email" in values, "the journal publishes the contacts of the buyer"
    async with h.client.get(f"/notices/v1/notices/{line['notice_id']}/source") as answer:
        assert await answer.json(content_type="application/json") == record


async def test_the_tool_loads_many_files_with_worker_processes(h: Harness, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.xml" for number in range(60)]
    for number, file in enumerate(files):
        notice_id, procedure_id = uuid4(), uuid4() if number % 2 else PROCEDURE
        file.write_bytes(other(eforms(1), notice_id).replace(str(PROCEDURE).encode(), str(procedure_id).encode()))
    files[7].write_bytes(b"<nothing/>")
    settings = h.runtime.settings
    variables = {
        "HALLES_ENVIRONMENT": "test",
        "HALLES_DATABASE_URL": settings.database_url,
        "HALLES_DATABASE_URLS": json.dumps(settings.database_urls),
        "HALLES_DATA_DIR": str(settings.data_dir),
        "HALLES_ISSUER": settings.issuer,
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("HALLES_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.notices",
        "import",
        *map(str, files),
        cwd=ROOT,
        env=others | variables,
        stdout=PIPE,
    )
    out, _ = await process.communicate()
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert process.returncode == 1
    assert [line["file"] for line in lines] == [str(file) for file in files]
    assert [line["file"] for line in lines if line["status"] != "imported"] == [str(files[7])]
    counts = await counted(h)
    assert (counts["notice"], counts["procedure"], stored(h)) == (59, 30, 59)


def test_a_database_that_is_away_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLES_ENVIRONMENT", "test")
    monkeypatch.setenv("HALLES_DATABASE_URL", "postgresql://postgres@127.0.0.1:1/postgres")
    said = CliRunner().invoke(tools.import_files, [str(next(FOLDER.glob("01*")))], obj=SERVICE)
    assert said.exit_code == 1
    assert "Error: stopped" in said.output
    assert "Traceback" not in said.output


def test_the_tools_say_what_they_do() -> None:
    for command in (tools.check_files, tools.import_files):
        said = CliRunner().invoke(command, ["--help"])
        assert said.exit_code == 0
        assert "Example: python -m services.notices" in said.stdout
