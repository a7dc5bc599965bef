"""What a file is, told by its first bytes: a name says what its author wants. What runs when it is opened is refused.

An own short table: libraries of signatures guess thousands of formats by the extension too, and none tells what is dangerous.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["HEAD", "Format", "dangerous", "recognise"]

HEAD: Final = 8192
"""bytes looked at"""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files."""

    code: str
    media_type: str


def _format(code: str, media_type: str) -> Format:
    return Format(code, media_type)


_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_ODF: Final = "application/vnd.oasis.opendocument."
_UNKNOWN: Final = _format("unknown", "application/octet-stream")
_ZIP: Final = _format("zip", "application/zip")
_FORMATS: Final = {
    each.code: each
    for each in (
        _format("docx", _OFFICE + "wordprocessingml.document"),
        _format("docm", "application/vnd.ms-word.document.macroEnabled.12"),
        _format("xlsx", _OFFICE + "spreadsheetml.sheet"),
        _format("xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"),
        _format("pptx", _OFFICE + "presentationml.presentation"),
        _format("odt", _ODF + "text"),
        _format("ods", _ODF + "spreadsheet"),
        _format("odp", _ODF + "presentation"),
        _format("odg", _ODF + "graphics"),
        _format("doc", "application/msword"),
        _format("xls", "application/vnd.ms-excel"),
        _format("ppt", "application/vnd.ms-powerpoint"),
        _format("csv", "text/csv"),
        _format("xml", "application/xml"),
        _format("html", "text/html"),
        _format("svg", "image/svg+xml"),
        _format("dxf", "image/vnd.dxf"),
        _format("txt", "text/plain"),
    )
}
_SIGNATURES: Final[tuple[tuple[int, bytes, Format], ...]] = (
    (0, b"%PDF-", _format("pdf", "application/pdf")),
    (0, b"\x89PNG\r\n\x1a\n", _format("png", "image/png")),
    (0, b"\xff\xd8\xff", _format("jpeg", "image/jpeg")),
    (0, b"GIF8", _format("gif", "image/gif")),
    (0, b"II*\x00", _format("tiff", "image/tiff")),
    (0, b"MM\x00*", _format("tiff", "image/tiff")),
    (8, b"WEBP", _format("webp", "image/webp")),
    (0, b"{\\rtf", _format("rtf", "application/rtf")),
    (0, b"AC10", _format("dwg", "image/vnd.dwg")),
    (0, b"ISO-10303-21;", _format("ifc", "application/x-step")),
    (0, b"7z\xbc\xaf\x27\x1c", _format("7z", "application/x-7z-compressed")),
    (0, b"Rar!\x1a\x07", _format("rar", "application/vnd.rar")),
    (0, b"\x1f\x8b", _format("gz", "application/gzip")),
    (257, b"ustar", _format("tar", "application/x-tar")),
    (4, b"ftyp", _format("mp4", "video/mp4")),
)
_RUNS: Final = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"L\x00\x00\x00\x01\x14\x02\x00",
    b"dex\n",
    b"\x00asm",
    b"#!",
)
"""ELF, Mach-O, Java classes, Windows shortcuts, Android and web assemblies, scripts."""
_RUNS_BY_NAME: Final = frozenset(
    [
        "apk",
        "app",
        "appimage",
        "bat",
        "bin",
        "chm",
        "cmd",
        "com",
        "command",
        "cpl",
        "deb",
        "dll",
        "dmg",
        "elf",
        "exe",
        "gadget",
        "hta",
        "inf",
        "ins",
        "iso",
        "jar",
        "js",
        "jse",
        "ksh",
        "lnk",
        "mde",
        "msc",
        "msi",
        "msix",
        "msp",
        "mst",
        "pif",
        "pkg",
        "ps1",
        "psm1",
        "py",
        "reg",
        "rpm",
        "scr",
        "sct",
        "sh",
        "shb",
        "shs",
        "sys",
        "url",
        "vb",
        "vbe",
        "vbs",
        "vhd",
        "ws",
        "wsc",
        "wsf",
        "wsh",
        "xll",
    ]
)
_OPENED_AS: Final = (
    (b"word/", "docx", "docm"),
    (b"xl/", "xlsx", "xlsm"),
    (b"ppt/", "pptx", "pptx"),
)
_MARKUP: Final = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(!doctype html|html|svg|!doctype svg)", re.I | re.S
)


def extension(name: str) -> str:
    """Give the end of a name, in lower case; without the dots and spaces that Windows drops from it."""
    stem, dot, end = name.rstrip(". ").lower().rpartition(".")
    return end if dot and stem else ""


def dangerous(head: bytes, name: str) -> bool:
    """Say whether a file runs, or makes something run, when it is opened: by its content or by its name."""
    windows = head.startswith(b"MZ") and b"\x00" in head[:64]
    return windows or head.startswith(_RUNS) or extension(name) in _RUNS_BY_NAME


def recognise(head: bytes, name: str) -> Format:
    """Give the format that the first bytes tell; the name only tells apart those that begin alike."""
    for offset, magic, found in _SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return found
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(head, extension(name))
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        ole = extension(name)
        return _FORMATS[ole] if ole in {"doc", "xls", "ppt"} else _format("ole", "application/x-ole-storage")
    return _text(head, extension(name)) if _is_text(head) else _UNKNOWN


def _in_zip(head: bytes, end: str) -> Format:
    for code in ("odt", "ods", "odp", "odg"):
        if head[30:].startswith(b"mimetype" + _FORMATS[code].media_type.encode()):
            return _FORMATS[code]
    if b"[Content_Types].xml" in head or b"_rels/.rels" in head:
        for folder, plain, macros in _OPENED_AS:
            if folder in head or end in {plain, macros}:
                return _FORMATS[macros if end == macros else plain]
    return _ZIP


def _is_text(head: bytes) -> bool:
    return bool(head) and not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head)


def _text(head: bytes, end: str) -> Format:
    markup = _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf"))
    if markup:
        return _FORMATS["svg" if b"svg" in markup[1].lower() else "html"]
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<?xml"):
        return _FORMATS["xml"]
    return _FORMATS[end] if end in {"csv", "dxf"} else _FORMATS["txt"]
