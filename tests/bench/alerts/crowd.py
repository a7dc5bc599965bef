"""Notices, and saved searches drawn from their own words and codes, seeded: about one in a thousand matches a notice."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from libs.common.reference import communes, departments
from libs.common.search.words import plain
from libs.common.standards import folder
from services.alerts.matching.criteria import Criteria
from services.alerts.matching.notice import Subject

__all__ = ["SEED", "Told", "corpus", "searches", "subject_of"]

SEED = 2026
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_WORDS = (
    "travaux",
    "maintenance",
    "fourniture",
    "école",
    "voirie",
    "nettoyage",
    "logiciel",
    "éclairage",
    "toiture",
    "eau",
)


@dataclass(frozen=True)
class Told:
    """What a notice tells."""

    title: str
    description: str
    cpv: tuple[str, ...]
    department: str | None
    place: tuple[float, float] | None
    value: Decimal | None


def corpus() -> list[Told]:
    """Give the notices of TED where they are at hand, else some made of few words."""
    path = folder()
    file = path / "notices" / "ted.jsonl" if path else None
    if file is None or not file.is_file():
        return _made()
    with file.open(encoding="utf-8") as lines:
        return [_told(json.loads(line)) for line in lines]


def subject_of(told: Told) -> Subject:
    """Read a notice as matching does."""
    places = [told.department] if told.department else []
    return Subject.told(
        told.title, told.description, cpv=told.cpv, departments=places, place=told.place, value=told.value
    )


def searches(notices: Sequence[Told], number: int, *, plain_only: bool = False) -> Iterator[Criteria]:
    """Give so many distinct searches. `plain_only`: without phrases and circles, which not every percolator knows."""
    draw = random.Random(SEED)
    read = [(told, plain(f"{told.title} {told.description}").lower().split()) for told in notices]
    frequency = Counter(word for _, words in read for word in set(words))
    common = {word for word, times in frequency.items() if len(word) > 3 and 4 <= times <= len(notices) // 12}
    usable = [(told, words, kept) for told, words in read if len(kept := [w for w in words if w in common]) >= 4]
    seen: set[bytes] = set()
    while len(seen) < number:
        criteria = Criteria.model_validate(_search(draw, *draw.choice(usable), plain_only=plain_only))
        digest = criteria.digest()
        if digest not in seen:
            seen.add(digest)
            yield criteria


def _search(draw: random.Random, told: Told, words: list[str], kept: list[str], *, plain_only: bool) -> dict[str, Any]:
    kind = draw.random()
    code = draw.choice(told.cpv) if told.cpv else "45000000"
    if kind < 0.15 and not plain_only:
        at = draw.randrange(len(words) - 1)
        return {"phrases": [" ".join(words[at : at + draw.choice((2, 2, 3))])], "words": [draw.choice(kept)]}
    if kind < 0.3:
        return {"any": draw.sample(kept, 3), "cpv": [code[:4]], "words": [draw.choice(kept)]}
    if kind < 0.45:
        low = draw.choice((None, 10_000, 90_000, 250_000))
        return {"words": [draw.choice(kept)], "cpv": [code[:3]], "value_min": low, "unknown_value": draw.random() < 0.7,
                "departments": [told.department] if told.department and draw.random() < 0.6 else []}  # fmt: skip
    if kind < 0.55 and not plain_only and told.place:
        near = {"lat": told.place[0] + draw.random() / 5, "lon": told.place[1], "km": draw.choice((30, 50, 100))}
        return {"words": draw.sample(kept, 2), "near": near}
    if kind < 0.7:
        return {"words": [draw.choice(kept)], "cpv": [code[:2]], "not": [draw.choice(kept), draw.choice(_WORDS)]}
    return {"words": draw.sample(kept, draw.choice((2, 2, 3))), "cpv": [code[:2]] if draw.random() < 0.5 else []}


def _told(line: dict[str, Any]) -> Told:
    buyer, values = line.get("buyer") or {}, line.get("values") or []
    postal_code = (buyer.get("postal_code") or "") if line["country"] == "FR" else ""
    sharing = communes.with_postal_code(postal_code) if postal_code else ()
    where = next(((each.latitude, each.longitude) for each in sharing if each.latitude and each.longitude), None)
    amounts = [
        Decimal(value["amount"])
        for value in values
        if value.get("currency") == "EUR" and _NUMBER.fullmatch(value.get("amount") or "")
    ]
    department = departments.of_postal_code(postal_code) if postal_code else None
    lots = " ".join(f"{lot.get('title') or ''} {lot.get('description') or ''}" for lot in line.get("lots") or [])
    text = f"{line.get('description') or ''} {lots}"[:40_000]
    return Told(line.get("title") or "", text, tuple(line["cpv"]), department, where, amounts[0] if amounts else None)


def _made() -> list[Told]:
    draw = random.Random(SEED)
    words = [f"{draw.choice(_WORDS)}{draw.randrange(300)}" for _ in range(3_000)]
    places = [each for each in communes.every().values() if each.latitude and each.longitude][:500]
    found = []
    for _ in range(2_000):
        place = draw.choice(places)
        text = " ".join(draw.choice(words) for _ in range(draw.randrange(20, 200)))
        code = f"{draw.randrange(10, 99)}{draw.randrange(10**6):06}"
        at = (place.latitude or 0.0, place.longitude or 0.0)
        found.append(Told(text[:80], text, (code,), place.department, at, Decimal(draw.randrange(10**6))))
    return found
