"""Hardened reading of XML: no DTD, no entity, no network; size, depth, breadth, encoding are bounded before anything is believed."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final, cast

from lxml import etree

from services.notices.eforms.problems import Problem, UnreadableNoticeError

__all__ = [
    "MAX_BYTES",
    "NAMESPACES",
    "ROOTS",
    "Element",
    "evaluate",
    "find",
    "find_all",
    "parse",
    "prefixed",
    "remarks",
    "salvage",
    "text",
    "values",
    "where",
    "xpath",
]

Element = etree._Element  # noqa: SLF001  # lxml gives its element type no public name

MAX_BYTES: Final = 20 * 2**20
"""TED takes 10 MB; twice that leaves room for national extensions."""
MAX_DEPTH: Final = 60
MAX_ELEMENTS: Final = 500_000
MAX_CHILDREN: Final = 10_000
"""Of one element: telling where a fault is counts its neighbours."""
MAX_ATTRIBUTES: Final = 100
"""Of one element, where eForms have three: the schema compares each with all others."""

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_EXTENSION = "http://data.europa.eu/p27/eforms-ubl-extension"
NAMESPACES: Final = {
    "cac": f"{_UBL}CommonAggregateComponents-2",
    "cbc": f"{_UBL}CommonBasicComponents-2",
    "ext": f"{_UBL}CommonExtensionComponents-2",
    "efac": f"{_EXTENSION}-aggregate-components/1",
    "efbc": f"{_EXTENSION}-basic-components/1",
    "efext": f"{_EXTENSION}s/1",
}
ROOTS: Final = {
    f"{{{_UBL}ContractNotice-2}}ContractNotice": "CN",
    f"{{{_UBL}ContractAwardNotice-2}}ContractAwardNotice": "CAN",
    f"{{{_UBL}PriorInformationNotice-2}}PriorInformationNotice": "PIN",
    "{http://data.europa.eu/p27/eforms-business-registration-information-notice/1}BusinessRegistrationInformationNotice": "BRIN",
}
_PREFIXES: Final = {uri: prefix for prefix, uri in NAMESPACES.items()}
_ENCODINGS: Final = frozenset(
    {"utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", *(f"cp125{number}" for number in range(9))}
    | {f"iso8859-{part}" for part in range(1, 17)}
)
"""As Python calls them: Latin-1 has a dozen names."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (b"<\0\0\0", "utf-32"),
    (b"\0\0\0<", "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)  # fmt: skip
"""First bytes that tell the encoding before any declaration can (XML 1.0, appendix F)."""
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no character of XML 1.0 (section 2.2)."""
_REFERENCE: Final = re.compile("&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,8}));")
_ADDRESS: Final = re.compile(r"\s*,? line \d+, column \d+$")
"""Where libxml2 says that a fault is, for the second time."""
_OTHER_FORMATS: Final = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"%PDF": "PDF",
}
_DECLARATION: Final = re.compile(r"^\s*<\?xml\s[^>]*?\?>")
_ENCODING: Final = re.compile(r"""encoding\s*=\s*["']([\w.-]+)["']""")


def parse(data: bytes, roots: Mapping[str, str] = ROOTS) -> Element:
    """Give the root of an eForms notice, or of another form by its `roots`. Raises UnreadableNoticeError that says in French why it cannot be read."""
    if len(data) > MAX_BYTES:
        raise UnreadableNoticeError(
            f"Le fichier dépasse la taille maximale de {MAX_BYTES // 2**20} Mo.",
            f"The file exceeds the limit of {MAX_BYTES // 2**20} MB.",
        )
    content = _DECLARATION.sub("", _decode(data), count=1)
    _refuse_doctype(content)
    root = _parse(content)
    _refuse_excess(root)
    if root.tag not in roots:
        raise _not_eforms(root)
    return root


def salvage(data: bytes) -> Element | None:
    """Give what can be read of an eForms notice that `parse` refused for being cut, malformed or in wrong letters.

    It lets the writer know which notice is meant; nothing more is done with it. None for anything else, and for all that is
    hostile: too large, too deep, a DTD.
    """
    encoding = _encoding(data)
    if len(data) > MAX_BYTES or encoding not in _ENCODINGS:
        return None
    content = _DECLARATION.sub("", data.decode(encoding, "replace").removeprefix("\ufeff"), count=1)
    content = _REFERENCE.sub(_permitted, _FORBIDDEN.sub("", content))
    try:
        _refuse_doctype(content)
        root = cast("Element | None", etree.fromstring(content.encode("utf-8", "replace"), _parser(recover=True)))
        if root is not None:
            _refuse_excess(root)
    except (UnreadableNoticeError, etree.XMLSyntaxError):
        return None
    return root if root is not None and root.tag in ROOTS else None


def _permitted(reference: re.Match[str]) -> str:
    """Give a reference to a character as it is, nothing for one that XML cannot hold."""
    code = int(reference[1], 16) if reference[1] else int(reference[2])
    return reference[0] if code <= sys.maxunicode and not _FORBIDDEN.match(chr(code)) else ""


def remarks(data: bytes) -> list[Problem]:
    """Give what is to say of a notice that could be read but is not in UTF-8, the one encoding of eForms.

    UTF-16, or a declaration that says so, is a fault; an encoding of one byte a letter deserves a warning.
    """
    encoding, declared = _encoding(data), _declared(data)
    if encoding.startswith("utf-16"):
        french, english = "est en UTF-16", "is in UTF-16"
    elif declared.startswith("utf-16"):
        french, english = "se déclare en UTF-16 sans l'être", "declares UTF-16 but is not"
    elif encoding in {"utf-8", "ascii"}:
        return []
    else:
        name = encoding.upper()
        french, english = f"est en {name}", f"is in {name}"
    return [
        Problem(
            "XML",
            "/",
            f"Le fichier {french} : enregistrez-le en UTF-8, le seul encodage d'eForms.",
            f"The file {english}: save it as UTF-8, the one encoding of eForms.",
            core="UTF-16" in french,
            remark="UTF-16" not in french,
        )
    ]


def _decode(data: bytes) -> str:
    if not data.removeprefix(codecs.BOM_UTF8).strip():
        raise UnreadableNoticeError("Le fichier est vide.", "The file is empty.")
    if other := next((name for mark, name in _OTHER_FORMATS.items() if data.startswith(mark)), None):
        raise UnreadableNoticeError(
            f"Ce n'est pas du XML mais un fichier {other} : donnez l'avis lui-même, en XML.",
            f"This is no XML but a {other} file: give the notice itself, in XML.",
        )
    encoding = _encoding(data)
    if encoding not in _ENCODINGS:
        raise UnreadableNoticeError(
            f"L'encodage « {encoding} » n'est pas accepté : enregistrez le fichier en UTF-8.",
            f"The encoding '{encoding}' is not accepted: save the file as UTF-8.",
        )
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UnreadableNoticeError(
            f"Le fichier n'est pas du {encoding.upper()} valide (octet {error.start}) : enregistrez-le en UTF-8.",
            f"The file is not valid {encoding.upper()} (byte {error.start}): save it as UTF-8.",
        ) from None


def _encoding(data: bytes) -> str:
    """Give the encoding: as the first bytes tell, else as declared; what begins with single bytes is no UTF-16, whatever it declares."""
    if marked := next((name for mark, name in _MARKS if data.startswith(mark)), None):
        return marked
    declared = _declared(data)
    return "utf-8" if declared.startswith("utf-16") else declared


def _declared(data: bytes) -> str:
    """Give the encoding of the declaration by the name that Python knows, as written where it knows none; else UTF-8."""
    head = data[:200].removeprefix(codecs.BOM_UTF8).decode("latin-1")
    declaration = _DECLARATION.match(head)
    declared = _ENCODING.search(declaration[0]) if declaration else None
    if declared is None:
        return "utf-8"
    try:
        return codecs.lookup(declared[1]).name
    except LookupError:
        return declared[1].lower()


def _refuse_doctype(content: str) -> None:
    """Refuse any document type: it can stand only before the root, after blanks, comments and instructions."""
    position = 0
    while True:
        position = _skip_blanks(content, position)
        if content.startswith("<!--", position):
            position = _after(content, "-->", position)
        elif content.startswith("<?", position):
            position = _after(content, "?>", position)
        else:
            break
    if content[position : position + 9].upper() == "<!DOCTYPE":
        raise UnreadableNoticeError(
            "Le fichier déclare une DTD (<!DOCTYPE ...>) : supprimez cette déclaration, un avis eForms n'en a pas.",
            "The file declares a DTD (<!DOCTYPE ...>): remove it, an eForms notice has none.",
        )


def _skip_blanks(content: str, position: int) -> int:
    while position < len(content) and content[position] in " \t\r\n":
        position += 1
    return position


def _after(content: str, end: str, position: int) -> int:
    found = content.find(end, position)
    return len(content) if found < 0 else found + len(end)


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_pis=True,
        remove_comments=True, encoding="utf-8", recover=recover,
    )  # fmt: skip


def _parse(content: str) -> Element:
    try:
        return etree.fromstring(content.encode("utf-8", "surrogatepass"), _parser(recover=False))
    except etree.XMLSyntaxError as error:
        line, column = error.position
        reason = _ADDRESS.sub("", error.msg)
        raise UnreadableNoticeError(
            f"Le XML est mal formé (ligne {line}, colonne {column}) : {reason}.",
            f"The XML is not well-formed (line {line}, column {column}): {reason}.",
        ) from None


def _refuse_excess(root: Element) -> None:
    """Refuse what is too broad, too long or too deep; counted by libxml2, for every notice pays for it."""
    elements = cast("float", _ELEMENTS(root))
    if elements > MAX_CHILDREN and _TOO_BROAD(root):
        raise UnreadableNoticeError(
            f"Un élément en contient plus de {MAX_CHILDREN} autres.",
            f"An element holds more than {MAX_CHILDREN} others.",
        )
    if _TOO_DRESSED(root):
        raise UnreadableNoticeError(
            f"Un élément porte plus de {MAX_ATTRIBUTES} attributs.",
            f"An element bears more than {MAX_ATTRIBUTES} attributes.",
        )
    if elements > MAX_ELEMENTS:
        raise UnreadableNoticeError(
            f"Le fichier contient plus de {MAX_ELEMENTS} éléments.",
            f"The file holds more than {MAX_ELEMENTS} elements.",
        )
    if _TOO_DEEP(root):
        raise UnreadableNoticeError(
            f"Les éléments sont imbriqués sur plus de {MAX_DEPTH} niveaux.",
            f"Elements are nested over {MAX_DEPTH} levels.",
        )


_TOO_BROAD: Final = etree.XPath(f"boolean(//*[{MAX_CHILDREN + 1}])")
_TOO_DRESSED: Final = etree.XPath(f"boolean(//@*[{MAX_ATTRIBUTES + 1}])")
_ELEMENTS: Final = etree.XPath("count(//*)")
_TOO_DEEP: Final = etree.XPath(f"boolean({'/*' * (MAX_DEPTH + 1)})")


def _not_eforms(root: Element) -> UnreadableNoticeError:
    name = etree.QName(root)
    known = {etree.QName(tag).localname for tag in ROOTS}
    if name.localname in known:
        return UnreadableNoticeError(
            f"L'espace de noms de <{name.localname}> n'est pas celui d'eForms : « {name.namespace or 'aucun'} ».",
            f"The namespace of <{name.localname}> is not that of eForms: '{name.namespace or 'none'}'.",
            f"/{name.localname}",
        )
    hint = " (ancien format TED, non repris ici)" if name.localname in {"TED_EXPORT", "TED_ESENDERS"} else ""
    return UnreadableNoticeError(
        f"Ce n'est pas un avis eForms : la racine est <{name.localname}>{hint}, on attend {', '.join(sorted(known))}.",
        f"This is no eForms notice: the root is <{name.localname}>, one of {', '.join(sorted(known))} is expected.",
        f"/{name.localname}",
    )


@cache
def xpath(path: str) -> etree.XPath:
    """Compile a path with the prefixes of the SDK."""
    return etree.XPath(path, namespaces=NAMESPACES)


def evaluate(element: Element, path: str) -> list[Element | str]:
    """Give the elements or attribute values at a path; paths of the SDK select nodes, never numbers."""
    return cast("list[Element | str]", xpath(path)(element))


def find_all(element: Element, path: str) -> list[Element]:
    """Give the elements at a path."""
    return [found for found in evaluate(element, path) if isinstance(found, Element)]


def find(element: Element | None, path: str) -> Element | None:
    """Give the first element at a path, None if there is none."""
    found = find_all(element, path) if element is not None else []
    return found[0] if found else None


def text(element: Element | None, path: str = ".") -> str | None:
    """Give the text at a path with its blanks normalised, None if absent or empty."""
    found = values(element, path)
    return found[0] if found else None


def values(element: Element | None, path: str = ".") -> list[str]:
    """Give the texts at a path, blanks normalised, empty ones left out."""
    if element is None:
        return []
    texts = (found if isinstance(found, str) else (found.text or "") for found in evaluate(element, path))
    return [clean for raw in texts if (clean := " ".join(raw.split()))]


@lru_cache(4_096)
def prefixed(tag: str) -> str:
    """Give `cbc:Name` for a tag, the bare name for a root."""
    name = etree.QName(tag)
    prefix = _PREFIXES.get(name.namespace or "")
    return f"{prefix}:{name.localname}" if prefix else name.localname


def where(element: Element) -> str:
    """Give a readable path: `/ContractNotice/cac:ProcurementProjectLot[2]/cac:ProcurementProject`."""
    steps = (
        element.getroottree().getpath(element).split("/")[1:]
    )  # counted by libxml2: a neighbour costs next to nothing
    nodes = [*reversed([*element.iterancestors()]), element]
    return "/" + "/".join(prefixed(node.tag) + _number(node, step) for node, step in zip(nodes, steps, strict=True))


def _number(node: Element, step: str) -> str:
    """Give the `[2]` of a step, nothing where no neighbour has the name; in a default namespace libxml2 counts all neighbours as one (`*[3]`)."""
    if step.startswith("*["):
        before, after = _neighbours(node.tag)
        number = int(cast("float", before(node))) + 1
        return f"[{number}]" if number > 1 or after(node) else ""
    return step[step.find("[") :] * ("[" in step)


@lru_cache(4_096)
def _neighbours(tag: str) -> tuple[etree.XPath, etree.XPath]:
    """Compile how many neighbours of a name stand before an element, and whether one stands after."""
    name = etree.QName(tag)
    test = f"n:{name.localname}" if name.namespace else name.localname
    known = {"n": name.namespace} if name.namespace else None
    paths = f"count(preceding-sibling::{test})", f"boolean(following-sibling::{test})"
    return etree.XPath(paths[0], namespaces=known), etree.XPath(paths[1], namespaces=known)
