"""Publication, pure: the two state graphs, whose turn it is, what the law asks, the national form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pydantic import SecretStr

from libs.common.errors import IllegalTransition
from libs.common.messages.base import Money
from libs.common.messages.notices import Buyer
from libs.common.messages.publication import RejectionReason
from libs.common.messages.registry import all_types
from services.notices.content import NoticeContent
from services.notices.domain.notice import NOTICE_TRANSITIONS, Changes, Notice, NoticeState
from services.notices.domain.publication import (
    PROFILE,
    PUBLICATION_TRANSITIONS,
    Publication,
    PublicationState,
    Published,
    kind_of,
)
from services.notices.errors import NotPublishable
from services.notices.publication import events, law, national, payload, plan
from services.notices.publication.channels import channels_of
from services.notices.publication.port import Channels, Listed
from services.notices.publication.settings import ChannelSettings, PaperSettings
from tests.unit.notices.notices_samples import BEFORE, INTERCOMMUNALITY, PROCEDURE, content

NOTICE = UUID(int=5)
REASON = RejectionReason(field="BT-24", message="Incompréhensible.")
S = PublicationState


def notice(state: NoticeState = NoticeState.DRAFT, **changes: object) -> Notice:
    said = content(electronic=False, documents_url="https://profil.example/dce").model_copy(update=changes)
    return Notice(NOTICE, PROCEDURE, INTERCOMMUNALITY, state, 1, said, BEFORE)


def at(channel: str, state: PublicationState = S.WAITING, **more: object) -> Publication:
    made = Publication(UUID(int=hash(channel) % 2**64), NOTICE, channel, 1, f"x-01-{channel}", BEFORE, state)
    return replace(made, **more)  # type: ignore[arg-type]


# the graphs


def reached(edges: Iterator[tuple[str, str]], first: str) -> set[str]:
    found, todo, known = {first}, [first], list(edges)
    while todo:
        state = todo.pop()
        news = {end for start, end in known if start == state} - found
        found |= news
        todo += news
    return found


def test_every_state_is_reached_and_every_edge_names_an_event_of_the_platform() -> None:
    notices = ((start, end) for (start, _), end in NOTICE_TRANSITIONS.items())
    assert reached(notices, NoticeState.DRAFT) == set(NoticeState)
    publications = ((start, end) for (start, _), end in PUBLICATION_TRANSITIONS.items())
    assert reached(publications, S.WAITING) == set(S)
    types = set(all_types())
    assert {event.partition("/")[0] for _, event in (*NOTICE_TRANSITIONS, *PUBLICATION_TRANSITIONS)} <= types


def test_every_edge_of_a_notice_is_walked_and_every_other_one_is_refused() -> None:
    for state, event in product(NoticeState, {event for _, event in NOTICE_TRANSITIONS}):
        end = NOTICE_TRANSITIONS.get((state, event))
        if end is None:
            with pytest.raises(IllegalTransition):
                notice(state).after(event)
        else:
            after = notice(state).after(event)
            assert (after.state, after.version) == (end, 2)


def test_what_is_published_rejected_or_stopped_at_a_channel_stays_so() -> None:
    over = {S.PUBLISHED, S.REJECTED, S.STOPPED}
    assert not [edge for edge in PUBLICATION_TRANSITIONS if edge[0] in over]
    for state, event in product(S, {event for _, event in PUBLICATION_TRANSITIONS}):
        if (state, event) not in PUBLICATION_TRANSITIONS:
            with pytest.raises(IllegalTransition):
                at("boamp", state).after(event)


def test_a_change_of_what_was_checked_or_rejected_takes_it_back_to_draft() -> None:
    for state in (NoticeState.CHECKED, NoticeState.REJECTED):
        changed = replace(notice(state), sent_at=BEFORE).changed(Changes(title="Autre"))
        assert (changed.state, changed.content.title, changed.sent_at, changed.version) == ("draft", "Autre", None, 2)
    for state in (NoticeState.SENT, NoticeState.PUBLISHED):
        with pytest.raises(IllegalTransition):
            notice(state).changed(Changes(title="Autre"))


def test_a_new_deadline_moves_the_lots_that_have_no_other() -> None:
    base = content()
    assert base.deadline is not None
    own = base.deadline + timedelta(days=9)
    lots = [lot.model_copy(update={"deadline": each}) for each in (base.deadline, own, None) for lot in base.lots]
    later = base.deadline + timedelta(days=3)
    changed = notice(lots=lots).changed(Changes(deadline=later))
    assert [lot.deadline for lot in changed.content.lots] == [later, own, None]


def test_a_notice_is_checked_and_sent_only_without_obstacle_and_published_in_its_turn_whatever_the_day() -> None:
    sent = notice().checked(BEFORE).sent(BEFORE)
    assert (sent.state, sent.sent_at, sent.version) == (NoticeState.SENT, BEFORE, 3)
    late = sent.published(BEFORE + timedelta(days=400))
    assert (late.state, late.dispatched_on) == (NoticeState.PUBLISHED, BEFORE)
    with pytest.raises(NotPublishable):
        notice(deadline=BEFORE).checked(BEFORE)
    with pytest.raises(NotPublishable):
        notice(NoticeState.CHECKED, deadline=BEFORE).sent(BEFORE)


# whose turn it is


def test_the_official_journal_goes_first_and_at_once() -> None:
    all_of = [at("joue"), at("boamp"), at("shal-demo"), at(PROFILE)]
    assert [plan.hold(each, all_of, BEFORE).free for each in all_of] == [True, False, False, False]
    assert all(plan.hold(each, all_of, BEFORE).until is None for each in all_of[1:]), (
        "not received: no time lets them go"
    )


@pytest.mark.parametrize("channel", ["boamp", "shal-demo", PROFILE])
@pytest.mark.parametrize("state", [S.RECEIVED, S.ACCEPTED])
def test_the_others_wait_forty_eight_hours_from_the_receipt(channel: str, state: PublicationState) -> None:
    journal = at("joue", state, received_at=BEFORE)
    due = BEFORE + timedelta(hours=48)
    early = plan.hold(at(channel), [journal, at(channel)], due - timedelta(microseconds=1))
    assert (early.free, early.until) == (False, due)
    assert plan.hold(at(channel), [journal, at(channel)], due).free


@pytest.mark.parametrize("channel", ["boamp", "shal-demo", PROFILE])
def test_the_others_go_as_soon_as_the_official_journal_has_published(channel: str) -> None:
    assert plan.hold(at(channel), [at("joue", S.PUBLISHED), at(channel)], BEFORE).free


def test_a_rejection_by_the_official_journal_frees_nobody_but_what_left_before_goes_on() -> None:
    rejected, platform = at("joue", S.REJECTED, received_at=BEFORE), at(PROFILE)
    much_later = BEFORE + timedelta(days=30)
    assert not plan.hold(platform, [rejected, at("boamp"), platform], much_later).free
    assert plan.hold(platform, [rejected, at("boamp", S.ACCEPTED), platform], much_later).free


def test_the_platform_waits_for_the_answers_of_the_others_at_most_a_day() -> None:
    platform, due = at(PROFILE), BEFORE + plan.ANSWER
    for state in (S.QUEUED, S.SENT, S.RECEIVED):
        others = [at("boamp", state, queued_at=BEFORE), platform]
        assert plan.hold(platform, others, BEFORE).until == due
        assert plan.hold(platform, others, due).free
    for state in (S.ACCEPTED, S.PUBLISHED, S.REJECTED):
        assert plan.hold(platform, [at("boamp", state), platform], BEFORE).free


@given(
    journal=st.sampled_from(S),
    received=st.none() | st.integers(-100, 100),
    bulletin=st.sampled_from(S),
    hours=st.integers(-100, 100),
    channel=st.sampled_from(["boamp", "shal-demo", PROFILE]),
)
def test_nothing_is_free_before_the_official_journal_or_its_forty_eight_hours(
    journal: PublicationState, received: int | None, bulletin: PublicationState, hours: int, channel: str
) -> None:
    confirmed = None if received is None else BEFORE + timedelta(hours=received)
    others = [at("joue", journal, received_at=confirmed), at("jal-other", bulletin, queued_at=BEFORE), at(channel)]
    now = BEFORE + timedelta(hours=hours)
    held = plan.hold(at(channel), others, now)
    over = journal in {S.REJECTED, S.STOPPED}
    lawful = (
        journal is S.PUBLISHED
        or (not over and confirmed is not None and now >= confirmed + timedelta(hours=48))
        or (over and others[1].left)
    )
    assert lawful or not held.free
    assert lawful is held.free or channel == PROFILE, "only the platform waits for more"
    if held.until is not None:
        assert not held.free
        assert held.until > now


def test_each_sending_has_a_name_of_its_own_and_the_last_of_each_channel_counts() -> None:
    first = plan.plan(NOTICE, [PROFILE, "boamp", "joue", "joue"], [], BEFORE)
    assert [each.channel for each in first] == ["joue", "boamp", PROFILE]
    again = plan.plan(NOTICE, ["joue", PROFILE], first, BEFORE + timedelta(days=1))
    assert [each.envelope for each in again] == [f"{NOTICE}-02-joue", f"{NOTICE}-02-{PROFILE}"]
    assert {each.publication_id for each in again}.isdisjoint(each.publication_id for each in first)
    assert plan.current([*first, *again]) == again
    assert plan.current([]) == []


def test_a_receipt_is_believed_neither_before_the_sending_nor_after_now() -> None:
    sent = at("joue", S.QUEUED).sent("R", BEFORE)
    now = BEFORE + timedelta(minutes=10)
    for told, believed in (
        (BEFORE - timedelta(days=9), BEFORE),
        (BEFORE + timedelta(minutes=5), BEFORE + timedelta(minutes=5)),
        (BEFORE + timedelta(days=9), now),
        (None, now),
    ):
        assert sent.received(told, now).received_at == believed
        assert sent.accepted(told, now).received_at == believed


def test_what_a_channel_says_is_told_as_events_of_the_right_audience() -> None:
    sent = notice(NoticeState.SENT)
    rejected = at("boamp", S.SENT).rejected((REASON,), BEFORE)
    told = events.of_publication(sent, rejected, BEFORE)
    assert (told.type, told.audience) == ("notices.publication.tracked.v1", "organisation")
    published = at("boamp", S.ACCEPTED).published(Published(date(2026, 11, 21), "26-1"), BEFORE)
    told = events.of_publication(sent, published, BEFORE)
    assert (told.type, told.audience) == ("notices.publication.published.v1", "public")
    back = events.rejected(sent.rejected(), rejected, BEFORE)
    assert (back.audience, back.reasons) == ("organisation", [REASON])


# what the law asks


class NoOutlet:
    """A channel that is there, and never asked."""


def channels(*codes: str, available: bool = True) -> Channels:
    outlet = NoOutlet() if available else None
    return Channels({code: Listed(code, code, outlet=outlet) for code in codes})  # type: ignore[arg-type]


def national_content(**changes: object) -> NoticeContent:
    buyer = Buyer(
        organisation=INTERCOMMUNALITY, name="Trois Vallées", postal_code="21000", city="Dijon", department="21",
        legal_type="la",
    )  # fmt: skip
    base: dict[str, object] = {"subtype": "national", "formal": False, "procedure_type": "adapted", "buyer": buyer}
    return content().model_copy(update=base | {"value": Money(amount=Decimal(150_000))} | changes)


def test_a_formal_notice_needs_the_official_journal_and_the_bulletin() -> None:
    wanted = law.asked(content(), BEFORE.date())
    assert set(wanted.required) == {"joue", "boamp", PROFILE}
    reachable = channels("joue", "boamp", "shal-a", "shal-b")
    assert law.proposed(wanted, reachable) == ["joue", "boamp"]
    [fault] = law.channel_faults(["joue", "shal-a"], wanted, reachable)
    assert (fault.where, "boamp" in fault.message, "R2131-16" in fault.message) == ("channels", True, True)


def test_from_ninety_thousand_euros_the_bulletin_or_a_paper_is_needed_at_the_buyers_choice() -> None:
    wanted = law.asked(national_content(), BEFORE.date())
    assert (set(wanted.required), set(wanted.one_of)) == ({PROFILE}, {"boamp", "shal"})
    reachable = channels("joue", "boamp", "shal-a", "jal-b")
    assert law.proposed(wanted, reachable) == ["boamp"]
    for chosen in (["boamp"], ["shal-a"], ["jal-b"]):
        assert law.channel_faults(chosen, wanted, reachable) == []
    assert [fault.where for fault in law.channel_faults([], wanted, reachable)] == ["channels"]
    small = law.asked(national_content(value=Money(amount=Decimal(50_000))), BEFORE.date())
    assert law.channel_faults([], small, reachable) == []
    assert law.proposed(small, reachable) == []


def test_a_planning_notice_is_published_by_choice() -> None:
    assert law.asked(content(kind="planning", subtype="4"), BEFORE.date()).required == (PROFILE,)


def test_a_paper_is_a_legal_notice_support_whatever_its_name() -> None:
    assert [kind_of(code) for code in ("shal", "shal-bien-public", "jal-x", "joue", "boamp", PROFILE)] == [
        "shal", "shal", "shal", "joue", "boamp", PROFILE,
    ]  # fmt: skip


def test_a_period_that_is_too_short_is_told_unless_the_buyer_answers_for_it() -> None:
    short = content(deadline=BEFORE + timedelta(days=5))
    assert "rules/period" in {fault.where for fault in law.rule_faults(short, BEFORE.date(), [])}
    assert "rules/period" not in {fault.where for fault in law.rule_faults(short, BEFORE.date(), ["period"])}


# settings


def test_channels_without_address_or_credential_are_unavailable_and_production_refuses_half_of_them() -> None:
    none = channels_of(ChannelSettings(environment="test"), None)  # type: ignore[arg-type]  # no request is made
    assert {code: none.is_available(code) for code in none.listed} == {"joue": False, "boamp": False, "shal": False}
    half = ChannelSettings(environment="test", joue_url="http://office.example", boamp_url="https://boamp.example")
    assert not channels_of(half, None).is_available("boamp")  # type: ignore[arg-type]
    told = " ".join(half.unsafe())
    assert "HALLES_JOUE_URL=http://office.example" in told
    assert "HALLES_BOAMP_CREDENTIAL is missing" in told
    assert "HALLES_JOUE_CONTACT is missing" in told
    paper = PaperSettings(code="jal-x", name="Le X", url="http://x.example", credential=SecretStr("k"))
    assert "HALLES_PAPERS, jal-x" in " ".join(ChannelSettings(environment="test", papers=(paper,)).unsafe())
    with pytest.raises(ValueError, match="code"):
        PaperSettings(code="gazette", name="G", url="https://x.example", credential=SecretStr("k"))


# the national form


def form(said: NoticeContent) -> national.NationalForm:
    return national.national_form(
        said, documents_url="https://halles.example/documents", profile_url="https://halles.example/avis",
        sent_to_the_journal=datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
    )  # fmt: skip


def test_the_national_form_has_the_headings_of_the_order_in_their_order() -> None:
    root = etree.fromstring(national.to_xml(form(national_content(title="Toiture <école> & préau\x0b"))))
    names = [etree.QName(child).localname for child in root]
    assert names == ["acheteur", "communication", "procedure", "marche", "informationsComplementaires"]
    said = {etree.QName(each).localname: each.text for each in root.iter() if each.text and each.text.strip()}
    assert said["intitule"] == "Toiture <école> & préau"
    assert said["typeIdentifiantNational"] == "SIRET"
    assert said["identifiantNational"] == INTERCOMMUNALITY.removeprefix("SIRET:")
    assert said["typeProcedure"] == "Procédure adaptée ouverte"
    assert said["dateLimiteReceptionPlis"] == "2027-01-11T12:00+01:00"
    assert said["dateEnvoiJOUE"] == "2026-07-02T00:30+02:00", "French legal time"
    assert (said["tranches"], said["integraliteDocumentsProfil"]) == ("non", "oui")
    assert said["valeurEstimeeHT"] == "150000"


def test_the_national_form_lists_the_lots_of_a_divided_notice_only() -> None:
    base = national_content()
    assert form(base).lots == []
    two = base.model_copy(update={"lots": [base.lots[0], base.lots[0].model_copy(update={"lot_id": "LOT-0002"})]})
    assert [lot.number for lot in form(two).lots] == ["LOT-0001", "LOT-0002"]


def test_the_national_form_says_what_it_lacks_and_only_where_it_is_used() -> None:
    poor = national_content(description="", deadline=None, buyer=content().buyer)
    assert {fault.where for fault in national.missing(poor)} == {
        "description", "deadline", "buyer/postal_code", "buyer/city",
    }  # fmt: skip
    assert law.form_faults(poor, {"boamp"})
    assert law.form_faults(poor, {"boamp", "joue"}) == []
    assert law.form_faults(poor, {PROFILE}) == []
    assert national.missing(national_content()) == ()


def test_a_paper_gets_the_national_form_and_the_date_of_the_sending_to_the_official_journal() -> None:
    sent = replace(notice(NoticeState.SENT), sent_at=BEFORE)
    present = [at("joue", S.PUBLISHED, sent_at=BEFORE), at("shal-demo")]
    given = payload.compose(sent, present[1], present, payload.Place("https://halles.example"), None, BEFORE)
    assert (given.form, given.envelope) == ("national", "x-01-shal-demo")
    assert b"<dateEnvoiJOUE>2026-11-20T10:00+01:00</dateEnvoiJOUE>" in given.content
    assert (
        given.content
        == payload.compose(sent, present[1], present, payload.Place("https://halles.example"), None, BEFORE).content
    )
