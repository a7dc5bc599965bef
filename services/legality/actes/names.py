"""Names of files and identifiers of acts. The identifier is always read in the messages, never in a file name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from services.legality.actes.codes import NATURES

__all__ = [
    "ACT_IDENTIFIER",
    "NUMBER",
    "ActName",
    "EnvelopeName",
    "archive_name",
    "department_code",
    "envelope_of_archive",
    "read_envelope_name",
]

NUMBER = re.compile(r"[A-Z0-9_]{1,15}")
ACT_IDENTIFIER = re.compile(r"([09]\d[AB0-9])-(\d{9})-(\d{8})-([A-Za-z0-9_]{1,15})-([A-Z]{2})")
_ENVELOPE = re.compile(r"([ET]ACT)-([^-]*)-([^-]*)-([^-]*)-(\d{8})-(\d{1,9})\.xml")
_ARCHIVE = re.compile(r"[A-Z0-9]{3}-(.+)\.tar\.gz")


@dataclass(frozen=True, slots=True)
class ActName:
    """What identifies an act: department, SIREN, date of the decision, internal number, nature."""

    department: str
    """3 characters: 021, 02A, 971."""
    siren: str
    decided_on: date
    number: str
    nature: int

    @property
    def identifier(self) -> str:
        """Give `IDActe`, the act's permanent key."""
        return f"{self.department}-{self.siren}-{self.decided_on:%Y%m%d}-{self.number}-{NATURES[self.nature]}"

    def message(self, code: str = "1-1") -> str:
        """Give the name of a message on this act."""
        return f"{self.identifier}-{code}_0.xml"

    def document(self, piece: str, rank: int, extension: str, code: str = "1-1") -> str:
        """Give the name of a document: type of piece first, rank from 1 (the act itself)."""
        return f"{piece}-{self.identifier}-{code}_{rank}.{extension}"


@dataclass(frozen=True, slots=True)
class EnvelopeName:
    """`APPLI-INFOAPPLI-EMETTEUR-DESTINATAIRE-DATE-NUMERO.xml`."""

    application: str
    """EACT in production, TACT for tests."""
    sender: str
    recipient: str
    sent_on: date
    number: int
    """Counter of the transmitting operator, from 1 each day."""

    @property
    def text(self) -> str:
        """Give the file name."""
        return f"{self.application}--{self.sender}-{self.recipient}-{self.sent_on:%Y%m%d}-{self.number}.xml"


def archive_name(trigram: str, envelope: str) -> str:
    """Give the name of the archive of an envelope: the operator's three letters first."""
    return f"{trigram}-{envelope.removesuffix('.xml')}.tar.gz"


def envelope_of_archive(name: str) -> str | None:
    """Give the envelope's file name that an archive's name announces; None when it announces none."""
    found = _ARCHIVE.fullmatch(name)
    return f"{found[1]}.xml" if found else None


def read_envelope_name(name: str) -> EnvelopeName | None:
    """Read an envelope's file name, with the `ANO_` of anomalies or without; None when it is none."""
    found = _ENVELOPE.fullmatch(name.removeprefix("ANO_"))
    if found is None:
        return None
    try:
        sent_on = date.fromisoformat(f"{found[5][:4]}-{found[5][4:6]}-{found[5][6:]}")
    except ValueError:
        return None
    return EnvelopeName(found[1], found[3], found[4], sent_on, int(found[6]))


def department_code(department: str | None) -> str | None:
    """Give the 3 characters of ACTES for a French department (1, 01, 2A, 971...); None when it is none."""
    text = (department or "").strip().upper()
    if re.fullmatch(r"\d{1,2}|2[AB]", text):
        return text.zfill(3)
    return text if re.fullmatch(r"0\d[0-9AB]|9[78]\d", text) else None
