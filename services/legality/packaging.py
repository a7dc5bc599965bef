"""Make the archive of an act: message, envelope, documents; checked before it may leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

from services.legality.actes import archive, schema, write
from services.legality.actes.model import MAX_OBJECT, MAX_TOTAL, ActMessage, Authority, Piece, faults, latin1
from services.legality.actes.names import archive_name
from services.legality.domain import Act

__all__ = ["Package", "PackagingError", "Parts", "document_extension", "object_of", "package"]

_MAGIC = ((b"%PDF-", "pdf"), (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))


class PackagingError(Exception):
    """The archive cannot be made; the message says why, in French."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an archive is made of, besides the act."""

    authority: Authority
    emails: tuple[str, ...]
    classification: date
    contents: tuple[bytes, ...]
    """Of the act's pieces, in their order."""
    envelope: str
    trigram: str


@dataclass(frozen=True, slots=True)
class Package:
    """An archive ready to leave."""

    name: str
    identifier: str
    content: bytes
    validated_with: str
    left_out: tuple[str, ...]
    """Annexes in a format that the protocol does not take."""


def object_of(title: str, number: str) -> str:
    """Give an act's object for a contract: its title and number, in the letters and length the protocol takes."""
    tail = latin1(f" (marché n° {number})")
    return f"{latin1(title)[: MAX_OBJECT - len(tail) - 1]} {tail}"


def package(act: Act, parts: Parts) -> Package:
    """Make the archive. The same act and parts give the same bytes. Raises PackagingError."""
    name = act.name(parts.authority)
    documents, left_out = _documents(act, parts)
    pieces = tuple(
        Piece(kind, name.document(kind, rank, extension))
        for rank, (kind, extension, _) in enumerate(documents, start=1)
    )
    message = ActMessage(name, act.matters, act.object, parts.classification, pieces)
    problems = faults(message, parts.authority, parts.emails)
    if problems:
        raise PackagingError(" ".join(problems))
    files = [
        (parts.envelope, write.envelope(parts.authority, parts.emails, name.message())),
        (name.message(), write.act(message)),
    ]
    for file, content in files:
        problems = schema.check(content)
        if problems:
            raise PackagingError(f"{file} n'est pas conforme au schéma officiel : {' '.join(problems)}")
    files += [(piece.name, content) for piece, (_, _, content) in zip(pieces, documents, strict=True)]
    return Package(
        name=archive_name(parts.trigram, parts.envelope),
        identifier=name.identifier,
        content=archive.pack(files),
        validated_with=schema.validated_with(),
        left_out=tuple(left_out),
    )


def document_extension(content: bytes) -> str | None:
    """Give the extension of a format that the protocol takes (PDF, JPEG, PNG), by the content; None for others."""
    return next((extension for magic, extension in _MAGIC if content.startswith(magic)), None)


def _documents(act: Act, parts: Parts) -> tuple[list[tuple[str, str, bytes]], list[str]]:
    """Give the documents to join, the act itself first, and the names of those left out."""
    documents: list[tuple[str, str, bytes]] = []
    left_out: list[str] = []
    for rank, (piece, content) in enumerate(zip(act.pieces, parts.contents, strict=True)):
        extension = document_extension(content)
        if extension is not None:
            documents.append((piece.kind, extension, content))
        elif rank == 0:
            raise PackagingError("L'acte n'est pas un document PDF, JPEG ou PNG.")
        else:
            left_out.append(PurePath(piece.document.name).name)
    if sum(len(content) for _, _, content in documents) > MAX_TOTAL:
        raise PackagingError(f"L'acte et ses annexes dépassent {MAX_TOTAL // 2**20} Mio.")
    return documents, left_out
