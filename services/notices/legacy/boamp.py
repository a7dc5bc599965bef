"""From a notice in the old national form of the BOAMP (schema Boamp_v230, until 2023) to what the platform reads of any notice.

Modest: who, what, where, lots, results. The form gave a CPV code only above the European thresholds; a notice of other works is put
under construction works as a whole, which it is. Supplies and services have no such division: they are taken without a code, and
found by their words, their buyer and their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from libs.common.reference import cpv, nuts
from services.notices.eforms import numbers, rules
from services.notices.eforms.check import CheckedNotice
from services.notices.eforms.model import (
    Amount,
    ParsedContact,
    ParsedLot,
    ParsedNotice,
    ParsedOrganisation,
    ParsedPlace,
    ParsedResult,
)
from services.notices.eforms.organisations import identify
from services.notices.eforms.problems import Problem, UnreadableNoticeError
from services.notices.eforms.xml import Element, find, find_all, parse, text, values
from services.notices.legacy.countries import present_region
from services.notices.legacy.notice import LegacyNotice, identity
from services.notices.legacy.ted_lots import amount_of

__all__ = ["ROOT", "read"]

ROOT: Final = "ANNONCE"
_PARIS: Final = ZoneInfo("Europe/Paris")
_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?")
_SUBTYPES: Final = {
    "APPEL_OFFRE": ("16", "E3"),
    "RECTIFICATIF": ("16", "E3"),
    "ANNULATION": ("16", "E3"),
    "ATTRIBUTION": ("29", "E4"),
    "PERIODIQUE": ("4", "E2"),
    "QUALIFICATION": ("15", "E3"),
    "INTENTION_CONCLURE": ("25", "E4"),
    "MODIFICATION": ("38", "E6"),
}
"""By the nature of the notice: in the family JOUE, in the national ones."""
_CHANGES: Final = {"RECTIFICATIF": "cor-buy", "ANNULATION": "cancel"}
"""BT-140 by the state of a notice that changes an earlier one."""
_PROCEDURES: Final = {
    "OUVERT": "open",
    "RESTREINT": "restricted",
    "NEGOCIE": "neg-w-call",
    "DIALOGUE_COMPETITIF": "comp-dial",
    "PROCEDURE_ADAPTE": "adapted",
}
_NATURES: Final = {"TRAVAUX": "works", "FOURNITURES": "supplies", "SERVICE": "services", "SERVICES": "services"}
_LEGAL_TYPES: Final = {"ETAT": "cga", "COMMUNE": "la", "DEPARTEMENT": "la", "REGION": "ra", "EPT": "la"}
_WORKS: Final = "45000000"


def read(data: bytes) -> LegacyNotice:
    """Read and check a notice. Never fails: what is wrong is told as problems."""
    try:
        root = parse(data, {ROOT: "BOAMP"})
    except UnreadableNoticeError as error:
        return LegacyNotice(CheckedNotice(None, (error.problem,)), media_type="application/xml")
    notice = _notice(root)
    return LegacyNotice(
        CheckedNotice(notice, tuple(_problems(notice)), tuple(_warnings(root, notice))),
        published_at=notice.issued_at,
        follows=tuple(identity("BOAMP", number) for number in dict.fromkeys(_former(root))),
        media_type="application/xml",
    )


def _notice(root: Element) -> ParsedNotice:
    data = find(root, "DONNEES")
    subject = find(data, "OBJET")
    number = text(root, "GESTION/REFERENCE/IDWEB")
    nature = _NATURES.get(_choice(subject, "TYPE_MARCHE") or "")
    subtype = _subtype(root)
    official = rules.subtype(subtype)
    codes = _codes(subject) or ((_WORKS,) if nature == "works" else ())
    deadline = _instant(text(data, ".//RECEPT_OFFRES") or text(data, ".//RECEPT_CANDIDATURES"), end_of_day=True)
    places = _places(root, subject)
    whole = ParsedLot("LOT-0000", cpv=codes, places=places, deadline=deadline)
    lots = tuple(_lot(lot, place, codes, deadline) for place, lot in enumerate(_described(root), 1))
    change = _change(root)
    return ParsedNotice(
        document=official.document if official else "CN",
        notice_id=identity("BOAMP", number) if number else None,
        subtype=subtype,
        notice_type=official.notice_type if official else None,
        form_type=official.form_type if official else None,
        language="FRA",
        legal_basis=official.legal_basis if official else None,
        issued_at=_instant(text(root, "GESTION/INDEXATION/DATE_PUBLICATION"), end_of_day=False),
        title=text(subject, "TITRE_MARCHE")
        or text(root, "GESTION/INDEXATION/RESUME_OBJET")
        or text(subject, "OBJET_COMPLET"),
        description=text(subject, "OBJET_COMPLET"),
        internal_reference=text(subject, "REF_MARCHE"),
        procedure_type=_PROCEDURES.get(_choice(data, "PROCEDURE/TYPE_PROCEDURE") or ""),
        nature=nature,
        cpv=codes,
        places=places,
        value=_amount(find(data, "ATTRIBUTION/VALEUR_TOTALE")),
        buyers=(_organisation(find(data, "IDENTITE"), _choice(data, "TYPE_ORGANISME")),),
        buyer_profile_url=text(data, "IDENTITE/URL_PROFIL_ACHETEUR"),
        lots=lots or (whole,),
        results=tuple(_results(root, lots or (whole,))),
        changes=_former(root)[0] if change else None,
        change_reason=change,
    )


def _former(root: Element) -> list[str]:
    """Give the numbers of the earlier notices that this one names."""
    return values(root, "GESTION/MARCHE/ANNONCE_ANTERIEUR/REFERENCE/IDWEB")


def _change(root: Element) -> str | None:
    """Give how the notice changes an earlier one (BT-140); None where it does not, or names none."""
    told = (_choice(root, f"GESTION/REFERENCE/TYPE_AVIS/{part}") for part in ("STATUT", "NATURE"))
    reason = next((_CHANGES[each] for each in told if each in _CHANGES), None)
    return reason if _former(root) else None


def _described(root: Element) -> list[Element]:
    """Give what describes each lot: the list of lots, else the decisions of an award that tell several numbers, the first of each."""
    if listed := find_all(root, ".//LOTS/LOT"):
        return listed
    decisions: dict[str, Element] = {}
    for each in find_all(root, "DONNEES/ATTRIBUTION/DECISION"):
        if number := text(each, "NUM_LOT"):
            decisions.setdefault(number, each)
    return list(decisions.values()) if len(decisions) > 1 else []


def _choice(element: Element | None, path: str) -> str | None:
    """Give the name of the first child: the form ticks a box by an empty element."""
    found = find(element, path)
    return str(found[0].tag) if found is not None and len(found) else None


def _subtype(root: Element) -> str | None:
    european = _choice(root, "GESTION/REFERENCE/TYPE_AVIS/FAMILLE") == "JOUE"
    known = _SUBTYPES.get(_choice(root, "GESTION/REFERENCE/TYPE_AVIS/NATURE") or "")
    return known[0 if european else 1] if known else None


def _codes(element: Element | None) -> tuple[str, ...]:
    found = (*values(element, "CPV/PRINCIPAL"), *values(element, "CPV/SUPPLEMENTAIRE"))
    return tuple(dict.fromkeys(code.partition("-")[0] for code in found))


def _places(root: Element, subject: Element | None) -> tuple[ParsedPlace, ...]:
    """Give the place of performance: its region, else its department."""
    regions = [present_region(code) for code in values(subject, "LIEU_EXEC_LIVR/CODE_NUTS")]
    numbers_told = values(root, "GESTION/INDEXATION/DEP_PRESTATION") or values(
        root, "GESTION/INDEXATION/DEP_PUBLICATION"
    )
    departments = (nuts.of_department(number.zfill(2)) for number in numbers_told)
    return tuple(
        ParsedPlace("FRA", region) for region in dict.fromkeys(regions or [each for each in departments if each])
    )


def _lot(lot: Element, place: int, codes: tuple[str, ...], deadline: datetime | None) -> ParsedLot:
    return ParsedLot(
        lot_id=f"LOT-{place:04}",
        title=text(lot, "INTITULE"),
        description=text(lot, "DESCRIPTION"),
        cpv=_codes(lot) or codes,
        places=tuple(ParsedPlace("FRA", present_region(code)) for code in values(lot, "CODE_NUTS")),
        deadline=deadline,
    )


def _results(root: Element, lots: tuple[ParsedLot, ...]) -> Iterator[ParsedResult]:
    """Give a result for each decision; one of no lot, or of a lot that the notice does not describe, is of the whole."""
    told = [text(lot, "NUM") or text(lot, "NUM_LOT") or "" for lot in _described(root)]
    names = {number: lot.lot_id for number, lot in zip(told, lots, strict=False)}
    stopped = find(root, "DONNEES/ATTRIBUTION/SANS_SUITE") is not None
    for place, decision in enumerate(find_all(root, "DONNEES/ATTRIBUTION/DECISION"), 1):
        number = text(decision, "NUM_LOT")
        single = lots[0].lot_id if len(lots) == 1 else f"LOT-{place:04}"
        winners = [_organisation(winner, None) for winner in find_all(decision, "TITULAIRE")]
        failed = "unsuccessful" if find(decision, "INFRUCTUEUX") is not None else "abandoned" if stopped else "awarded"
        yield ParsedResult(
            lot_id=names.get(number or "", single),
            outcome="awarded" if winners else failed,
            winners=tuple(winners),
            value=_amount(find(decision, "RENSEIGNEMENT/MONTANT")),
            tenders_received=numbers.integer(text(decision, "RENSEIGNEMENT/NB_OFFRE_RECU")),
            signed_at=_instant(text(decision, "RENSEIGNEMENT/DATE_ATTRIBUTION"), end_of_day=False),
        )


def _organisation(party: Element | None, kind: str | None) -> ParsedOrganisation:
    name = text(party, "DENOMINATION") or ""
    number = text(party, "CODE_IDENT_NATIONAL")
    return ParsedOrganisation(
        reference="",
        organisation=identify(number, "FRA", name),
        name=name or "Organisme non nommé",
        identifier=number,
        country="FRA",
        city=text(party, "VILLE"),
        postal_code=text(party, "CP"),
        legal_type=_LEGAL_TYPES.get(kind or ""),
        contact=ParsedContact(street=text(party, "ADRESSE"), url=text(party, "URL")),
    )


def _amount(element: Element | None) -> Amount | None:
    return None if element is None else amount_of(element.text, element.get("DEVISE"))


def _instant(written: str | None, *, end_of_day: bool) -> datetime | None:
    """Give the instant of a date, with or without an hour, in Paris."""
    found = _DAY.match(written or "")
    if not found:
        return None
    try:
        told = time(int(found[4]), int(found[5])) if found[4] else time(23, 59, 59) if end_of_day else time()
        day = date(int(found[1]), int(found[2]), int(found[3]))
        return datetime.combine(day, told, tzinfo=_PARIS).astimezone(UTC)
    except ValueError:
        return None


def _problems(notice: ParsedNotice) -> Iterator[Problem]:
    if notice.notice_id is None:
        yield _absent("BT-701", "GESTION/REFERENCE/IDWEB", "le numéro de l'annonce", "the number of the notice")
    if notice.subtype is None:
        path = "GESTION/REFERENCE/TYPE_AVIS/NATURE"
        yield _absent("OPP-070", path, "un appel d'offres ou une attribution", "a call for tenders or an award")
    if notice.issued_at is None:
        yield _absent("BT-05", "GESTION/INDEXATION/DATE_PUBLICATION", "la date de parution", "the date of publication")
    if not notice.title:
        yield _absent("BT-21", "DONNEES/OBJET/TITRE_MARCHE", "le titre", "the title")


def _absent(term: str, path: str, what: str, what_en: str) -> Problem:
    return Problem(
        term, f"/{ROOT}/{path}", f"{term} manque : indiquez {what}.", f"{term} is missing: give {what_en}.", core=True
    )


def _warnings(root: Element, notice: ParsedNotice) -> Iterator[Problem]:
    french = f"Ancien formulaire national du BOAMP, repris comme le sous-type eForms {notice.subtype}."
    yield Problem(
        "OPP-070", f"/{ROOT}", french, f"Old national form of the BOAMP, read as eForms subtype {notice.subtype}."
    )
    yield from _code_warnings(root, notice)


def _code_warnings(root: Element, notice: ParsedNotice) -> Iterator[Problem]:
    """Tell how a notice without a CPV code is classed, and which codes are none of CPV 2008."""
    path = f"/{ROOT}/DONNEES/OBJET"
    if notice.cpv == (_WORKS,) and not _codes(find(root, "DONNEES/OBJET")):
        french = f"L'annonce n'a pas de code CPV : classée dans les travaux de construction ({_WORKS})."
        yield Problem("BT-262", path, french, f"No CPV code: put under construction works ({_WORKS}).")
    elif not notice.cpv and not any(lot.cpv for lot in notice.lots):
        french = "L'annonce n'a pas de code CPV : elle se trouve par ses mots, son acheteur et son lieu, pas par nomenclature."
        yield Problem("BT-262", path, french, "No CPV code: found by its words, its buyer and its place, not by CPV.")
    for code in dict.fromkeys((*notice.cpv, *(code for lot in notice.lots for code in lot.cpv))):
        if not cpv.exists(code):
            french = f"« {code[:20]} » n'est pas un code CPV 2008 : il est gardé dans les termes de l'avis."
            yield Problem(
                "BT-262", path, french, f"'{code[:20]}' is no CPV 2008 code: it is kept in the terms of the notice."
            )
