"""What the platform writes as eForms, it reads again: content -> XML -> reader -> content is the identity on what the model knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from libs.common.messages.base import Money
from libs.common.messages.notices import Criterion, Lot, LotResult, LotTerms, Place, Winner
from services.notices import drafting
from services.notices.content import NoticeContent
from services.notices.eforms.check import check
from services.notices.eforms.export import export
from services.notices.eforms.export.lots import LONGEST_FRAMEWORK
from tests.unit.notices import notices_exported as samples

LETTERS = "abcdefghijklmnopqrstuvwxyzàâçéèêëîïôùûüœABCDEFGHIJ0123456789 <>&\"'.,;:!?()€°–"
PHASES = (Phase.explicit, Phase.generate)
"""A failing content is shown as it was found: to shrink it takes minutes."""
OWN = {
    "departments",
    "formal",
    "subtype",
    "opening",
    "techniques",
    "notice_type",
    "legal_basis",
    "changes",
    "electronic",
}
"""Worked out by the platform or the form, not told by the buyer."""


def words(most: int = 60) -> st.SearchStrategy[str]:
    """Give texts, their blanks normalised as the reader does."""
    return st.text(LETTERS, min_size=1, max_size=most).map(lambda text: " ".join(text.split()) or "x")


def amounts() -> st.SearchStrategy[Money]:
    return st.integers(1, 10**11).map(lambda cents: Money(amount=(Decimal(cents) / 100).quantize(Decimal("0.01"))))


def instants() -> st.SearchStrategy[datetime]:
    return st.integers(3_000_000, 40_000_000).map(lambda seconds: samples.NOW + timedelta(seconds=seconds))


def days() -> st.SearchStrategy[datetime]:
    """Give past days that eForms tell without their time: midnight in Paris, out of summer time."""
    return st.integers(0, 20).map(lambda day: datetime(2026, 10, 31, 23, tzinfo=UTC) + timedelta(days=day))


PLACES = st.sampled_from(
    [
        Place(nuts="FRC11", department="21", city="Dijon", postal_code="21000"),
        Place(nuts="FRC13", department="71"),
        Place(nuts="FRL04", department="13", city="Marseille", postal_code="13002"),
    ]
)
CODES = st.lists(st.sampled_from(["45214210", "45321000", "45262500", "45111200"]), min_size=1, max_size=3, unique=True)
WINNERS = st.sampled_from(
    [
        Winner(organisation="SIRET:32691255700012", name="Lemire", city="Lyon", postal_code="69003", nuts="FRK26", size="small"),
        Winner(organisation="SIRET:73282932000074", name="Rival & fils", city="Dijon", postal_code="21000", nuts="FRC11", size="large"),
    ]
)  # fmt: skip


@st.composite
def criteria(draw: st.DrawFn) -> list[Criterion]:
    """Give criteria whose weights make a hundred percent."""
    cuts = sorted(draw(st.sets(st.integers(1, 99), max_size=3)))
    weights = [float(high - low) for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    kinds = st.sampled_from(["price", "cost", "quality"])
    return [
        Criterion(kind=draw(kinds), name=draw(words()), description=draw(words(200)), weight=weight)
        for weight in weights
    ]


@st.composite
def lot_terms(draw: st.DrawFn, *, long: bool) -> LotTerms:
    """Give terms told in full: what is left out has a default, that is read again as told."""
    framework = draw(st.sampled_from(["none", "fa-wo-rc", "fa-w-rc"]))
    framed = framework != "none"
    permission = st.sampled_from(["required", "allowed", "not-allowed"])
    return LotTerms(
        restricted_documents=draw(st.booleans()),
        electronic_submission=draw(st.sampled_from(["required", "allowed"])),
        eu_funded=draw(st.booleans()),
        variants=draw(permission),
        reserved_execution=draw(st.booleans()),
        electronic_ordering=draw(st.booleans()),
        electronic_payment=draw(st.booleans()),
        electronic_invoicing=draw(permission),
        electronic_catalogue=draw(permission),
        electronic_auction=draw(st.booleans()),
        languages=draw(st.lists(st.sampled_from(["FRA", "DEU"]), min_size=1, unique=True)),
        gpa=draw(st.booleans()),
        framework=framework,
        framework_maximum=draw(amounts()) if framed else None,
        framework_participants=draw(st.integers(1, 20)) if framed else None,
        framework_duration_reason=draw(words()) if framed and long else None,
        dynamic_purchasing="none",
        options=draw(st.none() | words(200)),
        renewals=draw(st.none() | st.integers(1, 9)),
        strategic=["soc-obj"],
        strategy=draw(words()),
        social=["et-eq"],
        performance=draw(st.none() | words()),
        validity_days=draw(st.integers(30, 365)),
    )


@st.composite
def lots(draw: st.DrawFn, deadline: datetime) -> list[Lot]:
    """Give one to three lots."""
    return [
        Lot(
            lot_id=f"LOT-{number:04d}",
            title=draw(words()),
            description=draw(words(300)),
            nature="works",
            cpv=draw(CODES),
            places=draw(st.lists(PLACES, min_size=1, max_size=2, unique_by=lambda place: place.nuts)),
            value=draw(amounts()),
            duration_months=(months := draw(st.integers(1, 120))),
            criteria=draw(criteria()),
            framework=(terms := draw(lot_terms(long=months > LONGEST_FRAMEWORK))).framework != "none",
            deadline=deadline,
            terms=terms,
        )
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]


@st.composite
def contents(draw: st.DrawFn, name: str) -> NoticeContent:
    """Give a content of a case, with texts, values and terms of all sorts."""
    deadline = draw(instants())
    told: dict[str, Any] = {
        "title": draw(words()),
        "description": draw(words(500)),
        "internal_reference": draw(words(20)),
        "cpv": draw(CODES),
        "places": draw(st.lists(PLACES, min_size=1, max_size=2, unique_by=lambda place: place.nuts)),
        "value": draw(amounts()),
        "deadline": deadline,
        "lots": draw(lots(deadline)),
        "features": draw(words()),
        "review": samples.COURT,
    }
    return samples.content(name, **told)


def read_again(content: NoticeContent) -> NoticeContent:
    """Write a content, and give what our own reader makes of it."""
    notice = check(export(samples.exported(content))).notice
    assert notice is not None
    return drafting.content_of(notice, notice.buyers[0], samples.NOW.date())


def told(content: NoticeContent) -> dict[str, Any]:
    """Give what the buyer tells."""
    return content.model_dump(mode="json", exclude=OWN)


@seed(20261122)
@settings(max_examples=25, deadline=None, database=None, phases=PHASES)
@given(contents("16"))
def test_a_contract_notice_is_read_as_it_was_written(content: NoticeContent) -> None:
    assert told(read_again(content)) == told(content)


@seed(20261122)
@settings(max_examples=15, deadline=None, database=None, phases=PHASES)
@given(contents("16 accelerated"))
def test_requests_to_take_part_and_urgency_are_read_as_written(content: NoticeContent) -> None:
    unbound = [lot.model_copy(update={"terms": _unbound(lot.terms)}) for lot in content.lots]
    asked = content.model_copy(update={"lots": unbound})
    assert told(read_again(asked)) == told(asked)


def _unbound(terms: LotTerms | None) -> LotTerms:
    """Give terms without the validity of tenders, that only an open procedure tells (BT-98)."""
    return (terms or LotTerms()).model_copy(update={"validity_days": None})


@seed(20261122)
@settings(max_examples=25, deadline=None, database=None, phases=PHASES)
@given(st.data())
def test_results_are_read_as_they_were_written(data: st.DataObject) -> None:
    results = []
    for lot in samples.LOTS:
        winners = data.draw(st.lists(WINNERS, min_size=1, max_size=2, unique_by=lambda winner: winner.name))
        value, signed = data.draw(amounts()), data.draw(days())
        number = f"{data.draw(words(20))} {lot.lot_id}"
        counts = data.draw(st.lists(st.integers(1, 5), min_size=4, max_size=4))
        sizes = dict(zip(("t-large", "t-micro", "t-small", "t-med"), counts, strict=True))
        received = sum(counts)
        others = {"t-esubm": received, "t-oth-eea": data.draw(st.integers(0, received)), "t-no-eea": 0}
        results.append(
            LotResult(
                lot_id=lot.lot_id, outcome="awarded", winner=winners[0].organisation, winner_name=winners[0].name,
                winners=winners, value=value, tenders_received=received, signed_at=signed, contract_number=number,
                submissions={**others, **sizes},
            )
        )  # fmt: skip
    content = samples.content("29", results=results, review=samples.COURT)
    assert read_again(content).results == results


def test_a_modification_is_read_as_it_was_written() -> None:
    content = samples.content("38", review=samples.COURT)
    assert read_again(content).modification == content.modification
