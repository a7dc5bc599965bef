"""The forms of TED (implementing regulation (EU) 2015/1986 and before) in the terms of eForms: subtypes, procedures, buyers."""

from __future__ import annotations

from typing import Final

__all__ = ["ACTIVITIES", "LEGAL_TYPES", "procedure_of", "subtype_of"]

_FORMS: Final = {
    "F01": "4", "F02": "16", "F03": "29", "F04": "5", "F05": "17", "F06": "30", "F07": "15", "F08": "1", "F12": "23",
    "F13": "36", "F14": "16", "F15": "25", "F16": "6", "F17": "18", "F18": "31", "F19": "22", "F20": "38", "F21": "20",
    "F22": "21", "F23": "14", "F24": "19", "F25": "32", "T01": "T01", "T02": "T02", "F09": "16", "F10": "19", "F11": "19",
}  # fmt: skip
_BY_TYPE: Final = {
    ("F01", "A"): "10", ("F04", "M"): "11", ("F21", "0"): "4", ("F21", "A"): "12", ("F21", "7"): "33", ("F22", "P"): "5",
    ("F22", "M"): "13", ("F22", "Q"): "15", ("F22", "7"): "34", ("F23", "J"): "35",
}  # fmt: skip
"""Forms that served for several notices: the type of document decides."""
_TYPES: Final = {
    "0": "4", "3": "16", "7": "29", "V": "25", "A": "10", "P": "5", "M": "11", "O": "15", "Q": "15", "B": "1", "D": "23",
    "R": "36", "K": "38", "H": "14", "J": "32", "C": "19", "Y": "16", "2": "16",
}  # fmt: skip
"""By the type of document alone, for a form that we do not know."""
_UTILITIES: Final = {"1": "2", "4": "5", "16": "17", "23": "24", "25": "26", "29": "30", "36": "37", "38": "39"}
_CONCESSIONS: Final = {"25": "28", "38": "40"}
_PROCEDURES: Final = {
    "open procedure": "open",
    "restricted procedure": "restricted",
    "negotiated procedure": "neg-w-call",
    "competitive procedure with negotiation": "neg-w-call",
    "competitive dialogue": "comp-dial",
    "innovation partnership": "innovation",
    "negotiated without a prior call for competition": "neg-wo-call",
    "contract award without prior publication": "neg-wo-call",
    "concession award without prior concession notice": "neg-wo-call",
    "direct award": "neg-wo-call",
}
LEGAL_TYPES: Final = {
    "Ministry or any other national or federal authority": "cga",
    "National or federal Agency/Office": "body-pl-cga",
    "Regional or local authority": "la",
    "Regional or local Agency/Office": "body-pl-la",
    "Body governed by public law": "body-pl",
    "European Institution/Agency or International Organisation": "eu-ins-bod-ag",
    "Utilities entity": "pub-undert",
}
"""Type of authority to BT-11."""
ACTIVITIES: Final = {
    "General public services": "gen-pub",
    "Education": "education",
    "Health": "health",
    "Environment": "env-pro",
    "Housing and community amenities": "hc-am",
    "Recreation, culture and religion": "rcr",
    "Social protection": "soc-pro",
    "Economic and financial affairs": "econ-aff",
    "Defence": "defence",
    "Public order and safety": "pub-os",
}
"""Main activity to BT-10."""


def subtype_of(form: str, kind: str, *, utilities: bool, concession: bool) -> str | None:
    """Give the eForms subtype that a form corresponds to, None where neither the form nor the type of document is known."""
    name = f"F{int(form):02}" if form.isascii() and form.isdigit() and len(form) < 3 else form.upper()
    found = _BY_TYPE.get((name, kind)) or _FORMS.get(name) or _TYPES.get(kind)
    if found is None:
        return None
    if concession and found in _CONCESSIONS:
        return _CONCESSIONS[found]
    return _UTILITIES.get(found, found) if utilities else found


def procedure_of(told: str) -> tuple[str | None, bool]:
    """Give the type of procedure (BT-105), None where the notice tells none, and whether it is accelerated (BT-106)."""
    words = told.lower()
    accelerated = words.startswith("accelerated ")
    return _PROCEDURES.get(words.removeprefix("accelerated ")), accelerated
