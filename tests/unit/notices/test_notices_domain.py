"""The state graphs, and what a notice and a procedure may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from libs.common.errors import Conflict, IllegalTransition, StaleVersion
from libs.common.messages.base import DocumentReference
from services.notices import awards, events
from services.notices.domain.notice import Changes, Notice, NoticeState
from services.notices.domain.procedure import Procedure, ProcedureState
from services.notices.errors import NotPublishable
from services.notices.inputs.lots import NewResult
from services.notices.inputs.notices import NoticePatch
from tests.unit.notices.notices_samples import (
    BEFORE,
    COMPANY,
    INTERCOMMUNALITY,
    KEYS,
    PROCEDURE,
    RIVAL,
    content,
    contract,
)

OPENING = NoticePatch.model_validate({"opening": KEYS}).opening
DOCUMENT = DocumentReference(
    key="exchange/" + "0" * 64, name="rc.pdf", media_type="application/pdf", size=1, sha256="0" * 64
)


def draft(**changes: object) -> Notice:
    assert OPENING is not None
    said = content().model_copy(update={"opening": OPENING.key_set()} | changes)
    return Notice(
        notice_id=UUID(int=1),
        procedure_id=PROCEDURE,
        organisation=INTERCOMMUNALITY,
        state=NoticeState.DRAFT,
        version=1,
        content=said,
        created_at=BEFORE,
        documents=(DOCUMENT,),
    )


def procedure(state: ProcedureState = ProcedureState.DRAFT) -> Procedure:
    return Procedure(PROCEDURE, INTERCOMMUNALITY, state, 1, "Voirie", BEFORE)


def test_a_published_notice_opens_its_procedure() -> None:
    published = draft().published(BEFORE)
    opened = procedure().with_notice(published)
    assert (opened.state, opened.formal, opened.deadline) == (ProcedureState.OPEN, True, published.content.deadline)
    assert [lot.lot_id for lot in opened.lots] == ["LOT-0001"]
    with pytest.raises(IllegalTransition):
        opened.with_notice(replace(published, notice_id=UUID(int=2)))


def test_a_change_notice_moves_the_deadline_of_an_open_procedure_only() -> None:
    opened = procedure().with_notice(draft().published(BEFORE))
    assert opened.deadline is not None
    later = opened.deadline + timedelta(days=10)
    change = draft(kind="change", deadline=later).published(BEFORE)
    assert opened.with_notice(change).deadline == later
    earlier = draft(kind="change", deadline=opened.deadline - timedelta(hours=1)).published(BEFORE)
    with pytest.raises(Conflict, match="put off"):
        opened.with_notice(earlier)
    with pytest.raises(NotPublishable):
        draft(kind="change", deadline=BEFORE).published(BEFORE)
    with pytest.raises(IllegalTransition):
        opened.closed(BEFORE).with_notice(change)


def test_a_procedure_is_due_at_its_deadline_and_not_a_second_before() -> None:
    opened = procedure().with_notice(draft().published(BEFORE))
    assert opened.deadline is not None
    assert not opened.is_due(opened.deadline - timedelta(seconds=1))
    assert opened.is_due(opened.deadline)
    assert not opened.closed(opened.deadline).is_due(opened.deadline)


def test_what_prevents_a_publication_is_told_whole() -> None:
    bare = replace(draft(deadline=None), documents=())
    bare = replace(bare, content=bare.content.model_copy(update={"opening": None}))
    with pytest.raises(NotPublishable) as refused:
        bare.published(BEFORE)
    assert [fault.where for fault in refused.value.errors] == ["deadline", "opening", "documents"]
    with pytest.raises(NotPublishable):
        draft(deadline=BEFORE).published(BEFORE)
    paper = replace(
        bare, content=bare.content.model_copy(update={"electronic": False, "documents_url": "https://x.example"})
    )
    assert [fault.where for fault in paper.obstacles(BEFORE)] == ["deadline"]


def test_lots_whose_bids_are_opened_together_have_one_deadline() -> None:
    lots = [lot.model_copy(update={"deadline": BEFORE + timedelta(days=2)}) for lot in content().lots]
    early = draft(lots=lots)
    assert [fault.where for fault in early.obstacles(BEFORE)] == ["lots/0/deadline"]
    elsewhere = replace(early, content=early.content.model_copy(update={"electronic": False, "opening": None}))
    assert elsewhere.obstacles(BEFORE) == ()


def test_a_planning_notice_needs_neither_deadline_nor_keys() -> None:
    planning = replace(draft(kind="planning", deadline=None), documents=())
    planning = replace(planning, content=planning.content.model_copy(update={"opening": None}))
    assert procedure().with_notice(planning.published(BEFORE)).state is ProcedureState.PLANNED


def test_a_published_notice_is_changed_and_published_no_more() -> None:
    published = draft().published(BEFORE)
    with pytest.raises(IllegalTransition):
        published.changed(Changes(title="Autre"))
    with pytest.raises(IllegalTransition):
        published.published(BEFORE)
    with pytest.raises(StaleVersion):
        published.require_version(1)


def test_a_change_touches_what_it_names_and_nothing_else() -> None:
    before = draft()
    after = before.changed(Changes(title="Autre titre"))
    assert (after.version, after.content.title) == (2, "Autre titre")
    assert after.content.model_copy(update={"title": before.content.title}) == before.content


def test_the_order_of_officers_means_nothing_to_the_fingerprint() -> None:
    officers = KEYS["officers"]
    assert isinstance(officers, list)
    turned = NoticePatch.model_validate({"opening": KEYS | {"officers": officers[::-1]}}).opening
    assert OPENING is not None
    assert turned is not None
    assert turned.key_set() == OPENING.key_set()
    assert turned.model_copy(update={"threshold": 1}).key_set().fingerprint != OPENING.key_set().fingerprint


def test_the_award_notice_of_a_contract_is_always_the_same_and_says_the_result() -> None:
    said = awards.award_content(content(), [contract()])
    assert (said.kind, said.subtype, said.deadline, said.opening) == ("award", "29", None, None)
    assert [(result.winner, result.outcome) for result in said.results] == [(COMPANY, "awarded")]
    one, other = contract().contract_id, UUID(int=7)
    assert awards.award_notice_id(one, "a") == awards.award_notice_id(one, "a")
    assert len({awards.award_notice_id(*which) for which in ((one, "a"), (one, "b"), (other, "a"))}) == 3
    assert awards.award_content(content(subtype="E3"), [contract()]).subtype == "E4"


def test_what_the_buyer_tells_of_holders_reaches_their_contracts_unless_others_are_told() -> None:
    rival = contract().winners[0].model_copy(update={"organisation": RIVAL, "name": "Rival"})
    other = contract().model_copy(update={"contract_id": UUID(int=7), "number": "T-2", "winners": [rival]})
    (known,) = awards.award_content(content(), [contract(), other]).results
    said = {
        "lot_id": "LOT-0001",
        "outcome": "awarded",
        "winners": [{"organisation": each, "name": "N", "size": "small"} for each in (COMPANY, RIVAL)],
    }
    told = NewResult.model_validate(said).result(known)
    assert [each.winners[0].size for each in told.contracts] == ["small", "small"]
    assert ([each.number for each in told.contracts], told.contract_id) == (
        [contract().number, "T-2"],
        known.contract_id,
    )
    fewer = NewResult.model_validate({**said, "winners": said["winners"][:1]}).result(known)
    assert (fewer.contracts, fewer.contract_id) == ([], known.contract_id)


def test_the_award_notice_has_what_the_journal_asks_of_the_bidders_from_the_contract() -> None:
    winner = (
        contract()
        .winners[0]
        .model_copy(
            update={
                "organisation": "TVA:DE123456789",
                "city": "Trier",
                "postal_code": "54290",
                "country": "DE",
                "size": "small",
            }
        )
    )
    told = contract().model_copy(update={"winners": [winner], "submissions": {"t-esubm": 3, "t-oth-eea": 1}})
    (result,) = awards.award_content(content(), [told]).results
    (kept,) = result.winners
    assert (kept.city, kept.postal_code, kept.country, kept.size) == ("Trier", "54290", "DEU", "small")
    assert result.submissions == {"t-esubm": 3, "t-oth-eea": 1}


def test_a_draft_is_never_told() -> None:
    with pytest.raises(ValueError, match="draft"):
        events.published(draft())
    with pytest.raises(ValueError, match="deadline"):
        events.closed(procedure(), BEFORE)
