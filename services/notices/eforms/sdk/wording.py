"""What to tell the writer of a notice when a rule does not hold: the business term by its French name, where, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from services.notices.eforms.problems import Problem
from services.notices.eforms.sdk import conditions, shapes, table
from services.notices.eforms.sdk.branches import Branch
from services.notices.eforms.sdk.bundles import Failure
from services.notices.eforms.sdk.plan import EMPTY
from services.notices.eforms.sdk.syntax import Tree, parse
from services.notices.eforms.sdk.table import Field, Rule
from services.notices.eforms.sdk.values import normal
from services.notices.eforms.xml import prefixed

__all__ = ["told", "where"]

CORE: Final = frozenset(
    {
        "BT-701-notice", "OPP-070-notice", "BT-702(a)-notice", "OPT-300-Procedure-Buyer", "BT-500-Organization-Company",
        "BT-21-Procedure", "BT-262-Procedure", "BT-262-Lot", "BT-262-Part", "BT-137-Lot", "BT-21-Lot", "BT-105-Procedure",
    }
)  # fmt: skip
"""Terms without which a notice cannot be shown or searched: asked for whatever the SDK version of the notice."""
_EVERY_VERSION: Final = frozenset(
    {
        "BT-01", "BT-02", "BT-04", "BT-05", "BT-21", "BT-23", "BT-24", "BT-105", "BT-262", "BT-500", "BT-501", "BT-513",
        "BT-514", "BT-701", "BT-702", "BT-757",
    }
)  # fmt: skip
"""Terms that every SDK version asks for, in the subtypes where ours does so without condition (regulation (EU) 2019/1780, annex)."""
_CODES_QUOTED: Final = 12  # a code list of at most so many codes is quoted in full
_TEXT_QUOTED: Final = 60
_TEXT_LENGTH: Final = ("call", "string-length", shapes.NORMAL)


@dataclass(slots=True)
class _Case:
    """A rule that does not hold, with what its message needs."""

    rule: Rule
    tree: Tree
    branch: Branch
    field: Field | None

    @property
    def value(self) -> str:
        """The value at fault, short enough to be quoted."""
        return normal(self.branch.text)[:_TEXT_QUOTED]

    @property
    def name(self) -> str:
        """The term with its French name."""
        return f"{self.field.term} ({self.field.name})" if self.field else self.rule.subject

    @property
    def name_en(self) -> str:
        """The term."""
        return self.field.term if self.field else self.rule.subject


@dataclass(slots=True)
class _Told:
    """A message, and what of the path the element does not say."""

    french: str
    english: str
    path: str = ""
    core: bool = False
    lasting: bool = False


def told(failure: Failure, places: dict[Branch, str]) -> Problem:
    """Give the problem to tell for a rule that does not hold; `places` keeps where elements are, for the next ones of a notice."""
    rule, branch = failure
    place = where(branch, places)
    if rule.subject != EMPTY and conditions.is_of_place(rule):
        return _of_place(rule, place)
    return _problem(rule, branch, place)


@lru_cache(4_096)
def _of_place(rule: Rule, place: str) -> Problem:
    """Give the problem of a rule that only the place tells apart: notices of one older version break the same rules at the same places."""
    return _problem(rule, Branch("", "", None), place)


def _problem(rule: Rule, branch: Branch, place: str) -> Problem:
    subject = _at(branch) if rule.subject == EMPTY else rule.subject
    case = _Case(rule, parse(rule.test), branch, table.field(subject))
    found = _message(case, place)
    return Problem(
        case.field.term if case.field else _TERMS.get(subject, subject),
        f"{place}/{found.path}" if found.path else place,
        found.french,
        found.english,
        core=found.core,
        lasting=found.lasting,
        remark=rule.warning,
    )


def where(branch: Branch, places: dict[Branch, str]) -> str:
    """Give what `xml.where` gives of the element; `places` keeps it, and those of its namesakes, for they are counted together."""
    if branch in places:
        return places[branch]
    if branch.above is None:
        return places.setdefault(branch, f"/{prefixed(branch.tag)}")
    above = where(branch.above, places)
    if branch.tag.startswith("@"):
        return f"{above}/{branch.tag}"
    same, path = branch.above.children[branch.tag], f"{above}/{prefixed(branch.tag)}"
    for number, each in enumerate(same, 1):
        places[each] = f"{path}[{number}]" if len(same) > 1 else path
    return places[branch]


_TERMS: Final = {"P-0001": "OPP-070", "P-0002": "BT-137", "P-0004": "BT-137", "P-0005": "BT-137"}
"""Terms of the few rules about the structure, that name no field."""


def _at(branch: Branch) -> str:
    """Give the field of an empty element, else its name."""
    return conditions.subject_at(branch) or prefixed(branch.tag)


def _message(case: _Case, place: str) -> _Told:
    if case.rule.subject == EMPTY or (not case.value and not case.branch.children and _is_about_the_value(case.tree)):
        return _empty(case)
    if structural := _STRUCTURE.get(case.rule.subject):
        return _Told(*structural)
    if missing := _attribute(case):
        return missing
    if counted := conditions.asked(case.rule):
        return _presence(case, place, *counted)
    for tell in (_code, _shape, _languages, _reference):
        if found := tell(case):
            return found
    return _assertion(case)


_STRUCTURE: Final = {
    "P-0001": (
        "Le sous-type de l'avis (OPP-070) manque : ajoutez efac:NoticeSubType/cbc:SubTypeCode.",
        "The notice subtype (OPP-070) is missing: add efac:NoticeSubType/cbc:SubTypeCode.",
    ),
    "P-0002": (
        "L'avis ne décrit ni lot ni partie, ou il en décrit alors que son sous-type n'en a pas (BT-137).",
        "The notice describes no lot nor part, or describes some though its subtype has none (BT-137).",
    ),
}
"""Rules about the structure, that name no field."""


def _is_about_the_value(tree: Tree) -> bool:
    return tree[2:3] == (shapes.NORMAL,) or tree[:3] == ("compare", "<=", _TEXT_LENGTH)


def _empty(case: _Case) -> _Told:
    core = case.field is not None and case.field.id in CORE
    element = case.branch.tag if case.branch.tag.startswith("@") else prefixed(case.branch.tag)
    return _Told(
        f"{case.name if case.field else f'L’élément {element}'} est vide : donnez sa valeur, ou supprimez l'élément.",
        f"{case.name_en if case.field else element} is empty: give its value, or remove the element.",
        core=core,
    )


def _presence(case: _Case, place: str, sign: str, target: Tree, condition: Tree | None) -> _Told:
    """Tell that something is missing, has no place here, or is given twice."""
    path = conditions.spell(target)
    why, why_en = _because(case, condition)
    if sign == ">":
        return _missing(case, place, path, condition)
    if sign == "<":
        return _Told(
            f"{_subject(case)} est donné plusieurs fois : n'en gardez qu'un sous {place}.",
            f"{_subject_en(case)} is given more than once: keep one under {place}.",
            path,
        )
    if case.rule.stage == "2b":
        return _Told(
            f"{case.name} est donné plusieurs fois dans la même langue : gardez un texte par langue.",
            f"{case.name_en} is given more than once in one language: keep one text for each language.",
            path,
        )
    return _Told(
        f"{_subject(case)} n'a pas sa place {why} : supprimez {path}.",
        f"{_subject_en(case)} has no place {why_en}: remove {path}.",
        path,
    )


def _missing(case: _Case, place: str, path: str, condition: Tree | None) -> _Told:
    why, why_en = _because(case, condition)
    inside, inside_en = "", ""
    if case.field is None and (terms := conditions.wanted(case.rule)):
        inside, inside_en = f" (elle porte {', '.join(terms)})", f" (it holds {', '.join(terms)})"
    if condition is None:
        return _Told(
            f"{_subject(case)} manque : ajoutez {path} sous {place}{inside}.",
            f"{_subject_en(case)} is missing: add {path} under {place}{inside_en}.",
            path,
            core=case.rule.subject in CORE,
            lasting=case.field is not None and case.field.term in _EVERY_VERSION,
        )
    return _Told(
        f"{_subject(case)} manque, obligatoire {why} : ajoutez {path} sous {place}{inside}.",
        f"{_subject_en(case)} is missing, mandatory {why_en}: add {path} under {place}{inside_en}.",
        path,
    )


def _subject(case: _Case) -> str:
    if case.field:
        return case.name
    name = table.nodes().get(case.rule.subject, ("",))[0]
    return f"La section « {name} » ({case.rule.subject})" if name else f"La section {case.rule.subject}"


def _subject_en(case: _Case) -> str:
    return case.name_en if case.field else f"The section {case.rule.subject}"


def _because(case: _Case, condition: Tree | None) -> tuple[str, str]:
    """Say what a conditional rule depends on, by the business terms that its condition names."""
    if condition is None:
        return "dans un avis de ce sous-type", "in a notice of this subtype"
    terms = conditions.terms(case.rule)
    if not terms:
        return "ici", "here"
    return f"ici, vu {', '.join(terms)}", f"here, given {', '.join(terms)}"


def _attribute(case: _Case) -> _Told | None:
    """Tell that an attribute is missing."""
    name = shapes.attribute(case.tree)
    if name is None:
        return None
    return _Told(
        f"{case.name} : l'attribut {name} manque, ajoutez-le à {prefixed(case.branch.tag)}.",
        f"{case.name_en}: the attribute {name} is missing, add it to {prefixed(case.branch.tag)}.",
        f"@{name}",
    )


def _code(case: _Case) -> _Told | None:
    """Tell that a code is not in its list."""
    if case.tree[0] != "compare" or case.tree[2] != shapes.NORMAL or case.tree[1] != "=":
        return None
    codes = shapes.codes(case.tree[3])
    if codes is None:
        return None
    name = case.tree[3][1] if case.tree[3][0] == "list" and not case.tree[3][1].startswith("list-") else ""
    choice = f" Valeurs possibles : {', '.join(sorted(codes))}." if len(codes) <= _CODES_QUOTED else ""
    hint = _HINTS.get(name) or (_NUTS if "FRC11" in codes else "")
    return _Told(
        f"{case.name} : « {case.value} » n'est pas dans la liste {name or 'admise ici'}.{choice or hint}",
        f"{case.name_en}: '{case.value}' is not in the list {name or 'accepted here'}.",
        core=name == "cpv",
    )


_NUTS: Final = " Donnez un code NUTS de niveau 3, par exemple FRC11 pour la Côte-d'Or."
_HINTS: Final = {
    "cpv": " Donnez un code de la nomenclature CPV 2008, 8 chiffres sans clé, par exemple 45233140.",
    "country": " Donnez le code du pays en trois lettres, par exemple FRA.",
    "currency": " Donnez le code de la monnaie en trois lettres, par exemple EUR.",
    "eu-official-language": " Donnez le code de la langue en trois lettres, par exemple FRA.",
}


def _shape(case: _Case) -> _Told | None:
    """Tell that a value has not the form, the length or the size expected."""
    if case.tree[:3] == ("call", "matches", shapes.NORMAL):
        return _malformed(case, str(case.tree[3][1]))
    if case.tree[:3] == ("compare", "<=", _TEXT_LENGTH):
        length, most = len(normal(case.branch.text)), int(case.tree[3][1])
        return _Told(
            f"{case.name} : {length} caractères, {most} au plus ; raccourcissez le texte.",
            f"{case.name_en}: {length} characters, {most} at most.",
        )
    if case.tree == shapes.IS_TRIMMED:
        return _Told(
            f"{case.name} : « {case.value} » commence ou finit par un blanc, supprimez-le.",
            f"{case.name_en}: '{case.value}' begins or ends with a blank, remove it.",
        )
    if case.tree[0] == "compare" and case.tree[1] in {"<=", ">="} and case.tree[2] == _NUMBER:
        side, side_en = ("au plus", "at most") if case.tree[1] == "<=" else ("au moins", "at least")
        limit = case.tree[3][2][1] if case.tree[3][0] == "call" else case.tree[3][1]
        return _Told(
            f"{case.name} : « {case.value} » n'est pas admis, donnez un nombre : {limit} {side}.",
            f"{case.name_en}: '{case.value}' is not accepted, give a number: {limit} {side_en}.",
        )
    return None


_NUMBER: Final = parse("number(normalize-space(.))")


def _malformed(case: _Case, pattern: str) -> _Told:
    example, example_en = next(((fr, en) for part, fr, en in _FORMS if part in pattern), ("", ""))
    if not example and len(pattern) <= _TEXT_QUOTED:
        example = example_en = f" ({pattern})"
    return _Told(
        f"{case.name} : « {case.value} » n'a pas la forme attendue{example}.",
        f"{case.name_en}: '{case.value}' does not have the expected form{example_en}.",
        lasting="0[13578]" in pattern or "[01][0-9]|2[0-3]" in pattern,
    )


_FORMS: Final = (
    ("0[13578]", ", une date avec son fuseau, par exemple 2026-12-15+01:00", ", a date with its zone: 2026-12-15+01:00"),
    ("[01][0-9]|2[0-3]", ", une heure avec son fuseau, par exemple 12:00:00+01:00", ", a time with its zone: 12:00:00+01:00"),
    ("|GLO|", ", un identifiant de section, par exemple LOT-0001", ", the identifier of a section, for example LOT-0001"),
    ("-[0-9]{4}", ", un identifiant de quatre chiffres, par exemple LOT-0001, ORG-0001", ", an identifier such as ORG-0001"),
    ("http", ", une adresse web, par exemple https://www.exemple.fr", ", a web address such as https://www.example.com"),
    ("@", ", une adresse électronique, par exemple marches@exemple.fr", ", an e-mail address"),
    (r"\+?[0-9]", ", un numéro de téléphone, par exemple +33 380112233", ", a telephone number, for example +33 380112233"),
    ("[a-f0-9]{8}", ", un identifiant UUID en minuscules", ", a UUID in small letters"),
    ("(.[0-9]{1,2})", ", un montant à deux décimales au plus, par exemple 480000.00", ", an amount with two decimals at most"),
    ("^([0-9]+)$", ", un nombre entier", ", a whole number"),
)  # fmt: skip


def _languages(case: _Case) -> _Told | None:
    """Tell that a text is not in the languages of the notice."""
    parts = case.tree[1:] if case.tree[0] == "or" else (case.tree,)
    found = next((kind for part in parts if (kind := shapes.multilingual(part))), None)
    if found is None:
        return None
    path = conditions.spell(found[1])
    if found[0] == "B":
        return _Told(
            f"{case.name} doit être donné dans chaque langue de l'avis (BT-702) : ajoutez le texte qui manque.",
            f"{case.name_en} must be given in each language of the notice (BT-702): add the missing text.",
            path,
        )
    return _Told(
        f"{case.name} est dans une langue qui n'est pas celle de l'avis (BT-702) : corrigez languageID ou BT-702.",
        f"{case.name_en} is in a language that is not one of the notice's (BT-702): mend languageID or BT-702.",
        path,
    )


def _reference(case: _Case) -> _Told | None:
    """Tell that an identifier names an organisation that the notice does not describe."""
    path = conditions.referring(case.tree) if case.field and case.field.term in _REFERENCES else None
    if path is None or not any(part in case.rule.test for part in _ORGANISATIONS):
        return None
    given = ", ".join(conditions.reach(case.branch, path)[:_FEW])[:_TEXT_QUOTED]
    return _Told(
        f"{case.name} : « {given} » désigne une organisation que l'avis ne décrit pas ; décrivez-la ou corrigez l'identifiant.",
        f"{case.name_en}: '{given}' names an organisation that the notice does not describe.",
        conditions.spell(path),
        lasting=True,
    )


_REFERENCES: Final = {"OPT-300", "OPT-301"}
_ORGANISATIONS: Final = ("efac:Company/cac:PartyIdentification/cbc:ID", "$global-org-ids")
_FEW: Final = 5


def _assertion(case: _Case) -> _Told:
    """Tell that values do not agree, by the kind of disagreement, or else by the terms that the rule compares."""
    text = case.rule.test
    lasting = case.field is not None and case.field.id in _IDENTIFIERS and "-duplicates" in text
    for part, french, english in _KINDS:
        if part in text:
            return _Told(
                f"{case.name} : {french.format(value=case.value)}", f"{case.name_en}: {english}", lasting=lasting
            )
    others = [term for term in conditions.terms(case.rule) if case.field is None or term != case.field.term]
    agreeing = f" avec {', '.join(others)}" if others else " avec le reste de l'avis"
    agreeing_en = f" with {', '.join(others)}" if others else " with the rest of the notice"
    return _Told(
        f"{case.name} ne s'accorde pas{agreeing} : vérifiez ces valeurs.",
        f"{case.name_en} does not agree{agreeing_en}: check these values.",
    )


_IDENTIFIERS: Final = {
    "BT-137-Lot", "OPT-200-Organization-Company", "OPT-210-Tenderer", "OPT-316-Contract", "OPT-321-Tender", "OPT-322-LotResult",
}  # fmt: skip
"""Identifiers of sections: each names one, in every SDK version."""
_KINDS: Final = (
    ("-duplicates", "« {value} » est donné plusieurs fois : un identifiant n'en désigne qu'un.", "given more than once."),
    ("return $y) = 1", "« {value} » est donné plusieurs fois : n'en gardez qu'un.", "given more than once: keep one."),
    ("starts-with(", "le code CPV ne va pas avec la nature du marché (BT-23) : corrigez l'un ou l'autre.",
     "the CPV code does not go with the nature of the contract (BT-23)."),
    ("< 0)", "« {value} » est négatif : donnez un montant positif.", "the amount is negative."),
    ("P10Y", "la date de publication différée est à plus de dix ans, ou à moins de deux jours.",
     "the date of deferred publication is over ten years away, or under two days."),
    ("#nuts-alb-lvl3", "« {value} » n'est pas un code NUTS de niveau 3 du pays indiqué ; pour la Côte-d'Or : FRC11.",
     "no level 3 NUTS code of the country given."),
)  # fmt: skip
