"""Checks of our own model on what was read: faults that no platform can take, and remarks worth a warning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from libs.common.reference import cpv, nuts
from services.notices.eforms import rules
from services.notices.eforms.model import ParsedNotice, base_subtype, is_extended
from services.notices.eforms.organisations import is_siret, luhn
from services.notices.eforms.problems import Problem

__all__ = ["faults", "remarks"]

_QUOTED = 100
_LOTS = "/*/cac:ProcurementProjectLot"
_REGION = "/*//cac:RealizedLocation/cac:Address/cbc:CountrySubentityCode"


def faults(notice: ParsedNotice) -> list[Problem]:
    """Give what our model cannot do without, whatever the SDK version."""
    return [*_identity(notice), *_parties(notice), *_lots(notice), *_codes(notice), *_regions(notice)]


def _parties(notice: ParsedNotice) -> Iterator[Problem]:
    """Ask for a buyer that the notice describes, and for one CPV code that exists."""
    if notice.kind == "registration" or not notice.subtype:
        return
    if not notice.buyers:
        yield _absent(
            "OPT-300", "l'acheteur, décrit parmi les organisations", "the buyer, described among the organisations"
        )
    if not any(cpv.exists(code) for code in (*notice.cpv, *(code for lot in notice.lots for code in lot.cpv))):
        yield _absent("BT-262", "le code CPV principal", "the main CPV code")


def _identity(notice: ParsedNotice) -> Iterator[Problem]:
    official = rules.subtype(notice.subtype)
    if official and official.document != notice.document and official.form_type != "competition":
        yield Problem(
            "OPP-070",
            "/*",
            f"Le sous-type {official.code} s'écrit dans un document {official.document}, pas {notice.document}.",
            f"Subtype {official.code} belongs in a {official.document} document, not {notice.document}.",
            core=True,
        )
    if official is None and notice.subtype and not _is_national(notice.subtype):
        yield Problem(
            "OPP-070",
            "/*/ext:UBLExtensions//efac:NoticeSubType/cbc:SubTypeCode",
            f"Le sous-type « {notice.subtype[:20]} » n'existe pas : 1 à 40, CEI, E1 à E6, T01, T02, X01 ou X02.",
            f"There is no subtype '{notice.subtype[:20]}': 1 to 40, CEI, E1 to E6, T01, T02, X01 or X02.",
            core=True,
        )
    if official is None:
        yield from _minimum(notice)


def _is_national(subtype: str) -> bool:
    """Say whether this is a national extension of an official subtype: N16, N29..."""
    return subtype[:1] == "N" and rules.subtype(subtype[1:]) is not None


def _minimum(notice: ParsedNotice) -> Iterator[Problem]:
    """Ask the least of a notice for which the SDK has no rules."""
    if not notice.subtype:
        yield _absent("OPP-070", "le sous-type de l'avis", "the notice subtype")
    if not notice.title:
        yield _absent("BT-21", "le titre", "the title")
    if notice.notice_id is None:
        yield _absent("BT-701", "l'identifiant de l'avis", "the notice identifier")


def _absent(term: str, what: str, what_en: str) -> Problem:
    return Problem(term, "/*", f"{term} manque : indiquez {what}.", f"{term} is missing: give {what_en}.", core=True)


def _lots(notice: ParsedNotice) -> Iterator[Problem]:
    repeated = [lot for lot, count in Counter(lot.lot_id for lot in notice.lots).items() if count > 1]
    for lot in repeated:
        yield Problem(
            "BT-137",
            f"{_LOTS}[cbc:ID='{lot}']",
            f"Le lot {lot} est décrit plusieurs fois : donnez un identifiant différent à chacun.",
            f"Lot {lot} is described more than once: give each its own identifier.",
            core=True,
        )
    needs_lots = notice.document in {"CN", "CAN"} or (
        notice.document == "PIN" and base_subtype(notice.subtype) not in {"1", "2", "3"}
    )
    if needs_lots and not notice.lots:
        yield Problem(
            "BT-137", _LOTS, "L'avis ne décrit aucun lot : il en faut au moins un.", "The notice has no lot.", core=True
        )


def _codes(notice: ParsedNotice) -> Iterator[Problem]:
    """Check the codes of national notices too, that the SDK's rules do not reach."""
    if rules.subtype(notice.subtype):
        return
    codes = dict.fromkeys((*notice.cpv, *(code for lot in notice.lots for code in lot.cpv)))
    for code in codes:
        if not cpv.exists(code):
            yield Problem(
                "BT-262",
                "/*//cbc:ItemClassificationCode",
                f"BT-262 : « {code[:20]} » n'est pas un code de la nomenclature CPV 2008.",
                f"BT-262: '{code[:20]}' is not a CPV 2008 code.",
                core=True,
            )


