"""Tells in French and in English what pydantic found wrong; never repeats a value that was submitted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from libs.common.errors import FieldError

__all__ = ["MESSAGES", "faults"]

_NAME = 80  # characters of a submitted name that are told back

MESSAGES: dict[str, tuple[str, str]] = {
    "missing": ("Cette donnée est obligatoire.", "This is required."),
    "extra_forbidden": ("Cette donnée n'est pas connue : retirez-la.", "This is not known: remove it."),
    "none_required": ("Aucune valeur n'est attendue ici.", "No value is expected here."),
    "string_type": ("Un texte est attendu.", "A text is expected."),
    "string_unicode": ("Un texte en UTF-8 est attendu.", "A text in UTF-8 is expected."),
    "string_too_short": ("Au moins {min_length} caractères.", "At least {min_length} characters."),
    "string_too_long": ("Au plus {max_length} caractères.", "At most {max_length} characters."),
    "string_pattern_mismatch": (
        "La forme attendue est : {pattern}",
        "The expected form is: {pattern}",
    ),
    "bool_type": ("Vrai ou faux (true, false) est attendu.", "True or false is expected."),
    "bool_parsing": ("Vrai ou faux (true, false) est attendu.", "True or false is expected."),
    "int_type": ("Un nombre entier est attendu.", "A whole number is expected."),
    "int_parsing": ("Un nombre entier est attendu.", "A whole number is expected."),
    "int_parsing_size": ("Ce nombre est trop grand.", "This number is too large."),
    "int_from_float": ("Un nombre entier est attendu.", "A whole number is expected."),
    "float_type": ("Un nombre est attendu.", "A number is expected."),
    "float_parsing": ("Un nombre est attendu.", "A number is expected."),
    "finite_number": ("Un nombre fini est attendu.", "A finite number is expected."),
    "decimal_type": ("Un nombre décimal est attendu.", "A decimal number is expected."),
    "decimal_parsing": ("Un nombre décimal est attendu.", "A decimal number is expected."),
    "decimal_max_digits": ("Au plus {max_digits} chiffres.", "At most {max_digits} digits."),
    "decimal_max_places": (
        "Au plus {decimal_places} chiffres après la virgule.",
        "At most {decimal_places} decimal places.",
    ),
    "decimal_whole_digits": (
        "Au plus {whole_digits} chiffres avant la virgule.",
        "At most {whole_digits} digits before the decimal point.",
    ),
    "greater_than": ("Doit être plus grand que {gt}.", "Must be greater than {gt}."),
    "greater_than_equal": ("Doit être au moins {ge}.", "Must be at least {ge}."),
    "less_than": ("Doit être plus petit que {lt}.", "Must be less than {lt}."),
    "less_than_equal": ("Doit être au plus {le}.", "Must be at most {le}."),
    "multiple_of": ("Doit être un multiple de {multiple_of}.", "Must be a multiple of {multiple_of}."),
    "date_type": ("Une date est attendue (AAAA-MM-JJ).", "A date is expected (YYYY-MM-DD)."),
    "date_parsing": ("Une date est attendue (AAAA-MM-JJ).", "A date is expected (YYYY-MM-DD)."),
    "date_from_datetime_parsing": ("Une date est attendue (AAAA-MM-JJ).", "A date is expected (YYYY-MM-DD)."),
    "date_from_datetime_inexact": ("Une date sans heure est attendue.", "A date without time is expected."),
    "date_past": ("Une date passée est attendue.", "A past date is expected."),
    "date_future": ("Une date à venir est attendue.", "A future date is expected."),
    "time_type": ("Une heure est attendue (HH:MM:SS).", "A time is expected (HH:MM:SS)."),
    "time_parsing": ("Une heure est attendue (HH:MM:SS).", "A time is expected (HH:MM:SS)."),
    "datetime_type": (
        "Une date avec heure et fuseau est attendue (2026-11-21T12:00:00+01:00).",
        "A date with time and offset is expected (2026-11-21T12:00:00+01:00).",
    ),
    "datetime_parsing": (
        "Une date avec heure et fuseau est attendue (2026-11-21T12:00:00+01:00).",
        "A date with time and offset is expected (2026-11-21T12:00:00+01:00).",
    ),
    "datetime_from_date_parsing": (
        "Une date avec heure et fuseau est attendue (2026-11-21T12:00:00+01:00).",
        "A date with time and offset is expected (2026-11-21T12:00:00+01:00).",
    ),
    "datetime_object_invalid": ("Cette date n'existe pas.", "This date does not exist."),
    "datetime_past": ("Un instant passé est attendu.", "A past instant is expected."),
    "datetime_future": ("Un instant à venir est attendu.", "A future instant is expected."),
    "timezone_aware": (
        "Le fuseau horaire manque : ajoutez-le, par exemple +01:00 ou Z.",
        "The offset is missing: add it, for example +01:00 or Z.",
    ),
    "timezone_naive": ("Sans fuseau horaire.", "Without offset."),
    "time_delta_type": ("Une durée est attendue (P3DT4H).", "A duration is expected (P3DT4H)."),
    "time_delta_parsing": ("Une durée est attendue (P3DT4H).", "A duration is expected (P3DT4H)."),
    "uuid_type": ("Un identifiant (UUID) est attendu.", "An identifier (UUID) is expected."),
    "uuid_parsing": ("Un identifiant (UUID) est attendu.", "An identifier (UUID) is expected."),
    "uuid_version": (
        "Un UUID de version {expected_version} est attendu.",
        "A version {expected_version} UUID is expected.",
    ),
    "enum": ("Valeurs possibles : {expected}.", "Possible values: {expected}."),
    "literal_error": ("Valeurs possibles : {expected}.", "Possible values: {expected}."),
    "list_type": ("Une liste est attendue.", "A list is expected."),
    "tuple_type": ("Une liste est attendue.", "A list is expected."),
    "set_type": ("Une liste est attendue.", "A list is expected."),
    "frozen_set_type": ("Une liste est attendue.", "A list is expected."),
    "iterable_type": ("Une liste est attendue.", "A list is expected."),
    "dict_type": ("Un objet est attendu.", "An object is expected."),
    "mapping_type": ("Un objet est attendu.", "An object is expected."),
    "model_type": ("Un objet est attendu.", "An object is expected."),
    "model_attributes_type": ("Un objet est attendu.", "An object is expected."),
    "too_short": ("Au moins {min_length} éléments.", "At least {min_length} items."),
    "too_long": ("Au plus {max_length} éléments.", "At most {max_length} items."),
    "bytes_type": ("Un texte en base 64 est attendu.", "A base64 text is expected."),
    "bytes_invalid_encoding": ("Un texte en base 64 est attendu.", "A base64 text is expected."),
    "url_type": ("Une adresse (URL) est attendue.", "A URL is expected."),
    "url_parsing": ("Une adresse (URL) est attendue.", "A URL is expected."),
    "url_scheme": ("Adresse acceptée : {expected_schemes}.", "Accepted schemes: {expected_schemes}."),
    "url_too_long": ("Au plus {max_length} caractères.", "At most {max_length} characters."),
    "union_tag_invalid": (
        "Valeurs possibles de {discriminator} : {expected_tags}.",
        "Possible {discriminator}: {expected_tags}.",
    ),
    "union_tag_not_found": ("Précisez {discriminator}.", "Say which {discriminator}."),
    "repeated": ("Ce paramètre est donné plusieurs fois.", "This parameter is given several times."),
    "null_character": ("Le caractère nul n'est pas accepté.", "The null character is not accepted."),
}
_OTHER = ("Valeur non acceptée.", "Value not accepted.")


def faults(error: ValidationError, place: str) -> list[FieldError]:
    """Give every fault that pydantic found in `place` (body, query, path, header)."""
    found = error.errors(include_url=False)
    return [FieldError(where(place, fault["loc"]), *_messages(fault)) for fault in found]


def where(place: str, location: Iterable[str | int]) -> str:
    """Give the place of a fault: `body/lots/0/value`, `query/limit`."""
    return "/".join([place, *(_readable(part) for part in location)])


def _readable(part: str | int) -> str:
    return re.sub(r"[^\w.:@+-]", "_", str(part))[:_NAME]


def _messages(fault: Any) -> tuple[str, str]:  # noqa: ANN401  # pydantic's ErrorDetails
    context = fault.get("ctx", {})
    own = context.get("error")
    if fault["type"] == "value_error" and own is not None:
        return _told_by_us(own, fault["input"])
    french, english = MESSAGES.get(fault["type"], _OTHER)
    try:
        return french.format(**_in_french(context)), english.format(**context)
    except (KeyError, IndexError):
        return _OTHER


def _told_by_us(error: object, submitted: object) -> tuple[str, str]:
    """Give the words of a validator of ours: `raise ValueError("en français", "in English")`; other words may quote."""
    words = [str(argument) for argument in getattr(error, "args", ())]
    quoted = str(submitted)
    if not words or any(quoted and quoted in word for word in words):
        return _OTHER
    return words[0], words[-1]


def _in_french(context: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(" or ", " ou ") if name.startswith("expected") and isinstance(value, str) else value
        for name, value in context.items()
    }
