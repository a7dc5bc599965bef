"""Changes and answers, mailed once to those who follow a procedure and to those who deposited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.common.messages.bids import DepositorInformedV1
from libs.common.messages.notices import (
    AnswerPublishedV1,
    Change,
    LotAbandonedV1,
    LotResult,
    ProcedureResumedV1,
    ProcedureSuspendedV1,
)
from libs.common.testing.harness import Harness
from tests.api.alerts.test_alerts_mails import (  # noqa: F401  # fixtures
    ADDRESS,
    Inbox,
    bodies,
    box,
    call,
    contact,
    h,
    inbox,
)
from tests.unit.alerts.alerts_samples import BUYER, COMPANY, NOTICE, OTHER_COMPANY, PROCEDURE, published

QUESTION = UUID(int=77)
CHANGE = UUID(int=78)


def answered(version: int = 2, text: str = "Non, elle est facultative.") -> AnswerPublishedV1:
    return AnswerPublishedV1(
        aggregate_id=QUESTION,
        aggregate_version=version,
        organisation=BUYER,
        procedure=PROCEDURE,
        occurred_at=published().occurred_at,
        question="La visite est-elle <b>obligatoire</b> ?",
        answer=text,
        published_at=published().occurred_at,
    )


def informed(organisation: str = COMPANY, version: int = 2) -> DepositorInformedV1:
    return DepositorInformedV1(
        aggregate_id=UUID(int=79),
        aggregate_version=1,
        organisation=organisation,
        procedure=PROCEDURE,
        occurred_at=published().occurred_at,
        subject="answer",
        reference=QUESTION,
        reference_version=version,
    )


async def follow(h: Harness, org: str = COMPANY) -> None:  # noqa: F811
    await call(h, "PUT", f"/v1/followed/{PROCEDURE}", 204, org=org)


async def test_a_followed_procedure_is_listed_and_known_to_its_follower_alone(h: Harness) -> None:  # noqa: F811
    await call(h, "PUT", f"/v1/followed/{PROCEDURE}", 404)
    await h.deliver(published())
    await follow(h)
    await follow(h)
    [listed] = (await call(h, "GET", "/v1/followed", 200))["items"]
    assert (listed["procedure"], listed["title"]) == (str(PROCEDURE), "Réfection des Écoles maternelles")
    assert (await call(h, "GET", "/v1/followed", 200, org=OTHER_COMPANY))["items"] == []
    await call(h, "DELETE", f"/v1/followed/{PROCEDURE}", 404, org=OTHER_COMPANY)
    await call(h, "DELETE", f"/v1/followed/{PROCEDURE}", 204)
    assert (await call(h, "GET", "/v1/followed", 200))["items"] == []


async def test_followers_get_one_mail_of_an_answer_and_of_its_correction(h: Harness, box: Inbox) -> None:  # noqa: F811
    await contact(h)
    await h.deliver(published())
    await follow(h)
    await follow(h, OTHER_COMPANY)  # gave no address
    await h.deliver(answered(), informed())
    await h.settle()
    message = box.one()
    assert message["Subject"] == "Réponse à une question : Réfection des Écoles maternelles"
    text, html = bodies(message)
    assert "Non, elle est facultative." in text
    assert "La visite est-elle <b>obligatoire</b> ?" in text
    assert "&lt;b&gt;obligatoire" in html
    assert f"/notices/v1/procedures/{PROCEDURE}" in text
    await h.deliver(answered(3, "Si."))
    await h.settle()
    assert len(box.mails) == 2


async def test_a_depositor_is_told_without_following_and_without_unsubscription(h: Harness, box: Inbox) -> None:  # noqa: F811
    await contact(h)
    await h.deliver(published(), informed())  # the word of bids may come before the answer itself
    await h.settle()
    assert box.mails == []
    await h.deliver(answered())
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE mail SET not_before = now() WHERE state = 'due'")
    await h.settle()
    message = box.one()
    assert message["List-Unsubscribe"] is None
    assert "Non, elle est facultative." in bodies(message)[0]


async def test_who_wants_no_alerts_is_still_told_of_what_they_answered(h: Harness, box: Inbox) -> None:  # noqa: F811
    await contact(h)
    await h.deliver(published())
    await follow(h)
    async with h.runtime.uow() as uow:
        await uow.conn.execute("UPDATE contact SET alerts = false")
    await h.deliver(answered())
    await h.settle()
    assert box.mails == []
    await h.deliver(informed())
    await h.settle()
    assert [to for to, _ in box.mails] == [[ADDRESS]]


async def test_a_change_is_told_with_its_documents(h: Harness, box: Inbox) -> None:  # noqa: F811
    await contact(h)
    await h.deliver(published())
    await follow(h)
    change = Change(notice_id=NOTICE, description="Plans mis à jour.")
    await h.deliver(published(notice_id=CHANGE, kind="change", change=change))
    await h.settle()
    message = box.one()
    assert message["Subject"].startswith("Consultation modifiée : ")
    assert "Plans mis à jour." in bodies(message)[0]


async def test_a_suspension_is_told_once(h: Harness, box: Inbox) -> None:  # noqa: F811
    await contact(h)
    await h.deliver(published())
    await follow(h)
    suspended = ProcedureSuspendedV1(
        aggregate_id=PROCEDURE,
        aggregate_version=3,
        organisation=BUYER,
        procedure=PROCEDURE,
        occurred_at=published().occurred_at,
        reason="review",
        explanation="Le tribunal est saisi.",
    )
    await h.deliver(suspended)
    await h.settle()
    assert "La consultation est suspendue. Le tribunal est saisi." in bodies(box.one())[0]


def abandoned(lot: str, explanation: str = "Besoin <b>redéfini</b>.") -> LotAbandonedV1:
    return LotAbandonedV1(
        aggregate_id=PROCEDURE,
        aggregate_version=int(lot[-1]) + 3,
        organisation=BUYER,
        procedure=PROCEDURE,
        occurred_at=published().occurred_at,
        lot_id=lot,
        reason="chan-need",
        explanation=explanation,
    )


async def test_lots_given_up_together_are_told_in_one_mail_with_the_reasons(h: Harness, box: Inbox) -> None:  # noqa: F811
    await contact(h)
    await h.deliver(published())
    await follow(h)
    await h.deliver(abandoned("LOT-0001"))
    await h.settle()
    assert box.mails == [], "the last lot may be still to come"
    await h.deliver(abandoned("LOT-0002"), abandoned("LOT-0001"))
    h.clock.advance(timedelta(minutes=1))
    await h.settle()
    message = box.one()
    assert message["Subject"] == "Déclaration sans suite : Réfection des Écoles maternelles"
    text, html = bodies(message)
    assert "Besoin <b>redéfini</b>.\nLots : LOT-0001, LOT-0002\n" in text.replace("\r", "")
    assert "&lt;b&gt;redéfini" in html
    assert "abandoned" in html


async def test_a_result_is_told_lot_by_lot(h: Harness, box: Inbox) -> None:  # noqa: F811
    await contact(h)
    await h.deliver(published())
    await follow(h)
    results = [
        LotResult(lot_id="LOT-0001", outcome="awarded", winner=COMPANY, winner_name="Toitures <SARL>"),
        LotResult(lot_id="LOT-0002", outcome="unsuccessful", reason="no-rece"),
        LotResult(lot_id="LOT-0003", outcome="abandoned", reason="chan-need"),
    ]
    await h.deliver(published(notice_id=CHANGE, kind="award", results=results))
    await h.settle()
    message = box.one()
    assert message["Subject"].startswith("Résultat de la consultation : ")
    text, html = (body.replace("\r", "") for body in bodies(message))
    assert (
        "Lot LOT-0001 : attribué à Toitures <SARL>.\nLot LOT-0002 : infructueux.\nLot LOT-0003 : déclaré sans suite."
        in text
    )
    assert "Toitures &lt;SARL&gt;" in html


async def test_a_resumption_is_told_with_its_new_deadline(h: Harness, box: Inbox) -> None:  # noqa: F811
    await contact(h)
    await h.deliver(published())
    await follow(h)
    resumed = ProcedureResumedV1(
        aggregate_id=PROCEDURE,
        aggregate_version=4,
        organisation=BUYER,
        procedure=PROCEDURE,
        occurred_at=published().occurred_at,
        deadline=datetime(2026, 5, 4, 10, tzinfo=UTC),
    )
    await h.deliver(resumed)
    await h.settle()
    assert "La consultation reprend. Date limite : 4 mai 2026 à 12h00 (heure de Paris)." in bodies(box.one())[0]
