"""What an act's message and envelope say, and our own checks of it (used with the official schema, or in its place)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from services.legality.actes.codes import CONTRACT_PIECES, NATURES
from services.legality.actes.names import ACT_IDENTIFIER, NUMBER, ActName

__all__ = ["MAX_OBJECT", "MAX_TOTAL", "ActMessage", "Authority", "Piece", "faults", "latin1"]

MAX_OBJECT = 500
"""Characters of an act's object."""
MAX_TOTAL = 150 * 1024 * 1024
"""Bytes of an act with its annexes, as operators enforce it."""
_EMAIL = re.compile(r"[_a-zA-Z0-9\-]+(\.[_a-zA-Z0-9\-]+)*@[a-zA-Z0-9\-]+(\.[a-zA-Z0-9\-]+)*\.[a-zA-Z]{2,6}")
_REPLACED = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "œ": "oe", "Œ": "OE", "€": "EUR", "…": "...",
     "\u202f": "\u00a0"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority that transmits, as the State knows it (`IDCL`)."""

    siren: str
    department: str
    """3 characters."""
    arrondissement: str
    """1 digit; 0 when it is not known."""
    nature: str
    """2 digits."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A document of an act: its type and its name in the archive."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class ActMessage:
    """Message 1-1: the transmission of an act."""

    name: ActName
    matters: tuple[int, ...]
    """Two levels at least, five at most."""
    object: str
    classification: date
    """Date of the classification used."""
    pieces: tuple[Piece, ...]
    """The act itself first, then the annexes."""


def latin1(text: str) -> str:
    """Give a text that ISO-8859-1 and XML 1.0 can hold, as near as may be: typographic signs become plain ones."""
    text = unicodedata.normalize("NFC", text).translate(_REPLACED)
    kept = "".join(char if ord(char) < 256 else _plain(char) for char in text)
    return " ".join("".join(char for char in kept if char == "\t" or _printable(char)).split())


def faults(message: ActMessage, authority: Authority, emails: Sequence[str]) -> list[str]:
    """Give every fault of a message and its envelope by our own model, in French; none when it may leave."""
    return [*_faults_of_act(message), *_faults_of_authority(authority, emails)]


def _faults_of_act(message: ActMessage) -> Iterator[str]:
    if not NUMBER.fullmatch(message.name.number):
        yield "Le numéro interne compte 1 à 15 caractères parmi A-Z, 0-9 et _."
    if not ACT_IDENTIFIER.fullmatch(message.name.identifier):
        yield f"L'identifiant {message.name.identifier} n'a pas la forme attendue."
    if message.name.nature not in NATURES:
        yield "La nature de l'acte est inconnue."
    if not 2 <= len(message.matters) <= 5:
        yield "La matière compte deux à cinq niveaux."
    if not message.object or len(message.object) > MAX_OBJECT or message.object != latin1(message.object):
        yield f"L'objet compte 1 à {MAX_OBJECT} caractères de l'alphabet ISO-8859-1."
    if not message.pieces:
        yield "L'acte lui-même manque."
    for piece in message.pieces:
        if piece.kind not in CONTRACT_PIECES:
            yield f"Le type de pièce {piece.kind} est inconnu."


def _faults_of_authority(authority: Authority, emails: Sequence[str]) -> Iterator[str]:
    if not re.fullmatch(r"\d{9}", authority.siren):
        yield "Le SIREN compte 9 chiffres."
    if not re.fullmatch(r"[09]\d[AB0-9]", authority.department):
        yield "Le département compte 3 caractères."
    if not re.fullmatch(r"\d", authority.arrondissement):
        yield "L'arrondissement compte un chiffre."
    if not re.fullmatch(r"\d{2}", authority.nature):
        yield "La nature de la collectivité compte deux chiffres."
    if not emails or not all(_EMAIL.fullmatch(email) for email in emails):
        yield "Une adresse de retour valable est nécessaire."


def _plain(char: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", char) if ord(part) < 128)


def _printable(char: str) -> bool:
    return char.isspace() or (ord(char) >= 0x20 and not 0x7F <= ord(char) <= 0x9F)
