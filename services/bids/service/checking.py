"""What is deposited, held against what was announced and received: every fault is named, nothing is kept of a wrong one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from libs.common.errors import FieldError
from libs.common.messages.notices import OpeningKeySet
from services.bids.errors import WrongEnvelope
from services.bids.sealing import Envelope, EnvelopeError
from services.bids.sealing.names import canonical
from services.bids.store.bids import Bid, BidFile, EnvelopeRow

__all__ = ["Awaited", "check_envelopes", "deposit_hash"]


@dataclass(frozen=True)
class Awaited:
    """What a bid announced, and what came of its files."""

    bid: Bid
    envelopes: tuple[EnvelopeRow, ...]
    files: tuple[BidFile, ...]


def deposit_hash(envelopes: Sequence[Envelope]) -> str:
    """Give the one hash of a deposit: SHA-256 of the RFC 8785 array of the hashes of its envelopes, in order."""
    return sha256(canonical([each.sha256 for each in envelopes])).hexdigest()


def check_envelopes(envelopes: Sequence[Envelope], keys: OpeningKeySet, awaited: Awaited) -> None:
    """Check that these are all the envelopes that were announced, sealed to this key set. Raises WrongEnvelope."""
    faults = [*_missing(envelopes, awaited), *_files(envelopes, awaited)]
    for index, each in enumerate(envelopes):
        faults += _one(each, f"body/envelopes/{index}", keys, awaited)
    if faults:
        raise WrongEnvelope(
            "Les enveloppes ne correspondent pas au pli reçu : corrigez les points listés, puis déposez de nouveau.",
            "The envelopes do not match the bid received: mend what is listed, then deposit again.",
            errors=faults[:100],
        )


def _missing(envelopes: Sequence[Envelope], awaited: Awaited) -> Iterator[FieldError]:
    if [each.number for each in envelopes] != [each.number for each in awaited.envelopes]:
        numbers = ", ".join(str(each.number) for each in awaited.envelopes)
        yield FieldError(
            "body/envelopes", f"les enveloppes attendues sont, dans l'ordre : {numbers}", f"expected: {numbers}"
        )


def _one(envelope: Envelope, where: str, keys: OpeningKeySet, awaited: Awaited) -> Iterator[FieldError]:
    bid = awaited.bid
    if (envelope.consultation, envelope.bid) != (bid.procedure, bid.id):
        yield FieldError(f"{where}/bid", "scellée pour un autre pli", "sealed for another bid")
    if envelope.sealed_by != bid.sealed_by:
        yield FieldError(f"{where}/sealed_by", "ce n'est pas ce qui était annoncé", "not what was announced")
    announced = next((each for each in awaited.envelopes if each.number == envelope.number), None)
    if announced is not None and (envelope.kind, envelope.lots) != (announced.kind, announced.lots):
        yield FieldError(where, "nature ou lots différents de l'annonce", "another kind or other lots than announced")
    try:
        envelope.check(keys)
    except EnvelopeError as error:
        yield FieldError(where, "enveloppe incohérente ou d'un autre jeu de clés", str(error))


def _files(envelopes: Sequence[Envelope], awaited: Awaited) -> Iterator[FieldError]:
    sealed = {(each.number, file.number): file for each in envelopes for file in each.files}
    for file in awaited.files:
        where = f"files/{file.number}"
        found = sealed.pop((file.envelope, file.number), None)
        if file.sha256 is None:
            yield FieldError(where, "fichier non reçu", "file not received")
        elif found is None:
            yield FieldError(where, "absent de l'enveloppe", "not in the envelope")
        elif (found.size, found.sha256) != (file.stored, file.sha256):
            yield FieldError(where, "octets reçus différents de l'enveloppe", "other bytes were received")
    if sealed:
        yield FieldError("body/envelopes", "fichiers non annoncés", "files that were not announced")
