"""What matching needs of a published notice."""

from __future__ import annotations

from collections.abc import Iterator

from libs.common.messages.notices import Notice, Place
from libs.common.reference import communes
from services.alerts.matching.notice import Subject

__all__ = ["coordinates", "departments", "subject_of"]


def subject_of(notice: Notice) -> Subject:
    """Read a notice for matching: its own words and codes, and those of its lots."""
    lots = " \n ".join(f"{lot.title} . {lot.description}" for lot in notice.lots)
    codes = dict.fromkeys([*notice.cpv, *(code for lot in notice.lots for code in lot.cpv)])
    value = notice.value.amount if notice.value and notice.value.currency == "EUR" else None
    return Subject.of(
        notice.title,
        f"{notice.description} \n {lots}",
        cpv=tuple(codes),
        departments=departments(notice),
        place=coordinates(notice),
        value=value,
        phase=notice.kind,
    )


def departments(notice: Notice) -> tuple[str, ...]:
    """Give the departments of performance, else the buyer's."""
    own = (*notice.departments, *(place.department for place in _places(notice) if place.department))
    return tuple(dict.fromkeys(own)) or ((notice.buyer.department,) if notice.buyer.department else ())


def coordinates(notice: Notice) -> tuple[float, float] | None:
    """Give latitude and longitude of the first place of performance that names a commune, else of the buyer's."""
    buyer = Place(city=notice.buyer.city, postal_code=notice.buyer.postal_code, department=notice.buyer.department)
    found = (_locate(place) for place in (*_places(notice), buyer))
    return next((point for point in found if point), None)


def _places(notice: Notice) -> Iterator[Place]:
    yield from notice.places
    for lot in notice.lots:
        yield from lot.places


def _locate(place: Place) -> tuple[float, float] | None:
    """Find the commune of a place: by name among those of its postal code or department, else alone on its postal code."""
    if place.country != "FRA":
        return None
    named = communes.named(place.city) if place.city else ()
    coded = communes.with_postal_code(place.postal_code) if place.postal_code else ()
    choices = [commune for commune in named if commune in coded]
    choices = choices or [commune for commune in named if commune.department == place.department]
    choices = choices or (list(named) if len(named) == 1 else []) or list(coded[:1])
    for commune in choices:
        if commune.latitude is not None and commune.longitude is not None:
            return commune.latitude, commune.longitude
    return None
