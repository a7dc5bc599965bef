"""Tenders found, closed, awarded; their documents and their timeline."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4, uuid5

from libs.common.messages.alerts import MailUndeliveredV1
from libs.common.messages.rounds import LetterUndeliveredV1
from libs.common.testing.harness import Harness
from services.notices.service import procedures as service
from tests.api.notices.test_notices_api import XML, ask, h, imported, published, titles, version
from tests.unit.notices.notices_samples import (
    COMPANY,
    HOSPITAL,
    INTERCOMMUNALITY,
    NOTICE_ID,
    PROCEDURE,
    RIVAL,
    VILLAGE,
    award_decided,
    bid_deposited,
    bids_opened,
    contract_notified,
    eforms,
    letter_sent,
)

__all__ = ["h"]


async def test_an_oversized_document_is_refused_and_not_listed(h: Harness) -> None:
    await imported(h)
    headers, path = h.headers(INTERCOMMUNALITY), f"/notices/{NOTICE_ID}/documents"
    await ask(h, "PUT", f"{path}/plan.bin", status=413, data=b"x" * 1_000_001, headers=headers)
    assert (await ask(h, "GET", path, status=200, headers=headers))["items"] == []


async def test_search_finds_words_with_and_without_accents_phrases_and_leaves_out_what_is_not_wanted(
    h: Harness,
) -> None:
    await published(h)
    await published(h, 2, VILLAGE)
    await published(h, 3, HOSPITAL)
    waste, school, medical = (
        "Collecte des ordures ménagères résiduelles et des emballages recyclables",
        "Rénovation énergétique de l'école élémentaire",
        "Fourniture de dispositifs médicaux à usage unique et de matériel de soins",
    )
    assert await titles(h) == [medical, school, waste]
    for asked in ("rénovation", "renovation", "RENOVATIONS", "école", "ecoles", "l'école", "renovation ecole"):
        assert await titles(h, q=asked) == [school], asked
    assert await titles(h, q='"ordures menageres"') == [waste]
    assert await titles(h, q='"ménagères ordures"') == []
    assert await titles(h, q="« usage unique »") == [medical]
    assert await titles(h, q="marches -ecole -dispositifs") in ([waste], [])
    assert await titles(h, q='-école -"dispositifs médicaux"') == [waste]
    assert await titles(h, q="de la") == [medical, school, waste]


async def test_search_filters_by_cpv_branch_place_deadline_kind_and_buyer(h: Harness) -> None:
    await published(h)
    await published(h, 2, VILLAGE)
    await published(h, 4, "SIRET:25560098300019")
    waste, school, water = await titles(h, cpv="9051"), await titles(h, cpv="45214"), await titles(h, kind="planning")
    assert (len(waste), len(school), len(water)) == (1, 1, 1)
    assert await titles(h, cpv="45000000") == water + school
    assert await titles(h, cpv="90511400-6") == waste
    assert await titles(h, department="35") == school
    assert await titles(h, department="21") == waste
    assert await titles(h, deadline_after="2027-01-01") == waste
    assert await titles(h, deadline_before="2026-12-31T00:00:00+01:00") == school
    assert await titles(h, buyer=VILLAGE) == school
    assert await titles(h, procedure=str(PROCEDURE)) == waste
    assert await titles(h, procedure="adapted") == school
    several = await ask(h, "GET", "/notices?department=35&department=21", status=200)
    assert len(several["items"]) == 2


async def test_search_pages_follow_each_other_without_hole(h: Harness) -> None:
    for number, buyer in ((1, INTERCOMMUNALITY), (2, VILLAGE), (3, HOSPITAL)):
        await published(h, number, buyer)
        h.clock.advance(timedelta(minutes=1))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await ask(h, "GET", "/notices", status=200, params={"limit": "1"} | cursor)
        seen += [item["notice_id"][-1] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == ["3", "2", "1"]


WRONG_SEARCHES = [
    "cpv=99999999",
    "cpv=4",
    "cpv=abc",
    "department=1",
    "department=99",
    "deadline_after=tomorrow",
    "kind=other",
    "buyer=123",
    "limit=0",
    "limit=101",
    "cursor=forged",
    "radius=5",
    "procedure=unheard-of",
    "q=" + "x" * 501,
    "deadline_after=2026-12-01T12:00:00",
]


async def test_a_wrong_search_is_refused_never_ignored(h: Harness) -> None:
    for query in WRONG_SEARCHES:
        problem = await ask(h, "GET", f"/notices?{query}", status=422)
        assert problem["errors"]


async def test_a_search_that_is_odd_finds_nothing_and_breaks_nothing(h: Harness) -> None:
    await published(h)
    for asked in ("'", '"', "-", "& | !", "a:*", "x')) OR 1=1 --", "😀", '"-"', "--école", "()", "l'"):
        await ask(h, "GET", "/notices", status=200, params={"q": asked})


async def test_a_procedure_closes_at_its_deadline_and_not_before(h: Harness) -> None:
    await published(h)
    await service.close_due(h.runtime)
    assert (await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200))["state"] == "open"
    h.clock.advance(timedelta(days=60))
    await service.close_due(h.runtime)
    await service.close_due(h.runtime)
    await h.settle()
    [event] = h.events("notices.procedure.closed.v1")
    assert (event.procedure, event.data["notice_id"]) == (PROCEDURE, str(NOTICE_ID))
    assert (await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200))["state"] == "closed"


async def test_the_award_notice_is_made_once_when_the_contract_is_notified(h: Harness) -> None:
    await published(h)
    await h.settle()
    h.clock.advance(timedelta(days=60))
    at = h.clock.now()
    await h.deliver(award_decided(at))  # the timer did not run yet: the procedure closes first
    await h.deliver(contract_notified(at))
    await h.deliver(contract_notified(at))  # the same contract told again, by another message
    await h.settle()
    [award] = [event for event in h.events("notices.notice.published.v1") if event.data["notice"]["kind"] == "award"]
    notice = award.data["notice"]
    assert notice["subtype"] == "29"
    [result] = notice["results"]
    assert (result["winner"], result["value"]["amount"], result["tenders_received"]) == (COMPANY, "455000.00", 3)
    assert [item["kind"] for item in (await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200))["notices"]] == [
        "contract",
        "award",
    ]
    assert (await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200))["state"] == "notified"
    await ask(h, "GET", f"/notices/{award.data['notice']['notice_id']}", status=200)
    assert len(await titles(h, kind="award")) == 1
    assert len(h.events("notices.procedure.closed.v1")) == 1


async def test_a_contract_under_a_framework_agreement_is_followed_by_no_award_notice_of_its_own(h: Harness) -> None:
    await published(h)
    h.clock.advance(timedelta(days=60))
    at = h.clock.now()
    await h.deliver(award_decided(at), contract_notified(at))
    subsequent = contract_notified(at, UUID(int=77))
    under = subsequent.contract.model_copy(update={"framework_number": "AC-1"})
    await h.deliver(subsequent.model_copy(update={"contract": under}))
    await h.settle()
    told = [event for event in h.events("notices.notice.published.v1") if event.data["notice"]["kind"] == "award"]
    assert len(told) == 1
    assert (await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200))["state"] == "notified"


async def test_the_award_notice_cannot_be_suppressed_by_an_import_of_its_identifier(h: Harness) -> None:
    await published(h)
    h.clock.advance(timedelta(days=60))
    event = contract_notified(h.clock.now())
    known_before = uuid5(UUID("0f5f9c7e-2b8d-4f0a-9a0e-2f0f6f6c9d21"), str(event.contract.contract_id))
    squat = eforms(2).replace(b"6a1f0c52-8d34-4b1e-9f6b-2d0c5e7a9102", str(known_before).encode())
    taken = await ask(h, "POST", "/notices/import", status=201, data=squat, headers=h.headers(VILLAGE) | XML)
    assert taken["notice_id"] == str(known_before), "the identifier that could once be computed from the contract's"
    await h.deliver(award_decided(h.clock.now()))
    await h.deliver(event)
    await h.settle()
    assert len(await titles(h, kind="award")) == 1


async def test_that_a_lot_is_awarded_is_told_to_the_buyer_alone_until_it_is_public(h: Harness) -> None:
    await published(h)
    h.clock.advance(timedelta(days=60))
    await h.deliver(award_decided(h.clock.now()))
    own = await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200, headers=h.headers(INTERCOMMUNALITY))
    assert own["state"] == "awarded"
    for headers in ({}, h.headers(COMPANY, "company")):
        told = await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200, headers=headers)
        assert (told["state"], told["version"]) == ("closed", None)


async def timeline(h: Harness, organisation: str | None = None, kind: str = "buyer") -> list[str]:
    headers = h.headers(organisation, kind) if organisation else {}
    found = await ask(h, "GET", f"/procedures/{PROCEDURE}/timeline", status=200, headers=headers)
    return [item["type"].removesuffix(".v1") for item in found["items"]]


async def test_nothing_of_the_deposits_is_on_the_timeline_before_the_opening(h: Harness) -> None:
    await published(h)
    await h.settle()
    h.clock.advance(timedelta(hours=1))
    await h.deliver(bid_deposited(h.clock.now()))
    public = ["notices.notice.published"]
    assert await timeline(h) == public
    assert await timeline(h, INTERCOMMUNALITY) == public
    assert await timeline(h, RIVAL, "company") == public
    assert await timeline(h, COMPANY, "company") == [*public, "bids.bid.deposited"]
    h.clock.advance(timedelta(days=60))
    await h.deliver(bids_opened(h.clock.now()))
    assert await timeline(h, INTERCOMMUNALITY) == [*public, "bids.bid.deposited", "bids.opening.completed"]
    assert await timeline(h) == public
    assert await timeline(h, RIVAL, "company") == public


async def test_mails_that_did_not_arrive_are_on_the_timeline_of_those_concerned(h: Harness) -> None:
    await published(h)
    await h.settle()
    h.clock.advance(timedelta(hours=1))
    lost = MailUndeliveredV1(
        aggregate_id=uuid4(), aggregate_version=2, organisation=INTERCOMMUNALITY, procedure=PROCEDURE,
        occurred_at=h.clock.now(), mail_id=uuid4(), kind="service", state="bounced",
    )  # fmt: skip
    news = lost.model_copy(update={"organisation": COMPANY, "kind": "news", "mail_id": uuid4()})
    of_letter = lost.model_copy(update={"organisation": COMPANY, "kind": "letter", "letter_id": uuid4()})
    receipt = LetterUndeliveredV1(
        aggregate_id=uuid4(), aggregate_version=1, organisation=COMPANY, buyer=INTERCOMMUNALITY, procedure=PROCEDURE,
        occurred_at=h.clock.now(), letter_id=uuid4(), kind="receipt", state="bounced",
    )  # fmt: skip
    await h.deliver(lost, news, of_letter, receipt)
    public, mail, letter = "notices.notice.published", "alerts.mail.undelivered", "bids.letter.undelivered"
    assert await timeline(h) == await timeline(h, RIVAL, "company") == [public]
    assert await timeline(h, INTERCOMMUNALITY) == [public, mail]
    assert await timeline(h, COMPANY, "company") == [public, mail, letter]
    await h.deliver(bids_opened(h.clock.now()))
    assert letter in await timeline(h, INTERCOMMUNALITY)


async def test_letters_are_on_the_buyers_timeline_once_the_award_is_decided(h: Harness) -> None:
    await published(h)
    await h.settle()
    h.clock.advance(timedelta(days=60))
    at = h.clock.now()
    await h.deliver(letter_sent(at))
    assert "bids.letter.sent" not in await timeline(h, INTERCOMMUNALITY)
    await h.deliver(award_decided(at))
    assert "bids.letter.sent" in await timeline(h, INTERCOMMUNALITY)
    assert "bids.letter.sent" in await timeline(h, RIVAL, "company")
    assert "bids.letter.sent" not in await timeline(h, COMPANY, "company")
    assert "bids.award.decided" not in await timeline(h)


async def test_the_timeline_is_read_by_pages_in_order(h: Harness) -> None:
    await published(h)
    await h.settle()
    h.clock.advance(timedelta(days=60))
    await h.deliver(award_decided(h.clock.now()), contract_notified(h.clock.now()))
    await h.settle()
    path, seen = f"/procedures/{PROCEDURE}/timeline", []
    cursor: dict[str, str] = {}
    while True:
        page = await ask(h, "GET", path, status=200, params={"limit": "1"} | cursor)
        seen += [item["summary"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen[0].startswith("Avis de marché publié")
    assert any("notifié à son titulaire" in line for line in seen)
    assert any(line.startswith("Avis d'attribution publié") for line in seen)
    assert not any("Attribution décidée" in line for line in seen)


async def test_an_unknown_procedure_or_notice_is_not_found(h: Harness) -> None:
    for path in (f"/notices/{uuid4()}", f"/procedures/{uuid4()}", f"/procedures/{uuid4()}/timeline"):
        await ask(h, "GET", path, status=404)
    await ask(h, "GET", "/notices/not-a-uuid", status=422)


async def test_thresholds_are_served_by_date_with_their_source(h: Harness) -> None:
    async def formal(on: str) -> dict[tuple[str, ...], str]:
        served = await ask(h, "GET", "/rules", status=200, params={"on": on})
        return {
            (rule["natures"][0], *rule["buyers"]): rule["amount"]
            for rule in served["rules"]
            if rule["code"] == "formal-procedure"
        }

    assert (await formal("2025-12-31"))["services", "local"] == "221000.00"
    assert (await formal("2026-01-01"))["services", "local"] == "216000.00"
    today = await ask(h, "GET", "/rules", status=200)
    assert today["on"] == "2026-11-20"
    assert all(rule["source"] for rule in today["rules"])
    await ask(h, "GET", "/rules", status=422, params={"on": "2026-13-01"})


async def test_a_published_notice_with_the_same_key_is_answered_the_same_once(h: Harness) -> None:
    headers = h.headers(INTERCOMMUNALITY) | XML | {"Idempotency-Key": str(UUID(int=1))}
    first = await ask(h, "POST", "/notices/import", status=201, data=eforms(1), headers=headers)
    again = await ask(h, "POST", "/notices/import", status=201, data=eforms(1), headers=headers)
    assert first == again


async def test_a_correction_puts_the_deadline_off_and_never_forward(h: Harness) -> None:
    await published(h)
    headers = h.headers(INTERCOMMUNALITY)
    changes = (
        b"<efac:Changes><efbc:ChangedNoticeIdentifier>6a1f0c52-8d34-4b1e-9f6b-2d0c5e7a9101-01</efbc:ChangedNoticeIdentifier>"
        b"<efac:ChangeReason><cbc:ReasonCode listName='change-corrig-justification'>cor-buy</cbc:ReasonCode></efac:ChangeReason>"
        b"</efac:Changes><efac:NoticeSubType>"
    )
    corrected = eforms(1).replace(b"<efac:NoticeSubType>", changes, 1)
    for number, (day, status) in enumerate((("2027-01-25", 201), ("2027-01-04", 409)), 2):
        data = corrected.replace(b"5e7a9101</cbc:ID>", f"5e7a92{number:02}</cbc:ID>".encode()).replace(
            b"2027-01-11", day.encode()
        )
        change = await ask(h, "POST", "/notices/import", status=201, data=data, headers=headers | XML)
        assert (change["kind"], change["changes"]) == ("change", f"{NOTICE_ID}-01")
        path = f"/notices/{change['notice_id']}/publication"
        await ask(h, "POST", path, status=status, headers=headers | version(change))
        told = await ask(h, "GET", f"/procedures/{PROCEDURE}", status=200)
        assert told["deadline"] == "2027-01-25T11:00:00Z"
