"""The signatures of the files of an opened envelope: which file a detached one signs, and what each is worth."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from libs.common.runtime import Runtime
from services.bids.service.opened import Sealed, opened_content
from services.bids.signatures import HEAD, MAX_BYTES, FileSignature, Form, Held, Trust, form_of, indeterminate, mark_of
from services.bids.signatures.apart import verify_apart

__all__ = ["Readable", "signatures_of"]

_TOO_LARGE = "Le fichier est trop grand pour que ses signatures soient vérifiées."
_ENDINGS = (".p7s", ".p7m", ".p7c", ".sig", ".sign", ".xades", ".xml")


@dataclass(frozen=True)
class Readable:
    """A file of an opened envelope, and what reads it."""

    number: int
    name: str
    size: int
    sha256: str
    sealed: Sealed


async def signatures_of(
    runtime: Runtime, trust: Trust, file: Readable, others: Sequence[Readable]
) -> tuple[FileSignature, ...]:
    """Verify each signature of a file; `others`: those of its envelope, one of which a detached signature signs.

    Raises TamperedError, MissingDocumentError.
    """
    form = form_of(await _head(runtime, file))
    if form is None:
        return ()
    if file.size > MAX_BYTES:
        return (indeterminate(form, _TOO_LARGE),)
    with await _held(runtime, file) as held:
        if not held.holds(mark_of(form)):
            return ()
        return await _verified(runtime, trust, (form, file, held), others)


async def _verified(
    runtime: Runtime, trust: Trust, signature: tuple[Form, Readable, Held], others: Sequence[Readable]
) -> tuple[FileSignature, ...]:
    form, file, held = signature
    beside = None if form == "PAdES" else _signed_by(file, held, others)
    if beside is None:
        return tuple(await verify_apart(form, held, trust))
    if beside.size > MAX_BYTES:
        return (indeterminate(form, _TOO_LARGE),)
    with await _held(runtime, beside) as signed:
        found = await verify_apart(form, held, trust, signed=signed)
    return tuple(each.model_copy(update={"file": beside.name}) for each in found)


def _signed_by(file: Readable, held: Held, others: Sequence[Readable]) -> Readable | None:
    """Give the file that a detached signature signs: the one whose hash it holds, else the one it is named after."""
    for each in others:
        digest = bytes.fromhex(each.sha256)
        if held.holds(digest) or held.holds(b64encode(digest)):
            return each
    named = [each for each in others if PurePosixPath(file.name).suffix.lower() in _ENDINGS and _is_named(file, each)]
    return max(named, key=lambda each: len(each.name), default=None)


def _is_named(file: Readable, other: Readable) -> bool:
    """Say whether a file is named after another: `offre.pdf.p7s`, `offre.p7s`, `offre.pdf - Signature 1.xml`."""
    return file.name.startswith((other.name, f"{PurePosixPath(other.name).stem}."))


async def _head(runtime: Runtime, file: Readable) -> bytes:
    return b"".join([part async for part in opened_content(runtime, file.sealed, 0, min(file.size, HEAD))])


async def _held(runtime: Runtime, file: Readable) -> Held:
    """Decrypt a file into memory of its own, as it is read."""
    held = Held()
    try:
        async for part in opened_content(runtime, file.sealed, 0, file.size):
            held.write(part)
    except BaseException:
        held.close()
        raise
    return held
