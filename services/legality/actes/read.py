"""Read every ACTES message, leniently: what the State really sends departs from its own schema. Nothing is dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from lxml import etree

from services.legality.actes.codes import ACTES, MESSAGES, NATURES
from services.legality.actes.names import ACT_IDENTIFIER
from services.legality.actes.xml import read

__all__ = ["Message", "parse"]

T = TypeVar("T")
_RECEIVED = ("ActeRecu", "Acte")


@dataclass(frozen=True, slots=True)
class Message:
    """What a message or an envelope says; members that it does not have, or that cannot be read, are absent."""

    element: str
    code: str | None = None
    """1-1 to 7-3, `anomaly` (of an envelope), `envelope`; None: an element we do not know."""
    sender: str | None = None
    """`state` or `authority`."""
    act_identifier: str | None = None
    siren: str | None = None
    department: str | None = None
    number: str | None = None
    decided_on: date | None = None
    nature: int | None = None
    matters: tuple[int, ...] = ()
    object: str | None = None
    dated: date | None = None
    """Date of reception (1-2, 3-5, 4-5, 6-2), of the letter (2-x, 3-x, 4-x) or of the anomaly."""
    anomaly: str | None = None
    """Nature of the anomaly, as written."""
    detail: str | None = None
    """Detail of the anomaly, description of the pieces asked, grounds of the letter or of the referral."""
    classification: date | None = None
    """Date of the classification in force (7-2, 7-3, 1-2, 1-3) or used (1-1)."""
    documents: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    """Messages that an envelope carries."""
    problems: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON members; absent ones are left out."""
        content = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in content.items()
            if value not in (None, ())
        }


def parse(data: bytes) -> Message:
    """Read a message. Raises UnreadableXmlError (HostileXmlError among them) when it is no XML at all."""
    root, problems = read(data)
    return _Reader(root, problems).message()


class _Reader:
    """Reads one message and notes what it had to forgive."""

    def __init__(self, root: etree._Element, problems: list[str]) -> None:
        self._root = root
        self._problems = problems
        self._element = etree.QName(root).localname
        self._received = next((node for node in _children(root) if _local(node) in _RECEIVED), None)
        if self._element == "Acte":
            self._received = root

    def message(self) -> Message:
        code, sender = MESSAGES.get(self._element, (None, None))
        if code is None:
            self._problems.append(f"Élément inconnu : {self._element}.")
        if etree.QName(self._root).namespace != ACTES:
            self._problems.append(f"Espace de noms inattendu : {etree.QName(self._root).namespace}.")
        identifier = self._identifier()
        known = ACT_IDENTIFIER.fullmatch(identifier or "")
        return Message(
            element=self._element,
            code=code,
            sender=sender,
            act_identifier=identifier,
            siren=self._anywhere("SIREN") or (known[2] if known else None),
            department=self._anywhere("Departement") or (known[1] if known else None),
            number=self._of_act("NumeroInterne") or (known[4] if known else None),
            decided_on=self._decided_on(known[3] if known else None),
            nature=self._tolerant(_nature, self._of_act("CodeNatureActe")),
            matters=self._matters(),
            object=self._text("Objet"),
            dated=self._date(
                self._first_attribute("DateReception", "DateCourrierPref") or self._own("Date", "DateDepot")
            ),
            anomaly=self._own("Nature"),
            detail=self._own("Detail", "DescriptionPieces", "Motif", "NatureIllegalite"),
            classification=self._date(
                self._own("ClassificationDateVersionEnCours", "DateClassification")
                or self._text("ClassificationDateVersion")
            ),
            documents=tuple(dict.fromkeys(self._names(excluded="Formulaire"))),
            forms=tuple(dict.fromkeys(self._names(only="Formulaire"))),
            problems=tuple(self._problems),
        )

    def _identifier(self) -> str | None:
        """Some answers hold it on a child (`InfosCourrierPref`)."""
        found = self._first_attribute("IDActe") or self._anywhere("IDActe")
        if found and not ACT_IDENTIFIER.fullmatch(found):
            self._problems.append(f"Identifiant d'acte inattendu : {found}.")
        return found

    def _matters(self) -> tuple[int, ...]:
        node = self._received if self._received is not None else ()
        codes = [_attribute(child, "CodeMatiere") for child in node if _local(child).startswith("CodeMatiere")]
        return tuple(code for text in codes if (code := self._tolerant(int, text)) is not None)

    def _decided_on(self, compact: str | None) -> date | None:
        written = self._of_act("Date")
        if written is None and compact is not None:
            written = f"{compact[:4]}-{compact[4:6]}-{compact[6:]}"
        return self._date(written)

    def _first_attribute(self, *names: str) -> str | None:
        return next((value for name in names if (value := _attribute(self._root, name))), None)

    def _of_act(self, name: str) -> str | None:
        return _attribute(self._received, name) if self._received is not None else None

    def _anywhere(self, name: str) -> str | None:
        return next((value for node in self._root.iter() if (value := _attribute(node, name))), None)

    def _own(self, *names: str) -> str | None:
        """Give the text of a child of the root."""
        return next((_content(node) for node in _children(self._root) if _local(node) in names), None)

    def _text(self, name: str) -> str | None:
        return next((_content(node) for node in self._root.iter() if _local(node) == name), None)

    def _names(self, *, only: str | None = None, excluded: str | None = None) -> Iterator[str]:
        for node in self._root.iter():
            holder = node.getparent()
            if _local(node) != "NomFichier" or holder is None:
                continue
            kind = _local(holder)
            if kind == only or (only is None and kind != excluded):
                yield _content(node) or ""

    def _date(self, text: str | None) -> date | None:
        return self._tolerant(lambda value: date.fromisoformat(value[:10]), text)

    def _tolerant(self, convert: Callable[[str], T], text: str | None) -> T | None:
        if text is None:
            return None
        try:
            return convert(text.strip())
        except ValueError:
            self._problems.append(f"Valeur illisible ou inattendue : {text[:50]}.")
            return None


def _nature(text: str) -> int:
    code = int(text)
    if code not in NATURES:
        raise ValueError(text)
    return code


def _children(node: etree._Element) -> Iterator[etree._Element]:
    return (child for child in node if isinstance(child.tag, str))


def _local(node: etree._Element) -> str:
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _content(node: etree._Element) -> str | None:
    return (node.text or "").strip() or None


def _attribute(node: etree._Element, name: str) -> str | None:
    """Read an attribute, qualified as the schema asks or not, as some write it."""
    for key, value in node.attrib.items():
        if etree.QName(str(key)).localname == name:
            return str(value).strip() or None
    return None