def remarks(notice: ParsedNotice) -> Iterator[Problem]:
    """Give what deserves a warning but no refusal."""
    yield from _version_remarks(notice)
    if notice.subtype and _is_national(notice.subtype):
        yield Problem("OPP-070", "/*", f"Sous-type national {notice.subtype}.", f"National subtype {notice.subtype}.")
    yield from _buyer_remarks(notice)
    yield from _deadline_remarks(notice)
    yield from _place_remarks(notice)


def _version_remarks(notice: ParsedNotice) -> Iterator[Problem]:
    """Tell that the notice follows another SDK version than ours, or a national extension."""
    if notice.sdk_version and notice.sdk_version != rules.SDK:
        ours = ".".join(map(str, rules.SDK))
        newer = notice.sdk_version > rules.SDK
        age, age_en = ("récente", "a newer") if newer else ("ancienne", "an older")
        yield Problem(
            "OPT-002",
            "/*/cbc:CustomizationID",
            f"L'avis suit une version d'eForms plus {age} que la nôtre ({_short(notice.sdk)} ; ici {ours}).",
            f"The notice follows {age_en} eForms version than ours ({_short(notice.sdk)}; here {ours}).",
        )
    if is_extended(notice.sdk):
        yield Problem(
            "OPT-002",
            "/*/cbc:CustomizationID",
            f"L'avis suit une extension nationale d'eForms ({_short(notice.sdk)}) : il est lu comme un avis européen.",
            f"The notice follows a national extension of eForms ({_short(notice.sdk)}): it is read as a European one.",
        )


def _short(customisation: str | None) -> str:
    return (customisation or "")[:_QUOTED]


def _buyer_remarks(notice: ParsedNotice) -> Iterator[Problem]:
    for buyer in notice.buyers:
        number = "".join((buyer.identifier or "").split())
        if buyer.country == "FRA" and not is_siret(number):
            yield Problem(
                "BT-501",
                "/*//efac:Company/cac:PartyLegalEntity/cbc:CompanyID",
                f"« {number[:30]} » n'est pas un SIRET (14 chiffres) : l'acheteur français est connu par son SIRET.",
                f"'{number[:30]}' is not a SIRET (14 digits).",
            )
        elif buyer.country == "FRA" and not luhn(number):
            yield Problem(
                "BT-501",
                "/*//efac:Company/cac:PartyLegalEntity/cbc:CompanyID",
                f"La clé du SIRET {number} est fausse : vérifiez-le.",
                f"The key of SIRET {number} is wrong: check it.",
            )


def _deadline_remarks(notice: ParsedNotice) -> Iterator[Problem]:
    deadlines = {lot.deadline for lot in notice.lots if lot.deadline}
    path = f"{_LOTS}/cac:TenderingProcess/cac:TenderSubmissionDeadlinePeriod"
    if len(deadlines) > 1:
        yield Problem(
            "BT-131",
            path,
            "Les lots ont des dates limites différentes : les offres seront ouvertes après la dernière.",
            "Lots have different deadlines: bids are opened after the last one.",
        )
    if notice.kind == "contract" and notice.procedure_type in {"open", "oth-single"} and not deadlines:
        yield Problem(
            "BT-131",
            path,
            "Aucune date limite de réception des offres : elle sera nécessaire à la publication.",
            "No deadline for tenders: it will be needed to publish.",
        )


def _unknown_regions(notice: ParsedNotice) -> dict[str, bool]:
    """Give the NUTS codes that the list does not hold, and whether each is French: other countries renamed theirs since."""
    places = (*notice.places, *(place for lot in notice.lots for place in lot.places))
    unknown = [place for place in places if place.nuts and not nuts.exists(place.nuts)]
    return {place.nuts: place.country == "FRA" or place.nuts.startswith("FR") for place in unknown if place.nuts}


def _regions(notice: ParsedNotice) -> Iterator[Problem]:
    for code, french in _unknown_regions(notice).items():
        if french or not (code.isascii() and code.isalnum() and len(code) <= 5):
            yield Problem(
                "BT-5071",
                _REGION,
                f"BT-5071 : « {code[:10]} » n'est pas un code NUTS ; donnez celui du département, par exemple FRC11.",
                f"BT-5071: '{code[:10]}' is not a NUTS code; give that of the department, for example FRC11.",
                core=True,
            )


def _place_remarks(notice: ParsedNotice) -> Iterator[Problem]:
    for code, french in _unknown_regions(notice).items():
        if not french:
            yield Problem(
                "BT-5071",
                _REGION,
                f"Le code NUTS {code[:10]} n'est pas dans la liste actuelle.",
                f"The NUTS code {code[:10]} is not in the current list.",
            )
