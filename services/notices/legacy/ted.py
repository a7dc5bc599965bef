"""From a flattened TED notice of 2014-2022 to what the platform reads of any notice; what is wrong or guessed is told."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import from_json

from libs.common.reference import cpv, nuts
from services.notices.eforms import rules
from services.notices.eforms.check import CheckedNotice
from services.notices.eforms.model import ParsedLot, ParsedNotice, ParsedOrganisation
from services.notices.eforms.problems import Problem
from services.notices.legacy.countries import country, language, present_region
from services.notices.legacy.notice import LegacyNotice, identity
from services.notices.legacy.ted_forms import ACTIVITIES, LEGAL_TYPES, procedure_of, subtype_of
from services.notices.legacy.ted_lots import lots_of, organisation_of, places_of, results_of, value_of
from services.notices.legacy.ted_record import TedParty, TedRecord

__all__ = ["MAX_BYTES", "read"]

MAX_BYTES: Final = 20 * 2**20
"""Of one notice, as for eForms."""
_JOURNAL: Final = "TED"
_NUMBER: Final = re.compile(r"^0*(\d{1,9})-(\d{4})$")
_REFERENCE: Final = re.compile(r"^(\d{4})/S \d{1,3}-0*(\d{1,9})$")
_DAY: Final = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})(?: +(\d{2}):(\d{2}))?\s*$")
_NATURES: Final = {"Works": "works", "Supplies": "supplies", "Services": "services"}
_UNDIVIDED: Final = {"1", "2", "4", "5", "6"}
"""Subtypes whose notices may tell of no lot."""


def read(data: bytes) -> LegacyNotice:
    """Read and check one notice. Never fails: what is wrong is told as problems."""
    if len(data) > MAX_BYTES:
        return _refused("JSON", "/", f"L'avis dépasse {MAX_BYTES // 2**20} Mo.", f"Over {MAX_BYTES // 2**20} MB.")
    try:
        raw = from_json(data.removeprefix(codecs.BOM_UTF8))
    except ValueError as error:
        return _refused("JSON", "/", f"Ce n'est pas du JSON valide : {error}.", f"This is no valid JSON: {error}.")
    if not isinstance(raw, dict):
        return _refused("JSON", "/", "On attend un objet JSON par avis.", "One JSON object a notice is expected.")
    try:
        record = TedRecord.model_validate(raw)
    except ValidationError as error:
        return LegacyNotice(CheckedNotice(None, tuple(_malformed(error))))
    return _legacy(record)


def _refused(term: str, path: str, message: str, message_en: str) -> LegacyNotice:
    return LegacyNotice(CheckedNotice(None, (Problem(term, path, message, message_en, core=True),)))


def _malformed(error: ValidationError) -> Iterator[Problem]:
    for fault in error.errors(include_url=False, include_input=False)[:200]:
        path = "/" + "/".join(map(str, fault["loc"]))
        french = f"{path} n'a pas la forme attendue (texte, liste ou objet) : corrigez ce champ."
        yield Problem(
            str(fault["loc"][0]) if fault["loc"] else "JSON", path, french, f"{path}: {fault['msg']}.", core=True
        )


def _legacy(record: TedRecord) -> LegacyNotice:
    notice = _notice(record)
    problems, warnings = tuple(_problems(record, notice)), tuple(_warnings(record, notice))
    references = (_canonical(reference) for reference in record.ref_notice)
    return LegacyNotice(
        CheckedNotice(notice, problems, warnings),
        published_at=_instant(record, record.date_pub, end_of_day=False),
        follows=tuple(identity(_JOURNAL, reference) for reference in dict.fromkeys(references) if reference),
    )


def _canonical(reference: str | None) -> str | None:
    """Give `817-2018` for 000817-2018 and for 2018/S 001-000817; None for what names no notice of TED."""
    if found := _NUMBER.match(reference or ""):
        return f"{found[1]}-{found[2]}"
    found = _REFERENCE.match(reference or "")
    return f"{found[2]}-{found[1]}" if found else None


def _notice(record: TedRecord) -> ParsedNotice:
    codes = tuple(dict.fromkeys(code.partition("-")[0] for code in (record.main_cpv or "", *record.cpv) if code))
    subtype = _subtype(record)
    official = rules.subtype(subtype)
    form_type = official.form_type if official else None
    dated = record.deadline_form if form_type == "competition" else None
    deadline = _instant(record, record.deadline or dated, end_of_day=True)
    lots = lots_of(record, codes, deadline) or _only_lot(record, codes, deadline, subtype)
    procedure, accelerated = procedure_of(record.procedure or "")
    number = _canonical(record.doc_id)
    changed = record.notice_type_code == "2" and record.ref_notice
    return ParsedNotice(
        document=official.document if official else "CN",
        notice_id=identity(_JOURNAL, number) if number else None,
        subtype=subtype,
        notice_type=official.notice_type if official else None,
        form_type=form_type,
        language=language((record.lang or "").partition(" ")[0]),
        legal_basis=official.legal_basis if official else None,
        issued_at=_instant(record, record.date_pub, end_of_day=False),
        title=record.title,
        description=record.description,
        internal_reference=record.reference,
        procedure_type=procedure,
        accelerated=accelerated,
        nature=_NATURES.get(record.contract_nature or ""),
        cpv=codes,
        places=places_of(record.nuts, record.country),
        value=value_of(record.values, awarded=form_type in {"result", "dir-awa-pre", "cont-modif"}),
        buyers=(_buyer(record),),
        buyer_profile_url=record.url_buyer,
        lots=lots,
        results=results_of(record, lots),
        changes=next(iter(record.ref_notice)) if changed else None,
        planned_on=_instant(record, record.deadline_form, end_of_day=False) if form_type == "planning" else None,
    )


def _subtype(record: TedRecord) -> str | None:
    return subtype_of(
        record.form or "",
        record.notice_type_code or "",
        utilities=record.authority_type == "Utilities entity",
        concession="oncession" in (record.procedure or ""),
    )


def _only_lot(
    record: TedRecord, codes: tuple[str, ...], deadline: datetime | None, subtype: str | None
) -> tuple[ParsedLot, ...]:
    """Give the single lot of a notice that tells of none: the old form gave what follows the title apart, or not at all."""
    if subtype in _UNDIVIDED:
        return ()
    return (ParsedLot("LOT-0000", cpv=codes, deadline=deadline, documents_url=record.url_document),)


def _buyer(record: TedRecord) -> ParsedOrganisation:
    party = record.buyer or TedParty(country=record.country, url=record.url_buyer)
    return organisation_of(
        party,
        name=_host(record.url_buyer) or f"Acheteur non nommé ({record.country or 'pays inconnu'})",
        legal_type=LEGAL_TYPES.get(record.authority_type or ""),
        activity=ACTIVITIES.get(record.main_activity or ""),
    )


def _host(address: str | None) -> str | None:
    try:
        return urlsplit(address or "").hostname
    except ValueError:
        return None


def _instant(record: TedRecord, written: str | None, *, end_of_day: bool) -> datetime | None:
    """Give the instant of a date and an hour told without zone: those of the capital of the buyer's country."""
    found = _DAY.match(written or "")
    if not found:
        return None
    land = country(record.country)
    hour = (
        time(int(found[4]), int(found[5]))
        if found[4] and found[4] < "24"
        else time(23, 59, 59)
        if end_of_day
        else time()
    )
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
        return datetime.combine(day, hour, tzinfo=land.zone if land else UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _problems(record: TedRecord, notice: ParsedNotice) -> Iterator[Problem]:
    """Give what the platform cannot do without."""
    if notice.notice_id is None:
        yield _absent(
            "BT-701", "/doc_id", "le numéro de l'avis (000817-2018)", "the number of the notice (000817-2018)"
        )
    if not notice.title:
        yield _absent("BT-21", "/title", "le titre", "the title")
    if notice.issued_at is None:
        yield _absent("BT-05", "/date_pub", "la date de publication (20180103)", "the date of publication (20180103)")
    if notice.subtype is None:
        yield _absent("OPP-070", "/form", "le formulaire (F01 à F25, T01, T02)", "the form (F01 to F25, T01, T02)")
    if not any(cpv.exists(code) for code in (*notice.cpv, *(code for lot in notice.lots for code in lot.cpv))):
        yield _absent("BT-262", "/cpv", "un code de la nomenclature CPV 2008", "a code of CPV 2008")


def _absent(term: str, path: str, what: str, what_en: str) -> Problem:
    return Problem(
        term, path, f"{term} manque ou n'est pas lisible : indiquez {what}.", f"{term}: give {what_en}.", core=True
    )


def _warnings(record: TedRecord, notice: ParsedNotice) -> Iterator[Problem]:
    """Give what was guessed, put in today's terms, or is not in today's lists."""
    yield Problem(
        "OPP-070", "/form",
        f"Ancien formulaire TED {record.form} ({record.notice_type}), repris comme le sous-type eForms {notice.subtype}.",
        f"Old TED form {record.form} ({record.notice_type}), read as eForms subtype {notice.subtype}.",
    )  # fmt: skip
    if notice.deadline:
        zone = land.zone.key if (land := country(record.country)) else "UTC"
        french = (
            f"Date limite écrite sans fuseau ({record.deadline or record.deadline_form}) : lue à l'heure de {zone}."
        )
        yield Problem("BT-131", "/deadline", french, f"Deadline without a zone: read in the time of {zone}.")
    if not (record.buyer and record.buyer.name):
        yield Problem(
            "BT-500", "/buyer", "L'avis ne nomme pas l'acheteur : il est connu par l'adresse de son site.",
            "The notice does not name the buyer: it is known by the address of its site.",
        )  # fmt: skip
    yield from _code_warnings(record, notice)


def _code_warnings(record: TedRecord, notice: ParsedNotice) -> Iterator[Problem]:
    for code in dict.fromkeys((*record.nuts, *(code for lot in record.lots for code in lot.nuts))):
        present = present_region(code)
        if present != code:
            french = f"Le code NUTS {code[:10]} de l'époque est devenu {present}."
            yield Problem("BT-5071", "/nuts", french, f"The NUTS code {code[:10]} has become {present}.")
        elif not nuts.exists(code):
            french = f"Le code NUTS {code[:10]} n'est pas dans la liste actuelle : il est gardé."
            yield Problem(
                "BT-5071", "/nuts", french, f"The NUTS code {code[:10]} is not in the present list: it is kept."
            )
    for code in dict.fromkeys((*notice.cpv, *(code for lot in notice.lots for code in lot.cpv))):
        if not cpv.exists(code):
            french = f"« {code[:20]} » n'est pas un code CPV 2008 : il est gardé dans les termes de l'avis."
            yield Problem("BT-262", "/cpv", french, f"'{code[:20]}' is no CPV 2008 code: it is kept in the terms.")
